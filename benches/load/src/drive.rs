//! The load generator: closed loop (as fast as answers come) or open loop (at a fixed rate, whatever comes).
//!
//! In the open loop each connection has its own timetable, and a latency counts from the time that the timetable
//! gave, not from when the request could at last be sent: a proxy that stalls cannot hide it by slowing us down
//! (coordinated omission). What is sent is HTTP/1.1 on kept connections, plain or with TLS, or one connection for
//! each request, or unary gRPC on HTTP/2.

mod grpc;
mod http1;
pub(crate) mod timer;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::{JoinSet, LocalSet};

use crate::Failure;
use crate::arguments::Arguments;
use crate::identity::Client;
use crate::statistics::percentile;

pub(crate) use grpc::message;

/// Before it, connections open and pools fill; nothing is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// Rests after a connection that failed: a proxy that refuses must not make a busy loop of us.
const REST: Duration = Duration::from_millis(1);

/// Written by all connections, on one thread.
#[derive(Default)]
struct Seen {
    latencies_us: Vec<u32>,
    failed: u64,
    /// With those of the warm-up.
    answered: u64,
    first_failure: Option<String>,
}

impl Seen {
    fn fail(&mut self, failure: &dyn std::error::Error) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| failure.to_string());
    }

    /// An answer to a request that was due at this time.
    fn answer(&mut self, due: Instant, good: bool, table: &Timetable) {
        self.answered += 1;
        if due >= table.count_from {
            let us = due.elapsed().as_micros();
            self.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
            self.failed += u64::from(!good);
        }
    }
}

#[derive(Clone, Copy)]
struct Timetable {
    begin: Instant,
    count_from: Instant,
    end: Instant,
    /// `None`: send the next request when the answer is there.
    every: Option<Duration>,
}

/// What every connection does.
struct Plan {
    port: u16,
    shape: Shape,
    tls: Option<Client>,
    /// Asked for in turn, each connection beginning with another one.
    requests: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Keep,
    Close,
    Grpc,
}

/// Prints `begin` when counting begins, and at the end one line of JSON.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let connections: u32 = arguments.get("connections", 64)?;
    let seconds = Duration::from_secs_f64(arguments.get("seconds", 2.0)?);
    let rate: u32 = arguments.get("rate", 0)?;
    let plan = Rc::new(Plan::new(arguments)?);
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
            tasks.spawn_local(keep_going(plan.clone(), table, number as usize, seen.clone()));
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
            "failure": seen.first_failure,
        })
    );
    Ok(())
}

impl Plan {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let shape = match arguments.text("shape").unwrap_or("keep") {
            "keep" => Shape::Keep,
            "close" => Shape::Close,
            "grpc" => Shape::Grpc,
            other => return Err(format!("--shape: `{other}` is none").into()),
        };
        let paths: u64 = arguments.get("paths", 0)?;
        let requests = match paths {
            0 => vec![request("/bench", shape)],
            // Neighbours in the table are not asked for one after the other: 7919 is prime.
            _ => (0..paths).map(|n| request(&path_of_route(n * 7919 % paths), shape)).collect(),
        };
        let tls = arguments.text("tls").map(|root| Client::new(Path::new(root))).transpose()?;
        Ok(Self { port: arguments.get("to", 0)?, shape, tls, requests })
    }
}

/// A path below the route with this number; see [`crate::peers`].
fn path_of_route(number: u64) -> String {
    format!("/api/resource-{number}/items")
}

fn request(path: &str, shape: Shape) -> Vec<u8> {
    let end = if shape == Shape::Close { "Connection: close\r\n" } else { "" };
    let fields = "Host: bench.localhost\r\nUser-Agent: trunkline-load\r\nAccept: */*\r\n";
    format!("GET {path} HTTP/1.1\r\n{fields}{end}\r\n").into_bytes()
}

/// One connection after the other until the time is over.
async fn keep_going(plan: Rc<Plan>, table: Timetable, number: usize, seen: Rc<RefCell<Seen>>) {
    while Instant::now() < table.end {
        let outcome = match plan.shape {
            Shape::Grpc => grpc::connection(&plan, &table, &seen).await,
            Shape::Keep | Shape::Close => http1::connection(&plan, &table, number, &seen).await,
        };
        if let Err(failure) = outcome {
            seen.borrow_mut().fail(&*failure);
            tokio::time::sleep(REST).await;
        }
    }
}
