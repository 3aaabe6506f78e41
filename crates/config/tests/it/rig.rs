//! Loading from memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use trunkline_config::diagnostic::{Style, render_all};
use trunkline_config::files::Memory;
use trunkline_config::native::Native;
use trunkline_config::{Loaded, Options, Profile, load_with};
use trunkline_model::Model;

/// As a server loads.
pub(crate) fn production() -> Options {
    Options::default()
}

pub(crate) fn laptop() -> Options {
    Options { profile: Profile::Laptop, ..Options::default() }
}

/// Loads the first of some files; the others are there to be included.
pub(crate) fn load_files(files: &[(&str, &str)], options: &Options) -> Loaded {
    let paths = files.iter().map(|(path, _)| PathBuf::from(path));
    let texts = files.iter().map(|(_, text)| text.as_bytes().to_vec());
    let memory = Memory(paths.zip(texts).collect::<BTreeMap<_, _>>());
    load_with(&memory, &[PathBuf::from(files[0].0)], options, &[&Native])
}

pub(crate) fn load_text(text: &str) -> Loaded {
    load_files(&[("trunkline.yaml", text)], &production())
}

pub(crate) fn load_bytes(bytes: &[u8]) -> Loaded {
    let path = PathBuf::from("trunkline.yaml");
    let memory = Memory(BTreeMap::from([(path.clone(), bytes.to_vec())]));
    load_with(&memory, &[path], &production(), &[&Native])
}

pub(crate) fn shown(loaded: &Loaded) -> String {
    render_all(&loaded.diagnostics, &loaded.sources, Style::Plain)
}

/// What a user sees of a file.
pub(crate) fn screen(text: &str) -> String {
    shown(&load_text(text))
}

/// The Model of a file that must be right.
pub(crate) fn model(text: &str) -> Model {
    let loaded = load_text(text);
    assert!(loaded.diagnostics.is_empty(), "{}", shown(&loaded));
    Model::clone(loaded.model.as_ref().expect("no error, so a Model"))
}
