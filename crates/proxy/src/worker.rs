//! One thread that serves: its own runtime, its own sockets of every listener, its own pools.
//!
//! Nothing on the request path waits for another thread. Management talks to a worker through a
//! bounded queue of [`Command`]s; a worker answers each with an acknowledgement, so that a commit
//! is over when every worker has it in force.

mod command;
mod listening;
mod orders;
mod records;
mod requests;
mod sessions;
mod stall;
mod sweep;
mod thread;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use trunkline_rt::metrics::Histogram;
use trunkline_rt::{Random, Scope, TurnClock};

use crate::balance::Turns;
use crate::cache::Cache;
use crate::forward::Pool;
use crate::guard::Guard;
use crate::quick::QuickMap;
use crate::shield::Ties;

pub(crate) use command::{Acknowledge, Address, Command};
pub(crate) use listening::{Accepting, Listening};
pub(crate) use orders::{Orders, Told};
pub(crate) use records::Records;
pub(crate) use requests::{OpenRequests, Ticket};
pub(crate) use sessions::{Listed, ToldRequest, ToldSession, Which};
pub(crate) use sweep::look as look_over;
pub(crate) use thread::{Handle, spawn};

/// What the exchanges of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Its number, from 0.
    pub(crate) index: usize,
    pub(crate) clock: TurnClock,
    pub(crate) guard: Arc<Guard>,
    pub(crate) cache: Arc<Cache>,
    /// Owns every task of the worker.
    pub(crate) scope: Scope,
    pub(crate) pool: Pool,
    pub(crate) turns: Turns,
    pub(crate) records: Records,
    /// Open downstream connections.
    pub(crate) connections: RefCell<QuickMap<u64, Listed>>,
    /// Open requests.
    pub(crate) requests: OpenRequests,
    pub(crate) next_connection: Cell<u64>,
    /// Connections are being told to end.
    pub(crate) ending: Cell<bool>,
    pub(crate) listening: RefCell<Vec<Rc<Listening>>>,
    pub(crate) stall: Arc<Histogram>,
    pub(crate) random: RefCell<Random>,
    /// To what several processes share.
    pub(crate) ties: Ties,
}

impl Worker {
    /// An evenly spread number, for balancing.
    pub(crate) fn random(&self) -> u64 {
        self.random.borrow_mut().number()
    }
}
