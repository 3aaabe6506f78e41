//! Texts of callers as records keep them: bounded, valid, and without control characters.
//!
//! Almost all texts are plain ASCII and are copied as they are, into room that is there already.

use trunkline_model::record::TEXT_BYTES_MAX;

/// Writes a caller's text into `room`, which is empty or is emptied.
pub(super) fn fill(mut room: String, bytes: &[u8]) -> String {
    room.clear();
    let bytes = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    // No early end: so it is a few vector instructions.
    let plain = bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    match std::str::from_utf8(bytes) {
        Ok(text) if plain => room.push_str(text),
        _ => {
            let text = String::from_utf8_lossy(bytes);
            room.extend(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_into_the_room_that_is_there() {
        let room = String::from("a longer text from before");
        let before = room.as_ptr();
        let filled = fill(room, b"/orders");
        assert_eq!((filled.as_str(), filled.as_ptr()), ("/orders", before));
    }

    #[test]
    fn control_characters_and_bytes_that_are_no_text_are_replaced() {
        let check = |bytes: &[u8], expect: &str| assert_eq!(fill(String::new(), bytes), expect);
        check(b"a\x1b[2J\n", "a\u{fffd}[2J\u{fffd}");
        check(b"\xff\xc3\xa9", "\u{fffd}\u{e9}");
        check(&[b'a'; TEXT_BYTES_MAX + 9], &"a".repeat(TEXT_BYTES_MAX));
    }
}
