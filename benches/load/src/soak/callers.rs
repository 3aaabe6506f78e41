//! Callers of every kind, at a fixed rate whatever is answered: kept-alive connections, a connection for each
//! request, HTTP/2, slow streams, tunnels.
//!
//! Callers are strict. A refused or reset connection, a status other than 200, an answer that is short, late or not
//! theirs is a failure. They are not foolish either: they obey `Connection: close` and GOAWAY, and send again what
//! HTTP/2 says was not processed.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, sleep_until, timeout};

use super::backend::{CHUNK_BYTES, CHUNKS};
use super::http2;
use super::seen::Board;
use super::wire::{Head, Wire};
use super::{KILLS, UPGRADES};
use crate::Failure;

/// Bytes of one word in a tunnel.
pub(super) const PING_BYTES: usize = 32;
const PING_EVERY: Duration = Duration::from_millis(50);
/// How long a tunnel lives when processes are replaced: less than a drain takes at most.
const TUNNEL_LIFE: Duration = Duration::from_secs(5);
/// Any answer is late after it.
pub(super) const LIMIT: Duration = Duration::from_secs(15);
/// A caller that was refused tries again after it.
pub(super) const REST: Duration = Duration::from_millis(20);
/// A caller that is further behind its timetable takes it up from now.
const BEHIND_MAX: Duration = Duration::from_millis(200);
/// Each tenth request has a body, which comes back.
const BODY_BYTES: usize = 20_000;

/// How many callers of each kind there are.
const KEPT: u32 = 24;
const HTTP2: u32 = 2;
const STREAMS: u32 = 4;
const TUNNELS: u32 = 4;
/// From so many addresses of the loopback further connections come: one has 28 000 ports.
const ADDRESSES: u32 = 8;

/// The thread of all callers.
pub(super) struct Callers {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Callers {
    /// Calls `port` at so many requests a second: two fifths each kept-alive and HTTP/2, one fifth by connections of
    /// their own; and so many connections a second besides, from eight addresses.
    pub(super) fn start(port: u16, rates: (u32, u32), board: &Arc<Board>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(board);
        let call = move || LocalSet::new().block_on(&runtime, call(port, rates, shared));
        let thread = std::thread::Builder::new().name("callers".to_owned()).spawn(call)?;
        Ok(Self { board: Arc::clone(board), thread: Some(thread) })
    }

    /// Lets every caller finish what it began.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.board.stop();
        let thread = self.thread.take();
        let ended = thread.map(JoinHandle::join).transpose();
        ended.map(|_| ()).map_err(|_| "a caller panicked".into())
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.board.stop();
    }
}

async fn call(port: u16, (rate, more): (u32, u32), board: Arc<Board>) {
    let fifth = f64::from(rate) / 5.0;
    let every = |callers: u32, rate: f64| Duration::from_secs_f64(f64::from(callers) / rate);
    let mut tasks = JoinSet::new();
    for number in 0..KEPT {
        let table = Table::new(every(KEPT, 2.0 * fifth), number, KEPT);
        tasks.spawn_local(kept(port, number, table, Arc::clone(&board)));
    }
    for number in 0..HTTP2 {
        let table = Table::new(every(HTTP2, 2.0 * fifth), number, HTTP2);
        tasks.spawn_local(http2::caller(port, number, table, Arc::clone(&board)));
    }
    let local = Ipv4Addr::LOCALHOST;
    tasks.spawn_local(fresh(port, local, Table::new(every(1, fifth), 0, 1), Arc::clone(&board)));
    for number in 0..ADDRESSES * u32::from(more > 0) {
        let address = Ipv4Addr::from_bits(local.to_bits() + number);
        let table = Table::new(every(ADDRESSES, f64::from(more)), number, ADDRESSES);
        tasks.spawn_local(fresh(port, address, table, Arc::clone(&board)));
    }
    for number in 0..STREAMS {
        tasks.spawn_local(streams(port, number, Arc::clone(&board)));
    }
    for _ in 0..TUNNELS {
        tasks.spawn_local(tunnels(port, Arc::clone(&board)));
    }
    while tasks.join_next().await.is_some() {}
}

/// When the next request is due.
pub(super) struct Table {
    due: Instant,
    every: Duration,
}

impl Table {
    fn new(every: Duration, number: u32, callers: u32) -> Self {
        // Callers take turns evenly instead of all at once.
        let due = Instant::now() + every * number / callers;
        Self { due, every }
    }

    pub(super) async fn next(&mut self) {
        sleep_until(self.due.into()).await;
        // Who fell far behind, because the machine was busy, begins anew instead of flooding.
        let now = Instant::now();
        self.due += self.every;
        if now.saturating_duration_since(self.due) > BEHIND_MAX {
            self.due = now;
        }
    }
}

async fn kept(port: u16, number: u32, mut table: Table, board: Arc<Board>) {
    let mut count = 0_u64;
    while !board.is_stopped() {
        let mut wire = match Wire::connect(port).await {
            Ok(wire) => wire,
            Err(error) => {
                board.failed(board.phase(), format!("kept: connect: {error}"));
                sleep(REST).await;
                continue;
            }
        };
        loop {
            table.next().await;
            if board.is_stopped() {
                return;
            }
            count += 1;
            let path = format!("/kept/{number}/{count}");
            // What may not be repeated is not sent while backends are killed.
            let has_body = count.is_multiple_of(10) && board.phase() != KILLS;
            let body = if has_body { BODY_BYTES } else { 0 };
            match counted(&board, "kept", exchange(&mut wire, &path, body, "keep-alive")).await {
                Some(head) if !head.has("connection", "close") => {}
                _ => break,
            }
        }
    }
}

