//! Makes unary calls: for telemetry that is sent on.
//!
//! A [`Channel`] has one connection, made when it is needed and kept for the next calls; a call that
//! finds it broken makes a new one. Its tasks belong to the scope it was made with. It balances and
//! retries nothing: whoever calls knows what a failure means. It sends no pings, which servers count
//! and punish; a call that gets no answer in time ends the connection.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use tokio::sync::Mutex;
use trunkline_rt::{Policy, Scope};

use super::frame::{self, PREFIX_BYTES};
use super::status::{Code, Status};
use super::timeout;
use crate::client::{Client, ClientError};
use crate::coding;
use crate::hyper_io::{HyperIo, HyperTimer, ScopeExecutor};

/// A way to one server.
#[derive(Debug)]
pub struct Channel {
    /// Where to and how to connect, and the limits of a call and of what is answered.
    client: Client,
    /// `http://host:port` or `https://host:port`.
    target: Uri,
    scope: Scope,
    /// Compress what is sent.
    gzip: bool,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Channel {
    /// A channel to the server at `target`. TLS settings of the client are to offer `h2` by ALPN.
    pub fn new(client: Client, target: Uri, gzip: bool, scope: Scope) -> Arc<Self> {
        Arc::new(Self { client, target, scope, gzip, connection: Mutex::new(None) })
    }

    /// Makes a call and gives its one message. Failures to reach the server are
    /// [`Code::Unavailable`].
    pub async fn unary(
        &self,
        path: &str,
        message: &[u8],
        metadata: &HeaderMap,
    ) -> Result<Bytes, Status> {
        let limit = self.client.limit;
        let exchange = self.exchange(path, message, metadata);
        if let Ok(answered) = tokio::time::timeout(limit, exchange).await {
            return answered;
        }
        // The way may be dead without a word: the next call makes a new one.
        self.connection.lock().await.take();
        Err(Status::new(Code::DeadlineExceeded, format!("no answer within {limit:?}")))
    }

    async fn exchange(
        &self,
        path: &str,
        message: &[u8],
        metadata: &HeaderMap,
    ) -> Result<Bytes, Status> {
        let body = if self.gzip {
            frame::frame(&coding::gzip(message), true)?
        } else {
            frame::frame(message, false)?
        };
        let request = self.request(path, body, metadata)?;
        let mut sender = self.sender().await.map_err(|error| unreachable(&error))?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => {
                self.connection.lock().await.take();
                return Err(broken(&error));
            }
        };
        read(response, self.client.body_bytes_max).await
    }

    fn request(
        &self,
        path: &str,
        body: Bytes,
        metadata: &HeaderMap,
    ) -> Result<Request<Full<Bytes>>, Status> {
        let mut target = self.target.clone().into_parts();
        let bad = |_| Status::new(Code::Internal, format!("`{path}` is no path"));
        target.path_and_query = Some(path.parse().map_err(bad)?);
        let uri = Uri::from_parts(target)
            .map_err(|_| Status::new(Code::Internal, "the channel has no usable target"))?;
        let mut request = Request::post(uri)
            .body(Full::new(body))
            .map_err(|error| Status::new(Code::Internal, error.to_string()))?;
        let fields = request.headers_mut();
        fields.extend(metadata.clone());
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Ok(limit) = HeaderValue::from_str(&timeout::write(self.client.limit)) {
            fields.insert("grpc-timeout", limit);
        }
        if self.gzip {
            fields.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        }
        Ok(request)
    }

    /// The connection, which is made if there is none. Calls that come meanwhile wait for it.
    async fn sender(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let mut connection = self.connection.lock().await;
        if let Some(sender) = connection.as_ref()
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        let stream = self.client.connect_to(&self.target).await?;
        let (sender, driver) = http2::Builder::new(ScopeExecutor(self.scope.clone()))
            .timer(HyperTimer)
            .handshake(HyperIo(stream))
            .await?;
        let scope = self.scope.clone();
        self.scope.spawn("connection", Policy::Best, async move {
            // How it ended is told by the calls it carried.
            tokio::select! {
                _ = driver => {}
                () = scope.stopping() => {}
            }
        });
        *connection = Some(sender.clone());
        Ok(sender)
    }
}

/// A call that could not be sent is worth another try.
fn unreachable(error: &ClientError) -> Status {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    Status::new(Code::Unavailable, text)
}

fn broken(error: &hyper::Error) -> Status {
    Status::new(Code::Unavailable, format!("the connection broke: {error}"))
}

async fn read(response: http::Response<Incoming>, bytes_max: usize) -> Result<Bytes, Status> {
    let (head, body) = response.into_parts();
    if let Some(Err(status)) = Status::read(&head.headers) {
        return Err(status);
    }
    if head.status != http::StatusCode::OK {
        let text = format!("the server answered {}", head.status);
        return Err(Status::new(Code::of_http(head.status), text));
    }
    let whole = Limited::new(body, bytes_max + PREFIX_BYTES).collect().await;
    let whole = whole.map_err(|error| Status::new(Code::Unavailable, error.to_string()))?;
    // Some servers put the status of an empty answer into the head alone.
    let ended = whole.trailers().and_then(Status::read).or_else(|| Status::read(&head.headers));
    match ended {
        Some(Ok(())) => {}
        Some(Err(status)) => return Err(status),
        None => return Err(Status::new(Code::Unknown, "the answer has no status")),
    }
    let whole = whole.to_bytes();
    match whole.split_first_chunk::<PREFIX_BYTES>() {
        Some(([0, a, b, c, d], message))
            if u32::from_be_bytes([*a, *b, *c, *d]) as usize == message.len() =>
        {
            Ok(whole.slice(PREFIX_BYTES..))
        }
        _ => Err(Status::new(Code::Internal, "the answer is not one plain message")),
    }
}
