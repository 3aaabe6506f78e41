//! `x-request-id`: one id that people search logs by, the caller's own where it sent a sane one.

use trunkline_model::filter::is_token_byte;
use trunkline_model::trace::write_hex;
use trunkline_net::http::{Correlation, Head};
use trunkline_rt::Random;

/// Name of the field.
pub const REQUEST_ID: &str = "x-request-id";
/// The id of a request, which its head carries from now on.
pub(super) fn settle(request: &mut Head, random: &mut Random) -> Correlation {
    if let Some(sane) = callers(request) {
        return sane;
    }
    let made = uuid(random.bytes16());
    request.set(REQUEST_ID, &made);
    Correlation::new(&made).unwrap_or_default()
}

/// The caller's id: sent once, a token (RFC 9110 §5.6.2), short. Anything else could not stand in
/// logs and commands as it is.
fn callers(request: &Head) -> Option<Correlation> {
    let mut fields = request.get_all(REQUEST_ID);
    let first = fields.next()?;
    let sane = fields.next().is_none()
        && !first.is_empty()
        && first.iter().all(|byte| is_token_byte(*byte));
    Correlation::new(first).filter(|_| sane)
}

/// A random UUID (RFC 9562 §5.4): the form that most tools expect here.
fn uuid(mut bytes: [u8; 16]) -> [u8; 36] {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = [b'-'; 36];
    for (place, part) in [(0, 0..4), (9, 4..6), (14, 6..8), (19, 8..10), (24, 10..16)] {
        if let (Some(text), Some(bytes)) = (text.get_mut(place..), bytes.get(part)) {
            write_hex(bytes, text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    fn settled(values: &[&str]) -> (String, Head) {
        let mut head = Head::request("GET", "/", Version::Http11);
        for value in values {
            head.append("X-Request-ID", value.as_bytes());
        }
        let id = settle(&mut head, &mut Random::from_seed(5));
        (std::str::from_utf8(id.as_bytes()).unwrap().to_owned(), head)
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
