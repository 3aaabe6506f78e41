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
    /// The message at the front of `data` and the length of its head, once that is all there. Nearly
    /// every head comes in one piece: `ahead` reads it at once, without a look for its end. What it
    /// does not take is read by `whole`, as a head of which every byte was looked at.
    pub(super) fn find<T>(
        &mut self,
        data: &[u8],
        head_bytes: usize,
        ahead: impl FnOnce(&[u8]) -> Option<(T, usize)>,
        whole: impl FnOnce(&[u8]) -> Result<T, Refusal>,
    ) -> Result<Option<(T, usize)>, Refusal> {
        if data.is_empty() {
            return Ok(None);
        }
        if self.seen == 0
            && let Some(found) = ahead(data)
            && found.1 <= head_bytes
        {
            return Ok(Some(found));
        }
        match self.head_end(data)? {
            None if data.len() >= head_bytes => Err(Refusal::HeadTooLarge),
            None => Ok(None),
            Some(end) if end > head_bytes => Err(Refusal::HeadTooLarge),
            Some(end) => whole(data.get(..end).unwrap_or_default()).map(|head| Some((head, end))),
        }
    }

    /// The length of the head with its empty line, once it is all there.
    fn head_end(&mut self, data: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.seen == 0 && data.first().is_some_and(|byte| !super::tokens::is_token(*byte)) {
            return Err(Refusal::NotHttp);
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
    use crate::http1::limits::Limits;
    use crate::http1::{request, response};
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

    /// Pieces of which heads are made, and what spoils them.
    const PIECES: [&str; 16] = [
        "GET / HTTP/1.1",
        "HTTP/1.1 200 OK",
        "HTTP/1.0 204",
        "A: b",
        "Host: a",
        "a:",
        "a: b ",
        " c",
        "a : b",
        "Content-Length: 3",
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "x",
    ];

    proptest! {
        /// What is read at first sight is what a look at every byte finds.
        #[test]
        fn first_sight_does_not_change_the_answer(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..12)
        ) {
            let text = pieces.concat();
            let (data, limits) = (text.as_bytes(), Limits::default());
            let block = whole(data).ok().flatten().map(|end| (end, &data[..end]));
            if let Some((request, end)) = request::parse_ahead(data, &limits) {
                let (found, block) = block.unwrap();
                let other = request::parse_request(block, &limits).unwrap();
                prop_assert_eq!((end, format!("{request:?}")), (found, format!("{other:?}")));
            }
            if let Some((response, end)) = response::parse_ahead(data, "GET", &limits) {
                let (found, block) = block.unwrap();
                let other = response::parse_response(block, "GET", &limits).unwrap();
                prop_assert_eq!((end, format!("{response:?}")), (found, format!("{other:?}")));
            }
        }

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
