//! The thread of a worker: a runtime of its own, and the loop that obeys commands.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use trunkline_model::ServiceName;
use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_net::burst;
use trunkline_net::socket::Transport;
use trunkline_rt::metrics::Histogram;
use trunkline_rt::{Clock, Policy, Random, Scope, TurnClock};

use super::listening::Accepting;
use super::records::{Told, records};
use super::{
    Acknowledge, Address, Command, Listening, OpenRequests, Worker, sessions, stall, sweep,
};
use crate::accept::accept;
use crate::balance::Turns;
use crate::cache::Cache;
use crate::forward::Pool;
use crate::guard::Guard;
use crate::l4;
use crate::limits;
use crate::shield::Ties;

/// The management side of a worker.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) commands: Sender<Command>,
    told: Mutex<Told>,
    pub(crate) stall: Arc<Histogram>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    /// Looks at what the worker has recorded; returns how many records these were.
    pub(crate) fn read_records(&self, look: impl FnMut(&ExchangeRecord)) -> usize {
        self.told().read(look)
    }

    /// Records that found the ring full.
    pub(crate) fn records_dropped(&self) -> u64 {
        self.told().dropped()
    }

    /// Takes the thread, to wait for its end.
    pub(crate) fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts worker number `index`.
pub(crate) fn spawn(
    index: usize,
    clock: &Clock,
    (guard, cache): (&Arc<Guard>, &Arc<Cache>),
    sink: Arc<dyn RecordSink>,
    scope: &Scope,
) -> io::Result<Handle> {
    let (commands, receiver) = channel(limits::COMMANDS_MAX);
    let (records, told) = records(sink);
    let stall = Arc::new(Histogram::default());
    let (clock, guard, scope) = (clock.clone(), Arc::clone(guard), scope.clone());
    let cache = Arc::clone(cache);
    let measured = Arc::clone(&stall);
    let serve = move || {
        burst::begin();
        let mut builder = Builder::new_current_thread();
        builder.enable_all().on_thread_park(burst::release);
        let runtime = builder.build_local(LocalOptions::default());
        let Ok(runtime) = runtime else {
            tracing::error!(worker = index, "worker has no runtime");
            return;
        };
        let worker = Rc::new(Worker {
            index,
            clock: TurnClock::new(clock),
            guard,
            cache,
            scope,
            pool: Pool::default(),
            turns: Turns::default(),
            records,
            connections: RefCell::default(),
            requests: OpenRequests::default(),
            next_connection: Cell::new(0),
            ending: Cell::new(false),
            listening: RefCell::new(Vec::new()),
            stall: measured,
            random: RefCell::new(Random::from_system()),
            ties: Ties::default(),
        });
        runtime.block_on(run(&worker, receiver));
    };
    let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(serve)?;
    let (told, thread) = (Mutex::new(told), Mutex::new(Some(thread)));
    Ok(Handle { commands, told, stall, thread })
}

async fn run(worker: &Rc<Worker>, mut commands: Receiver<Command>) {
    let ticker = stall::measure(worker.clock.source().clone(), Arc::clone(&worker.stall));
    worker.scope.spawn_local("stall", Policy::Best, ticker);
    let sweeper = crate::forward::sweep(Rc::clone(worker));
    worker.scope.spawn_local("pool", Policy::Best, sweeper);
    worker.scope.spawn_local("sweep", Policy::Best, sweep::run(Rc::clone(worker)));
    loop {
        let command = tokio::select! {
            () = worker.scope.stopping() => break,
            command = commands.recv() => command,
        };
        let Some(command) = command else { break };
        match command {
            Command::Serve { addresses, services, done } => {
                serve(worker, addresses, &services);
                acknowledge(done);
            }
            Command::Accept(yes, done) => {
                let next = if yes { Accepting::Yes } else { Accepting::Paused };
                worker.listening.borrow().iter().for_each(|one| one.set_accepting(next));
                // Accept loops see it at their next turn, which comes before the answer is read.
                tokio::task::yield_now().await;
                acknowledge(done);
            }
            Command::Close(life) => worker.pool.end(life),
            Command::Sessions(which, limit, answer) => {
                drop(answer.send(sessions::tell(worker, which, limit)));
            }
            Command::Cut(which, answer) => drop(answer.send(sessions::cut(worker, which))),
            Command::Stop => break,
        }
    }
    worker.scope.abort();
    let _ = worker.scope.join().await;
}

fn acknowledge(done: Acknowledge) {
    // Whoever asked may have gone; the command is carried out all the same.
    let _ = done.send(());
}

fn serve(worker: &Rc<Worker>, addresses: Vec<Address>, services: &[ServiceName]) {
    worker.turns.retain(|name| services.contains(name));
    let mut listening = worker.listening.borrow_mut();
    for address in addresses {
        let same = listening.iter().find(|one| one.wanted == address.wanted);
        if let Some(one) = same.filter(|one| one.epoch == address.epoch) {
            one.replace(address.plan);
            continue;
        }
        if let Some(former) = same {
            former.set_accepting(Accepting::Ended);
        }
        listening.retain(|one| one.wanted != address.wanted);
        listening.push(start(worker, address));
    }
}

/// Only accept loops and connections hold the drain: it is over when the last of them is.
fn start(worker: &Rc<Worker>, address: Address) -> Rc<Listening> {
    let Address { wanted, epoch, sockets, plan, drain } = address;
    let one = Rc::new(Listening::new(wanted, epoch, plan, Accepting::Yes));
    for socket in sockets {
        let (listening, drain) = (Rc::clone(&one), drain.clone());
        let (kind, address) = wanted;
        let name = format!("accept {address}");
        match kind {
            Transport::Tcp => {
                let task = accept(Rc::clone(worker), listening, drain, socket.into());
                worker.scope.spawn_local(name, Policy::Best, task);
            }
            Transport::Udp => {
                let task = l4::take_datagrams(Rc::clone(worker), listening, drain, socket.into());
                worker.scope.spawn_local(name, Policy::Best, task);
            }
        }
    }
    one
}
