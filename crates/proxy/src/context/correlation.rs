//! `x-request-id`: one id that people search logs by, the caller's own where it sent a sane one.

use std::fmt::Write as _;

use trunkline_model::filter::is_token_byte;
use trunkline_net::http::Head;
use trunkline_rt::Random;

/// Name of the field.
pub const REQUEST_ID: &str = "x-request-id";
/// Longest id that is taken from a caller, in bytes.
const BYTES_MAX: usize = 128;

/// The id of a request, which its head carries from now on.
pub(super) fn settle(request: &mut Head, random: &mut Random) -> Box<str> {
    if let Some(sane) = callers(request) {
        return sane;
    }
    let made = uuid(random.bytes16());
    request.set(REQUEST_ID, made.as_bytes());
    made.into()
}

/// The caller's id: sent once, a token (RFC 9110 §5.6.2), short. Anything else could not stand in
/// logs and commands as it is.
fn callers(request: &Head) -> Option<Box<str>> {
    let mut fields = request.get_all(REQUEST_ID);
    let first = fields.next()?;
    let sane = fields.next().is_none()
        && (1..=BYTES_MAX).contains(&first.len())
        && first.iter().all(|byte| is_token_byte(*byte));
    let text = std::str::from_utf8(first).ok()?;
    sane.then(|| text.into())
}

/// A random UUID (RFC 9562 §5.4): the form that most tools expect here.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    fn settled(values: &[&str]) -> (Box<str>, Head) {
        let mut head = Head::request("GET", "/", Version::Http11);
        for value in values {
            head.append("X-Request-ID", value.as_bytes());
        }
        (settle(&mut head, &mut Random::from_seed(5)), head)
    }

    #[test]
    fn a_sane_id_is_kept() {
        let (id, head) = settled(&["abc-123"]);
        assert_eq!((&*id, head.get_text(REQUEST_ID)), ("abc-123", Some("abc-123")));
    }

    #[test]
    fn anything_else_is_replaced_and_forwarded_once() {
        let long = "a".repeat(129);
        for values in [&[][..], &[""], &["a b"], &["a\u{e9}"], &[&long], &["a", "b"]] {
            let (id, head) = settled(values);
            assert_eq!(id.len(), 36);
            assert_eq!(id.as_bytes()[14], b'4');
            assert_eq!(head.get_all(REQUEST_ID).collect::<Vec<_>>(), [id.as_bytes()]);
        }
    }
}
