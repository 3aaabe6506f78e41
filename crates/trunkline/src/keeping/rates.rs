//! Rates and calls: those of the store, once it is open.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use trunkline_model::Model;
use trunkline_model::route::Action;
use trunkline_query::red;
use trunkline_store::rollup::{Config, Period, Rollup, Rollups, Seen, Stats, Totals, Wanted};
use trunkline_store::source::{Budget, QueryError};

use super::Keeping;

/// Services by the address that others call them at.
pub(super) type Addresses = HashMap<String, Arc<str>>;

impl Keeping {
    /// Learns at which of our addresses services call each other: a span that says nothing of its
    /// callee but that address tells who it is.
    pub(crate) fn learn(&self, model: &Model) {
        let addresses = addresses(model);
        if let Some(store) = self.store() {
            store.rollups().learn(addresses.clone());
        }
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Tells a store that was just opened.
    pub(super) fn teach(&self, rollups: &Rollups) {
        rollups.learn(self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone());
    }
}

/// Listeners where one service calls out and that lead to one other.
fn addresses(model: &Model) -> Addresses {
    let mut found = Addresses::new();
    for listener in model.listeners.iter().filter(|listener| listener.caller.is_some()) {
        let routes = model.routes.iter().filter(|route| route.listeners.contains(&listener.id));
        let targets = routes.flat_map(|route| match &route.action {
            Action::Forward(targets) => targets.as_slice(),
            Action::Redirect(_) | Action::Respond { .. } => &[],
        });
        let mut callees: Vec<&str> = targets.map(|target| target.service.as_str()).collect();
        callees.sort_unstable();
        callees.dedup();
        if let [callee] = callees.as_slice() {
            found.insert(text(listener.address), Arc::from(*callee));
        }
    }
    found
}

/// As rollups write it.
fn text(address: SocketAddr) -> String {
    if address.ip().is_loopback() {
        format!("localhost:{}", address.port())
    } else {
        format!("{}:{}", address.ip(), address.port())
    }
}

impl red::Rollups for Keeping {
    fn kept(&self) -> Duration {
        self.store().map_or(Config::DEFAULT.kept, |store| store.rollups().config().kept)
    }

    fn read(
        &self,
        periods: Range<Period>,
        wanted: &Wanted<'_>,
        budget: &mut Budget,
        see: &mut dyn FnMut(Period, &Rollup),
    ) -> Result<(), QueryError> {
        self.open_store()?.rollups().read(periods, wanted, budget, see)
    }

    fn seen(&self, calls: &[Seen<'_>], now: u64) {
        if let Some(store) = self.store() {
            store.rollups().seen(calls, now);
        }
    }

    fn totals(&self, see: &mut dyn FnMut(&Totals)) {
        if let Some(store) = self.store() {
            see(&store.rollups().totals());
        }
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.store()?.rollups().stats())
    }
}
