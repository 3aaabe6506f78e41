//! Attributes that stand in the wrong form or in the wrong place.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use trunkline_otlp::{Attributes, Resource, Span, Value, span::get};

use crate::trace::Trace;

/// Attributes in which old tracers of Jaeger send an IPv4 address as a number.
const ADDRESSES: &[&str] = &["ip", "peer.ipv4"];

/// What a tracer says of itself, which belongs to the process.
const TRACER: &[&str] = &[
    "telemetry.distro.name",
    "telemetry.distro.version",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
];

/// Writes addresses that are numbers as addresses.
pub(super) fn write_addresses(spans: &mut [Span]) {
    let mut changed: Changed = HashMap::new();
    for span in spans {
        addresses(&mut span.attributes);
        if span.resource.attributes.iter().any(is_number_for_address) {
            span.resource = change(&mut changed, &span.resource, |resource| {
                addresses(&mut resource.attributes);
            });
        }
    }
}

type Changed = HashMap<*const Resource, (Arc<Resource>, Arc<Resource>)>;

/// The changed form of a process, made once. The pair keeps the address from being used again.
fn change(
    changed: &mut Changed,
    resource: &Arc<Resource>,
    how: impl FnOnce(&mut Resource),
) -> Arc<Resource> {
    let (_, new) = changed.entry(Arc::as_ptr(resource)).or_insert_with(|| {
        let mut new = (**resource).clone();
        how(&mut new);
        (Arc::clone(resource), Arc::new(new))
    });
    Arc::clone(new)
}

fn is_number_for_address((key, value): &(Arc<str>, Value)) -> bool {
    matches!(value, Value::Int(_) | Value::Double(_)) && ADDRESSES.contains(&&**key)
}

fn addresses(attributes: &mut Attributes) {
    for pair in attributes.iter_mut().filter(|pair| is_number_for_address(pair)) {
        let bits = match pair.1 {
            Value::Int(number) => u32::try_from(number).ok(),
            Value::Double(number) => whole(number),
            _ => None,
        };
        if let Some(bits) = bits {
            pair.1 = Value::Text(Arc::from(Ipv4Addr::from_bits(bits).to_string()));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked")]
fn whole(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    fits.then_some(number as u32)
}

/// Moves what a tracer says of itself from spans to their process; where that says otherwise, it
/// stays and a warning tells so.
pub(super) fn move_to_resource(trace: &mut Trace) {
    let is_tracers = |key: &str| key.starts_with("telemetry.") && TRACER.contains(&key);
    let mut changed: Changed = HashMap::new();
    let mut conflicts = Vec::new();
    // What is found on the first span of a process goes there for all.
    let mut additions: HashMap<*const Resource, Attributes> = HashMap::new();
    for span in &trace.spans {
        for (key, value) in span.attributes.iter().filter(|(key, _)| is_tracers(key)) {
            let more = additions.entry(Arc::as_ptr(&span.resource)).or_default();
            if get(&span.resource.attributes, key).or(get(more, key)).is_none() {
                more.push((Arc::clone(key), value.clone()));
            }
        }
    }
    if additions.is_empty() {
        return;
    }
    for (at, span) in trace.spans.iter_mut().enumerate() {
        let Some(more) = additions.get(&Arc::as_ptr(&span.resource)) else { continue };
        span.resource = change(&mut changed, &span.resource, |resource| {
            resource.attributes.extend(more.iter().cloned());
            resource.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        });
        let resource = &span.resource;
        span.attributes.retain(|(key, value)| {
            if !is_tracers(key) {
                return true;
            }
            let conflict = get(&resource.attributes, key) != Some(value);
            if conflict {
                conflicts.push((at, format!("`{key}` is not what its process says")));
            }
            conflict
        });
    }
    for (at, warning) in conflicts {
        trace.warn(at, warning);
    }
}
