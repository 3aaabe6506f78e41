//! Every bound of the data plane, named once.
//!
//! A queue, map, buffer or body that is not bounded here is bounded by one that is (each request
//! of a connection by the connection, each idle connection by its pool). Times that people may
//! change are in the Model; what is here is what keeps the process standing.

use std::time::Duration;

use trunkline_model::guard::Guard;
use trunkline_net::socket::Liveness;
use trunkline_resilience::backoff;
use trunkline_rt::{Policy, Restart};

/// Bytes of one head, start line included; also the read buffer of an HTTP/1 connection. The codec
/// takes at most 100 fields.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bounds of HTTP/1.1 messages.
pub(crate) fn http1() -> trunkline_net::http1::Limits {
    trunkline_net::http1::Limits { head_bytes: HEAD_BYTES_MAX, ..Default::default() }
}
/// Bounds of what callers send, as they are written.
pub(crate) fn of_callers(guard: &Guard) -> trunkline_net::http1::Limits {
    trunkline_net::http1::Limits {
        head_bytes: guard.head_bytes,
        target_bytes: guard.target_bytes,
        fields: guard.fields,
        ..Default::default()
    }
}

/// Interim responses (1xx) before one response.
pub const INTERIM_MAX: usize = 16;
/// Bytes of an unwanted request body that are read so that its connection can serve on, or so that
/// its caller sees the answer before the connection is reset.
pub const DISCARD_BYTES_MAX: usize = 256 << 10;
/// Open streams of one downstream HTTP/2 connection.
pub const DOWNSTREAM_STREAMS_MAX: u32 = 256;
/// Bytes of a downstream HTTP/2 stream that may arrive before they are read.
pub const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// Bytes of an HTTP/2 connection, all streams together, that may arrive before they are read.
pub const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Bytes of one HTTP/2 stream that wait to be sent: with all its streams, a connection holds at
/// most 16 MiB for a peer that does not read.
pub const STREAM_SEND_BYTES: usize = 64 << 10;
/// Streams of one HTTP/2 connection that were reset before they were looked at, or by the codec; the
/// guard lets fewer pass.
pub const HTTP2_RESETS_MAX: usize = 1_024;
/// Fields of one HTTP/2 head; a cookie may come in many.
pub const HTTP2_FIELDS_MAX: usize = 256;
/// Bytes that an HTTP/2 caller has to take of a response within its idle limit, or all that waits.
pub const STALL_BYTES: usize = 1 << 10;
/// What an HTTP/2 peer may send of what is cheap to send and dear to take.
const HTTP2_GUARD: trunkline_net::http2::Limits = trunkline_net::http2::Limits {
    window: Duration::from_secs(10),
    rapid_resets: 200,
    continuations: 5,
    head_bytes: 64 << 10,
    settings: 100,
    pings: 200,
    priorities: 500,
    window_updates: 2_000,
    empty_data: 100,
    unknown: 100,
    provoked: 100,
};
/// Bytes of an HTTP/2 frame that we let peers send.
const FRAME_BYTES: usize = 16 << 10;
/// What an HTTP/2 peer counts for a field beside its bytes (RFC 9113 §6.5.2).
const FIELD_BYTES: usize = 32;
/// The same for heads of so many bytes. As many continuations as the codec itself takes at most: what
/// goes beyond is ours to tell.
pub(crate) fn http2_guard(head_bytes: usize) -> trunkline_net::http2::Limits {
    let parts = u32::try_from(head_bytes / FRAME_BYTES).unwrap_or(u32::MAX).max(1);
    trunkline_net::http2::Limits {
        continuations: parts.saturating_add(parts / 4).max(HTTP2_GUARD.continuations),
        head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX).max(HTTP2_GUARD.head_bytes),
        ..HTTP2_GUARD
    }
}
/// Bytes of a head as HTTP/2 counts them: those of HTTP/1.1, and what is added for each field.
pub(crate) fn header_list(bounds: &trunkline_net::http1::Limits) -> u32 {
    let fields = bounds.fields.saturating_mul(FIELD_BYTES);
    u32::try_from(bounds.head_bytes.saturating_add(fields)).unwrap_or(u32::MAX)
}

