//! Where a body ends, and what of the bytes at hand belongs to it.

use http::HeaderMap;

use super::chunked::Chunked;
use super::limits::Limits;
use super::refusal::Refusal;
use crate::buffer::Buffer;

/// How a body is framed (RFC 9112 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes, at least one.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection ends; responses only.
    UntilClose,
}

/// A body that is being received.
#[derive(Debug)]
pub struct Incoming {
    state: State,
}

#[derive(Debug)]
enum State {
    Length(u64),
    Chunked(Box<Chunked>),
    UntilClose,
    Ended,
}

/// What the bytes at hand are.
#[derive(Debug)]
pub(super) enum Step {
    /// So many bytes at the front are content.
    Data(usize),
    /// Nothing can be said before more bytes are there.
    More,
    /// The body ended before the byte at the front.
    End(Option<Box<HeaderMap>>),
}

impl Incoming {
    /// A body of this framing.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Ended,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Box::default()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Whether the end was reached.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Bytes that are still to come, where that is known.
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Ended => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }

    /// What is at the front of `input`; framing is taken off it.
    pub(super) fn step(&mut self, input: &mut Buffer, limits: &Limits) -> Result<Step, Refusal> {
        let at_hand = input.len();
        let step = match &mut self.state {
            State::Ended => Step::End(None),
            _ if at_hand == 0 => Step::More,
            State::Length(left) => {
                Step::Data(usize::try_from(*left).unwrap_or(usize::MAX).min(at_hand))
            }
            State::UntilClose => Step::Data(at_hand),
            State::Chunked(chunked) => chunked.step(input, limits)?,
        };
        if matches!(step, Step::End(_)) {
            self.state = State::Ended;
        }
        Ok(step)
    }

    /// So many bytes of content were taken off the front.
    pub(super) fn used(&mut self, count: usize) {
        match &mut self.state {
            State::Length(left) => {
                *left = left.saturating_sub(count as u64);
                if *left == 0 {
                    self.state = State::Ended;
                }
            }
            State::Chunked(chunked) => chunked.used(count),
            State::UntilClose | State::Ended => {}
        }
    }

    /// The connection ended; returns whether the body may end so.
    pub(super) fn closed(&mut self) -> bool {
        if matches!(self.state, State::UntilClose) {
            self.state = State::Ended;
        }
        self.is_ended()
    }
}
