//! `env`: what one environment puts over the file.
//!
//! Nodes are merged before decoding: maps key by key, everything else is replaced, `null` takes a
//! key away. Every node keeps the place where it was written, so that a mistake in an overlay is
//! shown in the overlay.

use std::borrow::Cow;

use crate::decode::nearest;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Entry, Node, Value};

/// The file with the overlay of `env`, or as it is when none is asked for.
pub(super) fn apply<'n>(
    file: &'n Node,
    env: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Cow<'n, Node> {
    let Some(env) = env else {
        return Cow::Borrowed(file);
    };
    let overlays = file.get("env").and_then(Node::as_map).unwrap_or_default();
    // A file without overlays is the same everywhere; one that has some was meant to have this.
    if overlays.is_empty() {
        return Cow::Borrowed(file);
    }
    let Some(overlay) = overlays.iter().find(|entry| entry.key == env) else {
        let names = overlays.iter().map(|entry| entry.key.as_str());
        let hint = match nearest(env, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("this file has: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let place = file.entry("env").map_or(file.span, |entry| entry.key_span);
        diagnostics.push(
            Diagnostic::new(codes::UNKNOWN_ENV, format!("there is no environment `{env}`"))
                .at(place, "it is not among these")
                .hint(hint),
        );
        return Cow::Borrowed(file);
    };
    let mut merged = file.clone();
    if overlay.node.as_map().is_some() {
        merge(&mut merged, &overlay.node);
    }
    Cow::Owned(merged)
}

fn merge(base: &mut Node, over: &Node) {
    let (Value::Map(entries), Value::Map(changes)) = (&mut base.value, &over.value) else {
        *base = over.clone();
        return;
    };
    for change in changes {
        match entries.iter_mut().find(|entry| entry.key == change.key) {
            Some(entry) => {
                entry.key_span = change.key_span;
                merge(&mut entry.node, &change.node);
            }
            None => entries.push(Entry::clone(change)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn merged(text: &str) -> Node {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text);
        let file = sources.get(id).unwrap();
        let mut diagnostics = Diagnostics::default();
        let node = apply(&file.documents()[0], Some("p"), &mut diagnostics).into_owned();
        assert!(diagnostics.is_empty());
        node
    }

    #[test]
    fn maps_merge_and_everything_else_is_replaced() {
        let node = merged("a: {x: 1, y: 2}\nl: [1]\nenv: {p: {a: {y: 3, z: 4}, l: [2, 3]}}");
        let a = node.get("a").unwrap();
        let int = |key: &str| a.get(key).map(|n| n.value.clone());
        assert_eq!(int("x"), Some(Value::Int(1)));
        assert_eq!(int("y"), Some(Value::Int(3)));
        assert_eq!(int("z"), Some(Value::Int(4)));
        assert_eq!(node.get("l").unwrap().as_seq().unwrap().len(), 2);
    }
}
