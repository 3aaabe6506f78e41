//! The management side of the data plane: what runs beside the workers and tells them things.
//!
//! Records are read and handed on, replaced plans are dropped, names are resolved and health is
//! checked here, on the management runtime, so that no worker ever waits for any of it.

mod acme;
mod agent;
mod comparing;
mod health;
mod probe;
mod sources;

use std::sync::Arc;

use tokio::sync::Notify;
use trunkline_model::record::RecordSink;
use trunkline_rt::Policy;

use crate::limits;
use crate::plan::Plan;
use crate::proxy::Proxy;

/// Wakes the tasks of the management side.
#[derive(Debug, Default)]
pub(crate) struct Managed {
    endpoints: Notify,
    /// The same, for services that stand for others.
    sources: Notify,
}

impl Managed {
    /// Somebody published endpoints: there may be others to check.
    pub(crate) fn endpoints_changed(&self) {
        self.endpoints.notify_one();
        self.sources.notify_one();
    }

    /// Publishes the endpoints that a plan names itself, before it is in force.
    pub(crate) async fn adopt(&self, proxy: &Proxy, plan: &Plan) {
        sources::publish(proxy, plan, limits::FIRST_RESOLVE_TIME).await;
    }

    /// Endpoints that follow from others changed.
    pub(super) fn followers_changed(&self) {
        self.endpoints.notify_one();
    }

    pub(super) async fn wait_for_sources(&self) {
        self.sources.notified().await;
    }

    pub(super) async fn wait_for_endpoints(&self) {
        self.endpoints.notified().await;
    }
}

/// Starts the tasks of the management side.
pub(crate) fn start(proxy: &Proxy, sink: Arc<dyn RecordSink>) {
    let scope = proxy.scope();
    let reading = proxy.clone();
    // Observing never harms serving: a sink that fails is tried again, and serving goes on.
    scope.spawn_restarting("records", limits::RECORDS_RESTART, move || {
        read_records(reading.clone(), Arc::clone(&sink))
    });
    scope.spawn("plans", Policy::Best, drop_plans(proxy.clone()));
    scope.spawn("certificates", Policy::Best, renew_certificates(proxy.clone()));
    scope.spawn("orders", Policy::Best, acme::keep_ordering(proxy.clone()));
    scope.spawn("names", Policy::Best, sources::keep_resolving(proxy.clone()));
    scope.spawn("pressure", Policy::Best, crate::guard::keep_looking(proxy.clone()));
    scope.spawn("comparing", Policy::Best, comparing::keep_comparing(proxy.clone()));
    scope.spawn("health", Policy::Best, health::keep_checking(proxy.clone()));
}

/// Hands records on until the end; what is in the rings then is handed on too.
async fn read_records(proxy: Proxy, sink: Arc<dyn RecordSink>) {
    let scope = proxy.scope().clone();
    let (mut ends, mut most) = (false, 0);
    while !ends {
        let busy = most >= limits::RECORDS_BUSY;
        let pause = if busy { limits::RECORDS_POLL_BUSY } else { limits::RECORDS_POLL };
        tokio::select! {
            () = scope.stopping() => ends = true,
            () = tokio::time::sleep(pause) => {}
        }
        let rounds = if ends { limits::RECORDS_MAX.div_ceil(limits::RECORDS_READ_MAX) } else { 1 };
        for _ in 0..rounds {
            most = proxy.read_records(|record| sink.take(record));
        }
    }
}

/// A laptop that slept for a day must not wake up with an expired certificate: the calendar is
/// looked at often.
async fn renew_certificates(proxy: Proxy) {
    let scope = proxy.scope().clone();
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::RENEW_POLL) => {}
        }
        let certificates = proxy.certificates();
        certificates.tickets.rotate(certificates.clock.wall());
        for listener in proxy.plan().iter().flat_map(|plan| &plan.listeners) {
            certificates.renew(listener);
        }
    }
}

async fn drop_plans(proxy: Proxy) {
    let scope = proxy.scope().clone();
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::RETIRED_POLL) => proxy.drop_unused_plans(),
        }
    }
}
