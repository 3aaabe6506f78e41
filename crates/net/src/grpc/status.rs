//! How a call ends: a code, what is to be said about it, and whether to come again.

use std::fmt::{self, Write as _};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::bin;

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// Bytes of a message that go into trailers: they share a head's limit with everything else.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// The codes of gRPC, with their numbers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// It went well.
    Ok = 0,
    /// The caller gave up.
    Cancelled = 1,
    /// Nobody knows.
    Unknown = 2,
    /// What was sent makes no sense, whatever the state of the server.
    InvalidArgument = 3,
    /// The time of the call is over.
    DeadlineExceeded = 4,
    /// What was asked for is not there.
    NotFound = 5,
    /// What was to be made is there already.
    AlreadyExists = 6,
    /// The caller may not.
    PermissionDenied = 7,
    /// Something is used up.
    ResourceExhausted = 8,
    /// The state of the server does not allow it.
    FailedPrecondition = 9,
    /// It was broken off; a higher level may try again.
    Aborted = 10,
    /// Beyond what there is.
    OutOfRange = 11,
    /// No such service, method or encoding.
    Unimplemented = 12,
    /// An invariant does not hold.
    Internal = 13,
    /// Not now; trying again is right.
    Unavailable = 14,
    /// Something is lost for good.
    DataLoss = 15,
    /// Nobody knows who the caller is.
    Unauthenticated = 16,
}

impl Code {
    const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code of a number on the wire; unknown numbers are [`Code::Unknown`].
    pub fn of(number: u32) -> Self {
        let known = usize::try_from(number).ok().and_then(|index| Self::ALL.get(index));
        known.copied().unwrap_or(Self::Unknown)
    }

    /// What an HTTP answer without a gRPC status means (http-grpc-status-mapping.md of grpc/grpc).
    pub(super) fn of_http(status: http::StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// How a call ended when it did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct Status {
    /// What kind of failure.
    pub code: Code,
    /// For people.
    pub message: String,
    /// When the caller may come again, as `google.rpc.RetryInfo`.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// A failure that does not say when to come again.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Says when to come again.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The fields that tell it, as trailers or in place of them.
    pub(super) fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(3);
        fields.insert(GRPC_STATUS, HeaderValue::from(self.code as u16));
        let message = cut(&self.message);
        if !message.is_empty()
            && let Ok(text) = HeaderValue::from_str(&Percent(message).to_string())
        {
            fields.insert(GRPC_MESSAGE, text);
        }
        if let Some(after) = self.retry_after {
            let details = bin::retry_details(self.code as u32, message, after);
            if let Ok(details) = HeaderValue::from_str(&bin::base64(&details)) {
                fields.insert(GRPC_DETAILS, details);
            }
        }
        fields
    }

    /// Reads trailers: `Ok` when they tell that it went well, `None` when they tell nothing.
    pub(super) fn read(fields: &HeaderMap) -> Option<Result<(), Self>> {
        let code = fields.get(GRPC_STATUS)?.to_str().ok().and_then(|text| text.parse().ok());
        let code = code.map_or(Code::Unknown, Code::of);
        if code == Code::Ok {
            return Some(Ok(()));
        }
        let message = fields.get(GRPC_MESSAGE).map(|text| unescape(text.as_bytes()));
        let details = fields.get(GRPC_DETAILS).and_then(|text| bin::unbase64(text.as_bytes()));
        let retry_after = details.and_then(|details| bin::retry_after(&details));
        Some(Err(Self { code, message: message.unwrap_or_default(), retry_after }))
    }
}

/// The trailers of a call that went well.
pub(super) fn well() -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(1);
    fields.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    fields
}

fn cut(message: &str) -> &str {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    message.get(..end).unwrap_or_default()
}

/// Everything but visible ASCII, and `%`, as `%` and two digits.
struct Percent<'a>(&'a str);

impl fmt::Display for Percent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'%' | ..b' ' | 0x7f.. => write!(f, "%{byte:02X}")?,
                _ => f.write_char(char::from(byte))?,
            }
        }
        Ok(())
    }
}

/// What is no escape stays as it is: a message is for people.
fn unescape(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, more)) = rest.split_first() {
        let escaped = more
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = more.get(if escaped.is_some() { 2.. } else { 0.. }).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_comes_back_from_its_trailers() {
        for message in ["", "plain", "100 % für\nalle", "\u{1f600}"] {
            let told = Status::new(Code::Unavailable, message);
            assert_eq!(Status::read(&told.fields()), Some(Err(told)));
        }
        let told = Status::new(Code::ResourceExhausted, "full").retry_after(Duration::from_secs(3));
        assert_eq!(Status::read(&told.fields()), Some(Err(told)));
        assert_eq!(Status::read(&well()), Some(Ok(())));
        assert_eq!(Status::read(&HeaderMap::new()), None);
    }

    #[test]
    fn numbers_are_those_of_the_wire() {
        for (number, code) in (0..).zip(Code::ALL) {
            assert_eq!((Code::of(number), code as u32), (code, number));
        }
        assert_eq!(Code::of(17), Code::Unknown);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = "ü".repeat(MESSAGE_BYTES_MAX);
        let read = Status::read(&Status::new(Code::Internal, long).fields());
        let message = read.unwrap().unwrap_err().message;
        assert_eq!(message, "ü".repeat(MESSAGE_BYTES_MAX / 2));
    }
}
