//! The chunked coding (RFC 9112 §7.1), read strictly: sizes are hexadecimal digits and nothing
//! else, every line ends in CR LF, extensions are skipped within a bound, trailers are checked.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::body::Step;
use super::limits::Limits;
use super::refusal::Refusal;
use super::tokens::is_forbidden_trailer;
use crate::buffer::Buffer;

/// Digits of a size: more would be beyond 64 bits.
const DIGITS_MAX: u8 = 16;
/// Bytes of the extensions of one chunk. Nobody uses them; what is endless is an attack.
const EXTENSION_BYTES_MAX: usize = 1_024;

/// A chunked body that is being received.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Size { value: u64, digits: u8 },
    Extension { value: u64, bytes: usize },
    SizeEnd { value: u64 },
    Data { left: u64 },
    DataEnd,
    DataLineFeed,
    Trailers { seen: usize },
}

impl Default for Place {
    fn default() -> Self {
        Self::Size { value: 0, digits: 0 }
    }
}

impl Chunked {
    /// What is at the front of `input`; sizes and line ends are taken off it.
    pub(super) fn step(&mut self, input: &mut Buffer, limits: &Limits) -> Result<Step, Refusal> {
        loop {
            if let Place::Data { left } = self.place {
                let at_hand = input.len();
                if at_hand == 0 {
                    return Ok(Step::More);
                }
                return Ok(Step::Data(usize::try_from(left).unwrap_or(usize::MAX).min(at_hand)));
            }
            if let Place::Trailers { seen } = self.place {
                return self.trailers(input, seen, limits);
            }
            let Some(byte) = input.data().first().copied() else {
                return Ok(Step::More);
            };
            self.place = self.place.after(byte)?;
            input.consume(1);
        }
    }

    /// So many bytes of content were taken off.
    pub(super) fn used(&mut self, count: usize) {
        if let Place::Data { left } = &mut self.place {
            *left = left.saturating_sub(count as u64);
            if *left == 0 {
                self.place = Place::DataEnd;
            }
        }
    }

    fn trailers(
        &mut self,
        input: &mut Buffer,
        seen: usize,
        limits: &Limits,
    ) -> Result<Step, Refusal> {
        let data = input.data();
        match data {
            [b'\r', b'\n', ..] => {
                input.consume(2);
                return Ok(Step::End(None));
            }
            [] | [b'\r'] => return Ok(Step::More),
            _ => {}
        }
        let from = seen.saturating_sub(3);
        let ending = memchr::memmem::find(data.get(from..).unwrap_or_default(), b"\r\n\r\n");
        let end = ending.map(|at| from + at + 4);
        if end.unwrap_or(data.len()) > limits.trailer_bytes {
            return Err(Refusal::Trailer);
        }
        let Some(end) = end else {
            self.place = Place::Trailers { seen: data.len() };
            return Ok(Step::More);
        };
        let trailers = fields(data.get(..end).unwrap_or_default(), limits)?;
        input.consume(end);
        Ok(Step::End(Some(Box::new(trailers))))
    }
}

