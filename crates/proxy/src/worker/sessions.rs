//! What a worker tells of its open connections, and how it cuts those that a person wants gone.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::AbortHandle;
use trunkline_model::ops::Session;
use trunkline_rt::{Alarm, DrainWatcher};

use super::{Listening, Orders, Told as Order, Worker};
use crate::decode::Activity;
use crate::limits;

/// An open connection in a worker's list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) activity: Rc<Activity>,
    /// What it is told.
    pub(crate) orders: Rc<Orders>,
    pub(crate) drain: Rc<DrainWatcher>,
    pub(crate) listening: Rc<Listening>,
    pub(crate) alarm: Rc<Alarm>,
    /// Ends the tunnel that it became.
    pub(crate) tunnel: Option<AbortHandle>,
}

/// Which connections are meant; every condition that is there must hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Which {
    pub(crate) number: Option<u64>,
    /// It has a request open that goes to this service.
    pub(crate) service: Option<u64>,
    pub(crate) peer: Option<IpAddr>,
}

/// A connection and its open requests.
#[derive(Debug)]
pub(crate) struct ToldSession {
    pub(crate) session: Session,
    pub(crate) requests: Vec<ToldRequest>,
}

/// An open request whose service and endpoint are still numbers.
#[derive(Debug)]
pub(crate) struct ToldRequest {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) age: Duration,
    pub(crate) service: u64,
    pub(crate) endpoint: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
}

/// The connections that are meant, at most so many.
pub(super) fn tell(worker: &Worker, which: Which, limit: usize) -> Vec<ToldSession> {
    let now = worker.clock.now();
    let connections = worker.connections.borrow();
    let numbers = meant(worker, which, limit);
    let told = numbers.iter().filter_map(|number| {
        let session = connections.get(number)?.activity.session(now, (worker.index, *number));
        Some((*number, ToldSession { session, requests: Vec::new() }))
    });
    let mut told: HashMap<u64, ToldSession> = told.collect();
    worker.requests.each(|slot| {
        let Some(told) = slot.connection.and_then(|number| told.get_mut(&number)) else {
            return;
        };
        if told.requests.len() < limits::SHOWN_REQUESTS_PER_SESSION_MAX {
            let since = slot.since.unwrap_or(now);
            told.requests.push(ToldRequest {
                method: shown(&slot.method),
                host: shown(&slot.host),
                target: shown(&slot.target),
                age: now.saturating_duration_since(since),
                service: slot.service,
                endpoint: slot.endpoint,
                bytes_received: slot.bytes_received,
                bytes_sent: slot.bytes_sent,
            });
        }
    });
    numbers.iter().filter_map(|number| told.remove(number)).collect()
}

/// Cuts the connections that are meant; returns how many.
pub(super) fn cut(worker: &Worker, which: Which) -> usize {
    let connections = worker.connections.borrow();
    let numbers = meant(worker, which, usize::MAX);
    for listed in numbers.iter().filter_map(|number| connections.get(number)) {
        if listed.orders.tell(Order::Gone) {
            tracing::info!(peer = %listed.activity.peer(), "connection was cut by order");
        }
        if let Some(tunnel) = &listed.tunnel {
            tunnel.abort();
        }
    }
    numbers.len()
}

/// Their numbers, the oldest first.
fn meant(worker: &Worker, which: Which, limit: usize) -> Vec<u64> {
    let connections = worker.connections.borrow();
    let busy = which.service.map(|service| {
        let mut busy = HashSet::new();
        worker.requests.each(|slot| {
            if slot.service == service {
                busy.extend(slot.connection);
            }
        });
        busy
    });
    let mut numbers: Vec<u64> = connections
        .iter()
        .filter(|(number, listed)| {
            which.number.is_none_or(|wanted| wanted == **number)
                && which.peer.is_none_or(|peer| peer == listed.activity.peer().ip())
                && busy.as_ref().is_none_or(|busy| busy.contains(number))
        })
        .map(|(number, _)| *number)
        .collect();
    numbers.sort_unstable();
    numbers.truncate(limit);
    numbers
}

/// A caller's text, for people.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
