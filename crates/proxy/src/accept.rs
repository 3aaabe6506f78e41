//! Step 1: a worker takes a connection and owns it until its end.
//!
//! One loop per socket. Accepting is fair: after so many connections in a row the loop lets the
//! others run. Where the system has no descriptors left, the loop pauses instead of spinning. A
//! connection is a task of its own, so that a panic in it ends it alone.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::AbortHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use trunkline_net::burst;
use trunkline_net::http::{Peer, Scheme};
use trunkline_net::stream::Stream;
use trunkline_resilience::overload::Level;
use trunkline_rt::{Alarm, DrainWatcher, TurnClock};

use crate::decode::{self, Activity, Connection};
use crate::guard::{Leave, admit};
use crate::l4::{relay, take_header};
use crate::limits;
use crate::observe::{Connections, PerWorker};
use crate::plan::ListenerPlan;
use crate::secure::secure;
use crate::worker::{Accepting, Listed, Listening, Orders, Told, Worker, look_over};

/// Accepts on one socket until its address is drained or taken over.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    listening: Rc<Listening>,
    drain: DrainWatcher,
    socket: std::net::TcpListener,
) -> io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
    let ended = accept_until_closing(&worker, &listening, &drain, &socket).await;
    // Connections need not wait for the next look to be told.
    look_over(&worker);
    if ended == Ended::Closing {
        // Nobody accepts for it any more: what is left is in its connections.
        worker.listening.borrow_mut().retain(|one| one.epoch != listening.epoch);
    }
    Ok(())
}

/// Why an accept loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Closing,
    TakenOver,
}

