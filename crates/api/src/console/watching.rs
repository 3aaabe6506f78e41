//! The task that looks at the counters, and tells those who watch what it sees.
//!
//! Nobody watches: one look every five seconds. Somebody does: one every second, with a snapshot for
//! all of them, and an event for every service that changed its state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_rt::Scope;

use super::feed::Pace;
use super::recent::Request;
use crate::Wiring;
use crate::control::{resilience, watched};

/// Between two looks while nobody watches.
const IDLE_PERIOD: Duration = Duration::from_secs(5);

/// Between two snapshots.
const WATCHED_PERIOD: Duration = Duration::from_secs(1);

/// Between two signs of life.
const PING_PERIOD: Duration = Duration::from_secs(15);

/// Looks and tells until the scope stops; then every stream ends.
pub(crate) async fn watch(wiring: Wiring, scope: Scope) {
    let mut watching = Watching::default();
    let mut ping = tokio::time::interval(PING_PERIOD);
    loop {
        let feed = &wiring.console.feed;
        let watched = feed.is_watched();
        let period = if watched { WATCHED_PERIOD } else { IDLE_PERIOD };
        let mut rest = std::pin::pin!(tokio::time::sleep(period));
        watching.look(&wiring).await;
        loop {
            tokio::select! {
                biased;
                () = scope.stopping() => return feed.end(),
                () = &mut rest => break,
                // Who joins others begins with their snapshot.
                () = feed.somebody_joined(), if !watched => break,
                _ = ping.tick(), if watched => feed.ping(),
                request = feed.next_request() => if let Some(request) = request {
                    watching.tell(&wiring, &request);
                },
            }
        }
    }
}

/// What was told last.
#[derive(Default)]
struct Watching {
    states: Option<BTreeMap<String, String>>,
    /// Number of the last event of a policy that was told.
    policy_event: u64,
    generation: Option<u64>,
    pace: Pace,
}

impl Watching {
    async fn look(&mut self, wiring: &Wiring) {
        let seen = super::look(wiring).await;
        let feed = &wiring.console.feed;
        if !feed.is_watched() {
            (self.states, self.generation) = (None, None);
            return feed.forget();
        }
        feed.show(&seen.snapshot());
        if self.generation.replace(seen.generation).is_some_and(|former| former != seen.generation)
        {
            feed.tell("generation", &json!({ "generation": seen.generation }));
        }
        for event in wiring.ops.resilience_events(self.policy_event) {
            self.policy_event = event.number;
            feed.tell("resilience", &resilience::event(&event));
        }
        let states = seen.states();
        if let Some(former) = &self.states {
            let changed = seen
                .services()
                .filter(|(name, state, _)| former.get(*name).map(String::as_str) != Some(*state));
            for (name, state, detail) in changed {
                feed.tell("service", &json!({ "name": name, "state": state, "detail": detail }));
            }
        }
        self.states = Some(states);
    }

    fn tell(&mut self, wiring: &Wiring, request: &Arc<Request>) {
        let feed = &wiring.console.feed;
        if !self.pace.allows(wiring.clock.now()) {
            return feed.skip();
        }
        let mut document = watched::request(wiring, request);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("skipped".into(), json!(feed.skipped()));
        }
        feed.tell("request", &document);
    }
}