async fn fresh(port: u16, from: Ipv4Addr, mut table: Table, board: Arc<Board>) {
    let mut tasks = JoinSet::new();
    let mut count = 0_u64;
    while !board.is_stopped() {
        table.next().await;
        count += 1;
        let (path, board) = (format!("/fresh/{count}"), Arc::clone(&board));
        tasks.spawn_local(async move {
            let whole = async {
                let connected = Wire::connect_from(from, port).await;
                let mut wire = connected.map_err(|error| format!("connect: {error}"))?;
                exchange(&mut wire, &path, 0, "close").await
            };
            counted(&board, "fresh", whole).await;
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

async fn streams(port: u16, number: u32, board: Arc<Board>) {
    let mut count = 0_u64;
    while !board.is_stopped() {
        let phase = board.phase();
        if phase == KILLS {
            sleep(REST).await;
            continue;
        }
        count += 1;
        let path = format!("/stream/{number}/{count}");
        match timeout(LIMIT, streamed(port, &path)).await {
            Ok(Ok(())) => board.answered(phase, None),
            Ok(Err(words)) => board.failed(phase, format!("stream: {words}")),
            Err(_) => board.failed(phase, format!("stream: not whole within {LIMIT:?}")),
        }
        sleep(REST).await;
    }
}

async fn streamed(port: u16, path: &str) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut wire = Wire::connect(port).await.map_err(text)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: soak.localhost\r\n\r\n");
    wire.write(request.as_bytes()).await.map_err(text)?;
    let head = wire.head().await.map_err(text)?.ok_or("no answer")?;
    let body = wire.body(&head).await.map_err(text)?;
    match (head.second(), body.len()) {
        ("200", length) if length == CHUNKS * CHUNK_BYTES => Ok(()),
        ("200", length) => Err(format!("{length} bytes")),
        _ => Err(refusal(&head)),
    }
}

async fn tunnels(port: u16, board: Arc<Board>) {
    while !board.is_stopped() {
        let phase = board.phase();
        if phase == KILLS {
            sleep(REST).await;
            continue;
        }
        match tunnel(port, &board).await {
            Ok(()) => board.answered(phase, None),
            Err(words) => board.failed(phase, format!("tunnel: {words}")),
        }
        sleep(REST).await;
    }
}

/// A tunnel that stays open for a whole phase, or for its life where processes are replaced.
async fn tunnel(port: u16, board: &Board) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut wire = Wire::connect(port).await.map_err(text)?;
    let request = "GET /tunnel HTTP/1.1\r\nhost: soak.localhost\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    wire.write(request.as_bytes()).await.map_err(text)?;
    let head = timeout(LIMIT, wire.head()).await.map_err(|_| "no answer")?;
    let head = head.map_err(text)?.ok_or("no answer")?;
    if head.second() != "101" {
        return Err(refusal(&head));
    }
    let (phase, begun) = (board.phase(), Instant::now());
    let mut count = 0_u64;
    while !board.is_stopped() && board.phase() == phase {
        if phase == UPGRADES && begun.elapsed() > TUNNEL_LIFE {
            break;
        }
        count += 1;
        let word = format!("{count:0>PING_BYTES$}");
        wire.write(word.as_bytes()).await.map_err(text)?;
        let back = timeout(LIMIT, wire.exactly(PING_BYTES)).await;
        let back = back.map_err(|_| "no echo")?.map_err(text)?;
        if back != word.as_bytes() {
            return Err("another echo".to_owned());
        }
        sleep(PING_EVERY).await;
    }
    Ok(())
}

/// Counts how a request went; gives the head of a good answer.
async fn counted(
    board: &Board,
    kind: &str,
    request: impl Future<Output = Result<Head, String>>,
) -> Option<Head> {
    let (phase, begun) = (board.phase(), Instant::now());
    let words = match timeout(LIMIT, request).await {
        Ok(Ok(head)) => {
            board.answered(phase, Some(begun.elapsed()));
            return Some(head);
        }
        Ok(Err(words)) => words,
        Err(_) => format!("no answer within {LIMIT:?}"),
    };
    board.failed(phase, format!("{kind}: {words}"));
    None
}

/// One request, and its whole answer, which must be ours.
async fn exchange(
    wire: &mut Wire,
    path: &str,
    body: usize,
    connection: &str,
) -> Result<Head, String> {
    let text = |error: std::io::Error| error.to_string();
    let method = if body > 0 { "POST" } else { "GET" };
    let content = "b".repeat(body);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: soak.localhost\r\nconnection: {connection}\r\ncontent-length: {body}\r\n\r\n{content}"
    );
    wire.write(request.as_bytes()).await.map_err(text)?;
    let head = wire.head().await.map_err(text)?;
    let head = head.ok_or("the connection ended without an answer")?;
    let answer = wire.body(&head).await.map_err(text)?;
    let expected = if body > 0 { &content } else { path };
    match head.second() {
        "200" if answer == expected.as_bytes() => Ok(head),
        "200" => Err(format!("another answer than expected: {} bytes", answer.len())),
        _ => Err(refusal(&head)),
    }
}

fn refusal(head: &Head) -> String {
    let reason = head.get("x-trunkline-reason").unwrap_or("no reason");
    format!("status {}: {reason}", head.second())
}
