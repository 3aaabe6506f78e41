//! Finds frame headers in bytes as they pass (RFC 9113 §4.1); payloads are skipped, not kept.

/// Bytes of a frame header.
const HEADER_BYTES: usize = 9;
/// A frame header with the payload of a `RST_STREAM`: its reason.
const SEEN_BYTES_MAX: usize = HEADER_BYTES + 4;

/// What kind of frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A part of a body.
    Data,
    /// A head, or its beginning.
    Headers,
    /// A stream's old kind of priority.
    Priority,
    /// The end of a stream before its end.
    Reset,
    /// Settings of the connection, or their acknowledgement.
    Settings,
    /// A request that a server foretells.
    PushPromise,
    /// A ping, or its answer.
    Ping,
    /// The end of the connection.
    GoAway,
    /// Room for more of a body.
    WindowUpdate,
    /// More of a head.
    Continuation,
    /// Anything else, to be ignored.
    Unknown,
}

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::Reset,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Unknown,
        }
    }
}

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: Kind,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// Bytes of its payload.
    pub length: u32,
    /// The reason of a reset.
    pub reason: u32,
}

impl Frame {
    /// `ACK`, of settings and pings.
    pub const fn is_ack(&self) -> bool {
        self.flags & 1 != 0
    }

    /// `END_STREAM`, of data and heads.
    pub const fn ends_stream(&self) -> bool {
        self.flags & 1 != 0
    }

    /// `END_HEADERS`.
    pub const fn ends_head(&self) -> bool {
        self.flags & 4 != 0
    }
}

/// Where in a direction of a connection we are.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Bytes to pass over: the preface, or what is left of a payload.
    skip: usize,
    seen: [u8; SEEN_BYTES_MAX],
    have: usize,
}

impl Scanner {
    /// Begins behind so many bytes that are no frames.
    pub(super) const fn after(preface: usize) -> Self {
        Self { skip: preface, seen: [0; SEEN_BYTES_MAX], have: 0 }
    }

    /// Looks through the next bytes and tells of each frame that begins in them.
    ///
    /// # Errors
    /// What `tell` says of a frame, with the place of the bytes that belong to it.
    pub(super) fn scan<E>(
        &mut self,
        bytes: &[u8],
        mut tell: impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), (usize, E)> {
        let mut at = 0;
        loop {
            let skipped = self.skip.min(bytes.len().saturating_sub(at));
            (self.skip, at) = (self.skip - skipped, at + skipped);
            let begin = at;
            let frame = loop {
                if let Some(frame) = self.complete() {
                    break frame;
                }
                let Some(byte) = bytes.get(at) else {
                    return Ok(());
                };
                if let Some(place) = self.seen.get_mut(self.have) {
                    *place = *byte;
                }
                (self.have, at) = (self.have + 1, at + 1);
            };
            let payload = self.have.saturating_sub(HEADER_BYTES);
            self.skip = (frame.length as usize).saturating_sub(payload);
            self.have = 0;
            tell(frame).map_err(|error| (begin, error))?;
        }
    }

    fn complete(&self) -> Option<Frame> {
        if self.have < HEADER_BYTES {
            return None;
        }
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, r0, r1, r2, r3] = self.seen;
        let (kind, length) = (Kind::of(kind), u32::from_be_bytes([0, l0, l1, l2]));
        let has_reason = kind == Kind::Reset && length >= 4;
        if has_reason && self.have < SEEN_BYTES_MAX {
            return None;
        }
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & (u32::MAX >> 1),
            length,
            reason: if has_reason { u32::from_be_bytes([r0, r1, r2, r3]) } else { 0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES: &[u8] =
        b"preface\0\0\x02\0\x01\0\0\0\x01ab\0\0\x04\x03\0\x80\0\0\x01\0\0\0\x08\0\0\0\x04\x01\0\0\0\0";

    fn scan_in_pieces(sizes: &[usize]) -> Vec<(Kind, u32, u32, u32)> {
        let (mut scanner, mut frames, mut rest) = (Scanner::after(7), Vec::new(), BYTES);
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            let told = scanner.scan(piece, |frame| {
                frames.push((frame.kind, frame.stream, frame.length, frame.reason));
                Ok::<_, ()>(())
            });
            told.unwrap();
            rest = more;
        }
        frames
    }

    proptest! {
        #[test]
        fn frames_are_found_however_they_are_cut(sizes in prop::collection::vec(1_usize..20, 1..8)) {
            let expected =
                [(Kind::Data, 1, 2, 0), (Kind::Reset, 1, 4, 8), (Kind::Settings, 0, 0, 0)];
            prop_assert_eq!(scan_in_pieces(&sizes), expected);
        }
    }

    #[test]
    fn a_frame_that_is_refused_says_where_it_begins() {
        let refuse = |frame: Frame| if frame.kind == Kind::Reset { Err(()) } else { Ok(()) };
        assert_eq!(Scanner::after(7).scan(BYTES, refuse), Err((18, ())));
    }
}
