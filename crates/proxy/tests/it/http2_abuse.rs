//! What HTTP/2 callers may not do: each attack ends its own connection, is counted by what it was,
//! and others are served meanwhile.

use std::time::Duration;

use trunkline_model::Model;
use trunkline_testkit::frames::{END_HEADERS, END_STREAM, FramePeer, head, kind};
use trunkline_testkit::wait::until;
use trunkline_testkit::{RawClient, Upstream, body};

use crate::rig::{Rig, get, http2, model, service, tcp};

const ENHANCE_YOUR_CALM: u32 = 0xb;

struct Attacked {
    rig: Rig,
    _upstreams: [Upstream; 2],
}

/// `/` answers, `/silent` never does.
async fn attacked(change: impl FnOnce(&mut Model)) -> Attacked {
    let upstreams = [Upstream::echo(), Upstream::hanging()];
    let [echo, hanging] = upstreams.each_ref().map(Upstream::address);
    let mut model = model(vec![service("web", &[echo]), service("silent", &[hanging])]);
    change(&mut model);
    let rig = Rig::start_with(model, |deps| deps.workers = 1).await;
    Attacked { rig, _upstreams: upstreams }
}

impl Attacked {
    async fn peer(&self) -> FramePeer {
        FramePeer::connect(self.rig.address, &[]).await
    }

    async fn counted(&self, reason: &str) -> u64 {
        let stats = self.rig.stats().await;
        let refused = &stats.listeners[0].refused;
        refused.iter().find(|(word, _)| *word == reason).map_or(0, |(_, count)| *count)
    }

    /// The attack was ended for its reason, and somebody else is served.
    async fn ended(&self, mut peer: FramePeer, reason: &str) {
        peer.flush().await;
        assert_eq!(peer.farewell().await, Some(ENHANCE_YOUR_CALM), "{reason}");
        until("the attack is counted", async || self.counted(reason).await == 1).await;
        let mut other = RawClient::connect(self.rig.address).await;
        assert_eq!(other.get("shop.localhost", "/").await.status, 200);
    }
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_their_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    for number in 0..1_000 {
        peer.get(2 * number + 1, "/silent");
        peer.reset(2 * number + 1, 8);
    }
    attacked.ended(peer, "http2_rapid_reset").await;
    // All that they began upstream is given up.
    let in_flight = async || attacked.rig.service("silent").await.in_flight == 0;
    until("nothing is in flight", in_flight).await;
}

#[tokio::test]
async fn a_caller_may_take_back_what_was_answered() {
    let attacked = attacked(|_| {}).await;
    let caller = http2(tcp(attacked.rig.address).await).await;
    for _ in 0..1_000 {
        let mut caller = caller.clone();
        // The body is never read: dropping it resets the stream, if it is not over yet.
        let response = caller.send_request(get("http://shop.localhost/")).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(attacked.counted("http2_rapid_reset").await, 0);
}

#[tokio::test]
async fn a_head_without_an_end_ends_its_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    peer.frame(kind::HEADERS, END_STREAM, 1, &head("/", &[]));
    for _ in 0..10_000 {
        peer.frame(kind::CONTINUATION, 0, 1, &[]);
    }
    attacked.ended(peer, "http2_continuation").await;
}

#[tokio::test]
async fn floods_of_cheap_frames_end_their_connection() {
    let attacked = attacked(|_| {}).await;
    for (kind, stream, payload, reason) in [
        (kind::SETTINGS, 0, &[][..], "http2_settings"),
        (kind::PING, 0, &[0; 8], "http2_ping"),
        (kind::PRIORITY, 1, &[0, 0, 0, 0, 1], "http2_priority"),
        (kind::WINDOW_UPDATE, 0, &[0, 0, 0, 1], "http2_window_update"),
        (0x77, 0, &[], "http2_unknown_frame"),
    ] {
        let mut peer = attacked.peer().await;
        for _ in 0..10_000 {
            peer.frame(kind, 0, stream, payload);
        }
        attacked.ended(peer, reason).await;
    }
}

#[tokio::test]
async fn bodies_of_nothing_end_their_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    peer.frame(kind::HEADERS, END_HEADERS, 1, &head("/silent", &[]));
    for _ in 0..10_000 {
        peer.frame(kind::DATA, 0, 1, &[]);
    }
    attacked.ended(peer, "http2_empty_data").await;
}

/// A head with a field of 4 000 bytes that goes into the table, and comes so often out of it again.
fn bomb(first: bool, times: usize) -> Vec<u8> {
    let mut bomb = head("/", &[]);
    if first {
        bomb.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
        bomb.extend([b'y'; 4_000]);
    }
    bomb.extend(std::iter::repeat_n(0xbe, times));
    bomb
}

