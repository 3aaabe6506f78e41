//! Why Trunkline answered a request itself: the `x-trunkline-reason` header.
//!
//! A reason is an RFC 9651 item with parameters, `connect;service="orders";attempts=2`. The same
//! facts go into span attributes and log fields.

use std::fmt::{self, Write as _};

use crate::ServiceName;

/// Name of the response header.
pub const HEADER: &str = "x-trunkline-reason";

/// The fact that tells after how many seconds another try makes sense; it becomes `Retry-After`.
pub const RETRY_AFTER: &str = "retry_after";

/// Who decided, and on what numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// What happened.
    pub kind: Kind,
    /// The service it is about.
    pub service: Option<ServiceName>,
    /// Facts behind the decision, in the order they are told.
    pub facts: Vec<(&'static str, Fact)>,
}

/// A value of a reason's parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A word of ours: an RFC 9651 token.
    Token(&'static str),
    /// A text that may hold anything: an RFC 9651 string, what is not printable replaced.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A number in thousandths: an RFC 9651 decimal.
    Decimal(i64),
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $token:literal, $status:literal, $people:literal;)*) => {
        /// What happened. The token is stable: logs, metrics and scripts rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $token,)* }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// What it means, for people, without detail.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $people,)* }
            }
        }
    };
}

kinds! {
    /// No route takes the request.
    NoRoute = "no_route", 404, "no route matches this request";
    /// The service has no endpoint that can take it.
    NoEndpoint = "no_endpoint", 503, "the service has no endpoint to send it to";
    /// The endpoint is coming up and the hold limits are reached.
    Starting = "starting", 503, "the service is starting";
    /// No connection to any endpoint tried.
    Connect = "connect", 502, "the service could not be reached";
    /// The connection took longer than allowed.
    ConnectTimeout = "connect_timeout", 504, "the service could not be reached in time";
    /// TLS to the endpoint failed.
    UpstreamTls = "upstream_tls", 502, "the secure connection to the service failed";
    /// The endpoint closed or reset the connection before an answer.
    UpstreamReset = "upstream_reset", 502, "the service ended the connection without an answer";
    /// The endpoint's answer is not valid HTTP.
    UpstreamProtocol = "upstream_protocol", 502, "the service's answer could not be understood";
    /// No answer within the limit of all attempts.
    RequestTimeout = "request_timeout", 504, "the service did not answer in time";
    /// No answer within the limit of one attempt.
    AttemptTimeout = "attempt_timeout", 504, "the service did not answer in time";
    /// Nothing moved for too long.
    IdleTimeout = "idle_timeout", 504, "the exchange was idle for too long";
    /// The caller's request is not valid.
    BadRequest = "bad_request", 400, "the request is not valid";
    /// The caller did not send its request in time.
    CallerTimeout = "caller_timeout", 408, "the request took too long to arrive";
    /// The caller's body is larger than allowed.
    BodyTooLarge = "body_too_large", 413, "the request body is too large";
    /// A redirect that the configuration asks for.
    Redirect = "redirect", 308, "the resource is elsewhere";
    /// An answer that the configuration asks for.
    Respond = "respond", 200, "the answer is part of the configuration";
    /// Every endpoint was at its limit for as long as a request may wait.
    QueueTimeout = "queue_timeout", 503, "the service is busy and the request waited too long";
    /// Every endpoint is at its limit, and as many wait as may.
    QueueFull = "queue_full", 503, "the service is busy and too many requests wait for it";
    /// The breaker of the service is open.
    Breaker = "breaker", 503, "the service fails too often and is given time to recover";
    /// As many calls were made as the service is given in a period.
    RateLimiter = "rate_limiter", 503, "the service has had as many calls as it may for now";
    /// As many requests run as the service is given at one time.
    Bulkhead = "bulkhead", 503, "too many requests to the service are under way";
    /// The same, by the limit that finds its own height.
    AdaptiveLimit = "adaptive_limit", 503, "the service cannot take more requests now";
    /// More important requests go first.
    Shed = "shed", 503, "the service is busy with more important requests";
    /// A person has the calls of the service fail, to see what happens.
    Fault = "fault", 503, "the call failed because somebody wants to see what happens then";
    /// What several processes share cannot be asked, and without it nobody passes.
    ClusterAway = "cluster_away", 503, "the state that several gateways share is away";
    /// Another attempt of the same request was answered first.
    Hedged = "hedged", 503, "another attempt was answered first";
    /// The caller does not wait any longer.
    Deadline = "deadline", 504, "the caller's deadline has passed";
    /// More comes from one address than it may send.
    SourceLimit = "source_limit", 429, "too much comes from your address";
    /// The caller wants what is stored, and nothing is.
    NotCached = "not_cached", 504, "nothing is stored, and the service was not to be asked";
    /// A limit of this process is reached.
    Overload = "overload", 503, "the gateway is at its limit";
    /// A defect of Trunkline.
    Internal = "internal", 500, "the gateway failed";
}

impl Reason {
    /// A reason of this kind, without facts.
    pub fn new(kind: Kind) -> Self {
        Self { kind, service: None, facts: Vec::new() }
    }

    /// About this service.
    #[must_use]
    pub fn about(mut self, service: &ServiceName) -> Self {
        self.service = Some(service.clone());
        self
    }

    /// With this fact. Names are RFC 9651 keys: lower case, `_`.
    #[must_use]
    pub fn fact(mut self, name: &'static str, fact: Fact) -> Self {
        self.facts.push((name, fact));
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(service) = &self.service {
            write!(f, ";service=\"{service}\"")?;
        }
        for (name, fact) in &self.facts {
            write!(f, ";{name}=")?;
            match fact {
                Fact::Token(token) => f.write_str(token)?,
                Fact::Number(number) => write!(f, "{number}")?,
                Fact::Decimal(thousandths) => write_decimal(f, *thousandths)?,
                Fact::Text(text) => write_string(f, text)?,
            }
        }
        Ok(())
    }
}

/// An RFC 9651 decimal (§3.3.2), with as few digits as say it.
pub fn write_decimal(f: &mut impl fmt::Write, thousandths: i64) -> fmt::Result {
    let sign = if thousandths < 0 { "-" } else { "" };
    let digits = format!("{:03}", thousandths.unsigned_abs() % 1_000);
    let fraction = digits.trim_end_matches('0');
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    write!(f, "{sign}{}.{fraction}", thousandths.unsigned_abs() / 1_000)
}

/// Longest text that a fact puts into the header, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// An RFC 9651 string (§3.3.3): printable ASCII, with `"` and `\` escaped.
fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars().take(TEXT_CHARS_MAX) {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            ' '..='~' => f.write_char(c)?,
            _ => f.write_char('?')?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_structured_field_item() {
        let reason = Reason::new(Kind::Connect)
            .about(&"orders".parse().unwrap())
            .fact("attempts", Fact::Number(2))
            .fact("rate", Fact::Decimal(62_500))
            .fact("none", Fact::Decimal(-1_000))
            .fact("error", Fact::Text("refused \"now\"\r\n".into()));
        assert_eq!(
            reason.to_string(),
            r#"connect;service="orders";attempts=2;rate=62.5;none=-1.0;error="refused \"now\"??""#
        );
    }

    #[test]
    fn tokens_are_unique() {
        let mut tokens: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), Kind::ALL.len());
    }
}
