//! Passive checks that compare an endpoint with its siblings: once per interval, by what requests of
//! that interval came to.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use trunkline_model::ServiceName;
use trunkline_resilience::outlier::{Compared, Seen, Strange};
use trunkline_rt::Random;

use crate::limits;
use crate::plan::ServicePlan;
use crate::proxy::Proxy;

/// Compares the endpoints of all services that want it, until the end.
pub(super) async fn keep_comparing(proxy: Proxy) {
    let scope = proxy.scope().clone();
    let clock = proxy.certificates().clock.clone();
    let mut random = Random::from_system();
    let mut due: HashMap<ServiceName, Instant> = HashMap::new();
    loop {
        let wait = if due.is_empty() { limits::COMPARE_IDLE } else { limits::COMPARE_LOOK };
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let Some(plan) = proxy.plan() else { continue };
        let now = clock.now();
        due.retain(|name, _| plan.destinations.services.get(name).is_some_and(is_compared));
        for service in plan.destinations.services.values().filter(|service| is_compared(service)) {
            let Some(interval) = interval(service) else { continue };
            let next = due.entry(service.service.name.clone()).or_insert(now + interval);
            if now >= *next {
                *next = now + interval;
                compare(service, now, &mut random);
            }
        }
    }
}

fn is_compared(service: impl AsRef<ServicePlan>) -> bool {
    interval(service.as_ref()).is_some()
}

fn interval(service: &ServicePlan) -> Option<Duration> {
    service.service.outlier?.compared.map(|compared| compared.interval)
}

/// Looks at one interval of one service.
fn compare(service: &ServicePlan, now: Instant, random: &mut Random) {
    let Some(compared) = service.service.outlier.and_then(|outlier| outlier.compared) else {
        return;
    };
    let thousandths = |number: u32| f64::from(number) / 1_000.0;
    let compared = Compared {
        success_deviations: thousandths(compared.success_deviations_thousandths),
        latency_factor: thousandths(compared.latency_factor_thousandths),
        hosts_min: usize::try_from(compared.hosts_min).unwrap_or(usize::MAX),
        requests_min: compared.requests_min,
    };
    let members = service.live.members();
    let seen: Vec<Seen> = members.endpoints.iter().map(|endpoint| endpoint.seen.take()).collect();
    for (place, why) in compared.strange(&seen) {
        let Some(endpoint) = members.endpoints.get(place) else { continue };
        if !endpoint.eject(&service.outlier, members.peers(now), now, random.number()) {
            continue;
        }
        let (what, value, bound) = match why {
            Strange::Failing(rate, bound) => ("success rate in percent", rate, bound),
            Strange::Slow(time, bound) => ("average latency in seconds", time, bound),
        };
        tracing::warn!(endpoint = %endpoint.id, what, value, bound, "endpoint ejected: it is worse than its siblings");
    }
}
