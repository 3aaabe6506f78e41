//! Attributes by key, events by time, and one object for equal processes and libraries.
//!
//! Equal spans become equal byte by byte, and whoever shows the trace can group by identity.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use trunkline_otlp::{Attributes, Resource, Scope, Span, write};

pub(super) fn sort(spans: &mut [Span]) {
    let mut resources = Shared::new(|resource: &Resource| {
        let mut key = resource.schema_url.as_bytes().to_vec();
        key.push(0);
        write::resource(&mut key, resource);
        key
    });
    let mut scopes = Shared::new(|scope: &Scope| {
        let mut key = scope.schema_url.as_bytes().to_vec();
        key.push(0);
        write::scope(&mut key, scope);
        key
    });
    for span in spans {
        by_key(&mut span.attributes);
        for event in &mut span.events {
            by_key(&mut event.attributes);
        }
        span.events.sort_by_key(|event| event.time_unix_nanos);
        for link in &mut span.links {
            by_key(&mut link.attributes);
        }
        span.resource = resources.one(&span.resource, |resource| by_key(&mut resource.attributes));
        span.scope = scopes.one(&span.scope, |scope| by_key(&mut scope.attributes));
    }
}

fn by_key(attributes: &mut Attributes) {
    attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
}

/// Equal things once.
struct Shared<T, K> {
    key: fn(&T) -> K,
    /// By address: looked at before. The first of each pair keeps the address from being used again.
    seen: HashMap<*const T, (Arc<T>, Arc<T>)>,
    by_key: HashMap<K, Arc<T>>,
}

impl<T: Clone, K: Eq + Hash> Shared<T, K> {
    fn new(key: fn(&T) -> K) -> Self {
        Self { key, seen: HashMap::new(), by_key: HashMap::new() }
    }

    fn one(&mut self, given: &Arc<T>, change: impl FnOnce(&mut T)) -> Arc<T> {
        if let Some((_, known)) = self.seen.get(&Arc::as_ptr(given)) {
            return Arc::clone(known);
        }
        let mut changed = (**given).clone();
        change(&mut changed);
        let one = self.by_key.entry((self.key)(&changed)).or_insert_with(|| Arc::new(changed));
        let one = Arc::clone(one);
        self.seen.insert(Arc::as_ptr(given), (Arc::clone(given), Arc::clone(&one)));
        one
    }
}
