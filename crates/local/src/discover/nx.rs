//! Nx project.json: a project with a target `serve` or `dev` is a service, run by Nx.

use serde_json::Value;

use super::candidate::{Candidate, Evidence, read};
use super::node::{Packager, json, without_prefix};
use super::tree::Tree;

/// Targets that serve, the more usual first.
const TARGETS: &[&str] = &["serve", "dev"];

/// The service of a folder with a project.json; `package` is its package.json.
pub(super) fn of(tree: &Tree, folder: &str, package: Option<&Value>) -> Option<Candidate> {
    let (path, text) = read(tree, folder, "project.json")?;
    let project = json(&text)?;
    // Other tools have files of this name: an Nx one has targets.
    let targets = project.get("targets")?.as_object()?;
    let target = TARGETS.iter().find(|target| targets.contains_key(**target))?;
    let name = project.get("name").and_then(Value::as_str);
    let name = name.or_else(|| package?.get("name")?.as_str());
    let name = name.unwrap_or_else(|| super::tree::last(folder));
    // A name of Nx has no characters that mean something to a shell, or it is not one.
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let executor = targets.get(*target).and_then(|target| target.get("executor")?.as_str());
    let executor = executor.unwrap_or_default();
    let is_server = executor.ends_with(":dev-server") || executor.ends_with(":server");
    let flags = if is_server { " --port=$PORT" } else { "" };
    let exec = Packager::of(tree, folder).exec();
    let evidence =
        Evidence::in_text(&path, &text, &format!("\"{target}\""), format!("target `{target}`"));
    let command = format!("{exec} nx run {name}:{target}{flags}");
    let mut candidate = Candidate::new(folder, "node", command, evidence);
    candidate.reloads = true;
    candidate.page = is_server || tree.has(folder, "index.html");
    candidate.called = without_prefix(name, &candidate.called);
    Some(candidate)
}
