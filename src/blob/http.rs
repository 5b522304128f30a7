//! `https://`: any web server, read only.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{
    CONTENT_RANGE, ETAG, HeaderMap, IF_MATCH, IF_NONE_MATCH, RANGE, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};

use super::redirect::{Resolver, may_follow};
use super::{
    Answer, Ask, AskedToWait, Body, Head, Key, NobodyThere, Patience, Settings, Store, Tag,
};
use crate::error::{Error, Kind, Result};

const MOST_REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Http {
    base: Url,
    shown: String,
    spelt: String,
    client: Client,
    patience: Patience,
}

impl Http {
    /// `base` has no credentials and no query: addresses that have them were refused before.
    pub(super) fn new(base: Url, spelt: &str, settings: &Settings) -> Result<Self> {
        let shown = base.to_string();
        if !is_private_enough(&base) {
            return Err(Error::new(Kind::Refused, format!("{shown} is not encrypted"))
                .remedy("use https://; http:// is for this machine alone"));
        }
        let (client, patience) = (client(&base, settings)?, settings.patience.clone());
        Ok(Self { shown, spelt: spelt.to_owned(), base, client, patience })
    }

    fn url(&self, key: &Key) -> Url {
        let mut url = self.base.clone();
        // some stores read a plus sign in a path as a space
        let key = key.as_str().replace('+', "%2B");
        url.set_path(&format!("{}/{key}", self.base.path().trim_end_matches('/')));
        url
    }

    fn send(&self, method: Method, key: &Key, headers: HeaderMap) -> Result<Response> {
        self.client.request(method, self.url(key)).headers(headers).send().map_err(|e| {
            let message = format!("cannot get {key} from {}", self.shown);
            let connecting = e.is_connect();
            unanswered(message, &e.without_url(), connecting)
        })
    }
}

impl Store for Http {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn spelt(&self) -> &str {
        &self.spelt
    }

    fn patience(&self) -> &Patience {
        &self.patience
    }

    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer> {
        let answer = self.send(Method::GET, key, headers(ask)?)?;
        let tag = tag(&answer);
        let from = match answer.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if begins_at(&answer, ask.from) => ask.from,
            StatusCode::NOT_MODIFIED if ask.unless.is_some() => return Ok(Answer::Unchanged),
            _ => return Err(refusal(&answer, key, &self.shown)),
        };
        Ok(Answer::Body(Body { from, tag, bytes: Box::new(answer) }))
    }

    fn head(&self, key: &Key) -> Result<Head> {
        let answer = self.send(Method::HEAD, key, HeaderMap::new())?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(&answer, key, &self.shown));
        }
        let size = answer.headers().get(reqwest::header::CONTENT_LENGTH);
        let size = size.and_then(|value| value.to_str().ok()?.parse().ok()).ok_or_else(|| {
            let message = format!("{} does not say how long {key} is", self.shown);
            Error::new(Kind::Refused, message)
        })?;
        Ok(Head { size, tag: tag(&answer) })
    }

    fn list(&self, _folder: &Key) -> Result<Vec<Key>> {
        Err(Error::new(Kind::Refused, format!("{} cannot be listed", self.shown))
            .remedy("list the store behind it, or name a site and a channel"))
    }
}

fn headers(ask: &Ask<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| {
        text.parse().map_err(|_| Error::new(Kind::Damaged, "an entity tag cannot be sent back"))
    };
    if ask.from > 0 {
        headers.insert(RANGE, value(&format!("bytes={}-", ask.from))?);
    }
    if let Some(tag) = ask.only {
        headers.insert(IF_MATCH, value(&tag.etag)?);
    }
    if let Some(tag) = ask.unless {
        headers.insert(IF_NONE_MATCH, value(&tag.etag)?);
    }
    Ok(headers)
}

