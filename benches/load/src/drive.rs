//! The load generator: closed loop (as fast as answers come) or open loop (at a fixed rate, whatever comes).
//!
//! In the open loop each connection has its own timetable, and a latency counts from the time that the timetable
//! gave, not from when the request could at last be sent: a proxy that stalls cannot hide it by slowing us down
//! (coordinated omission). Timers are timerfds, because a timer wheel of one millisecond would be the latency.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::task::{JoinSet, LocalSet};

use crate::Failure;
use crate::arguments::Arguments;
use crate::http::Messages;
use crate::statistics::percentile;

const REQUEST: &[u8] = b"GET /bench HTTP/1.1\r\nHost: bench.localhost\r\nUser-Agent: trunkline-load\r\nAccept: */*\r\n\r\n";

/// Before it, connections open and pools fill; nothing is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// Written by all connections, on one thread.
#[derive(Default)]
struct Seen {
    latencies_us: Vec<u32>,
    failed: u64,
    /// With those of the warm-up.
    answered: u64,
}

struct Timetable {
    begin: Instant,
    count_from: Instant,
    end: Instant,
    /// `None`: send the next request when the answer is there.
    every: Option<Duration>,
}

/// Prints `begin` when counting begins, and at the end one line of JSON.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let port: u16 = arguments.get("to", 0)?;
    let connections: u32 = arguments.get("connections", 64)?;
    let seconds = Duration::from_secs_f64(arguments.get("seconds", 2.0)?);
    let rate: u32 = arguments.get("rate", 0)?;
    let every = (rate > 0).then(|| Duration::from_secs(1) * connections / rate);

    let begin = Instant::now() + Duration::from_millis(20);
    let count_from = begin + WARM_UP;
    let end = count_from + seconds;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let everything = async {
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            // Connections take turns evenly instead of all at once.
            let offset = every.unwrap_or_default() * number / connections;
            let table = Timetable { begin: begin + offset, count_from, end, every };
            let seen = seen.clone();
            tasks.spawn_local(async move {
                while Instant::now() < table.end {
                    if connection(port, &table, &seen).await.is_err() {
                        seen.borrow_mut().failed += 1;
                    }
                }
            });
        }
        tokio::time::sleep_until(count_from.into()).await;
        println!("begin");
        // An unanswered request must not hold the rig: it has failed.
        let _ = tokio::time::timeout_at((end + Duration::from_secs(2)).into(), async {
            while tasks.join_next().await.is_some() {}
        })
        .await;
    };
    LocalSet::new().run_until(everything).await;

    let mut seen = seen.take();
    seen.latencies_us.sort_unstable();
    let at = |share| percentile(&seen.latencies_us, share);
    println!(
        "{}",
        json!({
            "requests": seen.latencies_us.len(),
            "failed": seen.failed,
            "answered": seen.answered,
            "per_second": seen.latencies_us.len() as f64 / seconds.as_secs_f64(),
            "p50_us": at(0.50),
            "p99_us": at(0.99),
        })
    );
    Ok(())
}

/// Uses one connection until the time is over or it breaks.
async fn connection(port: u16, table: &Timetable, seen: &RefCell<Seen>) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut messages = Messages::new();
    let mut timer = table.every.map(|_| Timer::new()).transpose()?;
    let mut due = table.begin;
    if let Some(every) = table.every {
        // A connection that replaces a broken one takes the timetable up where it is.
        let missed =
            Instant::now().saturating_duration_since(due).as_nanos() / every.as_nanos().max(1);
        due += every * u32::try_from(missed).unwrap_or(u32::MAX);
    }
    loop {
        match (&mut timer, table.every) {
            (Some(timer), Some(_)) => timer.wait_until(due).await?,
            _ => due = Instant::now(),
        }
        if due >= table.end {
            return Ok(());
        }
        stream.write_all(REQUEST).await?;
        let status = messages.next(&mut stream).await?.ok_or("the connection ended")?;
        let mut seen = seen.borrow_mut();
        seen.answered += 1;
        if due >= table.count_from {
            let us = due.elapsed().as_micros();
            seen.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
            seen.failed += u64::from(status != 200);
        }
        drop(seen);
        due += table.every.unwrap_or_default();
    }
}

/// A timer of the kernel, which keeps microseconds. Reading it waits until it is due; to tokio it is like a pipe.
struct Timer(pipe::Receiver);

impl Timer {
    fn new() -> Result<Self, Failure> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self(pipe::Receiver::from_owned_fd_unchecked(timer)?))
    }

    async fn wait_until(&mut self, due: Instant) -> Result<(), Failure> {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs())?,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let once = Itimerspec { it_interval: zero, it_value: left };
        rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        // The count of expirations, which is 1.
        self.0.read_exact(&mut [0; 8]).await?;
        Ok(())
    }
}
