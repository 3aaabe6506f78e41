//! Lines that log readers know: those of web servers, that of HAProxy, and one's own.
//!
//! Texts of callers are escaped as Apache does it. What HAProxy counts and we do not (connections
//! of its process, queues at this moment) is 0 in its format.

use std::fmt::Write as _;

use trunkline_model::log::{Field, Part, Template};
use trunkline_model::record::{Attempt, ExchangeRecord};

use super::{CLF, ISO, MILLIS, TARGET_BYTES_MAX, TEXT_BYTES_MAX, escape, moment, whole_millis};

/// `client - - [time] "request" status bytes "correlation" trace`.
pub(super) fn clf(record: &ExchangeRecord, into: &mut String) {
    common(record, into);
    into.push_str(" \"");
    text(&record.correlation, into);
    let _ = write!(into, "\" {}", record.trace.trace);
}

/// `client - - [time] "request" status bytes "referer" "user agent"`.
pub(super) fn combined(record: &ExchangeRecord, into: &mut String) {
    common(record, into);
    for value in [&record.referer, &record.user_agent] {
        into.push_str(" \"");
        text(if value.is_empty() { "-" } else { value }, into);
        into.push('"');
    }
}

fn common(record: &ExchangeRecord, into: &mut String) {
    let _ = write!(into, "{} - - [", record.client);
    moment(record.start_unix_nanos, CLF, into);
    into.push_str("] \"");
    request(record, into);
    into.push_str("\" ");
    or_dash(record.status.into(), into);
    into.push(' ');
    or_dash(record.bytes_sent, into);
}

/// HAProxy's HTTP log format, without the captured fields.
pub(super) fn httplog(record: &ExchangeRecord, into: &mut String) {
    let _ = write!(into, "{}:{} [", record.peer.ip(), record.peer.port());
    moment(record.start_unix_nanos, MILLIS, into);
    let _ = write!(into, "] {} ", record.listener.as_str());
    field(Field::Service, record, into);
    into.push('/');
    field(Field::Endpoint, record, into);
    into.push(' ');
    let timers = [
        Field::HeadMillis,
        Field::QueueMillis,
        Field::ConnectMillis,
        Field::ResponseMillis,
        Field::DurationMillis,
    ];
    for (index, timer) in timers.into_iter().enumerate() {
        if index > 0 {
            into.push('/');
        }
        field(timer, record, into);
    }
    let status = if record.status == 0 { -1 } else { i32::from(record.status) };
    let (bytes, termination, retries) = (record.bytes_sent, record.termination(), record.retries());
    let _ = write!(into, " {status} {bytes} - - {termination}-- 0/0/0/0/{retries} 0/0 \"");
    request(record, into);
    into.push('"');
}

/// As a template says.
pub(super) fn template(template: &Template, record: &ExchangeRecord, into: &mut String) {
    for part in template.parts() {
        match part {
            Part::Text(text) => into.push_str(text),
            Part::Field(one) => field(*one, record, into),
        }
    }
}

fn field(field: Field, record: &ExchangeRecord, into: &mut String) {
    let last = record.attempts.last();
    let (path, query) = path_and_query(&record.target);
    match field {
        Field::Listener => text(record.listener.as_str(), into),
        Field::Route => text(record.route.as_ref().map_or("-", |route| route.as_str()), into),
        Field::Service => text(service(record, last), into),
        Field::Endpoint => text(last.map_or("<NOSRV>", |one| one.endpoint.as_str()), into),
        Field::Method => text(&record.method, into),
        Field::Scheme => into.push_str(record.scheme),
        Field::Host => text(&record.host, into),
        Field::Target => long_text(&record.target, into),
        Field::Path => long_text(path, into),
        Field::Query => long_text(query, into),
        Field::Protocol => into.push_str(record.protocol),
        Field::Request => request(record, into),
        Field::UserAgent => text(&record.user_agent, into),
        Field::Referer => text(&record.referer, into),
        Field::CorrelationId => text(&record.correlation, into),
        Field::Reason => into.push_str(record.reason.as_ref().map_or("-", |it| it.kind.as_str())),
        Field::End => into.push_str(record.end.as_str()),
        Field::NoCookie => into.push('-'),
        Field::Time => moment(record.start_unix_nanos, ISO, into),
        Field::TimeClf => moment(record.start_unix_nanos, CLF, into),
        Field::TimeMillis => moment(record.start_unix_nanos, MILLIS, into),
        other => number(other, record, into),
    }
}

/// Fields that are no texts of anybody.
fn number(field: Field, record: &ExchangeRecord, into: &mut String) {
    let timings = &record.timings;
    // Writing to a `String` cannot fail.
    let _ = match field {
        Field::TimeUnix => write!(into, "{}", record.start_unix_nanos / 1_000_000_000),
        Field::Client => write!(into, "{}", record.client),
        Field::Peer => write!(into, "{}", record.peer.ip()),
        Field::PeerPort => write!(into, "{}", record.peer.port()),
        Field::Status => write!(into, "{}", record.status),
        Field::BytesReceived => write!(into, "{}", record.bytes_received),
        Field::BytesSent => write!(into, "{}", record.bytes_sent),
        Field::HeadMillis => write!(into, "{}", whole_millis(timings.head)),
        Field::QueueMillis => write!(into, "{}", whole_millis(timings.queue)),
        Field::ConnectMillis => write!(into, "{}", whole_millis(timings.connect)),
        Field::ResponseMillis => write!(into, "{}", whole_millis(timings.response)),
        Field::DurationMillis => write!(into, "{}", whole_millis(Some(record.duration))),
        Field::Termination => write!(into, "{}--", record.termination()),
        Field::TerminationShort => write!(into, "{}", record.termination()),
        Field::Retries => write!(into, "{}", record.retries()),
        Field::TraceId => write!(into, "{}", record.trace.trace),
        Field::SpanId => write!(into, "{}", record.trace.span),
        _ => Ok(()),
    };
}

/// The service of the last attempt, or the one that an answer of ours is about.
fn service<'a>(record: &'a ExchangeRecord, last: Option<&'a Attempt>) -> &'a str {
    let about = record.reason.as_ref().and_then(|reason| reason.service.as_ref());
    last.map(|attempt| &attempt.service).or(about).map_or("-", |service| service.as_str())
}

fn path_and_query(target: &str) -> (&str, &str) {
    target.split_at(target.find('?').unwrap_or(target.len()))
}

fn request(record: &ExchangeRecord, into: &mut String) {
    text(&record.method, into);
    into.push(' ');
    long_text(&record.target, into);
    into.push(' ');
    into.push_str(record.protocol);
}

fn or_dash(number: u64, into: &mut String) {
    let _ = if number == 0 { write!(into, "-") } else { write!(into, "{number}") };
}

fn text(value: &str, into: &mut String) {
    escape(value, TEXT_BYTES_MAX, into, clf_char);
}

fn long_text(value: &str, into: &mut String) {
    escape(value, TARGET_BYTES_MAX, into, clf_char);
}

/// As Apache does: everything but printable ASCII by its bytes.
fn clf_char(c: char, into: &mut String) {
    match c {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        ' '..='~' => into.push(c),
        c => {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(into, "\\x{byte:02x}");
            }
        }
    }
}
