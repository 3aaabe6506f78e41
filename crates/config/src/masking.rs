//! Texts of configuration for other eyes: values below an `env:` map are replaced, and those of keys
//! that name a secret, such as a header `authorization` that a filter sets.
//!
//! Variables of processes are where secrets are written; a reference to one (`env:NAME`) is none.
//! The overlays of a file are called `env` too: they are read like the file itself.

use crate::node::{Entry, Node, Value};
use crate::source::{SourceFile, SourceMap, Span};

/// What stands in place of a value.
pub const MASK: &str = "••••••";

/// The key of maps whose values are masked.
const MASKED: &str = "env";

/// Parts of keys, in lower case without `-` and `_`, whose values are masked wherever they are.
const SECRETS: &[&str] =
    &["authorization", "cookie", "password", "passwd", "secret", "token", "apikey", "credential"];

/// How a reference to a secret begins.
const REFERENCES: &[&str] = &["env:", "file:"];

/// The text of a file with masks. Keys, comments and line ends outside of masked values stay.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut sources = SourceMap::default();
    let id = sources.add("<masked>", text);
    let Some(file) = sources.get(id) else {
        return MASK.to_owned();
    };
    let mut spans = Vec::new();
    for document in file.documents() {
        for entry in document.as_map().unwrap_or_default() {
            match (entry.key.as_str(), entry.node.as_map()) {
                (MASKED, Some(overlays)) => {
                    for overlay in overlays {
                        search(&overlay.node, &mut spans);
                    }
                }
                _ => visit(entry, &mut spans),
            }
        }
    }
    // A text that is not understood as a whole could hide a secret where it is not.
    if file.yaml_problems().has_errors() {
        return MASK.to_owned();
    }
    replace(file, spans)
}

/// Finds masked maps anywhere below a node.
fn search(node: &Node, spans: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                visit(entry, spans);
            }
        }
        Value::Seq(items) => {
            for item in items {
                search(item, spans);
            }
        }
        _ => {}
    }
}

fn visit(entry: &Entry, spans: &mut Vec<Span>) {
    let is_masked = entry.key == MASKED || (names_secret(&entry.key) && !is_reference(&entry.node));
    // What is found in a map of a service that happens to be called so would be no secret.
    let is_object = entry.node.as_map().is_some() && entry.key != MASKED;
    if is_masked && !is_object { mask(&entry.node, spans) } else { search(&entry.node, spans) }
}

fn names_secret(key: &str) -> bool {
    let key: String = key.chars().filter(|c| !"-_".contains(*c)).collect();
    let key = key.to_ascii_lowercase();
    SECRETS.iter().any(|part| key.contains(part))
}

fn is_reference(node: &Node) -> bool {
    matches!(&node.value, Value::String(text) if REFERENCES.iter().any(|begin| text.starts_with(begin)))
}

/// Masks every value at or below a node; keys stay, because they help and tell nothing.
fn mask(node: &Node, spans: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                mask(&entry.node, spans);
            }
        }
        Value::Seq(items) => {
            for item in items {
                mask(item, spans);
            }
        }
        Value::Null => {}
        _ => spans.push(node.span),
    }
}

fn replace(file: &SourceFile, mut spans: Vec<Span>) -> String {
    // A value that several aliases lead to was found several times.
    spans.sort_by_key(|span| (span.start, span.end));
    spans.dedup();
    let mut text = String::with_capacity(file.text.len());
    let mut at = 0;
    for span in spans {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < at {
            continue;
        }
        text.push_str(file.text.get(at..start).unwrap_or_default());
        text.push_str(MASK);
        // A block of text ends with its line; the line end is not part of the secret.
        let value = file.text.get(start..end).unwrap_or_default();
        text.push_str(value.get(value.trim_end().len()..).unwrap_or_default());
        at = end.max(at);
    }
    text.push_str(file.text.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"version: 1
x-shared: &shared { TOKEN: shared-secret }
services:
  a:
    command: run # env: stays
    env: { KEY: "sec\"ret", OTHER: 'two' , NUMBER: 42}
  b:
    env:
      PEM: |
        line one secret
        line two secret
      FOLDED: >-
        folded secret
      PLAIN: plain secret
      EMPTY:
    port: 80
  c:
    env: *shared
  token-service: { command: serves }
management: { token: "env:ADMIN" }
routes:
  - match: /**
    request: { set: { Authorization: Bearer header-secret, x-api-key: key-secret, x-a: b } }
env:
  production:
    services: { a: { command: other, env: { KEY: deep-secret } } }
"#;

    #[test]
    fn values_of_variables_are_gone_and_everything_else_stays() {
        let masked = masked(FILE);
        for secret in ["secret", "sec\\", "two", "42", "deep"] {
            assert!(!masked.contains(secret), "{secret} in\n{masked}");
        }
        for rest in [
            "command: run # env: stays",
            "KEY: ",
            "port: 80",
            "command: other",
            "PEM: ",
            "command: serves",
            "env:ADMIN",
            "x-a: b",
        ] {
            assert!(masked.contains(rest), "{rest} in\n{masked}");
        }
        assert_eq!(masked.matches(MASK).count(), 10, "{masked}");
    }

    #[test]
    fn a_text_that_is_not_understood_is_masked_as_a_whole() {
        assert_eq!(super::masked("services: { a: { env: { K: secret"), MASK);
        assert_eq!(super::masked(""), "");
    }
}
