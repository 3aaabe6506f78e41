//! The data plane's state as the two processes of an upgrade write it: words and numbers only.
//!
//! The two binaries may differ in age. A word that the other does not know is passed over, and a
//! list that it does not know is empty.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState::{self, Down, Draining, Maint, Ready, Starting};
use trunkline_model::ops::{EndpointOrder, EndpointOrders};
use trunkline_net::tls::ExportedKey;
use trunkline_resilience::breaker::{self, Stay};

use super::State;

fn state_of(word: &str) -> Option<EndpointState> {
    [Ready, Starting, Draining, Maint, Down].into_iter().find(|state| state.as_str() == word)
}

impl From<State> for trunkline_proxy::State {
    fn from(state: State) -> Self {
        let mut orders: HashMap<String, EndpointOrders> = HashMap::new();
        let states = state.overrides.into_iter();
        let states = states
            .filter_map(|(id, word)| Some((id, EndpointOrder::State(Some(state_of(&word)?)))));
        let weights = state.weights.into_iter();
        let weights = weights.map(|(id, weight)| (id, EndpointOrder::Weight(Some(weight))));
        let limits = state.limits.into_iter();
        let limits = limits.map(|(id, limit)| (id, EndpointOrder::Limit(Some(limit))));
        for (id, order) in states.chain(weights).chain(limits) {
            let known = orders.entry(id).or_default();
            *known = known.with(order);
        }
        let ejected = state.ejected.into_iter();
        Self {
            orders: orders.into_iter().map(|(id, orders)| (EndpointId::new(id), orders)).collect(),
            healthy: state.healthy.into_iter().map(EndpointId::new).collect(),
            unhealthy: state
                .unhealthy
                .into_iter()
                .map(|(id, error)| (EndpointId::new(id), error))
                .collect(),
            ejected: ejected
                .map(|(id, left_ms)| (EndpointId::new(id), Duration::from_millis(left_ms)))
                .collect(),
            tickets: state.tickets.iter().filter_map(ticket_key).collect(),
            breakers: state.breakers.into_iter().filter_map(stay).collect(),
        }
    }
}

impl From<trunkline_proxy::State> for State {
    fn from(state: trunkline_proxy::State) -> Self {
        let mut written = Self::default();
        for (id, orders) in state.orders {
            if let Some(state) = orders.state {
                written.overrides.push((id.to_string(), state.as_str().to_owned()));
            }
            if let Some(weight) = orders.weight {
                written.weights.push((id.to_string(), weight));
            }
            if let Some(limit) = orders.limit {
                written.limits.push((id.to_string(), limit));
            }
        }
        written.healthy = state.healthy.iter().map(ToString::to_string).collect();
        let unhealthy = state.unhealthy.into_iter();
        written.unhealthy = unhealthy.map(|(id, error)| (id.to_string(), error)).collect();
        for (id, left) in state.ejected {
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            written.ejected.push((id.to_string(), left_ms));
        }
        let tickets = state.tickets.iter().map(|key| {
            let made = key.made.duration_since(UNIX_EPOCH).unwrap_or_default();
            (to_hex(&key.name), to_hex(&key.secret), made.as_secs())
        });
        written.tickets = tickets.collect();
        let breakers = state.breakers.into_iter().map(|(name, stay)| {
            let left_ms = u64::try_from(stay.left.as_millis()).unwrap_or(u64::MAX);
            (name, stay.state.as_str().to_owned(), stay.attempts, left_ms)
        });
        written.breakers = breakers.collect();
        written
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let fits = text.len() == 2 * N;
    for (place, byte) in bytes.iter_mut().enumerate().filter(|_| fits) {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    fits.then_some(bytes)
}

fn ticket_key((name, secret, made): &(String, String, u64)) -> Option<ExportedKey> {
    let made = UNIX_EPOCH.checked_add(Duration::from_secs(*made))?;
    Some(ExportedKey { name: of_hex(name)?, secret: of_hex(secret)?, made })
}

fn stay((name, word, attempts, left_ms): (String, String, u32, u64)) -> Option<(String, Stay)> {
    let state = breaker::State::ALL.into_iter().find(|state| state.as_str() == word)?;
    Some((name, Stay { state, attempts, left: Duration::from_millis(left_ms) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_older_writings_too() {
        let order = EndpointOrders { state: Some(Maint), weight: Some(3), limit: Some(9) };
        let state = trunkline_proxy::State {
            orders: vec![(EndpointId::new("a@127.0.0.1:1"), order)],
            healthy: vec![EndpointId::new("b@127.0.0.1:2")],
            unhealthy: vec![(EndpointId::new("c@127.0.0.1:3"), "refused".to_owned())],
            ejected: vec![(EndpointId::new("c@127.0.0.1:3"), Duration::from_millis(7))],
            tickets: vec![ExportedKey {
                name: [1; 16],
                secret: [2; 32],
                made: UNIX_EPOCH + Duration::from_secs(3),
            }],
            breakers: vec![(
                "orders".to_owned(),
                Stay { state: breaker::State::Open, attempts: 2, left: Duration::from_secs(9) },
            )],
        };
        let written = serde_json::to_string(&State::from(state.clone())).unwrap();
        let read: State = serde_json::from_str(&written).unwrap();
        assert_eq!(trunkline_proxy::State::from(read), state);
        let old = r#"{"overrides":[["a@127.0.0.1:1","resting"]],"unhealthy":[],"ejected":[]}"#;
        let old: State = serde_json::from_str(old).unwrap();
        assert_eq!(trunkline_proxy::State::from(old), trunkline_proxy::State::default());
    }
}
