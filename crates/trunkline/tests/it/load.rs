//! Callers that never stop: half of them connect anew for each request, half keep their connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Callers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    longest_us: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// What callers saw.
#[derive(Debug)]
pub struct Outcome {
    pub answered: u64,
    pub failures: Vec<String>,
    /// The longest that a caller waited for an answer.
    pub longest: Duration,
}

/// What a caller asks for, again and again.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub method: &'static str,
    pub host: &'static str,
    pub target: &'static str,
    /// Sent as JSON, if there is any.
    pub body: &'static str,
}

impl Load {
    /// Starts `callers` callers of `address`, which all `GET`.
    pub fn start(address: SocketAddr, callers: usize) -> Self {
        Self::start_with(address, callers, (&["GET"], Duration::from_millis(2)))
    }

    /// The same, each pair of callers with the next of these methods, with this pause after each request.
    pub fn start_with(
        address: SocketAddr,
        callers: usize,
        (methods, pause): (&'static [&'static str], Duration),
    ) -> Self {
        let body = |method| if method == "POST" { "1234" } else { "" };
        let call = |method| Call { method, host: "load.test", target: "/load", body: body(method) };
        let calls = (0..callers).map(|caller| call(methods[caller / 2 % methods.len()]));
        Self::of_calls(address, calls.collect(), pause)
    }

    /// A caller for each of these, with this pause after each request.
    pub fn of_calls(address: SocketAddr, calls: Vec<Call>, pause: Duration) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            answered: Arc::default(),
            longest_us: Arc::default(),
            failures: Arc::default(),
            threads: Vec::new(),
        };
        for (caller, call) in calls.into_iter().enumerate() {
            let (stop, answered, failures) =
                (Arc::clone(&load.stop), Arc::clone(&load.answered), Arc::clone(&load.failures));
            let longest_us = Arc::clone(&load.longest_us);
            load.threads.push(std::thread::spawn(move || {
                let keep = caller % 2 == 0;
                let mut connection = None;
                while !stop.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    match request(address, (call, keep), &mut connection) {
                        Ok(()) => {
                            let took = u64::try_from(begin.elapsed().as_micros()).unwrap();
                            longest_us.fetch_max(took, Ordering::Relaxed);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => {
                            connection = None;
                            let Call { method, target, .. } = call;
                            let failure = format!("{method} {target}, kept {keep}: {error}");
                            failures.lock().unwrap().push(failure);
                        }
                    }
                    std::thread::sleep(pause);
                }
            }));
        }
        load
    }

    /// Requests that were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends, and returns how many were answered. A failed request fails the test.
    #[track_caller]
    pub fn finish(self) -> u64 {
        let Outcome { answered, failures, .. } = self.outcome();
        assert!(
            failures.is_empty(),
            "{} of {answered} requests failed: {:?}",
            failures.len(),
            &failures[..failures.len().min(5)]
        );
        answered
    }

    /// Ends, and returns what the callers saw.
    pub fn outcome(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        Outcome {
            answered: self.answered.load(Ordering::Relaxed),
            failures: std::mem::take(&mut self.failures.lock().unwrap()),
            longest: Duration::from_micros(self.longest_us.load(Ordering::Relaxed)),
        }
    }
}

fn request(
    address: SocketAddr,
    (call, keep): (Call, bool),
    connection: &mut Option<BufReader<TcpStream>>,
) -> Result<(), String> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => BufReader::new(
            TcpStream::connect(address).map_err(|error| format!("connect: {error}"))?,
        ),
    };
    open.get_ref().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let word = if keep { "keep-alive" } else { "close" };
    let Call { method, host, target, body } = call;
    let fields = match body.len() {
        0 => String::new(),
        length => format!("content-type: application/json\r\ncontent-length: {length}\r\n"),
    };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: {word}\r\n{fields}\r\n{body}"
    );
    open.get_mut().write_all(head.as_bytes()).map_err(|error| format!("write: {error}"))?;
    let (mut length, mut closes, mut status) = (0, !keep, String::new());
    loop {
        let mut line = String::new();
        if open.read_line(&mut line).map_err(|error| format!("read: {error}"))? == 0 {
            return Err(format!("closed before the end of the head (status `{status}`)"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(':') {
            None if line.is_empty() => break,
            None => status = line,
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            Some(("connection", value)) => closes |= value.trim() == "close",
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    open.read_exact(&mut body).map_err(|error| format!("body: {error}"))?;
    if !status.contains(" 200") {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    if !closes {
        *connection = Some(open);
    }
    Ok(())
}
