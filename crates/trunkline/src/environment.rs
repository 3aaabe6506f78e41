//! The few environment variables that the binary reads, all in one place.
//!
//! Settings come from flags and files; these are conventions of the platform that every tool
//! follows: where folders are, and whether colour is wanted. Nothing else reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use trunkline_local::toolchains::Toolchains;

/// Whether the person asked every tool for no colour (<https://no-color.org>).
pub(crate) fn no_color() -> bool {
    read("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the terminal understands escape sequences at all.
pub(crate) fn dumb_terminal() -> bool {
    read("TERM").is_some_and(|value| value == "dumb")
}

/// Whether there is a desktop that could show a browser.
pub(crate) fn has_desktop() -> bool {
    let is_set = |name| read(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"].into_iter().any(is_set)
}

/// A path as people write it: `~/…` for what is in the home folder.
pub(crate) fn short_path(path: &std::path::Path) -> String {
    let inside = absolute("HOME").and_then(|home| path.strip_prefix(home).ok().map(PathBuf::from));
    inside.map_or_else(|| path.display().to_string(), |inside| format!("~/{}", inside.display()))
}

/// `$XDG_DATA_HOME/trunkline`, or `~/.local/share/trunkline`: the CA and what outlives runs.
pub(crate) fn data_folder() -> Option<PathBuf> {
    folder("XDG_DATA_HOME", ".local/share")
}

/// Where runs of this user keep their sockets: `$XDG_RUNTIME_DIR/trunkline`, which the system
/// empties at logout, or a folder of the user's own below the system's temporary one.
pub(crate) fn runtime_folder() -> PathBuf {
    absolute("XDG_RUNTIME_DIR").map_or_else(
        || {
            let user = rustix::process::getuid().as_raw();
            std::env::temp_dir().join(format!("trunkline-{user}"))
        },
        |folder| folder.join("trunkline"),
    )
}

/// Log filter directives (`TRUNKLINE_LOG=debug,trunkline_proxy=trace`), for those who look for a
/// defect.
pub(crate) fn log_directives() -> Option<String> {
    read("TRUNKLINE_LOG").and_then(|value| value.into_string().ok())
}

/// The programs that `PATH` leads to.
pub(crate) fn toolchains() -> Toolchains {
    Toolchains::on(read("PATH").as_deref())
}

/// Where a service manager wants to be told (`sd_notify`).
pub(crate) fn notify_socket() -> Option<OsString> {
    read("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
}

/// How often the service manager wants a sign of life, in microseconds, and from which process.
pub(crate) fn watchdog() -> Option<(u64, Option<u32>)> {
    let number = |name| read(name).and_then(|value| value.into_string().ok());
    let micros = number("WATCHDOG_USEC")?.parse().ok().filter(|micros| *micros > 0)?;
    Some((micros, number("WATCHDOG_PID").and_then(|pid| pid.parse().ok())))
}

/// The sockets that a service manager opened: process, number of them, names.
pub(crate) fn passed_sockets() -> [String; 3] {
    ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
        .map(|name| read(name).and_then(|value| value.into_string().ok()).unwrap_or_default())
}

fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("trunkline"))
}

/// The XDG specification says that relative paths are to be ignored.
fn absolute(variable: &str) -> Option<PathBuf> {
    read(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn read(variable: &str) -> Option<OsString> {
    std::env::var_os(variable)
}