impl Place {
    fn after(self, byte: u8) -> Result<Self, Refusal> {
        Ok(match (self, byte) {
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == DIGITS_MAX {
                    return Err(Refusal::Chunk);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size { value: (value << 4) | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { value, digits: 1.. }, b';') => Self::Extension { value, bytes: 0 },
            (Self::Size { value, digits: 1.. } | Self::Extension { value, .. }, b'\r') => {
                Self::SizeEnd { value }
            }
            (Self::Extension { value, bytes }, b'\t' | 0x20..=0x7e | 0x80..)
                if bytes < EXTENSION_BYTES_MAX =>
            {
                Self::Extension { value, bytes: bytes + 1 }
            }
            (Self::SizeEnd { value: 0 }, b'\n') => Self::Trailers { seen: 0 },
            (Self::SizeEnd { value }, b'\n') => Self::Data { left: value },
            (Self::DataEnd, b'\r') => Self::DataLineFeed,
            (Self::DataLineFeed, b'\n') => Self::default(),
            _ => return Err(Refusal::Chunk),
        })
    }
}

fn fields(block: &[u8], limits: &Limits) -> Result<HeaderMap, Refusal> {
    let every_line = memchr::memchr_iter(b'\n', block);
    if every_line.map(|at| block.get(at.wrapping_sub(1))).any(|before| before != Some(&b'\r')) {
        return Err(Refusal::LineEnd);
    }
    let mut room = [httparse::EMPTY_HEADER; Limits::FIELDS_MAX];
    let room = room.get_mut(..limits.fields.min(Limits::FIELDS_MAX)).unwrap_or_default();
    let parsed = httparse::parse_headers(block, room).map_err(|_| Refusal::Trailer)?;
    let httparse::Status::Complete((_, fields)) = parsed else {
        return Err(Refusal::Trailer);
    };
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        if is_forbidden_trailer(field.name) {
            return Err(Refusal::Trailer);
        }
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Refusal::Trailer)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| Refusal::Trailer)?;
        map.append(name, value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a whole body that arrives in pieces of `piece` bytes: content, trailers and what is left.
    fn read(wire: &[u8], piece: usize) -> Result<(Vec<u8>, Option<HeaderMap>, usize), Refusal> {
        let (mut chunked, mut input) = (Chunked::default(), Buffer::default());
        let mut pieces = wire.chunks(piece.max(1));
        let mut content = Vec::new();
        loop {
            match chunked.step(&mut input, &Limits::default())? {
                Step::Data(count) => {
                    content.extend_from_slice(&input.data()[..count]);
                    input.consume(count);
                    chunked.used(count);
                }
                Step::End(trailers) => {
                    let left = input.len() + pieces.map(<[u8]>::len).sum::<usize>();
                    return Ok((content, trailers.map(|trailers| *trailers), left));
                }
                Step::More => match pieces.next() {
                    Some(piece) => input.extend(piece),
                    None => return Err(Refusal::Chunk),
                },
            }
        }
    }

    #[test]
    fn chunks_become_content_however_they_are_cut() {
        let wire = b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET";
        for piece in 1..wire.len() {
            let (content, trailers, left) = read(wire, piece).unwrap();
            assert_eq!(content, b"abc0123456789");
            assert_eq!(trailers.unwrap()["x-sum"], "1");
            assert_eq!(left, 3, "pieces of {piece}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_chunk_is_refused() {
        for wire in [
            "3\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "00000000000000003\r\nabc\r\n0\r\n\r\n",
            "3;a\rb\r\nabc\r\n0\r\n\r\n",
            "3;\0\r\nabc\r\n0\r\n\r\n",
        ] {
            assert_eq!(read(wire.as_bytes(), 64).unwrap_err(), Refusal::Chunk, "{wire:?}");
        }
        let endless = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(2_000));
        assert_eq!(read(endless.as_bytes(), 64).unwrap_err(), Refusal::Chunk);
    }

    #[test]
    fn trailers_must_not_say_what_heads_say() {
        for trailer in ["Content-Length: 1", "Transfer-Encoding: x", "Host: a", "A : b", "A: b\n"] {
            let wire = format!("0\r\n{trailer}\r\n\r\n");
            assert!(read(wire.as_bytes(), 64).is_err(), "{trailer:?}");
        }
        let large = format!("0\r\nA: {}\r\n\r\n", "x".repeat(9_000));
        assert_eq!(read(large.as_bytes(), 64).unwrap_err(), Refusal::Trailer);
    }

    proptest! {
        #[test]
        fn what_is_sent_in_chunks_arrives(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8), piece in 1_usize..700) {
            let mut wire = Buffer::default();
            for part in &parts {
                super::super::encode::chunk_start(part.len(), &mut wire);
                wire.extend(part);
                super::super::encode::chunk_end(&mut wire);
            }
            super::super::encode::encode_trailers(None, &mut wire);
            let (content, trailers, left) = read(wire.data(), piece).unwrap();
            prop_assert_eq!(content, parts.concat());
            prop_assert!(trailers.is_none() && left == 0);
        }

        #[test]
        fn no_bytes_make_it_panic(wire in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
            let _ = read(&wire, piece);
        }
    }
}
