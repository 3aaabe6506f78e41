//! go.mod: every `package main` of a module that listens where it is told is a service.
//!
//! At the root of the module and in `cmd/*` a program that shows no sign of listening is asked
//! about; elsewhere such programs are tools and left alone.

use super::candidate::{Candidate, Evidence, is_kind, is_test};
use super::code::without_comments;
use super::links;
use super::tree::{Tree, ancestors, is_below, join, last};

/// Most folders of one module that are looked at for programs.
const FOLDERS_MAX: usize = 2_000;

/// Adds the services of a module whose root is `folder`.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    if !tree.has(folder, "go.mod") {
        return;
    }
    let nested = |path: &&str| {
        ancestors(path).take_while(|above| *above != folder).any(|above| tree.has(above, "go.mod"))
    };
    let inside = tree.folders().filter(|path| is_below(path, folder));
    let mut programs = Vec::new();
    for path in inside.filter(|path| !nested(path)).take(FOLDERS_MAX) {
        if let Some(evidence) = program(tree, path) {
            programs.push((path, evidence));
        }
    }
    let alone = programs.len() == 1;
    for (path, evidence) in programs {
        let below = path.get(folder.len()..).unwrap_or_default().trim_start_matches('/');
        // It goes into a command line.
        if !below.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
            continue;
        }
        // Of several programs, what they share says nothing of one.
        let shared = if alone { folder } else { path };
        let listens = links::mentions_port(tree, shared, path);
        let usual = below.is_empty() || below.starts_with("cmd/");
        if !usual && !listens {
            continue;
        }
        let mut candidate = Candidate::new(folder, "go", "", evidence);
        candidate.listens = listens;
        candidate.called = if alone { called(tree, folder) } else { last(path).to_owned() };
        if below.is_empty() && !alone {
            candidate.called = called(tree, folder);
        }
        // What is built lies outside of the project, so that nothing has to be ignored.
        let package = if below.is_empty() { ".".to_owned() } else { format!("./{below}") };
        candidate.build = Some(format!("go build -o \"$TRUNKLINE_BUILD/service\" {package}"));
        "\"$TRUNKLINE_BUILD/service\"".clone_into(&mut candidate.command);
        if !alone {
            path.clone_into(&mut candidate.sources);
        }
        into.push(candidate);
    }
}

/// The name of a module: its folder's, or for the root of the project the end of its path.
fn called(tree: &Tree, folder: &str) -> String {
    if !folder.is_empty() {
        return last(folder).to_owned();
    }
    let text = tree.text("go.mod").unwrap_or_default();
    let module = text.lines().find_map(|line| line.strip_prefix("module ")).unwrap_or_default();
    let mut parts = module.trim().rsplit('/');
    let end = parts.next().unwrap_or_default();
    // A major version is no name: `example.com/shop/v2`.
    let version = end.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    if version { parts.next().unwrap_or(end) } else { end }.to_owned()
}

/// Where a folder says that it is a program.
fn program(tree: &Tree, folder: &str) -> Option<Evidence> {
    let names: Vec<&str> =
        tree.names(folder).filter(|name| is_kind(name, "go") && !is_test(name)).collect();
    // The file that is usually the one, first.
    let (main, others): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| *name == "main.go");
    main.into_iter().chain(others).find_map(|name| {
        let path = join(folder, name);
        let text = tree.text(&path)?;
        if text.lines().any(|line| line.starts_with("//go:build ignore")) {
            return None;
        }
        let code = without_comments(&text);
        let is_main = code.lines().any(|line| line.trim_end() == "func main() {");
        let package = code.lines().find(|line| line.starts_with("package "))?;
        (package.trim() == "package main" && is_main)
            .then(|| Evidence::in_text(&path, &text, "func main()", "package main"))
    })
}
