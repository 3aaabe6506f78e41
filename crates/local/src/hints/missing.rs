//! What is not there: programs, packages, files, the right to run a file.

use super::{Trouble, between, toolchain};

/// The shell did not find a program.
pub(super) fn command(trouble: &Trouble<'_>) -> Option<String> {
    let program = trouble.lines.iter().rev().find_map(|line| not_found(line))?;
    if let Some((tool, place)) = toolchain::source(program) {
        return Some(format!("`{program}` is not on PATH; {tool} comes from {place}"));
    }
    if program.contains('/') {
        let folder = trouble.folder();
        return Some(format!(
            "there is no `{program}` in {folder}; check its `command` and `path`"
        ));
    }
    if trouble.language() == "node" {
        let install = node_install(trouble);
        return Some(format!(
            "`{program}` comes with the packages: run `{install}` in {}",
            trouble.folder()
        ));
    }
    Some(format!("`{program}` is not on PATH; install it, or write its whole path in `command`"))
}

/// What shells print: `sh: 1: vite: not found`, `bash: line 1: vite: command not found`.
fn not_found(line: &str) -> Option<&str> {
    let before = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"))
        .or_else(|| line.strip_suffix(": No such file or directory"))?;
    let (shell, _) = before.split_once(':')?;
    let is_shell = ["sh", "bash", "dash", "zsh"].contains(&shell.rsplit('/').next()?);
    let program = before.rsplit(": ").next()?;
    (is_shell && !program.contains(' ')).then_some(program)
}

/// A package or module that was never fetched.
pub(super) fn package(trouble: &Trouble<'_>) -> Option<String> {
    trouble.lines.iter().find_map(|line| {
        node(trouble, line).or_else(|| python(trouble, line)).or_else(|| go(trouble, line))
    })
}

fn node(trouble: &Trouble<'_>, line: &str) -> Option<String> {
    let name = between(line, "Cannot find module '", "'")
        .or_else(|| between(line, "Cannot find package '", "'"))?;
    if name.starts_with(['.', '/']) {
        return Some(format!("there is no file {name}; check its `command`, or build it first"));
    }
    let install = node_install(trouble);
    Some(format!("`{name}` is not installed: run `{install}` in {}", trouble.folder()))
}

/// The install line of the package manager whose lock file is there.
fn node_install(trouble: &Trouble<'_>) -> &'static str {
    let locks = [
        ("pnpm-lock.yaml", "pnpm install"),
        ("yarn.lock", "yarn install"),
        ("bun.lock", "bun install"),
        ("bun.lockb", "bun install"),
        ("package-lock.json", "npm ci"),
    ];
    locks.iter().find(|(lock, _)| trouble.has(lock)).map_or("npm install", |(_, line)| line)
}

fn python(trouble: &Trouble<'_>, line: &str) -> Option<String> {
    let name = between(line, "No module named '", "'")
        .or_else(|| between(line, "No module named ", ""))?
        .split('.')
        .next()?;
    let install = match () {
        () if trouble.has("uv.lock") => "uv sync".to_owned(),
        () if trouble.has("poetry.lock") => "poetry install".to_owned(),
        () if trouble.has("requirements.txt") => "pip install -r requirements.txt".to_owned(),
        () if trouble.has("pyproject.toml") => "pip install -e .".to_owned(),
        () => format!("pip install {name}"),
    };
    Some(format!("`{name}` is not installed: run `{install}` in {}", trouble.folder()))
}

fn go(trouble: &Trouble<'_>, line: &str) -> Option<String> {
    if let Some(package) = between(line, "no required module provides package ", ";") {
        return Some(format!("run `go get {package}` in {}", trouble.folder()));
    }
    if line.contains("missing go.sum entry") || line.contains("updates to go.mod needed") {
        return Some(format!("run `go mod tidy` in {}", trouble.folder()));
    }
    (line.contains("cannot find module providing package")
        || line.contains("module lookup disabled"))
    .then(|| format!("run `go mod download` in {}", trouble.folder()))
}

/// A file that is there and may not be run.
pub(super) fn permission(trouble: &Trouble<'_>) -> Option<String> {
    let file = trouble.lines.iter().find_map(|line| {
        let before = line.strip_suffix(": Permission denied")?;
        before.rsplit(": ").next().filter(|file| file.contains('/') && !file.contains(' '))
    })?;
    Some(format!("run `chmod +x {file}` in {}", trouble.folder()))
}
