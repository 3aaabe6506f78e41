//! What a peer may cost before its connection ends: pure counts, no clock, no IO.
//!
//! Each thing that is cheap to send and dear to take is counted over a window of time. What we sent
//! and what was asked for earns more of it: a peer that reads a lot also opens windows a lot. None
//! of it is about rates of requests, which are other limits' work.

use std::time::{Duration, Instant};

use super::frames::{Frame, Kind};

/// Streams without an answer that are remembered; more are never open at one time.
const UNANSWERED_MAX: usize = 1_024;

/// Why a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.token())]
pub enum Excess {
    /// Requests taken back before they were answered (CVE-2023-44487).
    RapidReset,
    /// Frames of one head, or bytes of it (CVE-2024-27316).
    Continuation,
    /// Settings, each of which is to be acknowledged.
    Settings,
    /// Pings, each of which is to be answered.
    Ping,
    /// Priorities.
    Priority,
    /// Windows that are opened by little.
    WindowUpdate,
    /// Data frames without data.
    EmptyData,
    /// Frames that are to be ignored.
    Unknown,
    /// Frames that make us reset streams (CVE-2025-8671), heads that are too large included.
    Provoked,
    /// Window that stayed shut while an answer waited.
    Stall,
    /// What the codec itself found too much: small parts of bodies that nobody reads, for example.
    Codec,
}

impl Excess {
    /// All of them, in the order of [`Excess::index`].
    pub const ALL: [Self; 11] = [
        Self::RapidReset,
        Self::Continuation,
        Self::Settings,
        Self::Ping,
        Self::Priority,
        Self::WindowUpdate,
        Self::EmptyData,
        Self::Unknown,
        Self::Provoked,
        Self::Stall,
        Self::Codec,
    ];

    /// Its place in [`Excess::ALL`], for counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The reason as one word.
    pub const fn token(self) -> &'static str {
        match self {
            Self::RapidReset => "http2_rapid_reset",
            Self::Continuation => "http2_continuation",
            Self::Settings => "http2_settings",
            Self::Ping => "http2_ping",
            Self::Priority => "http2_priority",
            Self::WindowUpdate => "http2_window_update",
            Self::EmptyData => "http2_empty_data",
            Self::Unknown => "http2_unknown_frame",
            Self::Provoked => "http2_provoked_reset",
            Self::Stall => "http2_window_stall",
            Self::Codec => "http2_codec",
        }
    }
}

/// How much of each a peer may send within [`Limits::window`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Over how long is counted.
    pub window: Duration,
    /// Requests taken back before they were answered; as many more as were answered.
    pub rapid_resets: u32,
    /// Frames that go on with one head.
    pub continuations: u32,
    /// Bytes of one head, compressed.
    pub head_bytes: u32,
    /// Settings.
    pub settings: u32,
    /// Pings; one more for each data frame of ours and each request.
    pub pings: u32,
    /// Priorities; four more for each request.
    pub priorities: u32,
    /// Openings of windows; four more for each data frame of ours and each request.
    pub window_updates: u32,
    /// Data frames without data; one more for each request.
    pub empty_data: u32,
    /// Frames of unknown kinds.
    pub unknown: u32,
    /// Resets of ours for what the peer did wrong.
    pub provoked: u32,
}

/// Who we are in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The peer sends requests.
    Server,
    /// The peer answers them.
    Client,
}

/// The counts of one connection.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    role: Role,
    since: Option<Instant>,
    counts: [u32; Excess::ALL.len()],
    requests: u32,
    answers: u32,
    data_sent: u32,
    /// Open requests without an answer, ascending.
    unanswered: Vec<u32>,
    last_stream: u32,
    /// Frames and bytes of the head under way.
    head: (u32, u32),
}

