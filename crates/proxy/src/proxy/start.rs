//! Starting: workers, and the tasks of the management side.

use std::io;
use std::sync::{Arc, Mutex};

use trunkline_net::tls::TicketKeys;

use super::listening::Running;
use super::{Deps, Inner, Proxy};
use crate::balance::{Ground, Registry};
use crate::cache::Cache;
use crate::forward::Transports;
use crate::guard::Guard;
use crate::manage::{self, Managed};
use crate::plan::{Counters, Parts};
use crate::secure::Certificates;
use crate::shield::Shields;
use crate::worker;

/// Why the data plane does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A worker thread cannot be made.
    #[error("worker {0} cannot be started")]
    Worker(usize, #[source] io::Error),
}

impl Proxy {
    /// Starts the workers; they serve nothing until the first commit. Must be called on the
    /// management runtime, where health checks, name resolution and record reading will run.
    pub fn start(deps: Deps) -> Result<Self, StartError> {
        let Deps { clock, scope, workers, sink, issuer, resolver, inherited } = deps;
        let count = workers.max(1);
        let scope = scope.child("proxy");
        let guard = Guard::new(clock.clone());
        let cache = Arc::<Cache>::default();
        let mut handles = Vec::with_capacity(count);
        for index in 0..count {
            let own = scope.child(&format!("worker-{index}"));
            let handle = worker::spawn(index, &clock, (&guard, &cache), Arc::clone(&sink), &own);
            handles.push(handle.map_err(|error| StartError::Worker(index, error))?);
        }
        let started = clock.now();
        let inner = Arc::new(Inner {
            parts: Parts {
                registry: Registry::new(Ground {
                    clock: clock.clone(),
                    epoch: started,
                    workers: count,
                }),
                transports: Transports::default(),
                certificates: Certificates {
                    issuer,
                    tickets: TicketKeys::new(clock.wall()),
                    clock: clock.clone(),
                },
                counters: Counters::new(count),
                shields: Shields::new(&clock),
                guard,
                cache,
                workers: count,
            },
            clock,
            scope,
            started,
            workers: handles,
            running: Mutex::new(Running::new(inherited)),
            committing: tokio::sync::Mutex::default(),
            managed: Managed::default(),
            resolver,
        });
        let proxy = Self { inner };
        manage::start(&proxy, sink);
        Ok(proxy)
    }
}