/// How often an upstream HTTP/2 connection with open streams is asked for a sign of life; a peer
/// that has given none by the next time is dead.
pub const UPSTREAM_PING: Duration = Duration::from_secs(10);
/// Open downstream connections of one worker; beyond it the worker stops accepting until one ends.
pub const CONNECTIONS_PER_WORKER_MAX: usize = 100_000;
/// Connections accepted in a row before a worker looks after those it has.
pub const ACCEPTS_IN_A_ROW_MAX: u32 = 32;
/// Pause after the system refused a connection for want of descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection that was told to end may stay although no request is open and nothing is
/// sent: half a head, or an HTTP/2 caller that does not answer the last ping.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// Bytes of one stored response's body.
pub const CACHE_OBJECT_BYTES_MAX: usize = 1 << 20;
/// Stored responses of one target, that were chosen by what requests say.
pub const CACHE_VARIANTS_MAX: usize = 8;
/// Requests that wait for what one of them brings.
pub const CACHE_WAITING_MAX: usize = 1_000;
/// How long they wait before each goes on its own.
pub const CACHE_WAIT_TIME: Duration = Duration::from_secs(5);
/// Sources whose limits are remembered, of all workers together.
pub const SOURCES_MAX: usize = 64 << 10;
/// Connections and requests that are delayed or tarpitted at one time; beyond it they are refused.
pub const HELD_BACK_MAX: u32 = 4_096;
/// How long the sender of too much waits in the tarpit.
pub const TARPIT_TIME: Duration = Duration::from_secs(10);
/// How often it is looked at how hard pressed the process is.
pub const PRESSURE_LOOK: Duration = Duration::from_millis(100);
/// Every so many looks, descriptors are counted and limits read.
pub const PRESSURE_SLOW_LOOKS: u32 = 10;
/// The part of a worker's connections that is closed at one look, where they are idle and room is
/// wanted: one in so many.
pub const SHED_PART: usize = 10;
/// How often the connections of a worker are looked over; more often where limits are short.
pub const SWEEP: Duration = Duration::from_millis(250);
/// The same while connections are told to end.
pub const SWEEP_ENDING: Duration = Duration::from_millis(20);
/// However short limits are.
pub const SWEEP_MIN: Duration = Duration::from_millis(5);

/// Bodies that one worker compresses at a time, each with a state of some 300 KiB; beyond it they
/// are sent as they are.
pub const ENCODERS_PER_WORKER_MAX: usize = 128;
/// Bytes that are compressed in a row before the result is passed on.
pub const ENCODER_INPUT_BYTES: usize = 64 << 10;

/// Idle HTTP/1.1 connections of one worker to one endpoint.
pub const POOL_IDLE_PER_ENDPOINT_MAX: usize = 256;
/// Idle HTTP/1.1 connections of one worker to all endpoints.
pub const POOL_IDLE_MAX: usize = 8_192;
/// HTTP/2 connections of one worker to one endpoint.
pub const POOL_HTTP2_PER_ENDPOINT_MAX: usize = 64;
/// Streams put on one upstream HTTP/2 connection, if its peer allows that many.
pub const UPSTREAM_STREAMS_MAX: usize = 100;
/// How long before a service would close an idle connection it is closed from here.
pub const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);
/// Parts of a request's body that are kept to be sent again: each costs more than its bytes.
pub const BODY_PARTS_KEPT_MAX: usize = 1_024;
/// Ended lives of endpoints that a worker remembers.
pub const POOL_ENDED_MAX: usize = 32;
/// How often idle connections are looked at.
pub const POOL_SWEEP: Duration = Duration::from_millis(500);
/// How long a body waits for `100 Continue` before it is sent anyway (RFC 9110 §10.1.1).
pub const CONTINUE_TIME: Duration = Duration::from_secs(1);
/// Buffer of each direction of a tunnel.
pub const TUNNEL_BUFFER_BYTES: usize = 16 << 10;

