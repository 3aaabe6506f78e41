//! `./x console`: builds the page of the console, which the binary embeds, from `console/`.
//!
//! What it builds is committed in `console/dist`, so that building Trunkline needs no Node. `--check` builds beside it
//! and compares, so that it cannot go stale. What a browser loads first has a size that it must not grow beyond: a
//! console that is slow to open is not opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::{Outcome, Steps, command, output, root, target_dir};

/// What a browser loads before it shows something, compressed, in bytes.
const FIRST_LOAD_MAX: usize = 120 * 1024;

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let only_compare = match arguments {
        [] => false,
        [one] if one == "--check" => true,
        _ => return Err("usage: ./x console [--check]".to_owned()),
    };
    let folder = root().join("console");
    let committed = folder.join("dist");
    let built = if only_compare { target_dir().join("console") } else { committed.clone() };
    steps.command(
        "console: packages",
        command("npm ci --no-audit --no-fund").current_dir(&folder),
    )?;
    steps.command("console: types", command("npx tsc --noEmit").current_dir(&folder))?;
    let mut build = command("npx vite build --emptyOutDir --outDir");
    steps.command("console: build", build.arg(&built).current_dir(&folder))?;
    if only_compare {
        steps.step("console: committed files are fresh", || compare(&built, &committed))?;
    }
    steps.step("console: size of the first load", || first_load(&built))
}

/// Fetches what the page's tests need, once.
pub(crate) fn packages(steps: &mut Steps) -> Outcome {
    let folder = root().join("console");
    if folder.join("node_modules/playwright-core").exists() {
        return Ok(());
    }
    steps.command("console: packages", command("npm ci --no-audit --no-fund").current_dir(folder))
}

/// The page's own tests: without a browser, and with one against made-up services. The one against a running system
/// is part of the tests of the binary.
pub(crate) fn test(steps: &mut Steps) -> Outcome {
    let folder = root().join("console");
    steps.command("console: unit tests", command("npm test").current_dir(&folder))?;
    steps.command("console: in a browser", command("npm run test:browser").current_dir(&folder))
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))?;
        for entry in entries {
            let path: PathBuf = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            found.insert(name, bytes);
        }
    }
    Ok(found)
}

fn compare(built: &Path, committed: &Path) -> Outcome {
    let (built, committed) = (files(built)?, files(committed)?);
    let names = built.keys().chain(committed.keys());
    let mut stale: Vec<_> = names.filter(|name| built.get(*name) != committed.get(*name)).collect();
    stale.sort();
    stale.dedup();
    for name in &stale {
        eprintln!("console/dist/{name} is not what is built");
    }
    if stale.is_empty() {
        Ok(())
    } else {
        Err("console/dist is stale: run `./x console` and commit it".to_owned())
    }
}

/// The page and what it names, each compressed as it is sent.
fn first_load(dist: &Path) -> Outcome {
    let index = dist.join("index.html");
    let page = fs::read_to_string(&index).map_err(|e| format!("{}: {e}", index.display()))?;
    let mut names = vec!["index.html".to_owned()];
    names.extend(assets(&page).into_iter().map(str::to_owned));
    let mut sum = 0;
    for name in names {
        let size = output(command("gzip -9 -c").arg(dist.join(&name)))?.len();
        eprintln!("{size:>8} bytes  {name}");
        sum += size;
    }
    eprintln!("{sum:>8} bytes  first load, of at most {FIRST_LOAD_MAX}");
    if sum <= FIRST_LOAD_MAX {
        Ok(())
    } else {
        Err(format!("{} bytes too large", sum - FIRST_LOAD_MAX))
    }
}

/// The files below `assets/` that a page names in `src` and `href`.
fn assets(page: &str) -> Vec<&str> {
    let mut found: Vec<&str> = page
        .split(['"', '\''])
        .map(|text| text.trim_start_matches("./").trim_start_matches('/'))
        .filter(|text| text.starts_with("assets/"))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_assets() {
        let page = r#"<script type="module" src="/assets/index-a1.js"></script>
            <link rel='stylesheet' href='./assets/index-b2.css'><a href="/services">"#;
        assert_eq!(assets(page), ["assets/index-a1.js", "assets/index-b2.css"]);
    }
}
