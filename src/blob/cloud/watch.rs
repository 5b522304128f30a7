//! Keeps the head of the last answer: object_store's errors do not report all of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};

use super::super::http;

/// The longest answer that is not an object: a page of a listing has at most 5000 names.
const LARGEST: usize = 16 << 20;

/// What was seen of the last request and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The host that was asked.
    pub(super) host: String,
    /// The answer's status; none when there was no answer.
    pub(super) status: Option<u16>,
    /// The service's own code for the failure.
    pub(super) code: Option<String>,
    /// How long it asks us to wait.
    pub(super) wait: Option<Duration>,
}

/// Sits between object_store and the network, and keeps the last answer's head.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    pub(super) fn forget(&self) {
        self.keep(Seen::default());
    }

    pub(super) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl HttpConnector for Watch {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Watched { inner, watch: self.clone() }))
    }
}

#[derive(Debug)]
struct Watched {
    inner: HttpClient,
    watch: Watch,
}

#[async_trait::async_trait]
impl HttpService for Watched {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.watch.keep(Seen { host: host.clone(), ..Seen::default() });
        let streams = is_object(&request);
        let answer = self.inner.execute(request).await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let mut seen = Seen {
            host,
            status: Some(answer.status().as_u16()),
            code: header("x-ms-error-code").map(str::to_owned),
            wait: header("retry-after").and_then(http::wait),
        };
        self.watch.keep(seen.clone());
        if streams && answer.status().is_success() {
            return Ok(answer);
        }
        // all others are read as a whole
        let (head, body) = answer.into_parts();
        let (bytes, whole) = bounded(body).await?;
        if head.status.is_success() {
            whole?;
        } else {
            seen.code = seen.code.take().or_else(|| code(&bytes));
            self.watch.keep(seen);
        }
        Ok(HttpResponse::from_parts(head, bytes.into()))
    }
}

/// Whether the answer is an object of any size, whose reader counts the bytes.
fn is_object(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method().as_str() == "GET" && !query.contains("list")
}

/// The body up to its end, and why it ended early.
async fn bounded(body: HttpResponseBody) -> Result<(Vec<u8>, Result<(), HttpError>), HttpError> {
    let mut pieces = body.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = super::next::next(&mut pieces).await {
        match piece {
            Ok(piece) if all.len() + piece.len() > LARGEST => {
                let long = std::io::Error::other("the answer is too long");
                return Err(HttpError::new(HttpErrorKind::Decode, long));
            }
            Ok(piece) => all.extend_from_slice(&piece),
            // a truncated explanation explains nothing; the status still holds
            Err(e) => return Ok((all, Err(e))),
        }
    }
    Ok((all, Ok(())))
}

/// What S3 and Google call a failure: `<Code>` of their XML.
fn code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let plain =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}
