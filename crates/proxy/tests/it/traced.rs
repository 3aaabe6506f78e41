//! What a service is told of traces, field by field as it came.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_model::Model;
use trunkline_proxy::context::Traceparent;
use trunkline_testkit::{RawClient, Upstream};

use crate::rig::{Rig, model, service};

/// A gateway in front of a service that answers with the head of each request.
pub struct Traced {
    pub rig: Rig,
    pub upstream: Upstream,
    caller: RawClient,
}

/// The fields that a service was sent.
pub struct Told(Vec<(String, String)>);

impl Told {
    /// The values of all fields of this name, which must be in lower case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of this name.
    pub fn one(&self, name: &str) -> &str {
        let [value] = self.all(name)[..] else { panic!("{name}: {:?}", self.0) };
        value
    }

    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// The one `traceparent`, which must be valid.
    pub fn traceparent(&self) -> Traceparent {
        let value = self.one("traceparent");
        let parent = Traceparent::parse(value.as_bytes());
        parent.unwrap_or_else(|| panic!("{value}"))
    }

    pub fn trace(&self) -> String {
        self.traceparent().trace.to_string()
    }

    pub fn span(&self) -> String {
        self.traceparent().span.to_string()
    }

    /// The members of `tracestate` but for OpenTelemetry's, which we add where we sample.
    pub fn state(&self) -> Vec<(&str, &str)> {
        let fields = self.all("tracestate");
        assert!(fields.len() <= 1, "{fields:?}");
        let members = fields.iter().flat_map(|field| field.split(','));
        let pairs = members.map(|member| member.trim_matches([' ', '\t']).split_once('=').unwrap());
        pairs.filter(|(key, _)| *key != "ot").collect()
    }
}

impl Traced {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Model)) -> Self {
        let upstream = Upstream::tcp(show);
        let mut model = model(vec![service("web", &[upstream.address()])]);
        change(&mut model);
        let rig = Rig::start(model).await;
        let caller = rig.client().await;
        Self { rig, upstream, caller }
    }

    /// What the service is told when a caller sends these fields.
    pub async fn told(&mut self, fields: &[(&str, &str)]) -> Told {
        self.told_at("/", fields).await
    }

    pub async fn told_at(&mut self, path: &str, fields: &[(&str, &str)]) -> Told {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n");
        for (name, value) in fields {
            request.extend([name, ":", value, "\r\n"]);
        }
        self.caller.send(request + "\r\n").await;
        let response = self.caller.response().await;
        assert_eq!(response.status, 200, "{}", response.head);
        let lines = response.text().lines().skip(1).take_while(|line| !line.is_empty());
        let fields = lines.map(|line| line.split_once(':').unwrap());
        Told(fields.map(|(name, value)| (name.into(), value.trim().into())).collect())
    }
}

/// Answers each request, none of which has a body, with its head.
async fn show(mut socket: TcpStream) {
    let mut seen = Vec::new();
    loop {
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = seen.drain(..end + 4).collect();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
            if socket.write_all(&[answer.as_bytes(), &head].concat()).await.is_err() {
                return;
            }
        }
        match socket.read_buf(&mut seen).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
