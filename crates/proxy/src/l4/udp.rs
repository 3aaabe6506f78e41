//! Datagrams: those of one source are a session, which has an endpoint and a socket of its own.
//!
//! The system gives every datagram of a source to the same socket of the listener, so a session
//! belongs to one worker. It ends when nothing moved for a while, after a number of answers, or when
//! the endpoint says that nobody listens there; then the next datagram begins another one. What
//! cannot be passed on at once is dropped and counted, as a network would.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;
use trunkline_model::reason::{Kind, Reason};
use trunkline_model::record::{Attempt, End};
use trunkline_resilience::outlier::Outcome;
use trunkline_rt::{DrainWatcher, Policy};

use super::recording::Recording;
use super::session::{Toward, judge, seat};
use super::table::{Session, Table};
use crate::accept::{connection, obey};
use crate::balance::InFlight;
use crate::carry::Quiet;
use crate::decode::Connection;
use crate::limits;
use crate::plan::ServicePlan;
use crate::worker::{Accepting, Listening, Told, Worker, look_over};

/// One socket of a listener, and the sessions that came in by it.
struct Front {
    worker: Rc<Worker>,
    listening: Rc<Listening>,
    socket: UdpSocket,
    table: Table,
    /// What is being passed on; never held over a wait.
    room: RefCell<Box<[u8]>>,
}

/// Takes datagrams from one socket until its address is drained or taken over.
pub(crate) async fn take_datagrams(
    worker: Rc<Worker>,
    listening: Rc<Listening>,
    drain: DrainWatcher,
    socket: std::net::UdpSocket,
) -> io::Result<()> {
    let front = Rc::new(Front {
        worker: Rc::clone(&worker),
        listening: Rc::clone(&listening),
        socket: UdpSocket::from_std(socket)?,
        table: Table::default(),
        room: RefCell::new(vec![0; limits::DATAGRAM_BYTES_MAX].into()),
    });
    let closing = take_until_closing(&front, &drain).await;
    look_over(&worker);
    if closing {
        worker.listening.borrow_mut().retain(|one| one.epoch != listening.epoch);
    }
    Ok(())
}

/// Returns whether the address is closed; otherwise somebody else takes from it now.
async fn take_until_closing(front: &Rc<Front>, drain: &DrainWatcher) -> bool {
    let mut accepting = front.listening.accepting();
    let (mut closing, mut draining) = (pin!(drain.closing()), pin!(drain.draining()));
    let mut told = false;
    loop {
        let now = *accepting.borrow_and_update();
        if now == Accepting::Ended {
            return false;
        }
        tokio::select! {
            biased;
            () = closing.as_mut() => return true,
            () = draining.as_mut(), if !told => {
                told = true;
                look_over(&front.worker);
            }
            change = accepting.changed() => if change.is_err() { return false },
            ready = front.socket.readable(), if now == Accepting::Yes => {
                if ready.is_err() {
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
                take_some(front, drain);
                tokio::task::yield_now().await;
            }
        }
    }
}

fn take_some(front: &Rc<Front>, drain: &DrainWatcher) {
    let mut room = front.room.borrow_mut();
    for _ in 0..limits::DATAGRAMS_IN_A_ROW_MAX {
        let Ok((length, caller)) = front.socket.try_recv_from(&mut room) else {
            return;
        };
        let bytes = room.get(..length).unwrap_or_default();
        let session = front.table.find(&caller).or_else(|| begin(front, drain, caller));
        let passed = session.is_some_and(|session| {
            session.moved.set(front.worker.clock.now());
            session.pass_on(bytes)
        });
        if !passed {
            front.dropped(1);
        }
    }
}

/// A session for a source that has none; `None` where the worker has no room.
fn begin(front: &Rc<Front>, drain: &DrainWatcher, caller: SocketAddr) -> Option<Rc<Session>> {
    let worker = &front.worker;
    if worker.connections.borrow().len() >= limits::CONNECTIONS_PER_WORKER_MAX {
        return None;
    }
    let connection: Rc<Connection> =
        connection(worker, &front.listening, drain.clone(), (caller, None)).into();
    let recording = Recording::begin(&connection);
    let (carried, orders) = (Rc::clone(&recording.carried), Rc::clone(&connection.orders));
    let session = Rc::new(Session::new((caller, worker.clock.now()), carried, orders));
    if let Some(idle) = front.table.insert(&session, || worker.random()) {
        idle.orders.tell(Told::Gone);
    }
    let known = Known { front: Rc::clone(front), session: Rc::clone(&session) };
    worker.scope.spawn_local("session", Policy::Best, async move {
        let (orders, clock) = (Rc::clone(&connection.orders), connection.worker.clock.clone());
        obey(&orders, &clock, pin!(serve(known, connection, recording))).await;
    });
    Some(session)
}

/// A session is in its table until this is dropped.
struct Known {
    front: Rc<Front>,
    session: Rc<Session>,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.front.table.remove(&self.session);
    }
}

