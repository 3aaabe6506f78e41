//! One address that a worker accepts on: the plan of new connections and requests, and the switch
//! that pauses accepting.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::watch;

use crate::plan::{ListenerPlan, Place};

/// An address in service.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) wanted: Place,
    pub(crate) epoch: u64,
    /// Asked for each connection and each request, so that a commit takes effect at once.
    plan: RefCell<Arc<ListenerPlan>>,
    accepting: watch::Sender<Accepting>,
}

/// Whether connections are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepting {
    Yes,
    Paused,
    /// For good: another epoch serves the address.
    Ended,
}

impl Listening {
    pub(crate) fn new(
        wanted: Place,
        epoch: u64,
        plan: Arc<ListenerPlan>,
        accepting: Accepting,
    ) -> Self {
        Self { wanted, epoch, plan: RefCell::new(plan), accepting: watch::Sender::new(accepting) }
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Arc<ListenerPlan> {
        Arc::clone(&self.plan.borrow())
    }

    /// Looks at the plan in force.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ListenerPlan) -> T) -> T {
        look(&self.plan.borrow())
    }

    /// Puts another plan in force.
    pub(crate) fn replace(&self, plan: Arc<ListenerPlan>) {
        // The former one is dropped here, but never the last reference: management holds the plan.
        self.plan.replace(plan);
    }

    /// Pauses, resumes or ends accepting; what ended stays ended.
    pub(crate) fn set_accepting(&self, next: Accepting) {
        self.accepting.send_if_modified(|now| {
            let change = *now != Accepting::Ended && *now != next;
            if change {
                *now = next;
            }
            change
        });
    }

    /// Tells when accepting changes.
    pub(crate) fn accepting(&self) -> watch::Receiver<Accepting> {
        self.accepting.subscribe()
    }
}