#[tokio::test]
async fn a_head_that_unpacks_to_far_too_much_ends_its_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    peer.frame(kind::HEADERS, END_HEADERS, 1, &bomb(true, 12_000));
    attacked.ended(peer, "http2_codec").await;
}

#[tokio::test]
async fn heads_that_unpack_to_too_much_are_refused_and_end_their_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    peer.frame(kind::HEADERS, END_HEADERS, 1, &bomb(true, 20));
    for number in 1..1_000 {
        peer.frame(kind::HEADERS, END_HEADERS, 2 * number + 1, &bomb(false, 20));
    }
    peer.flush().await;
    // `:status: 431`, spelled out.
    let refusal = peer.read_kind(kind::HEADERS).await;
    assert_eq!((refusal.stream, refusal.flags), (1, END_HEADERS | END_STREAM));
    attacked.ended(peer, "http2_provoked_reset").await;
}

#[tokio::test]
async fn a_caller_that_makes_us_reset_streams_ends_its_connection() {
    let attacked = attacked(|_| {}).await;
    let mut peer = attacked.peer().await;
    for number in 0..1_000 {
        peer.get(2 * number + 1, "/silent");
        // A window that is opened too far ends its stream (RFC 9113 §6.9.1).
        peer.frame(kind::WINDOW_UPDATE, 0, 2 * number + 1, &[0x7f, 0xff, 0xff, 0xff]);
    }
    attacked.ended(peer, "http2_provoked_reset").await;
}

#[tokio::test]
async fn too_many_fields_are_refused() {
    let attacked = attacked(|_| {}).await;
    let caller = http2(tcp(attacked.rig.address).await).await;
    let mut request = get("http://shop.localhost/");
    for number in 0..300 {
        let name = format!("x-{number}").parse::<http::HeaderName>().unwrap();
        request.headers_mut().insert(name, "1".parse().unwrap());
    }
    let response = caller.clone().send_request(request).await.unwrap();
    assert_eq!(response.status(), 431);
    assert_eq!(attacked.counted("too_many_fields").await, 1);
}

#[tokio::test]
async fn written_limits_of_heads_hold_over_http2() {
    let attacked = attacked(|model| {
        model.guard.target_bytes = 100;
        model.guard.fields = 20;
        model.guard.head_bytes = 4 << 10;
    });
    let attacked = attacked.await;
    let caller = http2(tcp(attacked.rig.address).await).await;
    let ask = async |target: &str, fields: usize, bytes: usize| {
        let mut request = get(&format!("http://shop.localhost/{target}"));
        for number in 0..fields {
            let name = format!("x-{number}").parse::<http::HeaderName>().unwrap();
            request.headers_mut().insert(name, "x".repeat(bytes).parse().unwrap());
        }
        caller.clone().send_request(request).await.unwrap().status().as_u16()
    };
    assert_eq!(ask("", 10, 1).await, 200);
    assert_eq!(ask(&"x".repeat(200), 0, 1).await, 414);
    assert_eq!(ask("", 30, 1).await, 431);
    assert_eq!(ask("", 10, 1_000).await, 431);
}

#[tokio::test]
async fn a_window_that_stays_shut_is_left() {
    let attacked = attacked(|model| model.listeners[0].timeouts.idle = Duration::from_millis(300));
    let attacked = attacked.await;
    // SETTINGS_INITIAL_WINDOW_SIZE of 0.
    let mut peer = FramePeer::connect(attacked.rig.address, &[(4, 0)]).await;
    peer.get(1, "/");
    peer.flush().await;
    let reset = peer.read_kind(kind::RST_STREAM).await;
    assert_eq!((reset.stream, reset.payload), (1, vec![0, 0, 0, 8]));
    assert_eq!(attacked.counted("http2_window_stall").await, 1);
    let in_flight = async || attacked.rig.service("web").await.in_flight == 0;
    until("nothing is in flight", in_flight).await;
}

#[tokio::test]
async fn a_window_that_opens_slowly_is_served_to_the_end() {
    let upstream = Upstream::http(|_| async { http::Response::new(body::full("x".repeat(5_000))) });
    let mut model = model(vec![service("web", &[upstream.address()])]);
    model.listeners[0].timeouts.idle = Duration::from_millis(500);
    let rig = Rig::start(model).await;
    let mut peer = FramePeer::connect(rig.address, &[(4, 1_000)]).await;
    peer.get(1, "/");
    peer.flush().await;
    let mut read = 0;
    loop {
        let frame = peer.read_kind(kind::DATA).await;
        read += frame.payload.len();
        if frame.flags & END_STREAM != 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.frame(kind::WINDOW_UPDATE, 0, 1, &1_000_u32.to_be_bytes());
        peer.flush().await;
    }
    assert_eq!(read, 5_000);
}
