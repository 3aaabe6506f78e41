//! Texts of callers as records keep them: bounded, valid, and without control characters.
//!
//! Almost all texts are plain ASCII and are copied as they are, into room that is there already.

use trunkline_model::record::TEXT_BYTES_MAX;
use trunkline_net::http::plain;

/// Writes a caller's text into `room`, which is empty or is emptied.
pub(super) fn fill(room: &mut String, bytes: &[u8]) {
    room.clear();
    let bytes = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    if let Some(text) = plain(bytes) {
        room.push_str(text);
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    room.extend(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
}

/// The same with a text that has no control characters.
pub(super) fn fill_plain(room: &mut String, text: &str) {
    room.clear();
    room.push_str(text.get(..TEXT_BYTES_MAX).unwrap_or(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_into_the_room_that_is_there() {
        let mut room = String::from("a longer text from before");
        let before = room.as_ptr();
        fill(&mut room, b"/orders");
        assert_eq!((room.as_str(), room.as_ptr()), ("/orders", before));
    }

    #[test]
    fn control_characters_and_bytes_that_are_no_text_are_replaced() {
        let check = |bytes: &[u8], expect: &str| {
            let mut room = String::new();
            fill(&mut room, bytes);
            assert_eq!(room, expect);
        };
        check(b"a\x1b[2J\n", "a\u{fffd}[2J\u{fffd}");
        check(b"\xff\xc3\xa9", "\u{fffd}\u{e9}");
        check(&[b'a'; TEXT_BYTES_MAX + 9], &"a".repeat(TEXT_BYTES_MAX));
    }
}