/// A weak tag does not promise equal bytes, and must not be sent in If-Match (RFC 9110, 13.1.1).
fn tag(answer: &Response) -> Option<Tag> {
    let etag = answer.headers().get(ETAG)?.to_str().ok()?;
    etag.starts_with('"').then(|| Tag { etag: etag.to_owned(), version: None })
}

/// Whether a part begins where it was asked to (RFC 9110, 14.4).
fn begins_at(answer: &Response, from: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

fn client(base: &Url, settings: &Settings) -> Result<Client> {
    provide_cryptography();
    let from = base.clone();
    Client::builder()
        .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect)
        // the blocking client restarts this time-out for the answer and for each piece
        .timeout(settings.idle)
        .referer(false)
        .dns_resolver(Arc::new(Resolver::of(base)))
        .redirect(Policy::custom(move |attempt| {
            if attempt.previous().len() > MOST_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match may_follow(&from, attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(why) => attempt.error(why),
            }
        }))
        .build()
        .map_err(|e| Error::new(Kind::Network, "cannot prepare HTTPS").because(e.without_url()))
}

/// The error for a request without an answer. In a chain like "error sending request", "client
/// error", only the innermost cause says anything.
pub(super) fn unanswered(
    message: String,
    error: &(dyn std::error::Error + 'static),
    connecting: bool,
) -> Error {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    let cause = inner.to_string();
    if cause.contains("invalid peer certificate") {
        return Error::new(Kind::Refused, message).because(cause).remedy(
            "check the address and this machine's clock, or install the certificate of the server's authority",
        );
    }
    if cause.starts_with("redirected to") {
        return Error::new(Kind::Refused, message)
            .because(cause)
            .remedy("name the address that it redirects to, if it is the right one");
    }
    let failed = Error::new(Kind::Network, message);
    match connecting {
        true => failed.because(NobodyThere(cause)).remedy(
            "check the address, and whether its server runs; --offline takes what was pulled before",
        ),
        false => failed.because(cause),
    }
}

/// An error means that the process already has a provider, which serves as well.
pub(super) fn provide_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether an address uses encryption, or is on this machine.
pub(super) fn is_private_enough(url: &Url) -> bool {
    let loopback = || match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            bare.parse::<IpAddr>().is_ok_and(|a| a.is_loopback())
        }
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback())
}

fn refusal(answer: &Response, key: &Key, store: &str) -> Error {
    let retry = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
    match failure(answer.status().as_u16(), store, key) {
        error if error.kind() == Kind::Network => match retry.and_then(wait) {
            Some(time) => error.because(AskedToWait(time)),
            None => error,
        },
        error => error,
    }
}

/// The wait in seconds. The form with a date would need a clock that agrees with the server's, so
/// our own waits apply then.
pub(super) fn wait(retry_after: &str) -> Option<Duration> {
    retry_after.trim().parse().ok().map(Duration::from_secs)
}

/// What an answer with this status means.
pub(super) fn failure(status: u16, store: &str, key: &Key) -> Error {
    failure_of(status, store, key.as_str())
}

/// The same, with the object's name as text.
pub(super) fn failure_of(status: u16, store: &str, key: &str) -> Error {
    let error = |kind, what: &str| Error::new(kind, format!("{store} {what} {key}"));
    match status {
        404 | 410 => error(Kind::NotFound, "does not have"),
        401 | 403 => error(Kind::Refused, "does not allow us to use")
            .remedy("check the credentials in the environment, and whether they have expired"),
        // the object is not the one that we began to read, or it is shorter
        412 | 416 => error(Kind::Damaged, "has meanwhile changed"),
        // in answer to a request that named no state, or to a write
        304 => error(Kind::Network, "reports unasked that nothing has changed in"),
        // a part that begins elsewhere than requested
        206 => error(Kind::Damaged, "sent a wrong part of"),
        code @ (408 | 425 | 429 | 500..=599) => {
            error(Kind::Network, &format!("answered {code} when asked for"))
        }
        code => error(Kind::Refused, &format!("answered {code} when asked for")),
    }
}
