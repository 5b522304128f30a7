//! `https://`: any web server, or a cloud's blobs through a URL with a signature in its query.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::{Key, Store};
use crate::error::{Error, Kind, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest silence, before the answer and between two pieces of it; the whole may take what it takes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 5;

pub(super) struct Http {
    base: Url,
    shown: String,
    client: Client,
}

/// By hand: a derived one would print the query, where a signature may be.
impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Http").field(&self.shown).finish()
    }
}

impl Http {
    pub(super) fn new(url: &str) -> Result<Self> {
        let base: Url = url.parse().map_err(|_| {
            Error::new(Kind::Input, "the store is not a URL").remedy("write https://host/path")
        })?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::new(Kind::Refused, "the store's URL holds a user or password")
                .remedy("secrets do not belong into a profile"));
        }
        if !is_private_enough(&base) {
            return Err(Error::new(Kind::Refused, format!("{} is not encrypted", shown(&base)))
                .remedy("use https://; http:// is for this machine alone"));
        }
        Ok(Self { shown: shown(&base), base, client: client()? })
    }

    /// Keeps the query: that is where a shared access signature is.
    fn url(&self, key: &Key) -> Url {
        let mut url = self.base.clone();
        // some stores read a plus sign in a path as a space
        let key = key.as_str().replace('+', "%2B");
        url.set_path(&format!("{}/{key}", self.base.path().trim_end_matches('/')));
        url
    }
}

impl Store for Http {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>> {
        let answer = self.client.get(self.url(key)).send().map_err(|e| {
            let message = format!("cannot get {key} from {}", self.shown);
            Error::new(Kind::Network, message).because(e.without_url())
        })?;
        match answer.status() {
            StatusCode::OK => Ok(Box::new(answer)),
            status => Err(refusal(status, key, &self.shown)),
        }
    }

    fn list(&self, _folder: &Key) -> Result<Vec<Key>> {
        Err(Error::new(Kind::Refused, format!("{} cannot be listed", self.shown))
            .remedy("list the file:// folder behind it, or name a site and a channel"))
    }
}

fn client() -> Result<Client> {
    // an error says that the process has a provider already, which serves as well
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(IDLE_TIMEOUT)
        .referer(false)
        .redirect(Policy::custom(|attempt| {
            if attempt.previous().len() > MOST_REDIRECTS {
                return attempt.error("too many redirects");
            }
            if is_private_enough(attempt.url()) {
                attempt.follow()
            } else {
                attempt.error("redirected to an address without encryption")
            }
        }))
        .build()
        .map_err(|e| Error::new(Kind::Network, "cannot prepare HTTPS").because(e.without_url()))
}

fn is_private_enough(url: &Url) -> bool {
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

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some("redacted"));
    }
    url.set_fragment(None);
    url.to_string()
}

fn refusal(status: StatusCode, key: &Key, store: &str) -> Error {
    let error = |kind, what: &str| Error::new(kind, format!("{store} {what} {key}"));
    match status.as_u16() {
        404 | 410 => error(Kind::NotFound, "does not have"),
        401 | 403 => error(Kind::Refused, "does not let us read")
            .remedy("check the store's URL, and whether its signature has expired"),
        code @ (408 | 425 | 429 | 500..=599) => {
            error(Kind::Network, &format!("answered {code} when asked for"))
        }
        code => error(Kind::Refused, &format!("answered {code} when asked for")),
    }
}
