//! The documented control API and `/metrics`, as any other program would use them.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::wire::Wire;
use crate::Failure;

/// Any command is late after it; an upgrade is the longest.
const LIMIT: Duration = Duration::from_mins(1);

/// The `le` of the bucket that the bar of 2 ms is read from: buckets are powers of two of a microsecond.
const STALL_BUCKET: &str = "trunkline_loop_stall_seconds_bucket{le=\"0.002048\"}";
const STALL_COUNT: &str = "trunkline_loop_stall_seconds_count";

/// One of the management surfaces; a connection is kept.
pub(super) struct Surface {
    port: u16,
    wire: Option<Wire>,
}

impl Surface {
    pub(super) fn new(port: u16) -> Self {
        Self { port, wire: None }
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.json("GET", path, "").await
    }

    pub(super) async fn post(&mut self, path: &str, body: &str) -> Result<Value, Failure> {
        self.json("POST", path, body).await
    }

    async fn json(&mut self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        let (status, text) = self.call(method, path, body).await?;
        match status.as_str() {
            "200" | "202" => Ok(serde_json::from_slice(&text)?),
            _ => {
                Err(format!("{method} {path}: {status}: {}", String::from_utf8_lossy(&text)).into())
            }
        }
    }

    /// A surface that is being handed over may end the connection that we keep; a second one must do.
    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(String, Vec<u8>), Failure> {
        let kept = self.wire.take();
        if let Some(wire) = kept
            && let Ok(answer) = self.call_on(wire, method, path, body).await
        {
            return Ok(answer);
        }
        let wire = Wire::connect(self.port).await?;
        self.call_on(wire, method, path, body).await
    }

    async fn call_on(
        &mut self,
        mut wire: Wire,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(String, Vec<u8>), Failure> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let whole = async {
            wire.write(request.as_bytes()).await?;
            let head = wire.head().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
            let body = wire.body(&head).await?;
            Ok::<_, std::io::Error>((head, body))
        };
        let (head, answer) = timeout(LIMIT, whole).await??;
        if !head.has("connection", "close") {
            self.wire = Some(wire);
        }
        Ok((head.second().to_owned(), answer))
    }

    /// A field of the answer to a plain request.
    pub(super) async fn header(
        &mut self,
        path: &str,
        name: &str,
    ) -> Result<Option<String>, Failure> {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut wire = Wire::connect(self.port).await?;
        wire.write(request.as_bytes()).await?;
        let head = timeout(LIMIT, wire.head()).await??.ok_or("no answer")?;
        Ok(head.get(name).map(str::to_owned))
    }

    /// How late workers came back to their timers, from `/metrics`.
    pub(super) async fn stalls(&mut self) -> Result<Stalls, Failure> {
        let (_, text) = self.call("GET", "/metrics", "").await?;
        let text = String::from_utf8_lossy(&text);
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
                .ok_or_else(|| format!("/metrics has no {name}"))
        };
        let count = number(STALL_COUNT)? as u64;
        let short = number(STALL_BUCKET)? as u64;
        Ok(Stalls { count, long: count.saturating_sub(short) })
    }

    /// Waits until the document of `path` is as wanted.
    pub(super) async fn until(
        &mut self,
        path: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let reached = async {
            loop {
                // A process that is being replaced may not answer at once.
                if let Ok(document) = self.get(path).await
                    && wanted(&document)
                {
                    return document;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = timeout(LIMIT, reached).await;
        reached.map_err(|_| format!("{path} was not as wanted within {LIMIT:?}").into())
    }
}

/// Measurements of the loop stall, and how many of them were 2 ms or more.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stalls {
    /// All measurements.
    pub count: u64,
    /// Those of more than 2.048 ms.
    pub long: u64,
}

impl Stalls {
    /// What was measured since `before`, by the same process.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            count: self.count.saturating_sub(before.count),
            long: self.long.saturating_sub(before.long),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.long += other.long;
    }

    /// Whether 99.99 % were shorter than 2 ms.
    pub fn meets_the_bar(self) -> bool {
        self.long * 10_000 <= self.count
    }
}

impl fmt::Display for Stalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.count.saturating_sub(self.long) as f64;
        let percent = 100.0 * short / self.count.max(1) as f64;
        write!(f, "{percent:.4} % of {}", self.count)
    }
}