async fn serve(known: Known, connection: Rc<Connection>, mut recording: Recording) {
    let (front, session) = (&known.front, &known.session);
    match open(&connection, &mut recording).await {
        Ok(opened) => {
            front.dropped(session.reaches(Rc::clone(&opened.far)));
            recording.end = answers(front, session, &opened).await;
            let answered = session.carried.to_caller.get() > 0;
            let outcome = match recording.end {
                End::ServiceBroke => Some(Outcome::Failure),
                _ => answered.then_some(Outcome::Success),
            };
            if let Some(outcome) = outcome {
                judge(&connection, &opened.service, opened.in_flight.endpoint(), outcome);
            }
        }
        Err(reason) => {
            tracing::debug!(peer = %session.caller, %reason, "datagrams were not relayed");
            front.dropped(session.waiting());
            recording.reason = Some(reason);
        }
    }
}

/// What a session has of its service.
struct Opened {
    service: Arc<ServicePlan>,
    in_flight: InFlight,
    far: Rc<UdpSocket>,
    _toward: Toward,
}

async fn open(connection: &Rc<Connection>, recording: &mut Recording) -> Result<Opened, Reason> {
    let plan = connection.listening.plan();
    let targets = plan.relay.as_ref().and_then(|relay| relay.find(None));
    let target = targets.and_then(|targets| targets.pick(connection.worker.random()));
    let target = target.ok_or_else(|| Reason::new(Kind::NoRoute))?;
    let service = plan.destinations.services.get(&target.service);
    let service = Arc::clone(service.ok_or_else(|| Reason::new(Kind::NoEndpoint))?);
    drop(plan);
    service.live.take();
    let toward = Toward(Arc::clone(&service.live));
    let about = |kind| Reason::new(kind).about(&service.service.name);
    let in_flight = seat(connection, &service, &[], false).await;
    let in_flight = in_flight.ok_or_else(|| about(Kind::NoEndpoint))?;
    let endpoint = in_flight.endpoint();
    let far = reach(endpoint.address).await;
    recording.attempts.push(Attempt {
        service: service.service.name.clone(),
        endpoint: endpoint.id.clone(),
        span: recording.span(),
        offset: recording.age(),
        duration: std::time::Duration::ZERO,
        connect: std::time::Duration::ZERO,
        outcome: far.as_ref().map(|_| 0).map_err(|_| Kind::Connect),
    });
    let Ok(far) = far else {
        judge(connection, &service, endpoint, Outcome::Failure);
        return Err(about(Kind::Connect));
    };
    Ok(Opened { service, in_flight, far: Rc::new(far), _toward: toward })
}

/// A socket that sends to this endpoint and hears from nobody else.
async fn reach(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    // What waits is sent without waiting.
    socket.writable().await?;
    Ok(socket)
}

/// Passes answers back until the session is over.
async fn answers(front: &Front, session: &Session, opened: &Opened) -> End {
    let plan = front.listening.plan();
    let Some(settings) = &plan.listener.relay else { return End::Cut };
    let responses = settings.datagrams.and_then(|datagrams| datagrams.responses);
    let mut quiet = Quiet::new(session.moved.get(), settings.idle);
    drop(plan);
    let (mut count, mut ending) = (0_u32, false);
    loop {
        let over = poll_fn(|cx| {
            if session.orders.told() >= Told::End && !ending {
                // Nobody takes datagrams for it any more: what is asked already is answered.
                ending = true;
                quiet = Quiet::new(front.worker.clock.now(), limits::LINGER_TIME);
            }
            quiet.since = session.moved.get();
            quiet.poll(cx, &front.worker.clock)
        });
        let ready = tokio::select! {
            biased;
            // That nobody listens there is an error of the socket, and nothing to be read.
            ready = opened.far.ready(Interest::READABLE | Interest::ERROR) => ready,
            () = over => return End::Idle,
        };
        let passed = ready.and_then(|ready| pass_back(front, session, &opened.far, ready));
        let Ok(passed) = passed else { return End::ServiceBroke };
        count = count.saturating_add(passed);
        if responses.is_some_and(|enough| count >= enough) {
            return End::Complete;
        }
        tokio::task::yield_now().await;
    }
}

/// Passes back what is there. Returns how many.
fn pass_back(front: &Front, session: &Session, far: &UdpSocket, ready: Ready) -> io::Result<u32> {
    if ready.is_error() {
        let error = || far.take_error()?.map(Err::<(), _>).ok_or(io::ErrorKind::WouldBlock)?;
        match far.try_io(Interest::ERROR, error) {
            // Sending has had it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            told => told?,
        }
    }
    let mut room = front.room.borrow_mut();
    let mut passed = 0;
    for _ in 0..limits::DATAGRAMS_IN_A_ROW_MAX {
        let length = match far.try_recv(&mut room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            received => received?,
        };
        session.moved.set(front.worker.clock.now());
        let bytes = room.get(..length).unwrap_or_default();
        if front.socket.try_send_to(bytes, session.caller).is_ok() {
            let carried = &session.carried.to_caller;
            carried.set(carried.get() + length as u64);
        } else {
            front.dropped(1);
        }
        passed += 1;
    }
    Ok(passed)
}

impl Front {
    fn dropped(&self, count: u64) {
        if count > 0 {
            self.listening.plan().counters.of(self.worker.index).dropped.add(count);
        }
    }
}
