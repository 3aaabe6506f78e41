//! Committed pages are what the types say, and the examples in the guides are right.
//! `UPDATE=1 cargo test -p trunkline-config` rewrites the pages.

use std::path::{Path, PathBuf};

use trunkline_config::{codes, reference, schema};

use crate::rig::screen;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check_fresh(path: &str, fresh: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == fresh, "{path} is stale: run `UPDATE=1 cargo test -p trunkline-config`");
}

#[test]
fn the_reference_of_keys_is_fresh() {
    check_fresh("docs/reference/config.md", &reference());
}

#[test]
fn the_reference_of_codes_is_fresh() {
    check_fresh("docs/reference/codes.md", &codes::page());
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let schema = schema();
    let text = schema.to_string();
    for part in text.split("#/$defs/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schema["$defs"].get(name).is_some(), "{name}");
    }
}

/// Each `yaml` block of the guides that starts with `version:` is a file that loads.
#[test]
fn examples_in_the_guides_load() {
    let mut checked = 0;
    for page in std::fs::read_dir(root().join("docs")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&page).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if !block.starts_with("version:") {
                continue;
            }
            let messages = screen(block);
            assert!(messages.is_empty(), "{}:\n{messages}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 0);
}
