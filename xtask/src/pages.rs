//! The guides and the binary agree: every `trunkline verb` that a page shows is one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::steps::{Outcome, root, target_dir};

/// Asks the binary for the help of each verb that the pages name.
pub(crate) fn check() -> Outcome {
    let mut named = BTreeMap::new();
    for page in pages() {
        let text = fs::read_to_string(&page).map_err(|e| format!("{}: {e}", page.display()))?;
        for verb in verbs(&text) {
            named.entry(verb).or_insert_with(|| page.clone());
        }
    }
    let binary = target_dir().join("debug/trunkline");
    for (verb, page) in &named {
        let mut help = Command::new(&binary);
        help.args([verb, "--help"]).stdin(Stdio::null()).stdout(Stdio::null());
        let known = help.status().map_err(|e| format!("trunkline {verb} --help: {e}"))?;
        if !known.success() {
            return Err(format!("{}: `trunkline {verb}`: there is no such verb", page.display()));
        }
    }
    eprintln!("{} verbs: {}", named.len(), named.into_keys().collect::<Vec<_>>().join(" "));
    Ok(())
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("examples/shop/README.md")];
    let guides = fs::read_dir(root().join("docs")).into_iter().flatten().flatten();
    pages.extend(
        guides.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    pages.retain(|page| page.is_file());
    pages
}

/// Verbs in code: a line of a block that begins with `trunkline`, or `trunkline verb` between backticks.
fn verbs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        if in_block {
            let command = line.trim_start().trim_start_matches("$ ");
            found.extend(verb(command));
        } else {
            found.extend(line.split('`').skip(1).step_by(2).filter_map(verb));
        }
    }
    found
}

fn verb(code: &str) -> Option<String> {
    let verb = code.strip_prefix("trunkline ")?.split_whitespace().next()?;
    let plain = verb.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && !verb.starts_with('-');
    plain.then(|| verb.to_owned())
}

#[cfg(test)]
mod tests {
    use super::verbs;

    #[test]
    fn verbs_are_read_from_code_only() {
        let text = "trunkline is good. `trunkline up`, `trunkline.yaml`, `x trunkline y`\n```sh\n\
                    $ trunkline logs -f\ntrunkline --help\ntrunkline check FILE\n```\n";
        assert_eq!(verbs(text), ["up", "logs", "check"]);
    }
}
