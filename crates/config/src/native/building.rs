//! What builds a program that a command builds and runs in one: `go run .` is `go build` first.
//!
//! Built ahead, the program starts from the tool's cache, so that requests are held for moments
//! instead of for a compilation. Only plain lines are understood: quotes, variables and pipes are
//! the shell's, and a line that is not understood is not built ahead.

use std::path::Path;

/// Characters that mean something to a shell.
const SHELL: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '#', '\n'];
/// Flags of `go build` whose value is the next word.
const GO_VALUES: &[&str] = &[
    "-C",
    "-p",
    "-asmflags",
    "-buildmode",
    "-compiler",
    "-gccgoflags",
    "-gcflags",
    "-installsuffix",
    "-ldflags",
    "-mod",
    "-modfile",
    "-overlay",
    "-pkgdir",
    "-tags",
    "-toolexec",
];
/// Flags of `cargo` whose value is the next word.
const CARGO_VALUES: &[&str] = &[
    "-p",
    "--package",
    "--bin",
    "--example",
    "-F",
    "--features",
    "--profile",
    "--target",
    "--target-dir",
    "--manifest-path",
    "--color",
    "--config",
    "-Z",
    "-j",
    "--jobs",
];

/// The line that builds what `command` builds and runs; `None` if it does not.
pub(super) fn derive(command: &str) -> Option<String> {
    if command.contains(SHELL) {
        return None;
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["go", "run", rest @ ..] => go(rest),
        ["cargo", toolchain, "run", rest @ ..] if toolchain.starts_with('+') => {
            Some(cargo(&["cargo", toolchain, "build"], rest))
        }
        ["cargo", "run", rest @ ..] => Some(cargo(&["cargo", "build"], rest)),
        _ => None,
    }
}

/// One package, or files of one, after the flags; what follows is for the program.
fn go(rest: &[&str]) -> Option<String> {
    let (flags, rest) = split_flags(rest, GO_VALUES);
    // How the program is run is no matter of building it.
    if flags.iter().any(|flag| flag.starts_with("-exec")) {
        return None;
    }
    let is_file = |word: &&&str| Path::new(word).extension().is_some_and(|end| end == "go");
    let files = rest.iter().take_while(is_file).count();
    let program = rest.get(..files.max(1))?;
    Some([&["go", "build"], flags, &["-o", "/dev/null"], program].concat().join(" "))
}

/// All flags before `--` or the first argument of the program.
fn cargo(verb: &[&str], rest: &[&str]) -> String {
    let (flags, _) = split_flags(rest, CARGO_VALUES);
    [verb, flags].concat().join(" ")
}

fn split_flags<'a>(words: &'a [&'a str], with_value: &[&str]) -> (&'a [&'a str], &'a [&'a str]) {
    let mut count = 0;
    while let Some(word) = words.get(count).filter(|word| word.starts_with('-') && **word != "--") {
        count += if with_value.contains(word) { 2 } else { 1 };
    }
    words.split_at(count.min(words.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expect: Option<&str>) {
        assert_eq!(derive(command).as_deref(), expect, "{command}");
    }

    #[test]
    fn what_is_built_and_run_in_one_is_built_ahead() {
        check("go run .", Some("go build -o /dev/null ."));
        check("go run ./cmd/api --port 8080", Some("go build -o /dev/null ./cmd/api"));
        check(
            "go run -tags dev main.go x.go a",
            Some("go build -tags dev -o /dev/null main.go x.go"),
        );
        check("cargo run", Some("cargo build"));
        check("cargo run -q --release -p api -- serve", Some("cargo build -q --release -p api"));
        check("cargo +1.90 run --bin api serve", Some("cargo +1.90 build --bin api"));
    }

    #[test]
    fn a_line_that_is_not_understood_is_not_built_ahead() {
        for command in ["node server.js", "A=1 go run .", "go run . | tee log", "go run", "air"] {
            check(command, None);
        }
        check("go run -exec sudo .", None);
        check("go run \"$DIR\"", None);
    }
}