async fn accept_until_closing(
    worker: &Rc<Worker>,
    listening: &Rc<Listening>,
    drain: &DrainWatcher,
    socket: &TcpListener,
) -> Ended {
    let mut accepting = listening.accepting();
    let mut in_a_row = 0;
    // Kept over the loop: a busy socket must not subscribe for each connection.
    let (mut closing, mut draining) = (pin!(drain.closing()), pin!(drain.draining()));
    let mut told = false;
    loop {
        let now = *accepting.borrow_and_update();
        match now {
            Accepting::Ended => return Ended::TakenOver,
            Accepting::Paused => {
                tokio::select! {
                    () = closing.as_mut() => return Ended::Closing,
                    change = accepting.changed() => if change.is_err() { return Ended::TakenOver },
                }
                continue;
            }
            Accepting::Yes => {}
        }
        let many = worker.connections.borrow().len() >= limits::CONNECTIONS_PER_WORKER_MAX;
        // Where there is no room, callers wait in the system's queue, which costs nothing here.
        let full = many || worker.guard.level() == Level::Critical;
        if full {
            // A drain is what makes room again.
            tokio::select! {
                () = closing.as_mut() => return Ended::Closing,
                () = tokio::time::sleep(limits::ACCEPT_PAUSE) => {}
            }
            continue;
        }
        tokio::select! {
            biased;
            () = closing.as_mut() => return Ended::Closing,
            () = draining.as_mut(), if !told => {
                told = true;
                look_over(worker);
            }
            () = changed(&mut accepting) => {}
            accepted = socket.accept() => match accepted {
                Ok((stream, address)) => {
                    in_a_row += 1;
                    open(worker, listening, drain.clone(), (stream, address));
                }
                Err(error) => after(&error).await,
            },
        }
        if in_a_row >= limits::ACCEPTS_IN_A_ROW_MAX {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }
}

async fn changed(accepting: &mut watch::Receiver<Accepting>) {
    // The sender lives in `listening`, which the loop holds.
    let _ = accepting.changed().await;
}

/// A connection that was reset while it waited is no reason to pause; anything else may be want
/// of descriptors or memory.
async fn after(error: &io::Error) {
    let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    if !gone.contains(&error.kind()) {
        tracing::warn!(%error, "connection could not be accepted");
        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
    }
}

fn open(
    worker: &Rc<Worker>,
    listening: &Rc<Listening>,
    drain: DrainWatcher,
    (socket, address): (TcpStream, SocketAddr),
) {
    let announces = listening.plan().destinations.announces;
    let local = announces.then(|| socket.local_addr().ok()).flatten();
    let connection = connection(worker, listening, drain, (address, local));
    worker.scope.spawn_local_unlisted("connection", async move {
        let (orders, clock) = (Rc::clone(&connection.orders), connection.worker.clock.clone());
        // Pinned here, so that the task holds it once.
        obey(&orders, &clock, pin!(serve(connection, socket))).await;
    });
}

/// A caller that is counted and listed from now on.
pub(crate) fn connection(
    worker: &Rc<Worker>,
    listening: &Rc<Listening>,
    drain: DrainWatcher,
    (address, local): (SocketAddr, Option<SocketAddr>),
) -> Box<Connection> {
    let plan = listening.plan();
    let activity = Activity::new(&plan.listener.id, address, worker.clock.clone());
    let orders = Rc::<Orders>::default();
    let alarm = Rc::<Alarm>::default();
    // Whoever waits for the drain counts its watchers: one for each connection.
    let drain = Rc::new(drain);
    let listed = Listed {
        activity: Rc::clone(&activity),
        orders: Rc::clone(&orders),
        drain: Rc::clone(&drain),
        listening: Rc::clone(listening),
        alarm: Rc::clone(&alarm),
        tunnel: None,
    };
    Box::new(Connection {
        worker: Rc::clone(worker),
        listening: Rc::clone(listening),
        drain,
        peer: Peer {
            address,
            local,
            client: address.ip(),
            trusted: false,
            server_name: None,
            identity: None,
            certificate: None,
        },
        scheme: if plan.tls.is_some() { Scheme::Https } else { Scheme::Http },
        open: Open::new(worker, listed, &plan),
        activity,
        orders,
        seat: None,
        alarm,
        last_host: RefCell::default(),
    })
}

/// Serves a connection until its end, or until it is told to be gone.
pub(crate) async fn obey(
    orders: &Orders,
    clock: &TurnClock,
    mut served: Pin<&mut impl Future<Output = ()>>,
) {
    std::future::poll_fn(|cx| {
        burst::turn();
        let _turn = clock.turn();
        match orders.watch(cx) {
            Told::Gone => Poll::Ready(()),
            Told::Serve | Told::End => served.as_mut().poll(cx),
        }
    })
    .await;
}

async fn serve(mut connection: Box<Connection>, mut socket: TcpStream) {
    if connection.expects_header() && !Box::pin(take_header(&mut connection, &mut socket)).await {
        return;
    }
    let mut stream = Stream::tcp(socket);
    if connection.listening.plan().model.guard.per_source.is_some() {
        let guard = Arc::clone(&connection.worker.guard);
        match Box::pin(admit(&guard, &connection)).await {
            Ok(seat) => connection.seat = seat.map(Box::new),
            Err(leave) => {
                if leave == Leave::Refused {
                    stream.reset_on_close();
                }
                return;
            }
        }
    }
    if connection.scheme == Scheme::Https {
        // The room that a handshake needs is given back after it.
        match Box::pin(handshake(&mut connection, stream)).await {
            Some(secured) => stream = secured,
            None => return,
        }
    }
    let relays = connection.listening.plan().relay.is_some();
    if relays {
        Box::pin(relay(connection.into(), stream)).await;
    } else {
        decode::serve(connection.into(), stream).await;
    }
}

async fn handshake(connection: &mut Connection, stream: Stream) -> Option<Stream> {
    let plan = connection.listening.plan();
    let counters = plan.counters.of(connection.worker.index);
    match secure(stream, &mut connection.peer, &plan, counters).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            let peer = connection.peer.address;
            tracing::debug!(%peer, %error, "connection was not secured");
            None
        }
    }
}

/// An open connection, counted and listed until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    worker: Rc<Worker>,
    number: u64,
    counters: Arc<PerWorker<Connections>>,
}

impl Open {
    fn new(worker: &Rc<Worker>, listed: Listed, plan: &ListenerPlan) -> Self {
        let number = worker.next_connection.get();
        worker.next_connection.set(number + 1);
        worker.connections.borrow_mut().insert(number, listed);
        let counters = Arc::clone(&plan.counters);
        let cell = counters.of(worker.index);
        cell.accepted.increment();
        cell.open.add(1);
        Self { worker: Rc::clone(worker), number, counters }
    }

    /// Its number at its worker.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// It has become a tunnel, whose task ends by `cut`.
    pub(crate) fn tunnels(&self, cut: AbortHandle) {
        if let Some(listed) = self.worker.connections.borrow_mut().get_mut(&self.number) {
            listed.tunnel = Some(cut);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.number);
        self.counters.of(self.worker.index).open.add(-1);
    }
}
