//! A reader's machine: an empty home, a project, and a shell in which `trunkline` is the binary under test.
//!
//! What stays in the foreground for a reader would stop the test, so a script stands before the binary: `up` gets
//! `--detach`, `logs` loses `-f`, `serve` goes to the background. Another one stands before `curl`: a port that
//! Trunkline moved away from, because something holds it, leads to the one that it moved to, and a status from 400 on is
//! a failure unless headers are asked for (`-i`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{is_alive, repository, signal, until};

const TRUNKLINE: &str = r#"#!/bin/sh
real=@REAL@
case "${1:-}" in
up)
    shift
    for word; do [ "$word" = --detach ] && exec "$real" up "$@"; done
    exec "$real" up --detach "$@"
    ;;
logs)
    for word; do
        shift
        [ "$word" = -f ] || set -- "$@" "$word"
    done
    exec "$real" "$@"
    ;;
serve)
    "$real" "$@" >"$BOOK_WORLD/serve.log" 2>&1 </dev/null &
    served=$!
    for _ in 1 2 3; do
        "$real" status --wait --timeout 20s >/dev/null 2>&1 && exit 0
        kill -0 "$served" 2>/dev/null || break
    done
    cat "$BOOK_WORLD/serve.log" >&2
    wait "$served"
    ;;
*) exec "$real" "$@" ;;
esac
"#;

const CURL: &str = r#"#!/bin/sh
PATH=${PATH#*:}
case $1 in -*i*) ;; *) set -- --fail-with-body "$@" ;; esac
for pair in $("$BOOK_WORLD/bin/trunkline" urls --format json 2>/dev/null | python3 "$BOOK_WORLD/bin/moved.py"); do
    set -- --connect-to "$pair" "$@"
done
exec curl -sS --max-time 20 "$@"
"#;

/// From the table of URLs: which port of the book is which port here.
const MOVED: &str = r#"
import json, sys
from urllib.parse import urlsplit
book = {("gateway", "http"): (8000, 80), ("gateway", "https"): (8443, 443), ("surface", "console"): (20001,),
        ("surface", "metrics"): (9090,), ("surface", "jaeger"): (16686,)}
try:
    rows = json.load(sys.stdin)["urls"]
except ValueError:
    rows = []
pairs = set()
for row in rows:
    url = urlsplit(row["url"])
    here = url.port or (443 if url.scheme == "https" else 80)
    for port in book.get((row["kind"], row["name"]), ()):
        pairs.add(":%d:127.0.0.1:%d" % (port, here))
print(" ".join(sorted(pairs)))
"#;

/// A reader's machine.
pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A machine without anything.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tl-book-").tempdir_in("/tmp").unwrap();
        let world = Self { folder };
        for name in ["bin", "home", "run", "project"] {
            fs::create_dir(world.path(name)).unwrap();
        }
        fs::set_permissions(world.path("run"), PermissionsExt::from_mode(0o700)).unwrap();
        world.script("trunkline", &TRUNKLINE.replace("@REAL@", env!("CARGO_BIN_EXE_trunkline")));
        world.script("curl", CURL);
        world.script("moved.py", MOVED);
        world.enter("project");
        world
    }

    /// A machine with a clone of the repository that has nothing but one folder.
    pub fn with(folder: &str) -> Self {
        let world = Self::new();
        let there = world.path("trunkline").join(folder);
        fs::create_dir_all(there.parent().unwrap()).unwrap();
        copy(&repository(folder), &there);
        world
    }

    /// Goes to a folder of this machine.
    pub fn enter(&self, folder: &str) {
        fs::write(self.path("where"), self.path(folder).to_str().unwrap()).unwrap();
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Where the reader is: commands may change it.
    pub fn place(&self) -> PathBuf {
        fs::read_to_string(self.path("where")).unwrap().trim().into()
    }

    /// Writes a file that a page shows.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.place().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs commands as one script, both streams as one. The first that fails ends it.
    pub fn shell(&self, commands: &str) -> Output {
        let script =
            format!("exec 2>&1\nset -e\ntrap 'pwd > \"$BOOK_WORLD/where\"' EXIT\n{commands}");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &script])
            .current_dir(self.place())
            .stdin(Stdio::null())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("BOOK_WORLD", self.folder.path())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("NO_COLOR", "1");
        for (name, folder) in caches() {
            shell.env(name, folder);
        }
        for name in ["XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            shell.env_remove(name);
        }
        shell.output().unwrap()
    }

    /// Processes that were started here: their environment names this folder.
    fn processes(&self) -> Vec<u32> {
        let folder = self.folder.path().as_os_str().as_encoded_bytes();
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = ids.filter(|id| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.windows(folder.len()).any(|part| part == folder) && is_alive(*id)
        });
        ours.collect()
    }
}

impl Drop for World {
    /// Ends what runs here as a reader would, and fails if something stays.
    fn drop(&mut self) {
        let runs = self.processes().into_iter().filter(|id| {
            let binary = fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
            binary == Path::new(env!("CARGO_BIN_EXE_trunkline"))
        });
        for id in runs {
            signal(id, "TERM");
        }
        if std::thread::panicking() {
            std::thread::sleep(std::time::Duration::from_secs(3));
            self.processes().into_iter().for_each(|id| signal(id, "KILL"));
            return;
        }
        until("every process to end", || self.processes().is_empty(), String::new);
    }
}

/// What toolchains keep between runs stays where it is: a new home would mean to download and build everything.
fn caches() -> Vec<(&'static str, PathBuf)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let of = |name: &'static str, below: &str| {
        (name, std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from))
    };
    vec![
        of("CARGO_HOME", ".cargo"),
        of("RUSTUP_HOME", ".rustup"),
        of("GOCACHE", ".cache/go-build"),
        of("GOPATH", "go"),
    ]
}

/// Copies a folder with what was built in it.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").arg("-p").args([from, to]).status().unwrap();
    assert!(status.success(), "{} was not copied", from.display());
}