/// How a relayed peer that is gone without a word is noticed: within two minutes.
pub const LIVENESS: Liveness = Liveness {
    after: Duration::from_secs(60),
    every: Duration::from_secs(15),
    probes: 4,
    unacknowledged: Duration::from_secs(120),
};
/// Sessions of one socket of a UDP listener; one more takes the place of an idle one.
pub const UDP_SESSIONS_MAX: usize = 8_192;
/// Sessions that are looked at to find an idle one.
pub const UDP_LOOKS_MAX: usize = 16;
/// Datagrams of a session that wait until it has an endpoint.
pub const UDP_PENDING_MAX: usize = 8;
/// The longest datagram.
pub const DATAGRAM_BYTES_MAX: usize = 64 << 10;
/// Datagrams taken in a row before others have their turn.
pub const DATAGRAMS_IN_A_ROW_MAX: usize = 32;

/// How long a request is held for a starting endpoint.
pub const HOLD_TIME: Duration = Duration::from_secs(5);
/// How long a request that found its process gone waits for that process's owner to notice.
pub const NOTICE_TIME: Duration = Duration::from_secs(1);
/// Requests of one service that are held at a time.
pub const HOLD_REQUESTS_MAX: u32 = 1_000;
/// Bytes of one service's held requests: heads, and what of their bodies has arrived at most.
pub const HOLD_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a held request's body that may have arrived: one read buffer or stream window.
pub const HOLD_BODY_BYTES_MAX: u64 = 64 << 10;

/// Attempts of one exchange: each endpoint once, and fresh connections after stale ones.
pub const ATTEMPTS_MAX: usize = 16;
/// Pooled connections that one exchange may find dead before it opens its own.
pub const STALE_MAX: usize = 3;
/// Endpoints that one exchange may see end a fresh connection without a byte of an answer: a
/// request that kills whoever takes it must not go through them all.
pub const RESETS_MAX: usize = 2;

/// Picks that find the last slot of their endpoint taken meanwhile, before the request waits.
pub const PICKS_MAX: u32 = 8;
/// How long a view of a service's groups is used: ejections end by themselves.
pub const VIEW_TIME: Duration = Duration::from_millis(50);
/// Requests that wait for the endpoints of one service, whatever its settings say.
pub const QUEUE_MAX: usize = 65_536;
/// How often one who waits for a slot has free ones looked for, should nobody have told.
pub const QUEUE_LOOK: Duration = Duration::from_millis(250);

/// Endpoints of one service.
pub const ENDPOINTS_MAX: usize = 4_096;
/// Open requests of one worker that `sessions` shows.
pub const SHOWN_REQUESTS_MAX: usize = 4_096;
/// Open requests of one connection that `sessions` shows.
pub const SHOWN_REQUESTS_PER_SESSION_MAX: usize = 8;
/// Bytes of a method, host or target that `sessions` shows.
pub const SHOWN_TEXT_BYTES_MAX: usize = 128;
/// Endpoints with orders of a person that are remembered.
pub const OVERRIDES_MAX: usize = 4_096;