impl Guard {
    /// Nothing was counted yet.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            limits,
            role,
            since: None,
            counts: [0; Excess::ALL.len()],
            requests: 0,
            answers: 0,
            data_sent: 0,
            unanswered: Vec::new(),
            last_stream: 0,
            head: (0, 0),
        }
    }

    /// Begins a new window if the last one is over.
    pub fn turn(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.limits.window {
            self.since = Some(now);
            self.counts = [0; Excess::ALL.len()];
            (self.requests, self.answers, self.data_sent) = (0, 0, 0);
        }
    }

    /// A frame of the peer's.
    ///
    /// # Errors
    /// What is too much.
    pub fn received(&mut self, frame: Frame) -> Result<(), Excess> {
        let asked = self.requests;
        match frame.kind {
            Kind::Headers => self.head(frame),
            Kind::Continuation => self.continuation(frame),
            // What a service resets costs us nothing but the request, which is counted elsewhere.
            Kind::Reset if self.role == Role::Client || self.is_answered(frame.stream) => Ok(()),
            Kind::Reset => self.count(Excess::RapidReset, self.limits.rapid_resets, self.answers),
            Kind::Settings | Kind::Ping if frame.is_ack() => Ok(()),
            Kind::Settings => self.count(Excess::Settings, self.limits.settings, 0),
            Kind::Ping => {
                let earned = asked.saturating_add(self.data_sent);
                self.count(Excess::Ping, self.limits.pings, earned)
            }
            Kind::Priority => {
                self.count(Excess::Priority, self.limits.priorities, asked.saturating_mul(4))
            }
            Kind::WindowUpdate => {
                let earned = asked.saturating_add(self.data_sent).saturating_mul(4);
                self.count(Excess::WindowUpdate, self.limits.window_updates, earned)
            }
            Kind::Data if frame.length == 0 && !frame.ends_stream() => {
                self.count(Excess::EmptyData, self.limits.empty_data, asked)
            }
            Kind::Unknown => self.count(Excess::Unknown, self.limits.unknown, 0),
            Kind::Data | Kind::PushPromise | Kind::GoAway => Ok(()),
        }
    }

    /// A frame of ours.
    ///
    /// # Errors
    /// What the peer provoked too often.
    pub fn sent(&mut self, frame: Frame) -> Result<(), Excess> {
        match frame.kind {
            Kind::Headers => {
                if self.role == Role::Client {
                    self.requests = self.requests.saturating_add(1);
                } else if !self.is_answered(frame.stream) {
                    self.answers = self.answers.saturating_add(1);
                }
                Ok(())
            }
            Kind::Data => {
                self.data_sent = self.data_sent.saturating_add(1);
                Ok(())
            }
            Kind::Reset => {
                self.is_answered(frame.stream);
                if is_for_a_fault(frame.reason) {
                    return self.count(Excess::Provoked, self.limits.provoked, 0);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn head(&mut self, frame: Frame) -> Result<(), Excess> {
        if self.role == Role::Server && frame.stream > self.last_stream {
            self.last_stream = frame.stream;
            self.requests = self.requests.saturating_add(1);
            if self.unanswered.len() >= UNANSWERED_MAX {
                self.unanswered.remove(0);
            }
            self.unanswered.push(frame.stream);
        }
        self.head = (0, 0);
        self.head_part(frame)
    }

    fn continuation(&mut self, frame: Frame) -> Result<(), Excess> {
        self.head.0 = self.head.0.saturating_add(1);
        self.head_part(frame)
    }

    fn head_part(&mut self, frame: Frame) -> Result<(), Excess> {
        self.head.1 = self.head.1.saturating_add(frame.length);
        let (frames, bytes) = self.head;
        if frames > self.limits.continuations || bytes > self.limits.head_bytes {
            return Err(Excess::Continuation);
        }
        Ok(())
    }

    /// Whether a stream has an answer or is unknown; from now on it does.
    fn is_answered(&mut self, stream: u32) -> bool {
        let found = self.unanswered.iter().position(|open| *open == stream);
        found.map(|at| self.unanswered.remove(at)).is_none()
    }

    fn count(&mut self, excess: Excess, limit: u32, earned: u32) -> Result<(), Excess> {
        let Some(count) = self.counts.get_mut(excess.index()) else {
            return Ok(());
        };
        *count = count.saturating_add(1);
        if *count > limit.saturating_add(earned) { Err(excess) } else { Ok(()) }
    }
}

/// Whether we reset a stream because its peer broke a rule: `PROTOCOL_ERROR`, `FLOW_CONTROL_ERROR`,
/// `STREAM_CLOSED`, `FRAME_SIZE_ERROR`.
const fn is_for_a_fault(reason: u32) -> bool {
    matches!(reason, 0x1 | 0x3 | 0x5 | 0x6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        window: Duration::from_secs(10),
        rapid_resets: 3,
        continuations: 2,
        head_bytes: 100,
        settings: 3,
        pings: 3,
        priorities: 3,
        window_updates: 3,
        empty_data: 3,
        unknown: 3,
        provoked: 3,
    };

    fn frame(kind: Kind, stream: u32) -> Frame {
        Frame { kind, flags: 4, stream, length: 0, reason: 0 }
    }

    fn guard() -> Guard {
        Guard::new(Role::Server, LIMITS)
    }

    /// How many of these are taken.
    fn taken(
        guard: &mut Guard,
        mut step: impl FnMut(&mut Guard, u32) -> Result<(), Excess>,
    ) -> u32 {
        (0..1_000).find(|turn| step(guard, *turn).is_err()).unwrap_or(u32::MAX)
    }

    #[test]
    fn floods_of_cheap_frames_are_found_and_time_forgives() {
        let kinds = [Kind::Settings, Kind::Ping, Kind::Priority, Kind::WindowUpdate, Kind::Unknown];
        for kind in kinds.into_iter().chain([Kind::Data]) {
            let mut guard = guard();
            let mut now = trunkline_rt::Clock::system().now();
            guard.turn(now);
            for _ in 0..2 {
                let flood = |guard: &mut Guard, _| guard.received(frame(kind, 1));
                assert_eq!(taken(&mut guard, flood), 3, "{kind:?}");
                now += LIMITS.window;
                guard.turn(now);
            }
        }
    }

    #[test]
    fn acknowledgements_and_full_data_are_free() {
        let mut guard = guard();
        let ack = |kind| Frame { flags: 1, ..frame(kind, 0) };
        let full = Frame { length: 1, ..frame(Kind::Data, 1) };
        for frame in [ack(Kind::Settings), ack(Kind::Ping), full] {
            assert_eq!(taken(&mut guard, |guard, _| guard.received(frame)), u32::MAX);
        }
    }

    #[test]
    fn requests_taken_back_unanswered_are_an_attack_and_others_are_not() {
        let reset = |guard: &mut Guard, turn: u32| {
            guard.received(frame(Kind::Headers, 2 * turn + 1)).unwrap();
            guard.received(frame(Kind::Reset, 2 * turn + 1))
        };
        assert_eq!(taken(&mut guard(), reset), 3);
        let answered = |guard: &mut Guard, turn: u32| {
            guard.received(frame(Kind::Headers, 2 * turn + 1)).unwrap();
            guard.sent(frame(Kind::Headers, 2 * turn + 1)).unwrap();
            guard.received(frame(Kind::Reset, 2 * turn + 1))
        };
        let mut guard = guard();
        assert_eq!(taken(&mut guard, answered), u32::MAX);
        assert!(guard.unanswered.is_empty());
    }

    #[test]
    fn a_head_has_a_limit_of_frames_and_of_bytes() {
        let more = |length| Frame { length, ..frame(Kind::Continuation, 1) };
        let mut guard = guard();
        guard.received(frame(Kind::Headers, 1)).unwrap();
        assert_eq!(taken(&mut guard, |guard, _| guard.received(more(1))), 2);
        guard.received(frame(Kind::Headers, 3)).unwrap();
        assert_eq!(guard.received(more(101)), Err(Excess::Continuation));
    }

    #[test]
    fn what_is_read_earns_windows() {
        let mut guard = guard();
        for _ in 0..10 {
            guard.sent(Frame { length: 9, ..frame(Kind::Data, 1) }).unwrap();
        }
        let open = |guard: &mut Guard, _| guard.received(frame(Kind::WindowUpdate, 1));
        assert_eq!(taken(&mut guard, open), 43);
    }

    #[test]
    fn only_resets_for_a_fault_are_provoked() {
        let reset = |reason| {
            move |guard: &mut Guard, _| guard.sent(Frame { reason, ..frame(Kind::Reset, 1) })
        };
        assert_eq!(taken(&mut guard(), reset(1)), 3);
        assert_eq!(taken(&mut guard(), reset(8)), u32::MAX);
    }

    #[test]
    fn a_service_may_answer_early_and_earns_windows_by_requests() {
        let mut guard = Guard::new(Role::Client, LIMITS);
        let early = |guard: &mut Guard, turn: u32| {
            guard.sent(frame(Kind::Headers, 2 * turn + 1)).unwrap();
            guard.received(frame(Kind::Headers, 2 * turn + 1)).unwrap();
            guard.received(frame(Kind::WindowUpdate, 2 * turn + 1)).unwrap();
            guard.received(frame(Kind::Reset, 2 * turn + 1))
        };
        assert_eq!(taken(&mut guard, early), u32::MAX);
        assert!(guard.unanswered.is_empty());
    }

    #[test]
    fn open_requests_are_remembered_within_a_bound() {
        let mut guard = guard();
        for stream in 0..5_000 {
            guard.received(frame(Kind::Headers, 2 * stream + 1)).unwrap();
        }
        assert_eq!(guard.unanswered.len(), UNANSWERED_MAX);
    }
}
