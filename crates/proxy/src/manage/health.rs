//! Active health checks: one task per endpoint, started and ended as endpoints come and go.
//!
//! An endpoint is healthy until so many checks in a row say otherwise, so that a restart of
//! Trunkline takes nobody out. Checks of one service are spread over the interval.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::service::HealthCheck;
use trunkline_rt::{Policy, Random};

use super::probe::{Place, probe};
use crate::balance::{LiveEndpoint, LiveService};
use crate::limits;
use crate::plan::ServicePlan;
use crate::proxy::Proxy;

/// A check that runs.
struct Running {
    settings: HealthCheck,
    endpoint: Arc<LiveEndpoint>,
    /// The transport it uses, so that changed settings start it anew.
    transport: u64,
    stop: CancellationToken,
}

/// What one check task is given.
struct Check {
    settings: HealthCheck,
    service: Arc<LiveService>,
    endpoint: Arc<LiveEndpoint>,
    place: Place,
    slots: Arc<Semaphore>,
}

/// Starts and ends checks as plans and endpoints change.
pub(super) async fn keep_checking(proxy: Proxy) {
    let scope = proxy.scope().child("checks");
    let slots = Arc::new(Semaphore::new(limits::CHECKS_MAX));
    let mut running: HashMap<EndpointId, Running> = HashMap::new();
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = proxy.managed().wait_for_endpoints() => {}
        }
        let Some(plan) = proxy.plan() else { continue };
        let mut wanted: HashMap<EndpointId, (Arc<ServicePlan>, Arc<LiveEndpoint>)> = HashMap::new();
        for service in plan.destinations.services.values().filter(|s| s.service.health.is_some()) {
            for endpoint in &service.live.members().endpoints {
                let both = (Arc::clone(service), Arc::clone(endpoint));
                wanted.insert(endpoint.id.clone(), both);
            }
        }
        running.retain(|id, check| {
            let keep = wanted.get(id).is_some_and(|(service, endpoint)| {
                service.service.health.as_ref() == Some(&check.settings)
                    && Arc::ptr_eq(endpoint, &check.endpoint)
                    && service.transport.id == check.transport
            });
            if !keep {
                check.stop.cancel();
                check.endpoint.set_health(true, None);
            }
            keep
        });
        for (id, (service, endpoint)) in wanted {
            let Some(settings) = service.service.health.clone() else {
                continue;
            };
            if running.contains_key(&id) {
                continue;
            }
            let stop = CancellationToken::new();
            let check = check(&service, &endpoint, settings.clone(), &slots);
            let name = format!("check {id}");
            let (ends, transport) = (stop.clone(), service.transport.id);
            let ended = scope.clone();
            scope.spawn(name, Policy::Best, async move {
                tokio::select! {
                    () = ended.stopping() => {}
                    () = ends.cancelled() => {}
                    () = check.run() => {}
                }
            });
            running.insert(id, Running { settings, endpoint, transport, stop });
        }
    }
}

fn check(
    service: &ServicePlan,
    endpoint: &Arc<LiveEndpoint>,
    settings: HealthCheck,
    slots: &Arc<Semaphore>,
) -> Check {
    let tls = service.transport.tls.as_ref();
    Check {
        settings,
        service: Arc::clone(&service.live),
        endpoint: Arc::clone(endpoint),
        place: Place {
            address: endpoint.address,
            host: endpoint.host.clone(),
            tls: tls.map(|tls| Arc::clone(&tls.http1_only)),
            server_name: tls.and_then(|tls| tls.server_name.clone()),
        },
        slots: Arc::clone(slots),
    }
}

impl Check {
    async fn run(self) {
        let mut random = Random::from_system();
        let (mut passes, mut failures) = (0, 0);
        // The first check comes soon, but not at once for all.
        tokio::time::sleep(part(self.settings.interval / 4, random.number())).await;
        loop {
            // One that starts is looked at by its owner, who says when it is ready.
            let absent = [EndpointState::Down, EndpointState::Maint, EndpointState::Starting];
            if absent.contains(&self.endpoint.state()) {
                (passes, failures) = (0, 0);
            } else {
                let checked = self.once().await;
                (passes, failures) =
                    if checked.is_ok() { (passes + 1, 0) } else { (0, failures + 1) };
                self.conclude(checked.err().as_deref(), passes, failures);
            }
            // Up to a tenth of jitter, so that checks of many processes do not march in step.
            let interval = self.settings.interval;
            tokio::time::sleep(interval + part(interval / 10, random.number())).await;
        }
    }

    async fn once(&self) -> Result<(), String> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        probe(&self.settings.probe, &self.place, self.settings.timeout).await
    }

    fn conclude(&self, error: Option<&str>, passes: u32, failures: u32) {
        let healthy = self.endpoint.is_healthy();
        let (rise, fall) = (self.settings.rise.max(1), self.settings.fall.max(1));
        let verdict = (healthy && failures < fall) || (!healthy && passes >= rise);
        let error_text = error.map(Box::from);
        if self.endpoint.set_health(verdict, error_text) {
            let id = &self.endpoint.id;
            if let Some(error) = error {
                tracing::warn!(endpoint = %id, error, "endpoint is unhealthy");
            } else {
                tracing::info!(endpoint = %id, "endpoint is healthy");
            }
            self.service.announce();
        }
    }
}

/// A random part of a time.
fn part(whole: Duration, random: u64) -> Duration {
    let nanos = (whole.as_nanos() * u128::from(random)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
