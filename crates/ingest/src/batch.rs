//! Spans of other protocols, put together to an OTLP batch.
//!
//! Each span is written down as soon as it is translated, into the bytes of its process and
//! library; only those bytes are held, so that a batch of very many small spans costs what it
//! weighs. `K` names a process.

use std::collections::HashMap;
use std::hash::Hash;

use trunkline_otlp::wire::{put_bytes, put_message};
use trunkline_otlp::{Resource, Span, write};

/// Written spans, by process and library.
#[derive(Debug)]
pub(crate) struct Builder<K> {
    groups: Vec<(K, Vec<Library>)>,
    places: HashMap<K, usize>,
}

#[derive(Debug)]
struct Library {
    name: String,
    version: String,
    spans: Vec<u8>,
}

/// Libraries of one process that are looked through; spans of others begin anew, which is only
/// larger.
const LIBRARIES_MAX: usize = 64;

impl<K> Default for Builder<K> {
    fn default() -> Self {
        Self { groups: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone> Builder<K> {
    /// Adds a span of a process; resource and scope of the span itself are not looked at.
    pub(crate) fn push(&mut self, process: K, library: (&str, &str), span: &Span) {
        let place = *self.places.entry(process).or_insert_with_key(|process| {
            self.groups.push((process.clone(), Vec::new()));
            self.groups.len() - 1
        });
        let Some((_, libraries)) = self.groups.get_mut(place) else { return };
        let (name, version) = library;
        let known = |one: &&mut Library| one.name == name && one.version == version;
        let known = libraries.iter_mut().rev().take(LIBRARIES_MAX).position(|one| known(&one));
        if known.is_none() {
            let (name, version) = (name.to_owned(), version.to_owned());
            libraries.push(Library { name, version, spans: Vec::new() });
        }
        let Some(library) = libraries.iter_mut().rev().nth(known.unwrap_or(0)) else { return };
        put_message(&mut library.spans, 2, |into| write::span(into, span));
    }

    /// The batch. `resource` tells what is known of a process.
    pub(crate) fn finish(self, mut resource: impl FnMut(&K) -> Resource) -> Vec<u8> {
        let mut out = Vec::new();
        for (process, libraries) in self.groups {
            let resource = resource(&process);
            put_message(&mut out, 1, |into| {
                put_message(into, 1, |into| write::resource(into, &resource));
                for library in libraries {
                    put_message(into, 2, |into| {
                        put_message(into, 1, |into| {
                            put_bytes(into, 1, library.name.as_bytes());
                            put_bytes(into, 2, library.version.as_bytes());
                        });
                        into.extend_from_slice(&library.spans);
                    });
                }
            });
        }
        out
    }
}
