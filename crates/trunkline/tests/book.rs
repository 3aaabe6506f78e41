//! Every command that the book and the READMEs show is run, by the real binary, in the order of its page.
//!
//! A page is a story: its `sh` blocks run one after the other in a fresh home, with the files that the page shows
//! (their first line is `# file: NAME`) or with a copy of an example. A block fails unless it ends with 0, or with the
//! code that the page names; a `text` block after it must be what was printed. What cannot be run says so in a comment
//! that readers do not see, and `golden/book-not-run.txt` lists all of those, so that none is hidden.
//! [`page::Block`] lists those comments.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and speak to whoever runs them"
)]

#[path = "book/compare.rs"]
mod compare;
#[path = "book/page.rs"]
mod page;
#[path = "book/story.rs"]
mod story;
#[path = "it/support.rs"]
#[allow(dead_code, reason = "shared by several test programs")]
mod support;
#[path = "book/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use page::{Kind, Page};
use support::repository;

macro_rules! pages {
    ($($name:ident: $paths:expr,)*) => {
        /// Each story is a test, so that they run side by side and fail on their own.
        const STORIES: &[&[&str]] = &[$(&$paths),*];
        $(#[test] fn $name() { story::run(&$paths.map(Page::read)); })*
    };
}

pages! {
    // One run of the seven services serves all that need them.
    seven_services: ["README.md", "docs/first-steps.md", "examples/monorepo-polyglot/README.md"],
    contributing: ["CONTRIBUTING.md"],
    contents: ["docs/README.md"],
    bring_your_monorepo: ["docs/bring-your-monorepo.md"],
    daily_work: ["docs/daily-work.md"],
    names_and_trust: ["docs/names-and-trust.md"],
    console: ["docs/console.md"],
    configuration: ["docs/configuration.md"],
    troubleshooting: ["docs/troubleshooting.md"],
    operations: ["docs/operations.md"],
    shop: ["examples/shop/README.md"],
    console_readme: ["console/README.md"],
}

fn pages() -> impl Iterator<Item = Page> {
    STORIES.iter().copied().flatten().map(|path| Page::read(path))
}

/// Markdown files directly in a folder of the repository.
fn markdown(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(repository(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| format!("{folder}/{}", path.file_name().unwrap().display())).collect()
}

#[test]
fn every_page_with_commands_is_run() {
    let mut found: BTreeSet<String> = markdown("docs").into_iter().collect();
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "console/README.md"];
    found.extend(top.into_iter().filter(|page| repository(page).is_file()).map(str::to_owned));
    for example in fs::read_dir(repository("examples")).unwrap() {
        let example = example.unwrap().file_name().into_string().unwrap();
        found.extend(markdown(&format!("examples/{example}")));
    }
    let with_commands = found.into_iter().filter(|path| {
        Page::read(path).blocks.iter().any(|block| matches!(block.kind, Kind::Commands))
    });
    let forgotten: Vec<_> =
        with_commands.filter(|path| !STORIES.concat().contains(&path.as_str())).collect();
    assert!(forgotten.is_empty(), "add these to `pages!`: {forgotten:?}");
}

#[test]
fn what_is_not_run_is_listed() {
    let mut list = String::new();
    let mut count = 0;
    for page in pages() {
        for block in &page.blocks {
            let (what, why) = match (&block.not_run, &block.not_compared) {
                (Some(why), _) => ("not run", why),
                (None, Some(why)) => ("not compared", why),
                (None, None) => continue,
            };
            count += 1;
            let first = block.text.lines().next().unwrap_or_default();
            writeln!(list, "{}: {what}: {why}\n    {first}", page.path).unwrap();
        }
    }
    println!("{count} blocks are shown only:\n{list}");
    let golden = repository("crates/trunkline/tests/golden/book-not-run.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &list).unwrap();
    }
    let known = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(known, list, "UPDATE=1 rewrites {}", golden.display());
}

#[test]
fn no_command_hides_in_another_kind_of_block() {
    for page in pages() {
        for block in &page.blocks {
            let hidden = block.text.lines().find(|line| {
                matches!(block.kind, Kind::Other)
                    && (line.starts_with("trunkline ") || line.starts_with("$ "))
            });
            assert!(hidden.is_none(), "{}:{}: {hidden:?}", page.path, block.line);
        }
        assert!(page.indented.is_empty(), "{}: fence these: {:?}", page.path, page.indented);
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let folder = PathBuf::from(page.path).parent().unwrap().to_owned();
        for (line, link) in &page.links {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") {
                continue;
            }
            let target = if path.is_empty() { PathBuf::from(page.path) } else { folder.join(path) };
            let there = repository(target.to_str().unwrap());
            assert!(there.exists(), "{}:{line}: {link} leads nowhere", page.path);
            if !anchor.is_empty() && there.is_file() {
                let text = fs::read_to_string(&there).unwrap();
                let known = text.lines().any(|heading| page::anchor(heading) == anchor);
                assert!(known, "{}:{line}: {link}: no such heading", page.path);
            }
        }
    }
}

#[test]
fn troubleshooting_knows_every_reason_and_every_hint() {
    let page = fs::read_to_string(repository("docs/troubleshooting.md")).unwrap();
    for kind in trunkline_model::reason::Kind::ALL {
        assert!(page.contains(&format!("`{}`", kind.as_str())), "reason {}", kind.as_str());
    }
    let hints = fs::read_to_string(repository("crates/local/src/hints.rs")).unwrap();
    let table = hints.split("const TABLE").nth(1).unwrap().split("];").next().unwrap();
    let troubles: Vec<_> =
        table.split("(\"").skip(1).map(|row| row.split('"').next().unwrap()).collect();
    assert!(troubles.len() > 5, "{troubles:?}");
    for trouble in troubles {
        assert!(page.contains(&format!("| {trouble} |")), "hint for `{trouble}`");
    }
}
