//! What the last answer's head was: object_store's errors do not say all of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::super::http;

/// What was seen of the last request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The host that was asked.
    pub(super) host: String,
    /// The answer's status; none when there was no answer.
    pub(super) status: Option<u16>,
    /// What the service calls the failure.
    pub(super) code: Option<String>,
    /// How long it asks us to wait.
    pub(super) wait: Option<Duration>,
}

impl Seen {
    /// A conditional write was declined because of its condition. Other conflicts have other codes.
    pub(super) fn is_taken(&self) -> bool {
        let exists = self.code.as_deref() == Some("BlobAlreadyExists");
        self.status == Some(412) || self.status == Some(409) && exists
    }
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
        let answer = self.inner.execute(request).await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        self.watch.keep(Seen {
            host,
            status: Some(answer.status().as_u16()),
            code: header("x-ms-error-code").map(str::to_owned),
            wait: header("retry-after").and_then(http::wait),
        });
        Ok(answer)
    }
}
