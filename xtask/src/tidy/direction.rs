//! Which crate may depend on which, as data, and what shape a crate has, checked against `cargo metadata`.
//!
//! The table is the one of ARCHITECTURE.md. An edge that is not in it fails here before it becomes a habit.
//! Development dependencies are free, except that a library never depends on the crates above it in any way.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::steps::output;

/// A crate of ours and those of ours it may use. `trunkline` alone wires everything and is not listed.
const ALLOWED: &[(&str, &[&str])] = &[
    ("resilience", &[]),
    ("model", &["resilience"]),
    // The one backoff is in `resilience`; supervision uses it.
    ("rt", &["model", "resilience"]),
    ("config-derive", &[]),
    ("config", &["config-derive", "model", "resilience"]),
    ("net", &["model", "rt"]),
    ("mesh", &["model", "net", "rt"]),
    ("filters", &["expr", "model", "net", "resilience"]),
    // `config` for its diagnostics only: `prepare` reports what is wrong as every other check of the file does.
    ("proxy", &["config", "filters", "mesh", "model", "net", "resilience", "rt", "share"]),
    ("share", &["resilience", "rt"]),
    ("local", &["config", "model", "net", "resilience", "rt"]),
    ("api", &["control", "model", "net", "otlp", "query", "rt", "store"]),
    ("expr", &["model"]),
    ("otlp", &["model"]),
    // The log keeps batches as they came, in OTLP's protobuf; the codec does no IO.
    ("store", &["model", "otlp", "rt"]),
    ("ingest", &["model", "net", "otlp", "resilience", "rt", "store"]),
    ("query", &["model", "otlp", "rt", "store"]),
    ("control", &["config", "model", "rt"]),
    ("k8s", &["config", "model", "rt"]),
    ("testkit", &["config", "model", "net", "otlp", "resilience", "rt", "store"]),
    ("fuzz", &["config", "filters", "model", "net", "proxy", "resilience", "rt"]),
    ("load", &[]),
];

/// Crates of others that only some of ours may use, and why.
const KEPT: &[(&str, &[&str], &str)] = &[
    ("saphyr-parser", &["config"], "only config knows YAML (invariant 2)"),
    ("kube", &["k8s"], "only k8s knows kube clients (invariant 2)"),
    ("axum", &["api"], "only api serves management surfaces"),
    ("clap", &["trunkline", "load"], "only the binary has a command line"),
    ("indicatif", &["trunkline"], "only the binary prints (invariant 2)"),
    ("annotate-snippets", &["config"], "diagnostics are rendered in one place"),
    ("rcgen", &["mesh", "testkit", "load"], "certificates are made in mesh"),
    ("redis", &["share"], "one crate knows Redis"),
    ("socket2", &["net", "proxy", "testkit", "load"], "sockets are opened below the services"),
    ("parquet", &["store"], "one crate knows how telemetry is written"),
    ("redb", &["store"], "one crate knows how telemetry is written"),
    ("notify", &["local", "trunkline"], "files are watched at the edge of the program"),
    ("anyhow", &[], "errors are types that callers can match on"),
];

/// Features that are no roles, and so may be.
const FEATURES: &[(&str, &str)] = &[("resilience", "tower")];

pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version=1", "--no-deps", "--offline"]).current_dir(root);
    let metadata: Value =
        serde_json::from_slice(&output(&mut cargo)?).map_err(|e| format!("cargo metadata: {e}"))?;
    Ok(items(&metadata, "packages").flat_map(check_package).collect())
}

fn check_package(package: &Value) -> Vec<String> {
    let user = short_name(text(package, "name"));
    if user == "xtask" {
        return Vec::new();
    }
    let normal = items(package, "dependencies").filter(|d| text(d, "kind") != "dev");
    let mut found: Vec<String> =
        normal.filter_map(|dependency| wrong(user, text(dependency, "name"))).collect();
    found.extend(variants(user, package));
    found
}

/// Gateway, sidecar, node proxy and control are values, not features or binaries (invariant 4).
fn variants(user: &str, package: &Value) -> Vec<String> {
    let features = package.get("features").and_then(Value::as_object);
    let named = features.into_iter().flat_map(|features| features.keys());
    let mut found: Vec<String> = named
        .filter(|name| !FEATURES.contains(&(user, name)))
        .map(|name| format!("{user}: feature `{name}`: roles are values (invariant 4)"))
        .collect();
    // A stand-in that a crate's own tests run is not a binary of the product.
    let ships = |target: &Value| {
        items(target, "kind").any(|kind| kind == "bin")
            && !text(target, "src_path").contains("/tests/")
    };
    if !["trunkline", "load", "fuzz"].contains(&user) && items(package, "targets").any(ships) {
        found.push(format!("{user}: a second binary; there is one (invariant 4)"));
    }
    found
}

/// Why `from` may not depend on `to`, if it may not.
fn wrong(from: &str, to: &str) -> Option<String> {
    if let Some(ours) = to.strip_prefix("trunkline-") {
        let dialect = from.starts_with("dialect-") && ["config", "expr", "model"].contains(&ours);
        let listed = ALLOWED.iter().any(|(name, uses)| *name == from && uses.contains(&ours));
        let allowed = from == "trunkline" || dialect || listed;
        return (!allowed).then(|| {
            format!("{from} → {ours}: not a direction of ARCHITECTURE.md (xtask, ALLOWED)")
        });
    }
    let (_, users, reason) = KEPT.iter().find(|(name, ..)| *name == to)?;
    (!users.contains(&from)).then(|| format!("{from} → {to}: {reason}"))
}

fn short_name(name: &str) -> &str {
    name.strip_prefix("trunkline-").unwrap_or(name)
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_against_the_direction_are_found() {
        for (user, used) in [
            ("model", "trunkline-rt"),
            ("resilience", "trunkline-model"),
            ("dialect-kong", "trunkline-dialect-haproxy"),
            ("filters", "trunkline-config"),
            ("proxy", "trunkline-local"),
            ("net", "saphyr-parser"),
        ] {
            assert!(wrong(user, used).is_some(), "{user} → {used}");
        }
        for (user, used) in
            [("trunkline", "trunkline-api"), ("dialect-kong", "trunkline-expr"), ("net", "bytes")]
        {
            assert_eq!(wrong(user, used), None);
        }
    }

    #[test]
    fn the_table_has_no_cycle() {
        fn depth(name: &str, path: &mut Vec<String>) {
            assert!(!path.iter().any(|seen| seen == name), "{path:?} → {name}");
            path.push(name.to_owned());
            for (_, uses) in ALLOWED.iter().filter(|(user, _)| *user == name) {
                uses.iter().for_each(|used| depth(used, path));
            }
            path.pop();
        }
        for (name, _) in ALLOWED {
            depth(name, &mut Vec::new());
        }
    }
}
