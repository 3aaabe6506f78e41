//! Accepts connections, gives each a thread, and lets them all finish when the service stops.
//!
//! Stopping has three steps: accept no more; let each client that asks again within a moment be answered and told to
//! close; then close what is idle and wait for the rest. So no request that was begun fails.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::connection::{Connection, Incoming};

/// Connections at the same time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// Above this many, none is kept alive, so that those who wait get their turn.
const CONNECTIONS_KEPT_MAX: usize = CONNECTIONS_MAX / 2;
/// Enough for a deeply nested JSON document in an unoptimised build.
const STACK_BYTES: usize = 512 * 1024;
/// How long a connection that is kept alive is given to ask once more before it is closed.
const FAREWELL: Duration = Duration::from_millis(150);
/// How long requests may still take after that.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

struct Shared {
    api: Arc<Api>,
    stopping: AtomicBool,
    open: Mutex<Open>,
    /// A connection has closed.
    closed: Condvar,
}

#[derive(Default)]
struct Open {
    connections: HashMap<u64, (TcpStream, Stage)>,
    opened: u64,
    /// Idle connections have been closed: none may become idle any more.
    swept: bool,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Idle,
    Busy,
}

pub fn start(listener: TcpListener, api: Arc<Api>) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let open = Mutex::new(Open::default());
    let shared = Arc::new(Shared {
        api,
        stopping: AtomicBool::new(false),
        open,
        closed: Condvar::new(),
    });
    let acceptor = {
        let shared = shared.clone();
        thread::Builder::new()
            .name("accept".into())
            .spawn(move || accept(&listener, &shared))?
    };
    Ok(Server {
        address,
        shared,
        acceptor,
    })
}

impl Server {
    /// Stops, and tells how many requests could not be finished in time.
    pub fn stop(self) -> usize {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.join();
        thread::sleep(FAREWELL);
        let mut open = self.shared.lock();
        open.swept = true;
        for (stream, stage) in open.connections.values() {
            if *stage == Stage::Idle {
                // What has arrived already can still be read and is answered.
                let _ = stream.shutdown(Shutdown::Read);
            }
        }
        let waited = self
            .shared
            .closed
            .wait_timeout_while(open, DRAIN_TIME_MAX, |open| !open.connections.is_empty());
        waited.map_or(0, |(open, _)| open.connections.len())
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut last_call = None;
    while last_call.is_none_or(|end| Instant::now() < end) {
        // Who is in the queue when we are told to stop has come in time. Clients that never stop coming do not keep us.
        if last_call.is_none() && shared.stopping.load(Ordering::SeqCst) {
            last_call = Some(Instant::now() + FAREWELL);
            if listener.set_nonblocking(true).is_err() {
                return;
            }
        }
        match listener.accept() {
            Ok((stream, _)) => serve_on_a_thread(shared, stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // A client that left already, or no file descriptor free: both pass.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn serve_on_a_thread(shared: &Arc<Shared>, stream: TcpStream) {
    let Ok(id) = shared.admit(&stream) else { return };
    let guard = Guard {
        shared: shared.clone(),
        id,
    };
    // If there is no thread to be had, the guard is dropped and the connection with it.
    let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        if stream.set_nonblocking(false).is_ok() {
            let _ = serve(&guard, stream);
        }
    });
}

/// Answers request after request until one side wants to close.
fn serve(guard: &Guard, stream: TcpStream) -> io::Result<()> {
    let shared = &guard.shared;
    let mut connection = Connection::new(stream)?;
    while shared.set_stage(guard.id, Stage::Idle) && connection.wait() {
        shared.set_stage(guard.id, Stage::Busy);
        match connection.read() {
            Incoming::Request(head, body) => {
                let with_body = head.method != "HEAD";
                let wants_more = head.keep_alive;
                let response = shared.api.serve(head, &body);
                let keep_alive = wants_more && shared.keeps_alive();
                connection.write(&response.to_bytes(keep_alive, with_body))?;
                if !keep_alive {
                    connection.close_gently();
                    break;
                }
            }
            Incoming::Refused(response) => {
                shared.api.refused(response.status);
                connection.write(&response.to_bytes(false, true))?;
                connection.close_gently();
                break;
            }
            Incoming::Nothing => break,
        }
    }
    Ok(())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nobody panics while holding it; and if so, the map is whole.
        self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits for room, and notes the connection.
    fn admit(&self, stream: &TcpStream) -> io::Result<u64> {
        let stream = stream.try_clone()?;
        let full = |open: &mut Open| open.connections.len() >= CONNECTIONS_MAX;
        let waited = self.closed.wait_while(self.lock(), full);
        let mut open = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        open.opened += 1;
        let id = open.opened;
        open.connections.insert(id, (stream, Stage::Busy));
        Ok(id)
    }

    /// False: it is too late to become idle.
    fn set_stage(&self, id: u64, stage: Stage) -> bool {
        let mut open = self.lock();
        let allowed = !(open.swept && stage == Stage::Idle);
        if let Some(connection) = open.connections.get_mut(&id) {
            connection.1 = stage;
        }
        allowed
    }

    fn keeps_alive(&self) -> bool {
        !self.stopping.load(Ordering::SeqCst) && self.lock().connections.len() <= CONNECTIONS_KEPT_MAX
    }
}

/// A place among the open connections, given back when the connection's thread ends, however it ends.
struct Guard {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().connections.remove(&self.id);
        self.shared.closed.notify_all();
    }
}
