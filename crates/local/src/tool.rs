//! Running another program for its answer, within a time: one that waits for a password, or for a
//! disk that is gone, must not hang us. Services are not run by this.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// How long a tool may take; a Java machine on a busy laptop takes seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a program to its end; its standard output, or what it said was wrong.
pub async fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    match tokio::time::timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(output.stdout),
        Ok(Ok(output)) => Err(format!("{name}: {}", last_words(&output))),
        Ok(Err(error)) => Err(format!("{name} cannot be run: {error}")),
        Err(_) => Err(format!("{name} did not end within {} s", LIMIT.as_secs())),
    }
}

/// The last line that a tool printed, errors first, or how it ended.
fn last_words(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    };
    last(&output.stderr)
        .or_else(|| last(&output.stdout))
        .unwrap_or_else(|| output.status.to_string())
}
