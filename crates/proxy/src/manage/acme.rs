//! Orders certificates from ACME authorities, and orders them anew after two thirds of their life.
//!
//! One order at a time: an authority allows few. What fails is tried again, ever more rarely; the certificate that is
//! there, or its stand-in, is shown on, and `status` says why. Nothing waits for any of this.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use trunkline_mesh::acme::{self, Storage};
use trunkline_model::tls::{Acme, Certificates};
use trunkline_rt::Random;

use crate::limits;
use crate::plan::ListenerPlan;
use crate::proxy::Proxy;

/// When a name is looked at next, and how often it failed in a row.
#[derive(Debug)]
struct Due {
    at: Instant,
    failures: u32,
}

/// Looks after every ordered certificate of the plan in force.
pub(super) async fn keep_ordering(proxy: Proxy) {
    let scope = proxy.scope().clone();
    let Some(storage) = proxy.certificates().issuer.as_ref().and_then(|issuer| issuer.storage())
    else {
        return;
    };
    let mut random = Random::from_system();
    let mut due: HashMap<(String, String), Due> = HashMap::new();
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::ORDER_POLL) => {}
        }
        let Some(plan) = proxy.plan() else { continue };
        let mut wanted = Vec::new();
        for listener in &plan.listeners {
            let tls = listener.listener.tls.as_ref();
            if let Some(Certificates::Acme(acme)) = tls.map(|tls| &tls.certificates) {
                let names = acme.names.iter();
                wanted.extend(names.map(|name| (listener, acme, name)));
            }
        }
        due.retain(|(directory, name), _| {
            wanted.iter().any(|(_, acme, n)| acme.directory == *directory && *n == name)
        });
        for (listener, acme, name) in wanted {
            let key = (acme.directory.clone(), name.clone());
            let now = proxy.certificates().clock.now();
            let entry = due.entry(key).or_insert(Due { at: now, failures: 0 });
            if entry.at > now {
                continue;
            }
            let next = tokio::select! {
                () = scope.stopping() => return,
                next = look(&proxy, &storage, (listener, acme), (name, random.number())) => next,
            };
            let wait = if let Some(wait) = next {
                entry.failures = 0;
                wait
            } else {
                let delay = limits::ORDER_BACKOFF.delay(entry.failures, random.number());
                entry.failures = entry.failures.saturating_add(1);
                delay
            };
            entry.at = proxy.certificates().clock.now() + wait;
        }
    }
}

/// Orders if it is time to. Says when to look again; `None` when an order failed.
async fn look(
    proxy: &Proxy,
    storage: &Storage,
    (listener, wanted): (&ListenerPlan, &Acme),
    (name, random): (&str, u64),
) -> Option<Duration> {
    let certificates = proxy.certificates();
    let now = certificates.clock.wall();
    if let Some(there) = storage.certificate(wanted, name, now) {
        let at = acme::renew_at(&there, (random >> 56) as u8);
        if let Ok(left) = at.duration_since(now).map(|left| left.min(limits::ORDER_LOOK_MAX))
            && !left.is_zero()
        {
            return Some(left.max(limits::ORDER_POLL));
        }
    }
    tracing::info!(name, directory = wanted.directory, "ordering a certificate");
    let resolver = proxy.shared_resolver();
    let order = acme::order(wanted, name, (storage, resolver), now);
    let problem = match tokio::time::timeout(acme::ORDER_TIME_MAX, order).await {
        Ok(Ok(_)) => {
            certificates.renew(listener);
            tracing::info!(name, "a certificate was issued");
            return Some(limits::ORDER_POLL);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no certificate within {:?}", acme::ORDER_TIME_MAX),
    };
    if let Some(tls) = &listener.tls {
        tls.fails(format!("`{name}`: {problem}"));
    }
    None
}
