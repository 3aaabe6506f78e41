//! JSON Schema of `trunkline.yaml`, from the same types that decode it.
//!
//! Editors complete and check with it while a file is written. Each map with known keys becomes a
//! definition; keys that are not served yet are allowed and say so in their description.

use serde_json::{Map, Value, json};

use super::raw::RawFile;
use crate::decode::Decode;
use crate::decode::shape::{FieldShape, Shape, Shapes, StructShape};

/// The name of the schema; it is not fetched from anywhere.
const ID: &str = "urn:trunkline:config:1";

/// The schema, as JSON Schema 2020-12.
#[must_use]
pub fn schema() -> Value {
    let (root, shapes) = shapes();
    let mut definitions = Map::new();
    for (name, shape) in shapes.iter() {
        definitions.insert(identifier(name), structure(shape));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "trunkline.yaml, version 1",
        "$ref": reference(root),
        "$defs": definitions,
    })
}

/// The name of the outermost map, and all maps.
pub(crate) fn shapes() -> (&'static str, Shapes) {
    let mut shapes = Shapes::default();
    match RawFile::shape(&mut shapes) {
        Shape::Struct(root) => (root, shapes),
        _ => unreachable!("a derived struct has a struct's shape"),
    }
}

/// "`tls` of a service" → `tls_of_a_service`.
fn identifier(name: &str) -> String {
    name.replace('`', "").replace(' ', "_")
}

fn reference(name: &str) -> String {
    format!("#/$defs/{}", identifier(name))
}

fn structure(shape: &StructShape) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in &shape.fields {
        for name in std::iter::once(&field.name).chain(field.aliases) {
            properties.insert((*name).to_owned(), property(field));
        }
        if field.required {
            required.push(field.name);
        }
    }
    for row in shape.unserved {
        let description = format!("Not served yet: {}.", row.purpose);
        properties
            .insert(row.key.to_owned(), json!({ "description": description, "deprecated": true }));
    }
    let mut object = json!({
        "type": "object",
        "description": shape.doc,
        "properties": properties,
        "patternProperties": { "^x-": {} },
        "additionalProperties": false,
    });
    if let (Some(object), false) = (object.as_object_mut(), required.is_empty()) {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

fn property(field: &FieldShape) -> Value {
    let mut value = json_of(&field.shape);
    if let Some(object) = value.as_object_mut() {
        object.insert("description".to_owned(), json!(field.doc));
        if let Some(default) = &field.default {
            object.insert("default".to_owned(), default_of(&field.shape, default));
        }
    }
    value
}

/// The default as the type that the key takes.
fn default_of(shape: &Shape, text: &str) -> Value {
    match shape {
        Shape::Bool | Shape::Int { .. } => serde_json::from_str(text).unwrap_or(json!(text)),
        _ => json!(text),
    }
}

fn json_of(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Text { what: "text" | "value", .. } => {
            json!({ "type": ["string", "number", "boolean"] })
        }
        Shape::Text { example: "", .. } => json!({ "type": "string" }),
        Shape::Text { example, .. } => json!({ "type": "string", "examples": [example] }),
        Shape::Choice(words) => {
            json!({ "enum": words.iter().map(|(word, _)| word).collect::<Vec<_>>() })
        }
        // The decoder takes one value for a list of one.
        Shape::List(item) => match item.as_ref() {
            Shape::Struct(_) => json!({ "type": "array", "items": json_of(item) }),
            _ => json!({ "anyOf": [{ "type": "array", "items": json_of(item) }, json_of(item)] }),
        },
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": json_of(value) }),
        Shape::OneOf(shapes) => json!({ "anyOf": shapes.iter().map(json_of).collect::<Vec<_>>() }),
        Shape::Struct(name) => json!({ "$ref": reference(name) }),
    }
}
