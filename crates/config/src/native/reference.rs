//! The reference of `trunkline.yaml` in Markdown, from the same types that decode it. A test keeps
//! `docs/reference/config.md` fresh.

use std::fmt::Write as _;

use super::schema::shapes;
use crate::decode::shape::{FieldShape, Shape, StructShape};

/// The page of all keys of `trunkline.yaml`.
#[must_use]
pub fn reference() -> String {
    let (root, shapes) = shapes();
    let mut page = String::from(
        "# `trunkline.yaml`, version 1\n\n\
         Generated from `crates/config/src/native/raw.rs`; `trunkline schema` prints the same as JSON Schema.\n\n\
         Durations are written like `250ms`, `2s`, `1m30s`; sizes like `16MiB`; shares like `12.5%`. \
         An unknown key is an error; keys that start with `x-` are left to you.\n\
         A key that takes a list takes a single value as well.\n",
    );
    let mut order = vec![root];
    let mut next = 0;
    while let Some(name) = order.get(next).copied() {
        next += 1;
        let Some(shape) = shapes.get(name) else {
            continue;
        };
        section(&mut page, name, shape);
        for field in &shape.fields {
            collect(&field.shape, &mut order);
        }
    }
    page
}

/// Maps with known keys that a shape leads to, each once, in the order they are met.
fn collect(shape: &Shape, order: &mut Vec<&'static str>) {
    match shape {
        Shape::Struct(name) if !order.contains(name) => order.push(name),
        Shape::List(inner) | Shape::Map(inner) => collect(inner, order),
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| collect(shape, order)),
        _ => {}
    }
}

/// "a service" → "A service".
fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn section(page: &mut String, name: &str, shape: &StructShape) {
    let _ = write!(page, "\n## {}\n\n{}\n\n", title(name), shape.doc);
    page.push_str("| key | takes | default | what it does |\n|---|---|---|---|\n");
    for field in &shape.fields {
        row(page, field);
    }
    if !shape.unserved.is_empty() {
        page.push_str(
            "\nKnown, and not served yet:\n\n| key | for | what happens |\n|---|---|---|\n",
        );
    }
    for key in shape.unserved {
        let level = if key.security { "error" } else { "warning" };
        let _ = writeln!(page, "| `{}` | {} | {level}: {} |", key.key, key.purpose, key.instead);
    }
}

fn row(page: &mut String, field: &FieldShape) {
    let mut name = format!("`{}`", field.name);
    for alias in field.aliases {
        let _ = write!(name, ", `{alias}`");
    }
    let default = match (&field.default, field.required) {
        (_, true) => "*required*".to_owned(),
        (Some(text), _) if !text.is_empty() => format!("`{text}`"),
        _ => String::new(),
    };
    let doc = field.doc.replace('\n', " ").replace('|', "\\|");
    let _ = writeln!(page, "| {name} | {} | {default} | {doc} |", words(&field.shape));
}

fn words(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Bool => "`true`, `false`".to_owned(),
        Shape::Int { min, max } => format!("{min} to {max}"),
        Shape::Text { what, .. } => (*what).to_owned(),
        Shape::Choice(words) => {
            words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Shape::List(inner) => format!("list of {}", words(inner)),
        Shape::Map(inner) => format!("names with {}", words(inner)),
        Shape::OneOf(shapes) => shapes.iter().map(words).collect::<Vec<_>>().join(", or "),
        Shape::Struct(name) => {
            let anchor: String = name
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            format!("[{name}](#{anchor})")
        }
    }
}
