//! The keys of one map while it is decoded. Derived decoders are calls of these few functions.

use super::{Context, Decode, nearest, wrong_type};
use crate::diagnostic::{Diagnostic, codes};
use crate::node::{Entry, Node};
use crate::source::Span;
use crate::unserved::{self, Unserved};

/// A map with known keys that is being read.
pub struct Fields<'n> {
    entries: &'n [Entry],
    span: Span,
    what: &'static str,
}

impl<'n> Fields<'n> {
    /// Starts to read a map; anything else is reported. `what` names it: `a service`.
    pub fn open(node: &'n Node, what: &'static str, context: &mut Context<'_>) -> Option<Self> {
        if let Some(entries) = node.as_map() {
            Some(Self { entries, span: node.span, what })
        } else {
            context.diagnostics.push(wrong_type(node, &format!("{what}: a map of keys")));
            None
        }
    }

    /// Reads a key that has a value when it is absent, or must be given. The first name is the
    /// real one, others are aliases. A value that cannot be read counts as absent: the mistake was
    /// reported, and the rest of the map can still be checked.
    pub fn take<T: Decode>(&self, names: &[&'static str], context: &mut Context<'_>) -> Option<T> {
        match self.find(names, context) {
            Some(entry) if entry.node.is_null() && T::absent().is_some() => T::absent(),
            Some(entry) => T::decode_entry(entry, context).or_else(T::absent),
            None => T::absent().or_else(|| {
                self.report_missing(names, context);
                None
            }),
        }
    }

    /// Reads a key that has a default.
    pub fn take_or<T: Decode>(
        &self,
        names: &[&'static str],
        default: impl Fn() -> T,
        context: &mut Context<'_>,
    ) -> T {
        match self.find(names, context) {
            Some(entry) if !entry.node.is_null() => {
                T::decode_entry(entry, context).unwrap_or_else(default)
            }
            _ => default(),
        }
    }

    /// Reports every key that is neither in `known` nor in `unserved`, and tells what becomes of
    /// those that are not served.
    pub fn finish(
        &self,
        known: &[&'static str],
        unserved: &'static [Unserved],
        context: &mut Context<'_>,
    ) {
        for entry in self.entries {
            let key = entry.key.as_str();
            // Keys that start with `x-` are left to people, for anchors and notes of other tools.
            if known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            if let Some(row) = unserved.iter().find(|row| row.key == key) {
                unserved::report(row, entry.key_span, context.diagnostics);
            } else {
                let all = known.iter().copied().chain(unserved.iter().map(|row| row.key));
                let mut diagnostic = Diagnostic::new(
                    codes::UNKNOWN_KEY,
                    format!("{} has no key `{key}`", self.what),
                )
                .at(entry.key_span, "this key is not known");
                diagnostic = match nearest(key, all) {
                    Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                    None => diagnostic.hint(format!("known keys: {}", list(known))),
                };
                context.diagnostics.push(diagnostic);
            }
        }
    }

    fn find(&self, names: &[&'static str], context: &mut Context<'_>) -> Option<&'n Entry> {
        let mut found = self.entries.iter().filter(|entry| names.contains(&entry.key.as_str()));
        let first = found.next()?;
        if let Some(second) = found.next() {
            context.diagnostics.push(
                Diagnostic::new(
                    codes::CONFLICT,
                    format!("`{}` and `{}` are the same key", first.key, second.key),
                )
                .at(second.key_span, "given again")
                .also(first.key_span, "given here")
                .hint("keep one of the two"),
            );
        }
        Some(first)
    }

    fn report_missing(&self, names: &[&'static str], context: &mut Context<'_>) {
        let name = names.first().copied().unwrap_or_default();
        context.diagnostics.push(
            Diagnostic::new(codes::MISSING_KEY, format!("{} needs the key `{name}`", self.what))
                .at(self.span, format!("`{name}` is missing here")),
        );
    }
}

/// Reads one of some words. For derived decoders of enums.
pub fn choose<T: Clone>(
    node: &Node,
    choices: &[(&'static str, T)],
    context: &mut Context<'_>,
) -> Option<T> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    // `on` and `off` are text in YAML 1.2, `true` is not: a choice may offer it as a word.
    let text = match &node.value {
        crate::node::Value::String(text) => text.clone(),
        crate::node::Value::Bool(truth) => truth.to_string(),
        _ => {
            context.diagnostics.push(wrong_type(node, &format!("one of {}", list(&words))));
            return None;
        }
    };
    if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
        return Some(choice.clone());
    }
    let mut diagnostic =
        Diagnostic::new(codes::BAD_VALUE, format!("`{text}` is not one of {}", list(&words)))
            .at(node.span, "this value is not known");
    if let Some(near) = nearest(&text, words.iter().copied()) {
        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
    }
    context.diagnostics.push(diagnostic);
    None
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
