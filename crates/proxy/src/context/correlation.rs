//! `x-request-id`: one id that people search logs by, the caller's own where it sent a sane one.
//!
//! The id by which a person asks Jaeger for a trace counts as one, if there is no other.

use trunkline_model::filter::is_token_byte;
use trunkline_model::trace::write_hex;
use trunkline_net::http::{Correlation, Head};
use trunkline_rt::Random;

use super::jaeger;

/// Name of the field.
pub const REQUEST_ID: &str = "x-request-id";

/// The id of a request, which its head carries from now on. `debug_id`: Jaeger's counts as well.
pub(super) fn settle(request: &mut Head, debug_id: bool, random: &mut Random) -> Correlation {
    if let Some(sane) = callers(request, REQUEST_ID) {
        return sane;
    }
    let asked = debug_id && request.has(jaeger::DEBUG_ID);
    if let Some(sane) = asked.then(|| callers(request, jaeger::DEBUG_ID)).flatten() {
        request.set(REQUEST_ID, sane.as_bytes());
        return sane;
    }
    let made = uuid(random.bytes16());
    request.set(REQUEST_ID, &made);
    Correlation::new(&made).unwrap_or_default()
}

/// The caller's id: sent once, a token (RFC 9110 §5.6.2), short. Anything else could not stand in
/// logs and commands as it is.
fn callers(request: &Head, name: &str) -> Option<Correlation> {
    let mut fields = request.get_all(name);
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
    use crate::context::tests::head;

    fn settled(values: &[&str]) -> (String, Head) {
        let fields: Vec<_> = values.iter().map(|value| ("X-Request-ID", value)).collect();
        let mut head = head(&fields);
        let id = settle(&mut head, true, &mut Random::from_seed(5));
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

    #[test]
    fn an_id_that_jaeger_is_asked_by_counts_if_there_is_no_other() {
        let settled = |jaeger: bool, fields: &[(&str, &str)]| {
            let mut head = head(fields);
            settle(&mut head, jaeger, &mut Random::from_seed(5));
            head.get_text(REQUEST_ID).unwrap().to_owned()
        };
        let asked = ("Jaeger-Debug-Id", "bug-7");
        assert_eq!(settled(true, &[asked]), "bug-7");
        assert_eq!(settled(true, &[asked, (REQUEST_ID, "mine")]), "mine");
        assert_eq!(settled(false, &[asked]).len(), 36);
        assert_eq!(settled(true, &[("jaeger-debug-id", "a b")]).len(), 36);
    }
}
