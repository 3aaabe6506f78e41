//! Callers beside people who ask: the gateway's p99 while the dearest question about stored traces is asked again and
//! again, against the same load when nobody asks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;
use crate::field::{Field, Load, Runner, Sample};
use crate::peers::{Contender, Setup};
use crate::process::free_port;
use crate::statistics::estimate;

const RATE: u32 = 1_000;
const CONNECTIONS: u32 = 32;
const P99_RATIO_MAX: f64 = 1.2;

/// What is asked about: so many traces of ten spans.
const TRACES: u32 = 20_000;
const SPANS: u32 = 10;
const BATCH_TRACES: u32 = 50;
/// Who asks at one time.
const PEOPLE: usize = 2;
/// Every trace of the service, the first 1 500 whole.
const QUESTION: &str = "/api/traces?service=shop&limit=1500&lookback=2h";
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let folder = rig.folder.below("questions")?;
    let (jaeger, otlp) = (free_port()?, free_port()?);
    let setup = Setup { telemetry: true, jaeger, otlp, ..Setup::default() };
    let contenders = [Contender::new("trunkline", setup)];
    let field = Field::start(rig.site(&folder), &[], &contenders)?;
    let runner = field.find("trunkline").ok_or("needs a release build of trunkline")?;
    fill(otlp)?;
    let load = Load { connections: CONNECTIONS, rate: RATE, ..rig.load() };
    runner.measure(&load)?;
    let mut ratios = Vec::new();
    for round in 0..rig.rounds {
        let calm = runner.measure(&load)?;
        let (asked, answered) = beside(runner, &load, jaeger)?;
        if answered == 0 {
            return Err("no question was answered".into());
        }
        ratios.push(asked.p99_us / calm.p99_us);
        eprintln!(
            "questions    round {}/{}  p99 {:.0} µs beside {answered} questions, {:.0} µs without",
            round + 1,
            rig.rounds,
            asked.p99_us,
            calm.p99_us
        );
    }
    let measured =
        if ratios.is_empty() { Err("no rounds".to_owned()) } else { Ok(estimate(&ratios)) };
    report.bar(Bar::ratio("p99 beside the dearest question ÷ without", P99_RATIO_MAX, measured));
    Ok(())
}

/// Measures callers while people ask; says how many answers they got.
fn beside(runner: &Runner, load: &Load, jaeger: u16) -> Result<(Sample, u64), Failure> {
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let people: Vec<_> = (0..PEOPLE)
        .map(|_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if exchange(jaeger, &format!("GET {QUESTION} HTTP/1.1\r\n"), "").is_ok() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let sample = runner.measure(load);
    stop.store(true, Ordering::Relaxed);
    for person in people {
        person.join().map_err(|_| "somebody who asked panicked")?;
    }
    Ok((sample?, answered.load(Ordering::Relaxed)))
}

/// Sends traces of the last hour.
fn fill(otlp: u16) -> Result<(), Failure> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    for first in (0..TRACES).step_by(BATCH_TRACES as usize) {
        let spans: Vec<String> = (first..first + BATCH_TRACES)
            .flat_map(|trace| (0..SPANS).map(move |n| span(now, trace, n)))
            .collect();
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
            "scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        );
        let head = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/json\r\n";
        // The store is opened beside serving, and senders are told to come again until it is.
        let begun = Instant::now();
        while let Err(refused) = exchange(otlp, head, &body) {
            if begun.elapsed() > LIMIT {
                return Err(refused);
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

fn span(now: u64, trace: u32, number: u32) -> String {
    let start = now - u64::from(trace) * 100_000_000 + u64::from(number) * 1_000_000;
    let id = u64::from(trace) * u64::from(SPANS) + u64::from(number) + 1;
    format!(
        r#"{{"traceId":"{:032x}","spanId":"{id:016x}","name":"GET /things/{number}","kind":2,
        "startTimeUnixNano":"{start}","endTimeUnixNano":"{}",
        "attributes":[{{"key":"http.route","value":{{"stringValue":"/things/{{id}}"}}}},
        {{"key":"customer","value":{{"stringValue":"customer-{}"}}}}]}}"#,
        u64::from(trace) + 1,
        start + 5_000_000,
        trace % 997,
    )
}

/// One request on a connection of its own; its answer must be a success.
fn exchange(port: u16, head: &str, body: &str) -> Result<(), Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(LIMIT))?;
    let rest =
        format!("host: localhost\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    socket.write_all([head, &rest, body].concat().as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(format!("port {port} answers {}", String::from_utf8_lossy(line)).into())
}
