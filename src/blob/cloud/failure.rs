//! What a cloud's refusal means, in our words: theirs may hold signed URLs.

use object_store::Error as Theirs;
use object_store::client::{HttpError, HttpErrorKind};

use super::super::{AskedToWait, Key, Settings, http};
use super::Cloud;
use super::answers::{self, Meaning};
use super::watch::Seen;
use crate::error::{Error, Kind};

/// Hosts that give a machine its identity. The clouds' libraries ask them when the environment has
/// no credentials.
const IDENTITY_HOSTS: [&str; 4] =
    ["169.254.169.254", "169.254.170.2", "metadata", "metadata.google.internal"];

/// The error for a request that failed.
pub(super) fn explain(
    theirs: &Theirs,
    seen: Seen,
    meaning: Meaning,
    cloud: &Cloud,
    key: &Key,
) -> Error {
    let (settings, store) = (&cloud.settings, cloud.shown.as_str());
    if IDENTITY_HOSTS.contains(&seen.host.as_str()) {
        return no_identity(seen, store);
    }
    match seen.status {
        Some(status) if !(200..300).contains(&status) => {
            answers::error(meaning, status, store, key.as_str(), &cloud.making)
                .unwrap_or_else(|| refused(status, seen, store, key))
        }
        // the request got no answer, or one that cannot be read
        _ if find::<HttpError>(theirs).is_some() => {
            let connecting =
                find::<HttpError>(theirs).is_some_and(|e| e.kind() == HttpErrorKind::Connect);
            let cause = std::io::Error::other(cause(theirs, settings));
            http::unanswered(format!("cannot ask {store} for {key}"), &cause, connecting)
        }
        // a response head that makes no sense: a wrong part, no length
        Some(_) => {
            let cause = settings.scrub(&theirs.to_string());
            Error::new(Kind::Damaged, format!("{store} answered nonsense for {key}")).because(cause)
        }
        None => Error::new(Kind::Refused, format!("cannot ask {store}"))
            .because(settings.scrub(&theirs.to_string()))
            .remedy("check the cloud's variables in the environment, see the README"),
    }
}

fn refused(status: u16, seen: Seen, store: &str, key: &Key) -> Error {
    let error = http::failure(status, store, key);
    match (seen.wait, seen.code) {
        (Some(time), _) if error.kind() == Kind::Network => error.because(AskedToWait(time)),
        (_, Some(code)) => error.because(format!("the service calls it {code}")),
        _ => error,
    }
}

fn no_identity(seen: Seen, store: &str) -> Error {
    let what = match seen.status {
        Some(status) => format!("this machine's identity service answered {status}"),
        None => "this machine has no identity service".to_owned(),
    };
    Error::new(Kind::Refused, format!("there are no credentials for {store}")).because(what).remedy(
        "set the cloud's variables (see the README), or for a public store *_SKIP_SIGNATURE=true",
    )
}

/// The innermost reason, which contains no URL, but is scrubbed all the same.
fn cause(theirs: &Theirs, settings: &Settings) -> String {
    let mut inner: &dyn std::error::Error = theirs;
    while let Some(next) = inner.source() {
        inner = next;
    }
    settings.scrub(&inner.to_string())
}

fn find<T: std::error::Error + 'static>(error: &Theirs) -> Option<&T> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}
