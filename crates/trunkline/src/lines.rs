//! What a line of a service says: its level, its message, which request it belongs to.
//!
//! Services log as they please: JSON objects of a dozen libraries, `key=value`, or plain text. All
//! of them become one [`Record`], which the screens show and `--level` decides by. Nothing is
//! refused: what is not understood is its own message.

mod json;
mod level;
mod logfmt;
mod plain;
mod sieve;

pub(crate) use level::Level;
#[cfg(test)]
pub(crate) use plain::uncoloured;
pub(crate) use sieve::Sieve;

/// Fields beyond the known ones that are kept of one line.
const FIELDS_MAX: usize = 16;

/// What a line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// How bad it is, if it says so.
    pub level: Option<Level>,
    /// What it says.
    pub message: String,
    /// The trace it belongs to: 32 hexadecimal digits, or whatever the service calls so.
    pub trace: Option<String>,
    /// The id that its service gave the request.
    pub correlation: Option<String>,
    /// Everything else that it names, in its own order.
    pub fields: Vec<(String, String)>,
    /// Whether it named its level and message itself.
    pub structured: bool,
}

impl Record {
    /// Reads a line.
    pub(crate) fn of(text: &str) -> Self {
        json::read(text).or_else(|| logfmt::read(text)).unwrap_or_else(|| plain::read(text))
    }

    /// Takes in a named value; `text` is what it is for people.
    fn take(&mut self, name: &str, text: String) {
        match name {
            "level" | "severity" | "lvl" | "loglevel" | "levelname" | "log.level" => {
                self.level = Level::parse(&text).or(self.level);
            }
            "msg" | "message" => self.message = text,
            // What structlog calls a message.
            "event" if self.message.is_empty() => self.message = text,
            "trace_id" | "traceId" | "traceid" | "trace.id" | "TraceId" | "traceID" => {
                self.trace = Some(text).filter(|id| !id.bytes().all(|byte| byte == b'0'));
            }
            "request_id" | "requestId" | "req_id" | "reqId" | "correlation_id"
            | "correlationId" | "x-request-id" | "x-correlation-id" => {
                self.correlation = Some(text);
            }
            // Every line is shown with its time and its service; the rest says nothing to people.
            "time" | "timestamp" | "ts" | "@timestamp" | "time_ms" | "datetime" | "asctime"
            | "pid" | "hostname" | "v" | "@version" | "service" | "service.name" | "span_id"
            | "spanId" | "span.id" | "trace_flags" | "level_value" | "levelno" => {}
            _ if self.fields.len() < FIELDS_MAX => self.fields.push((name.to_owned(), text)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
