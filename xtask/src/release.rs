//! `./x release` builds the program as people are to have it; `./x profile` finds out how it runs.
//!
//! A compiler that knows which branches are taken puts what runs together and the rest elsewhere: a gateway executes
//! every line once a request, so fetching its code is what it costs. What it knows is a file of counters
//! ([`COUNTERS`]), which is kept with the source, so that a release needs no run beforehand. A function that was
//! changed since has no counters and is compiled as ever. Names of functions depend on the compiler and on the
//! versions of all dependencies: when these change, all counters are lost until `./x profile` has made them again, and
//! a release says so (ADR 13).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Outcome, Steps, command, execute, output, root, target_dir};

/// Counters of every function that ran, in LLVM's indexed form.
const COUNTERS: &str = "benches/profile/trunkline.profdata";

/// What the counters were made for: compiler and dependencies.
const MADE_FOR: &str = "benches/profile/made-for";

/// The scenarios of the data plane that are run to count; each peer runs along.
const SCENARIOS: &str =
    "dataplane --rounds 2 --seconds 2 --only on,off,bodies,tls,connections,grpc";

/// Only the program itself, always: a build together with other packages may give its dependencies other features, and
/// with them other names.
const BUILD: &str = "cargo build --release --package trunkline";

pub(crate) fn build(steps: &mut Steps) -> Outcome {
    let made_for = fs::read_to_string(root().join(MADE_FOR)).unwrap_or_default();
    if made_for != present()? {
        eprintln!(
            "{COUNTERS} was made for another compiler or other dependencies: `./x profile` makes it again"
        );
    }
    let counters = root().join(COUNTERS);
    let flag = format!("-Cprofile-use={}", counters.display());
    steps.command("release build", with_flag(&mut command(BUILD), &flag))
}

/// Counts what runs, and keeps it.
pub(crate) fn profile(steps: &mut Steps) -> Outcome {
    let merge = merger()?;
    let target = target_dir().join("profile");
    let raw = target.join("raw");
    rig(steps)?;
    let flag = format!("-Cprofile-generate={}", raw.display());
    let mut build = command(BUILD);
    steps
        .command("counting build", with_flag(&mut build, &flag).env("CARGO_TARGET_DIR", &target))?;
    // Build scripts and macros ran with counters as well.
    let _ = fs::remove_dir_all(&raw);
    let mut run = Command::new(target_dir().join("release/trunkline-load"));
    run.args(SCENARIOS.split_whitespace()).arg("--trunkline").arg(target.join("release/trunkline"));
    steps.command("run", &mut run)?;
    steps.step("counters", || {
        let mut merge = Command::new(merge);
        execute(
            merge.args(["merge", "--sparse", "--output"]).arg(root().join(COUNTERS)).arg(&raw),
        )?;
        fs::write(root().join(MADE_FOR), present()?).map_err(|e| format!("{MADE_FOR}: {e}"))
    })
}

/// The load rig, which is not measured and needs no counters.
pub(crate) fn rig(steps: &mut Steps) -> Outcome {
    steps.command("rig", &mut command("cargo build --release --package trunkline-load"))
}

/// Compiler and dependencies of this moment.
fn present() -> Result<String, String> {
    let compiler = output(&mut command("rustc --version"))?;
    let dependencies = output(&mut command("git hash-object Cargo.lock"))?;
    Ok(String::from_utf8_lossy(&[compiler, dependencies].concat()).into_owned())
}

/// Adds a flag of the compiler to those that the environment names.
fn with_flag<'a>(cargo: &'a mut Command, flag: &str) -> &'a mut Command {
    const BETWEEN: &str = "\u{1f}";
    let encoded = env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let plain = || {
        env::var("RUSTFLAGS")
            .ok()
            .map(|flags| flags.split_whitespace().collect::<Vec<_>>().join(BETWEEN))
    };
    let flags = encoded.or_else(plain).filter(|flags| !flags.is_empty());
    let all = flags.map_or_else(|| flag.to_owned(), |flags| format!("{flags}{BETWEEN}{flag}"));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", all)
}

/// LLVM's tool, of the compiler's LLVM: as Debian names it, or as `rustup component add llvm-tools` installs it.
fn merger() -> Result<PathBuf, String> {
    let said = output(&mut command("rustc --version --verbose"))?;
    let said = String::from_utf8_lossy(&said);
    let field =
        |name| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let (host, llvm) = (field("host:"), field("LLVM version:"));
    let major = llvm.split('.').next().unwrap_or_default();
    let sysroot = output(&mut command("rustc --print sysroot"))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot).trim().to_owned());
    let own = sysroot.join("lib/rustlib").join(host).join("bin/llvm-profdata");
    let named = format!("llvm-profdata-{major}");
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(&named));
    on_path.chain([own]).find(|file| Path::is_file(file)).ok_or_else(|| {
        format!(
            "counting needs `{named}`: Debian's llvm-{major}, or `rustup component add llvm-tools`"
        )
    })
}
