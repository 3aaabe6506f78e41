//! How the other verbs talk to a running process: the documented control API, over its unix socket.
//!
//! There is nothing here that another program could not do with `curl --unix-socket`. Refusals come
//! as problem documents (RFC 9457) and are told in their own words.

use std::path::Path;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trunkline_net::client::{Client, ClientError, Connect};

use crate::cli::Context;
use crate::environment;
use crate::exit::{Exit, Failure, chain};
use crate::node::Node;
use crate::runs::{self, Found};

/// The longest line of a stream that is read, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Between two looks whether a run has appeared, with `--wait`.
const LOOK: Duration = Duration::from_millis(100);

/// A connection to one run.
#[derive(Debug)]
pub(crate) struct Control {
    /// Which run.
    pub run: Found,
    client: Client,
}

/// What a refusal says (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    hint: String,
    errors: Vec<String>,
}

impl Control {
    /// The run that the verb means; with `--wait`, waits until there is one that answers.
    pub(crate) async fn connect(context: &Context) -> Result<Self, Failure> {
        let globals = &context.globals;
        let find = || runs::find(&environment::runtime_folder(), &globals.dir);
        let mut found = find();
        if globals.wait {
            let appear = async {
                while matches!(&found, Err(failure) if failure.exit == Exit::NotRunning) {
                    tokio::time::sleep(LOOK).await;
                    found = find();
                }
            };
            // When the time is over, the failure that was found last is told.
            let _ = tokio::time::timeout(globals.timeout, appear).await;
        }
        Ok(Self::to(found?, context))
    }

    /// The run of exactly this configuration file, if there is one.
    pub(crate) fn of_config(config: &Path, context: &Context) -> Option<Self> {
        let run = runs::find_exact(&environment::runtime_folder(), config)?;
        Some(Self::to(run, context))
    }

    /// This process's own run.
    pub(crate) fn own(node: &Node, context: &Context) -> Option<Self> {
        Some(Self::to(node.run_folder().found()?, context))
    }

    fn to(run: Found, context: &Context) -> Self {
        let mut client = Client::new(Connect::Unix(run.control_socket()));
        client.limit = context.globals.timeout;
        Self { run, client }
    }

    /// Asks for a document.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(request(Method::GET, path)?).await
    }

    /// Gives a command, and returns what it says.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(request(Method::POST, path)?).await
    }

    /// Gives a command with a document, and returns what it says.
    pub(crate) async fn order<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &serde_json::Value,
    ) -> Result<T, Failure> {
        let request = request(Method::POST, path)?;
        self.call(request.map(|_| document.to_string().into())).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: Request<bytes::Bytes>,
    ) -> Result<T, Failure> {
        let response = self.client.request(request).await.map_err(|error| self.lost(&error))?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(refusal(head.status, &body));
        }
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|error| {
            Failure::new(format_args!(
                "the answer of process {} cannot be read: {error}",
                self.run.card.pid
            ))
        })
    }

    /// Reads a stream of lines until it ends or `take` says that it has enough.
    pub(crate) async fn lines(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        let response = self
            .client
            .stream(request(Method::GET, path)?)
            .await
            .map_err(|error| self.lost(&error))?;
        let (head, mut body) = response.into_parts();
        if !head.status.is_success() {
            let body =
                body.collect().await.map_err(|error| Failure::from_error(&error))?.to_bytes();
            return Err(refusal(head.status, &body));
        }
        let mut buffer: Vec<u8> = Vec::new();
        while let Some(frame) = body.frame().await {
            // The run ended: that is the end of its lines.
            let Ok(frame) = frame else { return Ok(()) };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            buffer.extend_from_slice(&data);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                if !take(line.trim_ascii_end()) {
                    return Ok(());
                }
            }
            if buffer.len() > LINE_BYTES_MAX {
                buffer.clear();
            }
        }
        Ok(())
    }

    fn lost(&self, error: &ClientError) -> Failure {
        let card = &self.run.card;
        match error {
            ClientError::Connect { .. } => Failure::not_running(format_args!(
                "`{}` (process {}) does not answer: {}",
                card.project,
                card.pid,
                chain(error)
            ))
            .hint("it may just be starting or ending; try again"),
            error => Failure::new(format_args!("process {}: {}", card.pid, chain(error))),
        }
    }
}

fn request(method: Method, path: &str) -> Result<Request<bytes::Bytes>, Failure> {
    Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"))
        .body(bytes::Bytes::new())
        .map_err(Failure::usage)
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let mut message = match (problem.detail.is_empty(), problem.title.is_empty()) {
        (false, _) => problem.detail,
        (true, false) => problem.title,
        (true, true) => format!("answered with status {status}"),
    };
    for error in &problem.errors {
        message.push('\n');
        message.push_str(error.trim_end());
    }
    let mut failure = Failure::new(message);
    if status == StatusCode::UNPROCESSABLE_ENTITY {
        failure.exit = Exit::Usage;
    }
    if problem.hint.is_empty() { failure } else { failure.hint(problem.hint) }
}

/// A text as part of a path or query: everything but unreserved characters (RFC 3986 §2.3) encoded.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
