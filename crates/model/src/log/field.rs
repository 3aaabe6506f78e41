//! The fields that a line may have, by our names and by HAProxy's.

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal $(, $alias:literal)*;)*) => {
        /// Something that a record tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Field {
            /// Every name in braces.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// Names behind `%`, with what each means.
            pub(super) const ALIASES: &'static [(&'static str, Self)] =
                &[$($(($alias, Self::$variant),)*)*];

            /// The field of a name in braces.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    /// When the head was complete: ISO 8601, UTC.
    Time = "time";
    /// The same as web servers write it: `31/Jan/2026:12:00:00 +0000`.
    TimeClf = "time_clf", "T";
    /// The same with milliseconds as HAProxy writes it: `31/Jan/2026:12:00:00.123`.
    TimeMillis = "time_millis", "t", "tr";
    /// The same in seconds since 1970.
    TimeUnix = "time_unix", "Ts";
    /// Address of who called first, as far as trusted proxies say.
    Client = "client";
    /// Address of the other end of the connection.
    Peer = "peer", "ci";
    /// Its port.
    PeerPort = "peer_port", "cp";
    /// Where it arrived.
    Listener = "listener", "ft", "f";
    /// The route that took it.
    Route = "route";
    /// The service of the last attempt.
    Service = "service", "b";
    /// The endpoint of the last attempt.
    Endpoint = "endpoint", "s";
    /// `GET`.
    Method = "method", "HM";
    /// `http` or `https`.
    Scheme = "scheme";
    /// Host as sent.
    Host = "host";
    /// Path and query.
    Target = "target", "HU";
    /// Path.
    Path = "path", "HP";
    /// Query with its question mark, or nothing.
    Query = "query", "HQ";
    /// `HTTP/1.1`.
    Protocol = "protocol", "HV";
    /// Method, target and protocol.
    Request = "request", "r";
    /// User agent.
    UserAgent = "user_agent";
    /// Where the caller says that it comes from.
    Referer = "referer";
    /// Status sent, 0 for none.
    Status = "status", "ST";
    /// Bytes of the request's body.
    BytesReceived = "bytes_received", "U";
    /// Bytes of the response's body.
    BytesSent = "bytes_sent", "B";
    /// From the first byte of the request to the end of its head, milliseconds, or -1.
    HeadMillis = "head_ms", "TR";
    /// Waiting for an endpoint, milliseconds, or -1.
    QueueMillis = "queue_ms", "Tw";
    /// To have a connection, milliseconds, or -1.
    ConnectMillis = "connect_ms", "Tc";
    /// From then to the head of the response, milliseconds, or -1.
    ResponseMillis = "response_ms", "Tr";
    /// All of it, milliseconds.
    DurationMillis = "duration_ms", "Ta", "Tt";
    /// Who ended it and when, with two dashes for cookies.
    Termination = "termination", "tsc";
    /// Who ended it and when.
    TerminationShort = "termination_short", "ts";
    /// Attempts after the first.
    Retries = "retries", "rc";
    /// The request id.
    CorrelationId = "correlation_id", "ID";
    /// The trace.
    TraceId = "trace_id";
    /// The span.
    SpanId = "span_id";
    /// Why Trunkline answered itself.
    Reason = "reason";
    /// How it ended, as a word.
    End = "end";
    /// A captured cookie: none are captured.
    NoCookie = "none", "CC", "CS";
}
