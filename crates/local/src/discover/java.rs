//! Java without a build file: a folder whose sources have exactly one `public static void main(`.
//!
//! One file is run as it is; several are compiled from the main class on, which takes along what
//! it needs.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Evidence, is_kind, is_test};
use super::code::without_comments;
use super::links;
use super::tree::{Tree, join};

/// Files that build Java; sources below one are its own.
const BUILDS: &[&str] = &[
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "build.xml",
    "BUILD",
    "BUILD.bazel",
    "build.sbt",
];
/// What makes a class a program.
const MAIN: &str = "public static void main(";
/// Most sources that are read, of all folders.
const FILES_MAX: usize = 5_000;

/// A source file: its path, the folder that its packages begin in, and its class if that is one to
/// start.
struct Source {
    path: String,
    root: String,
    main: Option<(String, Evidence)>,
}

/// Adds the services of plain Java sources.
pub(super) fn find(tree: &Tree, into: &mut Vec<Candidate>) {
    let paths = tree.below("").filter(|path| is_kind(path, "java") && !is_test(path));
    let mut services: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for path in paths.take(FILES_MAX) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if tree.nearest(folder, BUILDS).is_some() {
            continue;
        }
        if let Some(source) = source(tree, &path) {
            services.entry(service_folder(&source.root)).or_default().push(source);
        }
    }
    for (folder, sources) in services {
        let mut mains = sources.iter().filter(|source| source.main.is_some());
        if let (Some(main), None) = (mains.next(), mains.next()) {
            into.extend(candidate(tree, &folder, main, sources.len() == 1));
        }
    }
}

fn candidate(tree: &Tree, folder: &str, main: &Source, alone: bool) -> Option<Candidate> {
    let (class, evidence) = main.main.clone()?;
    let below = |path: &str| {
        let below = path.get(folder.len()..).unwrap_or_default().trim_start_matches('/');
        if below.is_empty() { ".".to_owned() } else { below.to_owned() }
    };
    let (file, root) = (below(&main.path), below(&main.root));
    // Both go into a command line.
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if !plain(&file) || !plain(&class) {
        return None;
    }
    let mut candidate = Candidate::new(folder, "java", format!("java {file}"), evidence);
    candidate.listens = links::mentions_port(tree, folder, folder);
    if !alone {
        candidate.build = Some(format!("javac -d \"$TRUNKLINE_BUILD\" -sourcepath {root} {file}"));
        candidate.command = format!("java -cp \"$TRUNKLINE_BUILD:{root}\" {class}");
    }
    Some(candidate)
}

fn source(tree: &Tree, path: &str) -> Option<Source> {
    let text = tree.text(path)?;
    let code = without_comments(&text);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let package = code.lines().find_map(|line| line.trim().strip_prefix("package "));
    let package = package.and_then(|rest| rest.split(';').next()).unwrap_or_default().trim();
    let inside = package.replace('.', "/");
    let root = match folder.strip_suffix(inside.as_str()) {
        Some(root) if package.is_empty() || root.is_empty() || root.ends_with('/') => {
            root.trim_end_matches('/').to_owned()
        }
        _ => folder.to_owned(),
    };
    let class = file.strip_suffix(".java")?;
    let class = if package.is_empty() { class.to_owned() } else { format!("{package}.{class}") };
    let main = code.contains(MAIN).then(|| (class, Evidence::in_text(path, &text, MAIN, "main")));
    Some(Source { path: path.to_owned(), root, main })
}

/// The folder of the service whose packages begin in `root`: what is above `src`.
fn service_folder(root: &str) -> String {
    let parts: Vec<&str> = root.split('/').collect();
    let Some(at) = parts.iter().rposition(|part| *part == "src") else {
        return root.to_owned();
    };
    parts.iter().take(at).fold(String::new(), |folder, part| join(&folder, part))
}
