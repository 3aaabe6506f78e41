//! Finding the end of a head, once over every byte however slowly it arrives.
//!
//! Every line must end in CR LF: a bare LF is refused as soon as it is seen, not when the head is
//! complete, and so is a first byte that begins no message.

use super::refusal::Refusal;

/// How far a head was looked at.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Scan {
    /// Bytes that need not be looked at again.
    seen: usize,
}

impl Scan {
    /// The length of the head with its empty line, once it is all there.
    pub(super) fn head_end(&mut self, data: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.seen == 0 && data.first().is_some_and(|byte| !super::tokens::is_token(*byte)) {
            return Err(Refusal::NotHttp);
        }
        if self.seen == 0 && is_one_head(data) {
            return Ok(Some(data.len()));
        }
        loop {
            let rest = data.get(self.seen..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', rest) else {
                // The CR of a line end may be the last byte: it is looked at again.
                self.seen = data.len();
                return Ok(None);
            };
            let line_feed = self.seen + found;
            if line_feed == 0 || data.get(line_feed - 1) != Some(&b'\r') {
                return Err(Refusal::LineEnd);
            }
            self.seen = line_feed + 1;
            if data.get(line_feed + 1) == Some(&b'\r') {
                match data.get(line_feed + 2) {
                    Some(b'\n') => return Ok(Some(line_feed + 3)),
                    Some(_) => return Err(Refusal::LineEnd),
                    None => {
                        self.seen = line_feed;
                        return Ok(None);
                    }
                }
            }
            if data.len() == line_feed + 1 {
                self.seen = line_feed;
                return Ok(None);
            }
        }
    }
}

/// Longest data that is looked at as a whole: what is no head after all is looked at twice.
const WHOLE_BYTES_MAX: usize = 1 << 10;

/// Whether the data is one head and nothing else, as nearly all requests without a body are: every
/// line ends in CR LF, and a CR follows only the last but one of them.
fn is_one_head(data: &[u8]) -> bool {
    if data.len() > WHOLE_BYTES_MAX || !data.ends_with(b"\r\n\r\n") {
        return false;
    }
    // No early ends: so each is a few vector instructions.
    let pairs = |first: u8, second: u8| -> u16 {
        let next = data.get(1..).unwrap_or_default();
        let is = |(one, other): (&u8, &u8)| u16::from((*one == first) & (*other == second));
        data.iter().zip(next).map(is).sum()
    };
    let line_feeds: u16 = data.iter().map(|byte| u16::from(*byte == b'\n')).sum();
    line_feeds == pairs(b'\r', b'\n') && pairs(b'\n', b'\r') == 1
}

/// How many bytes of empty lines stand before a request: one is allowed (RFC 9112 §2.2). `None`
/// while that is not known yet.
pub(super) fn leading_line(data: &[u8]) -> Option<usize> {
    match data {
        [b'\r'] => None,
        [b'\r', b'\n', ..] => Some(2),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(data: &[u8]) -> Result<Option<usize>, Refusal> {
        Scan::default().head_end(data)
    }

    #[test]
    fn heads_end_at_the_empty_line() {
        assert_eq!(whole(b"GET / HTTP/1.1\r\nA: b\r\n\r\nbody"), Ok(Some(24)));
        assert_eq!(whole(b"GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
        assert_eq!(whole(b"GET / HTTP/1.1\r\n\r"), Ok(None));
        assert_eq!(whole(b"GET / HTTP/1.1\n\n"), Err(Refusal::LineEnd));
        assert_eq!(whole(b"GET / HTTP/1.1\r\n\rX"), Err(Refusal::LineEnd));
        assert_eq!(whole(b"GET / HTTP/1.1\r\nA: b\n"), Err(Refusal::LineEnd));
        assert_eq!(whole(b"\x16\x03\x01"), Err(Refusal::NotHttp));
    }

    proptest! {
        /// However the bytes are cut, the answer is the same.
        #[test]
        fn pieces_do_not_change_the_answer(
            text in "[a\r\n]{0,30}", cuts in prop::collection::vec(0_usize..30, 0..6)
        ) {
            let data = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).collect();
            cuts.push(data.len());
            cuts.sort_unstable();
            let mut scan = Scan::default();
            let mut answer = Ok(None);
            for cut in cuts {
                answer = scan.head_end(&data[..cut]);
                if answer != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(answer.is_err(), whole(data).is_err());
            if answer.is_ok() {
                prop_assert_eq!(answer, whole(data));
            }
        }
    }
}
