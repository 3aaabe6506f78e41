//! package.json: a package with a script `dev` or `start` is a service; the manager is that of the
//! nearest lock file.
//!
//! The scripts of a workspace's root start its members, and those of a library that only compile
//! on change start nothing: neither is a service.

use serde_json::Value;

use super::candidate::{Candidate, Evidence, read};
use super::nx;
use super::scripts::{self, Script};
use super::tree::{Tree, ancestors};

/// Files that make a folder the root of a workspace.
const WORKSPACE: &[&str] =
    &["pnpm-workspace.yaml", "go.work", "nx.json", "turbo.json", "lerna.json", "rush.json"];

/// Most libraries of a project that one package is followed into.
const LIBRARIES_MAX: usize = 32;

/// How packages are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

impl Packager {
    /// That of the nearest lock file, else of the nearest field `packageManager`, else npm.
    pub(super) fn of(tree: &Tree, folder: &str) -> Self {
        for above in ancestors(folder) {
            for (file, manager) in [
                ("pnpm-lock.yaml", Self::Pnpm),
                ("pnpm-workspace.yaml", Self::Pnpm),
                ("yarn.lock", Self::Yarn),
                ("bun.lock", Self::Bun),
                ("bun.lockb", Self::Bun),
                ("package-lock.json", Self::Npm),
            ] {
                if tree.has(above, file) {
                    return manager;
                }
            }
            let field = read(tree, above, "package.json").and_then(|(_, text)| json(&text));
            let field = field.as_ref().and_then(|json| json.get("packageManager")?.as_str());
            match field.and_then(|field| field.split('@').next()) {
                Some("pnpm") => return Self::Pnpm,
                Some("yarn") => return Self::Yarn,
                Some("bun") => return Self::Bun,
                Some("npm") => return Self::Npm,
                _ => {}
            }
        }
        Self::Npm
    }

    /// The line that runs a script, with flags for what the script starts.
    pub(super) fn run(self, script: &str, flags: &str) -> String {
        let line = match (self, script) {
            (Self::Npm, "start") => "npm start".to_owned(),
            (Self::Npm, script) => format!("npm run {script}"),
            (Self::Pnpm, script) => format!("pnpm run {script}"),
            (Self::Yarn, script) => format!("yarn run {script}"),
            (Self::Bun, script) => format!("bun run {script}"),
        };
        match (self, flags) {
            (_, "") => line,
            // npm alone takes flags for itself unless they are set apart.
            (Self::Npm, flags) => format!("{line} -- {flags}"),
            (_, flags) => format!("{line} {flags}"),
        }
    }

    /// What runs a program of a package.
    pub(super) fn exec(self) -> &'static str {
        match self {
            Self::Npm => "npx",
            Self::Pnpm => "pnpm exec",
            Self::Yarn => "yarn run",
            Self::Bun => "bunx",
        }
    }
}

/// Reads a document; `None` for what is not one.
pub(super) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Adds the service of a folder with a package.json or an Nx project.json.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    let package = read(tree, folder, "package.json");
    let package = package.and_then(|(path, text)| Some((path, json(&text)?, text)));
    if let Some(candidate) = nx::of(tree, folder, package.as_ref().map(|(_, json, _)| json)) {
        into.push(candidate);
        return;
    }
    let Some((path, json, text)) = package else {
        return;
    };
    if is_workspace(tree, folder, &json) {
        return;
    }
    let script = |name: &str| {
        let line = json.get("scripts")?.get(name)?.as_str()?;
        Some(Script { name: name.to_owned(), line: line.to_owned() })
    };
    let directory = tree.root().join(folder);
    let (dev, start) = (script("dev"), script("start"));
    // Scripts that start other packages or compile only are not a service's.
    let useful = |script: &Script| !script.starts_others() && !script.compiles_only();
    let chosen = match (dev.filter(useful), start.filter(useful)) {
        (Some(dev), Some(start)) if !dev.reloads(&directory) && script("build").is_some() => start,
        (Some(dev), _) => dev,
        (None, Some(start)) => start,
        (None, None) => return,
    };
    let manager = Packager::of(tree, folder);
    let needle = format!("\"{}\"", chosen.name);
    // The key among the scripts, not a dependency of the same name.
    let evidence = script_evidence(&path, &text, &needle, &chosen.name);
    let mut candidate =
        Candidate::new(folder, "node", manager.run(&chosen.name, chosen.port_flags()), evidence);
    candidate.build =
        (chosen.name == "start" && script("build").is_some()).then(|| manager.run("build", ""));
    candidate.port = chosen.fixed_port();
    candidate.reloads = chosen.reloads(&directory);
    candidate.page = is_page(tree, folder, &json);
    candidate.libraries = libraries(tree, &json);
    if let Some(name) = json.get("name").and_then(Value::as_str) {
        candidate.called = without_prefix(name, &candidate.called);
    }
    into.push(candidate);
}

fn script_evidence(path: &str, text: &str, needle: &str, name: &str) -> Evidence {
    let scripts = text.lines().position(|line| line.contains("\"scripts\"")).unwrap_or_default();
    let at = text.lines().skip(scripts).position(|line| line.contains(needle));
    Evidence {
        file: path.to_owned(),
        line: scripts + at.unwrap_or_default() + 1,
        what: format!("script `{name}`"),
    }
}

/// The name of a package without its scope, and without the project's prefix where the folder has
/// the rest: `@acme/web` and `shop-web` in `apps/web` are both `web`.
pub(super) fn without_prefix(name: &str, folder: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let prefix = name.strip_suffix(folder).filter(|_| !folder.is_empty());
    if prefix.is_some_and(|prefix| prefix.ends_with(['-', '_', '.'])) {
        return folder.to_owned();
    }
    name.to_owned()
}

/// The folders of the packages of this project that a package asks for, and those ask for.
fn libraries(tree: &Tree, package: &Value) -> Vec<String> {
    let packages = tree.packages();
    let asked = |package: &Value| {
        let keys = package.get("dependencies").and_then(Value::as_object);
        let folders = keys.into_iter().flatten().filter_map(|(name, _)| packages.get(name));
        folders.cloned().collect::<Vec<String>>()
    };
    let mut left = asked(package);
    let mut found: Vec<String> = Vec::new();
    while let Some(folder) = left.pop().filter(|_| found.len() < LIBRARIES_MAX) {
        if !found.contains(&folder) {
            let package = read(tree, &folder, "package.json").and_then(|(_, text)| json(&text));
            left.extend(package.as_ref().map(asked).unwrap_or_default());
            found.push(folder);
        }
    }
    found
}

fn is_workspace(tree: &Tree, folder: &str, package: &Value) -> bool {
    package.get("workspaces").is_some() || WORKSPACE.iter().any(|file| tree.has(folder, file))
}

/// Whether what the package serves is looked at by people.
fn is_page(tree: &Tree, folder: &str, package: &Value) -> bool {
    let depends = |name: &str| {
        ["dependencies", "devDependencies"]
            .iter()
            .any(|key| package.get(key).is_some_and(|packages| packages.get(name).is_some()))
    };
    tree.has(folder, "index.html")
        || ["vite", "next", "nuxt", "astro", "@angular/core", "@remix-run/react", "@sveltejs/kit"]
            .iter()
            .any(|name| depends(name))
        || scripts::has_page_tool(package)
}
