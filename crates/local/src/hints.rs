//! What may help when a service does not start: found from its last lines and from the machine.
//!
//! Every kind of trouble is one row of `TABLE`, tried from top to bottom; the first that finds
//! something is told. A row looks at what tools really print (the tests quote them) and answers with
//! one sentence that a person can act on. It may look at the service's folder and at who holds a
//! port, and never changes anything.

mod missing;
mod port;
mod setting;
mod toolchain;
mod version;

use std::path::Path;

use trunkline_net::socket::Holder;

/// The service that did not start.
pub struct Trouble<'a> {
    /// Its last lines, oldest first.
    pub lines: &'a [String],
    /// Its command.
    pub command: &'a str,
    /// Where it was started.
    pub directory: &'a Path,
    /// The language that was written for it.
    pub language: Option<&'a str>,
    /// The port it was told to listen on.
    pub port: u16,
    /// Who listens on a port of this machine.
    pub holder: &'a dyn Fn(u16) -> Option<Holder>,
}

type Row = fn(&Trouble<'_>) -> Option<String>;

/// Kinds of trouble, the most telling first.
const TABLE: &[(&str, Row)] = &[
    ("address already in use", port::taken),
    ("low port", port::refused),
    ("toolchain too old", version::too_old),
    ("command not found", missing::command),
    ("package not installed", missing::package),
    ("file not executable", missing::permission),
    ("variable not set", setting::unset),
    ("nobody answers", setting::unreachable),
];

/// What may help; `None` if nothing is known.
pub fn find(trouble: &Trouble<'_>) -> Option<String> {
    TABLE.iter().find_map(|(_, row)| row(trouble))
}

pub use port::elsewhere;

impl Trouble<'_> {
    /// The language, written or inferred.
    fn language(&self) -> &str {
        self.language
            .or_else(|| crate::language::infer(self.command, self.directory))
            .unwrap_or_default()
    }

    fn has(&self, file: &str) -> bool {
        self.directory.join(file).exists()
    }

    /// Its folder, as short as it is clear.
    fn folder(&self) -> String {
        let name = self.directory.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| self.directory.display().to_string())
    }
}

/// What stands between two pieces of a line.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = line.split_once(before)?.1;
    Some(if after.is_empty() { rest } else { rest.split_once(after)?.0 }.trim())
        .filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests;
