//! What the reference says about one key: `explain orders.timeout`.

use super::schema::shapes;
use crate::decode::shape::{FieldShape, Shape, Shapes, StructShape};

/// The map of a service.
const SERVICE: &str = "a service";
/// The map of the gateway.
const GATEWAY: &str = "`gateway`";

/// What the reference says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What it does.
    pub doc: &'static str,
    /// The value in force when it is not written.
    pub default: Option<String>,
}

/// What the reference says about a key of a service, or with `gateway` of the gateway.
#[must_use]
pub fn describe(gateway: bool, key: &str) -> Option<Described> {
    let (_, shapes) = shapes();
    let mut at = shapes.get(if gateway { GATEWAY } else { SERVICE })?;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let field = field(at, part)?;
        if parts.peek().is_none() {
            return Some(Described { doc: field.doc, default: field.default.clone() });
        }
        at = inner(&field.shape, &shapes)?;
    }
    None
}

fn field<'a>(shape: &'a StructShape, name: &str) -> Option<&'a FieldShape> {
    let named = |field: &&FieldShape| field.name == name || field.aliases.contains(&name);
    shape.fields.iter().find(named)
}

/// The map with known keys that a shape is, or has as one of its forms.
fn inner<'a>(shape: &Shape, shapes: &'a Shapes) -> Option<&'a StructShape> {
    match shape {
        Shape::Struct(name) => shapes.get(name),
        Shape::OneOf(forms) => forms.iter().find_map(|form| inner(form, shapes)),
        Shape::List(item) => inner(item, shapes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_below_short_forms_and_by_other_spellings() {
        let doc = |key| describe(false, key).map(|found| found.doc.to_owned());
        assert!(doc("timeout.connect").is_some_and(|doc| !doc.is_empty()));
        assert_eq!(doc("timeout.connect"), doc("timeouts.connect"));
        assert!(doc("health.path").is_some());
        assert_eq!(doc("timeout.nothing"), None);
        assert_eq!(doc(""), None);
        assert!(describe(true, "timeouts.idle").is_some());
    }
}
