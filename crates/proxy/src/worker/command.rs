//! What management tells a worker.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::oneshot;
use trunkline_model::ServiceName;
use trunkline_rt::DrainWatcher;

use super::sessions::{ToldSession, Which};
use crate::plan::{ListenerPlan, Place};

/// Answered when a command is carried out.
pub(crate) type Acknowledge = oneshot::Sender<()>;

/// What a worker does.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve these listeners from now on; those that are not named stay as they are until their
    /// drain ends them.
    Serve {
        /// The listeners.
        addresses: Vec<Address>,
        /// Services that the plan in force has.
        services: Arc<Vec<ServiceName>>,
        /// Answered when it is in force.
        done: Acknowledge,
    },
    /// Stop or go on accepting, everywhere.
    Accept(bool, Acknowledge),
    /// Close what was connected to a life of an endpoint that ended.
    Close(u64),
    /// Tell the open connections that are meant, at most so many.
    Sessions(Which, usize, oneshot::Sender<Vec<ToldSession>>),
    /// Cut those that are meant, and tell how many.
    Cut(Which, oneshot::Sender<usize>),
    /// End at once; what is open is dropped.
    Stop,
}

/// One listening address, as a worker serves it.
#[derive(Debug)]
pub(crate) struct Address {
    /// As the Model wants it.
    pub(crate) wanted: Place,
    /// Distinct for each time that an address was taken into service.
    pub(crate) epoch: u64,
    /// The worker's own sockets; only for an epoch that it does not serve yet.
    pub(crate) sockets: Vec<OwnedFd>,
    /// What it serves.
    pub(crate) plan: Arc<ListenerPlan>,
    /// Ends it.
    pub(crate) drain: DrainWatcher,
}
