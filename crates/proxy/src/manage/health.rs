//! Active health checks: one task per endpoint, started and ended as endpoints come and go.
//!
//! An endpoint is healthy until so many checks in a row say otherwise, so that a restart of
//! Trunkline takes nobody out, unless its service wants every endpoint checked first. Checks of one
//! service are spread over the interval; while a verdict is changing they come faster. An agent is
//! asked beside. Nothing of this runs on a worker.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::service::{AgentCheck, HealthCheck, Probe};
use trunkline_net::tls::{self, ClientSettings, ClientTlsError, Roots};
use trunkline_rt::{Policy, Random};

use super::agent;
use super::probe::{Place, probe};
use crate::balance::{AgentWord, LiveEndpoint, LiveService};
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

impl Running {
    /// Takes back what was found that nobody looks at any more.
    fn forget(&self, next: Option<&HealthCheck>) {
        if next.is_none() {
            self.endpoint.set_health(true, None);
        }
        if next.is_none_or(|next| next.agent.is_none()) {
            self.endpoint.hear_agent(AgentWord::default());
        }
    }
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
                // With other settings it is checked on; what is known of it stays until then.
                let checked_on = wanted.get(id).map(|(service, _)| &service.service.health);
                check.forget(checked_on.and_then(Option::as_ref));
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
            let Some(check) = check(&service, &endpoint, settings.clone(), &slots) else {
                continue;
            };
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

/// `None` if the check wants TLS and its settings cannot be had; the log says why.
fn check(
    service: &ServicePlan,
    endpoint: &Arc<LiveEndpoint>,
    settings: HealthCheck,
    slots: &Arc<Semaphore>,
) -> Option<Check> {
    let own = service.transport.tls.as_ref();
    let wants_tls = settings.tls.unwrap_or(own.is_some() || settings.probe == Probe::Tls);
    let tls = match own {
        _ if !wants_tls => None,
        Some(own) => Some(Arc::clone(&own.http1_only)),
        None => match unverified() {
            Ok(config) => Some(config),
            Err(error) => {
                tracing::error!(endpoint = %endpoint.id, %error, "endpoint cannot be checked");
                return None;
            }
        },
    };
    let port = settings.port.unwrap_or(endpoint.address.port());
    Some(Check {
        settings,
        service: Arc::clone(&service.live),
        endpoint: Arc::clone(endpoint),
        place: Place {
            address: SocketAddr::new(endpoint.address.ip(), port),
            host: endpoint.host.clone(),
            tls,
            server_name: own.and_then(|tls| tls.server_name.clone()),
        },
        slots: Arc::clone(slots),
    })
}

/// For a check over TLS of a service that is not spoken to over TLS: nothing says whom to trust,
/// and nothing but the answer matters.
fn unverified() -> Result<Arc<ClientConfig>, ClientTlsError> {
    tls::client_config(&ClientSettings {
        roots: Roots::System,
        skip_verify: true,
        alpn: vec![tls::HTTP_1_1.to_vec()],
        certificate: None,
    })
}

impl Check {
    async fn run(self) {
        match &self.settings.agent {
            Some(agent) => tokio::join!(self.keep_probing(), self.keep_asking(agent)).0,
            None => self.keep_probing().await,
        }
    }

    async fn keep_probing(&self) {
        let mut random = Random::from_system();
        let (mut passes, mut failures) = (0, 0);
        let settings = &self.settings;
        if self.endpoint.passes_checks() {
            // The first check comes soon, but not at once for all.
            tokio::time::sleep(part(settings.interval / 4, random.number())).await;
        } else {
            // One that waits for its first check, or was found unhealthy before, is not let wait,
            // and one pass is enough.
            passes = settings.rise.saturating_sub(1);
        }
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
            let pause = self.pause(passes, failures);
            let spread = pause * u32::from(settings.jitter) / 100;
            tokio::time::sleep(pause + part(spread, random.number())).await;
        }
    }

    /// How long it takes to the next check: a verdict that is changing is looked at sooner.
    fn pause(&self, passes: u32, failures: u32) -> Duration {
        let settings = &self.settings;
        match (self.endpoint.passes_checks(), passes, failures) {
            (true, _, 0) => settings.interval,
            (false, 0, _) => settings.down_interval,
            _ => settings.fast_interval,
        }
    }

    async fn once(&self) -> Result<(), String> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        probe(&self.settings.probe, &self.place, self.settings.timeout).await
    }

    fn conclude(&self, error: Option<&str>, passes: u32, failures: u32) {
        let healthy = self.endpoint.passes_checks();
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

    async fn keep_asking(&self, agent: &AgentCheck) {
        let mut random = Random::from_system();
        let mut silent = false;
        loop {
            let slot = self.slots.acquire().await;
            let said = agent::ask(agent, self.endpoint.address).await;
            drop(slot);
            match said {
                Ok(line) => {
                    silent = false;
                    self.hear(&line);
                }
                Err(error) if !silent => {
                    silent = true;
                    tracing::warn!(endpoint = %self.endpoint.id, error, "agent does not answer");
                }
                Err(_) => {}
            }
            let spread = agent.interval * u32::from(self.settings.jitter) / 100;
            tokio::time::sleep(agent.interval + part(spread, random.number())).await;
        }
    }

    fn hear(&self, line: &str) {
        let id = &self.endpoint.id;
        let Some(word) = agent::understand(line, &self.endpoint.agent()) else {
            tracing::debug!(endpoint = %id, line, "agent says nothing that is known");
            return;
        };
        if self.endpoint.hear_agent(word) {
            tracing::info!(endpoint = %id, line, "agent says something else");
            self.service.announce();
        }
    }
}

/// A random part of a time.
fn part(whole: Duration, random: u64) -> Duration {
    let nanos = (whole.as_nanos() * u128::from(random)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
