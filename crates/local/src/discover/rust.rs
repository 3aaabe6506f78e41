//! Cargo.toml: a package with a program that listens where it is told is a service.

use toml::{Table, Value};

use super::candidate::{Candidate, Evidence, read};
use super::links;
use super::node::without_prefix;
use super::tree::{Tree, join};

/// Crates that serve HTTP and are told their port in other ways than by `PORT`.
const BY_VARIABLE: &[(&str, &str)] = &[("rocket", "ROCKET_PORT=$PORT ROCKET_ADDRESS=127.0.0.1 ")];

/// Reads a document; `None` for what is not one.
pub(super) fn toml(text: &str) -> Option<Table> {
    text.parse().ok()
}

/// Adds the services of a package.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    let Some((path, text)) = read(tree, folder, "Cargo.toml") else {
        return;
    };
    let Some(manifest) = toml(&text) else {
        return;
    };
    let Some(package) = manifest.get("package").and_then(Value::as_table) else {
        return;
    };
    let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
    let by_default = package.get("default-run").and_then(Value::as_str);
    let mut programs = programs(tree, folder, name, &manifest);
    if let Some(chosen) = by_default.filter(|chosen| programs.iter().any(|(bin, _)| bin == chosen))
    {
        programs.retain(|(bin, _)| bin == chosen);
    }
    let alone = programs.len() == 1;
    let variable = BY_VARIABLE.iter().find(|(krate, _)| depends_on(&manifest, krate));
    let listens = variable.is_some() || links::mentions_port(tree, folder, folder);
    for (bin, main) in programs {
        // Of several programs of a package, those that listen are asked about together.
        if !listens && !alone {
            continue;
        }
        let flag = if alone { String::new() } else { format!(" --bin {bin}") };
        let evidence = evidence(&path, &text, &bin, &main);
        let before = variable.map_or("", |(_, before)| before);
        let command = format!("{before}cargo run --quiet{flag}");
        let mut candidate = Candidate::new(folder, "rust", command, evidence);
        candidate.build = Some(format!("cargo build --quiet{flag}"));
        candidate.listens = listens;
        let called = if alone { name } else { bin.as_str() };
        candidate.called = without_prefix(called, &candidate.called);
        into.push(candidate);
    }
}

fn evidence(path: &str, text: &str, bin: &str, main: &str) -> Evidence {
    if text.contains("[[bin]]") {
        return Evidence::in_text(path, text, "[[bin]]", format!("program `{bin}`"));
    }
    Evidence { file: main.to_owned(), line: 1, what: format!("program `{bin}`") }
}

/// The programs of a package: name, and the file of `main`.
fn programs(tree: &Tree, folder: &str, name: &str, manifest: &Table) -> Vec<(String, String)> {
    // Names go into a command line.
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let mut programs: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, path: String| {
        if plain(name) && !programs.iter().any(|(known, of)| known == name || *of == path) {
            programs.push((name.to_owned(), path));
        }
    };
    let written = manifest.get("bin").and_then(Value::as_array);
    for bin in written.into_iter().flatten().filter_map(Value::as_table) {
        let of = bin.get("name").and_then(Value::as_str).unwrap_or(name);
        let path = bin.get("path").and_then(Value::as_str).unwrap_or("src/main.rs");
        add(of, join(folder, path));
    }
    let source = join(folder, "src");
    if tree.has(&source, "main.rs") {
        add(name, join(&source, "main.rs"));
    }
    let several = join(&source, "bin");
    for file in tree.names(&several) {
        if let Some(stem) = file.strip_suffix(".rs") {
            add(stem, join(&several, file));
        }
    }
    programs
}

fn depends_on(manifest: &Table, krate: &str) -> bool {
    manifest
        .get("dependencies")
        .and_then(Value::as_table)
        .is_some_and(|all| all.contains_key(krate))
}
