//! Step 1: a worker takes a connection and owns it until its end.
//!
//! One loop per socket. Accepting is fair: after so many connections in a row the loop lets the
//! others run. Where the system has no descriptors left, the loop pauses instead of spinning. A
//! connection is a task of its own, so that a panic in it ends it alone.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{AbortHandle, Abortable};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use trunkline_net::http::{Peer, Scheme};
use trunkline_net::stream::Stream;
use trunkline_rt::{DrainWatcher, Policy};

use crate::decode::{self, Activity, Connection};
use crate::limits;
use crate::observe::{Connections, PerWorker};
use crate::plan::ListenerPlan;
use crate::secure::secure;
use crate::worker::{Accepting, Listed, Listening, Worker};

/// Accepts on one socket until its address is drained or taken over.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    listening: Rc<Listening>,
    drain: DrainWatcher,
    socket: std::net::TcpListener,
) -> io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
    let ended = accept_until_closing(&worker, &listening, &drain, &socket).await;
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
    loop {
        let now = *accepting.borrow_and_update();
        match now {
            Accepting::Ended => return Ended::TakenOver,
            Accepting::Paused => {
                tokio::select! {
                    () = drain.closing() => return Ended::Closing,
                    change = accepting.changed() => if change.is_err() { return Ended::TakenOver },
                }
                continue;
            }
            Accepting::Yes => {}
        }
        let full = worker.connections.borrow().len() >= limits::CONNECTIONS_PER_WORKER_MAX;
        if full {
            // A drain is what makes room again.
            tokio::select! {
                () = drain.closing() => return Ended::Closing,
                () = tokio::time::sleep(limits::ACCEPT_PAUSE) => {}
            }
            continue;
        }
        tokio::select! {
            biased;
            () = drain.closing() => return Ended::Closing,
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
    let plan = listening.plan();
    let (cut, registration) = AbortHandle::new_pair();
    let activity = Activity::new(&plan.listener.id, address, worker.clock.clone());
    let mut connection = Connection {
        worker: Rc::clone(worker),
        listening: Rc::clone(listening),
        drain,
        peer: Peer {
            address,
            client: address.ip(),
            trusted: false,
            server_name: None,
            identity: None,
            certificate: None,
        },
        scheme: if plan.tls.is_some() { Scheme::Https } else { Scheme::Http },
        open: Open::new(worker, (&activity, cut), &plan),
        activity,
    };
    let served = async move {
        let Connection { drain, peer, worker, .. } = &mut connection;
        let counters = plan.counters.of(worker.index);
        let secured = tokio::select! {
            secured = secure(Stream::tcp(socket), peer, &plan, counters) => secured,
            () = drain.forced() => return,
        };
        match secured {
            Ok(stream) => {
                drop(plan);
                decode::serve(Rc::new(connection), stream).await;
            }
            Err(error) => {
                tracing::debug!(peer = %address, %error, "connection was not secured");
            }
        }
    };
    worker.scope.spawn_local("connection", Policy::Best, async move {
        // A person may want it gone.
        if Abortable::new(served, registration).await.is_err() {
            tracing::info!(peer = %address, "connection was cut by order");
        }
    });
}

/// An open connection, counted and listed until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    worker: Rc<Worker>,
    number: u64,
    counters: Arc<PerWorker<Connections>>,
}

impl Open {
    fn new(
        worker: &Rc<Worker>,
        (activity, cut): (&Arc<Activity>, AbortHandle),
        plan: &ListenerPlan,
    ) -> Self {
        let number = worker.next_connection.get();
        worker.next_connection.set(number + 1);
        let listed = Listed { activity: Arc::clone(activity), cut, tunnel: None };
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