/// Records that one worker holds until they are read.
pub const RECORDS_MAX: usize = 8_192;
/// Records that were read and that one worker holds to use again: what comes in one poll at full
/// speed. More are given back to the allocator.
pub const RECORDS_SPARE_MAX: usize = 2_048;
/// Room that each text of a spare record keeps, in bytes: a few long requests must not make all
/// records large for ever.
pub const SPARE_TEXT_BYTES_MAX: usize = 512;
/// Attempts that a spare record has room for.
pub const SPARE_ATTEMPTS_MAX: usize = 4;
/// How often records are read.
pub const RECORDS_POLL: Duration = Duration::from_millis(20);
/// How often they are read while a worker has [`RECORDS_BUSY`] of them: so few that they are in the
/// cache when they are read and when they are filled again, and that reading them holds up no
/// worker of the same core for long.
pub const RECORDS_POLL_BUSY: Duration = Duration::from_millis(2);
/// Records of one look from which on a worker is busy.
pub const RECORDS_BUSY: usize = 32;
/// Records read from one worker at a time.
pub const RECORDS_READ_MAX: usize = 4_096;
/// How reading records goes on after its sink failed.
pub const RECORDS_RESTART: Restart = Restart {
    backoff: backoff::Config::new(Duration::from_millis(100), Duration::from_secs(10)),
    failures_max: u32::MAX,
    then: Policy::Best,
};
/// How often each worker measures how late it comes back to its timer.
pub const STALL_TICK: Duration = Duration::from_millis(5);

/// Commands that wait for one worker.
pub const COMMANDS_MAX: usize = 64;
/// Replaced plans that are kept because somebody still uses a part of them, before a warning.
pub const RETIRED_PLANS_MAX: usize = 64;
/// How often replaced plans are looked at.
pub const RETIRED_POLL: Duration = Duration::from_millis(250);
/// Health checks that run at a time.
pub const CHECKS_MAX: usize = 256;
/// How often it is asked whether the answer about a name is still good: the shortest TTL that counts.
pub const RESOLVE_EVERY: Duration = Duration::from_secs(1);
/// How long all names of one service may take.
pub const RESOLVE_TIME: Duration = Duration::from_secs(10);
/// Services whose names are resolved at a time.
pub const RESOLVES_MAX: usize = 64;
/// How long a commit waits for names that it has to resolve for the first time.
pub const FIRST_RESOLVE_TIME: Duration = Duration::from_secs(1);
/// How often it is looked whether a certificate is to be ordered.
pub const ORDER_POLL: Duration = Duration::from_millis(500);
/// How long an ordered certificate is not looked at again.
pub const ORDER_LOOK_MAX: Duration = Duration::from_hours(1);
/// Between tries to order one certificate, while the authority refuses: its limits are per hour.
pub const ORDER_BACKOFF: backoff::Config =
    backoff::Config::new(Duration::from_secs(5), Duration::from_hours(1));
/// How often certificates are looked at, to be renewed or read again.
pub const RENEW_POLL: Duration = Duration::from_secs(30);

/// Events of policies that are kept for whoever asks.
pub const RESILIENCE_EVENTS: usize = 256;

/// Looks at the lock of a policy that is held before a worker sleeps: some microseconds.
pub const SHIELD_LOOKS: u32 = 16;
/// Pauses of the processor between two of them.
pub const SHIELD_PAUSES: u32 = 48;

/// Bytes of a body that are kept for a hedge, where no retry policy says how many.
pub const HEDGED_BODY: u32 = 64 << 10;

/// How often it is looked whether endpoints are to be compared: where some are, and where none is.
pub const COMPARE_LOOK: Duration = Duration::from_millis(100);
/// See [`COMPARE_LOOK`].
pub const COMPARE_IDLE: Duration = Duration::from_secs(1);

/// For how long a place in a bulkhead of several processes is held for one of which nothing is heard.
pub const LEASE_TIME: Duration = Duration::from_secs(60);
/// How often a tie to the store of a cluster is looked after.
pub const CLUSTER_TEND: Duration = Duration::from_secs(1);
/// How often a person's order is told to a store that does not answer.
pub const ORDER_TRIES: usize = 3;

/// How often it is told how many calls a policy refused.
pub const REFUSALS_TOLD: Duration = Duration::from_secs(10);

/// A service that did not answer within the deadline of its caller has failed if it had this time.
pub const FAIR_TIME: Duration = Duration::from_secs(1);

/// Policies and kinds of refusal whose numbers are remembered to be told.
pub const REFUSALS_MAX: usize = 1_024;
