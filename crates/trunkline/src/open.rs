//! Opening a URL in the browser of whoever sits at this machine.

use std::process::{Command, Stdio};

use crate::environment;

/// Programs that open URLs, by system.
const OPENERS: &[&str] =
    if cfg!(target_os = "macos") { &["open"] } else { &["xdg-open", "wslview"] };

/// Opens a URL; `false` if nothing here could.
pub(crate) fn in_browser(url: &str) -> bool {
    environment::has_desktop() && OPENERS.iter().any(|program| start(program, url))
}

fn start(program: &str, url: &str) -> bool {
    let quiet = Stdio::null;
    let started =
        Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    let Ok(mut opener) = started else {
        return false;
    };
    // It is short-lived; somebody has to take its exit status.
    std::thread::Builder::new().name("opener".into()).spawn(move || opener.wait()).is_ok()
}
