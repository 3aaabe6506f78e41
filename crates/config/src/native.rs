//! `trunkline.yaml`, version 1: the native dialect.
//!
//! [`raw`] is the file as it is written, [`forms`] the values that have a short and a long form,
//! `lower` makes the Model's objects of them. What can be inferred is absent from the file and
//! filled in here, from [`crate::defaults`].

mod building;
pub mod calls;
pub mod cluster;
mod describe;
pub mod forms;
mod gateway;
mod globals;
mod health;
pub mod limits;
mod matching;
mod names;
mod overlay;
pub mod policies;
pub mod raw;
mod reference;
pub mod relays;
mod routes;
mod schema;
mod services;
pub mod spreading;
pub mod telemetry;
mod tls;
pub mod tracing;
mod watching;

pub use describe::{Described, describe};
pub use globals::PORT_STEP;
pub use names::short_name;
pub use reference::reference;
pub use schema::schema;

use std::path::{Path, PathBuf};

use crate::builder::ModelBuilder;
use crate::decode::{Context, Decode, Spanned, wrong_type};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::dialect::Dialect;
use crate::node::{Node, Value};
use crate::source::SourceFile;
use raw::RawFile;

/// The version of the format that is read.
const VERSION: u32 = 1;

/// Keys that only a `trunkline.yaml` has, for a file that forgot its `version`.
const OWN_KEYS: &[&str] = &["gateway", "routes", "services"];

/// The native dialect.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "trunkline.yaml"
    }

    fn recognizes(&self, file: &SourceFile) -> bool {
        let Some(first) = file.documents().first() else {
            return false;
        };
        let has = |key: &str| first.get(key).is_some();
        let foreign = has("_format_version") || has("apiVersion") || has("static_resources");
        !foreign && (has("version") || OWN_KEYS.iter().any(|key| has(key)))
    }

    fn includes(&self, file: &SourceFile) -> Vec<Spanned<String>> {
        let Some(include) = file.documents().first().and_then(|node| node.get("include")) else {
            return Vec::new();
        };
        let items = match &include.value {
            Value::Seq(items) => items.as_slice(),
            _ => std::slice::from_ref(include),
        };
        let text = |item: &Node| {
            item.as_str().map(|text| Spanned { value: text.to_owned(), span: item.span })
        };
        items.iter().filter_map(text).collect()
    }

    fn lower(
        &self,
        files: &[SourceFile],
        into: &mut ModelBuilder<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let raws: Vec<Lowering<'_>> =
            files.iter().filter_map(|file| decode(file, into, diagnostics)).collect();
        for raw in &raws {
            globals::lower(raw, into, diagnostics);
        }
        globals::settle(&raws, into, diagnostics);
        // A file without `gateway` claims no listener, unless no file has one.
        let has_gateway = raws.iter().any(|raw| raw.raw.gateway.is_some());
        for (index, raw) in raws.iter().enumerate() {
            if raw.raw.gateway.is_some() || (index == 0 && !has_gateway) {
                gateway::lower(raw, index == 0, into, diagnostics);
            }
        }
        for raw in &raws {
            relays::lower(raw, into, diagnostics);
            services::lower(raw, into, diagnostics);
            routes::lower(raw, into, diagnostics);
        }
        names::infer(into);
    }
}

/// A decoded file on its way into the Model.
struct Lowering<'a> {
    file: &'a SourceFile,
    raw: RawFile,
}

impl Lowering<'_> {
    /// A path that is written in this file; never empty, so that it can be a working folder.
    fn path(&self, written: &str) -> PathBuf {
        let folder = self.file.path.parent().unwrap_or(Path::new(""));
        let path = folder.join(written);
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
    }
}

fn decode<'a>(
    file: &'a SourceFile,
    into: &ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Lowering<'a>> {
    diagnostics.extend(file.yaml_problems());
    let mut documents = file.documents().iter();
    let first = documents.next()?;
    if let Some(second) = documents.next() {
        diagnostics.push(
            Diagnostic::new(codes::SEVERAL_DOCUMENTS, "the file holds more than one document")
                .at(second.span, "the second document starts here")
                .hint("put each document into a file of its own, and list the files in `include`"),
        );
    }
    if first.as_map().is_none() {
        diagnostics.push(wrong_type(first, "the keys of a `trunkline.yaml`"));
        return None;
    }
    check_version(first, diagnostics)?;
    let overlaid = overlay::apply(first, into.options.env.as_deref(), diagnostics);
    let mut context = Context { sources: into.sources, diagnostics };
    let raw = RawFile::decode(&overlaid, &mut context)?;
    Some(Lowering { file, raw })
}

/// Another version has other keys: nothing more is said about its file.
fn check_version(node: &Node, diagnostics: &mut Diagnostics) -> Option<()> {
    match node.get("version") {
        Some(version) if version.value != Value::Int(i64::from(VERSION)) => {
            diagnostics.push(
                Diagnostic::new(
                    codes::UNKNOWN_VERSION,
                    format!("version {VERSION} of the format is read, found {}", version.value),
                )
                .at(version.span, "this version is not known")
                .hint(format!("write `version: {VERSION}`")),
            );
            None
        }
        _ => Some(()),
    }
}
