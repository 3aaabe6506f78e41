//! The services of a folder without a file: looked for, told, and made the text of a file.
//!
//! `up` runs that text as it is, `init` writes it, `add` takes one entry of it. All three say the
//! same about what was left out.

use std::path::Path;

use trunkline_config::{Options, Profile};
use trunkline_local::discover::{self, Choices, Discovery};

use crate::exit::Failure;
use crate::loader::{Loader, tell};
use crate::print::{Printer, Role, clean};

/// Looks at a folder.
pub(crate) fn look(dir: &Path, choices: &Choices) -> Result<Discovery, Failure> {
    discover::discover_with(dir, choices)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))
}

/// What a laptop makes of a file.
pub(crate) fn laptop() -> Options {
    Options { profile: Profile::Laptop, ..Options::default() }
}

/// The text of the file, checked as `check` would.
pub(crate) fn checked_text(
    found: &Discovery,
    dir: &Path,
    printer: &Printer,
) -> Result<String, Failure> {
    let text = discover::whole_file(found);
    tell(&Loader::of_text(dir, &text, laptop()).load(), printer)?;
    Ok(text)
}

/// Nothing was found: says so, and what there is instead.
pub(crate) fn nothing(found: &Discovery) -> Failure {
    let failure = Failure::usage(format_args!("no service was found in {}", found.root.display()));
    match found.questions.len() {
        0 => failure.hint("write a trunkline.yaml with a `command:` for each service; docs/bring-your-monorepo.md says what is looked for"),
        _ => failure.hint("`trunkline init` asks about what is not clear"),
    }
}

/// Says what was left out and why.
pub(crate) fn tell_left_out(found: &Discovery, printer: &Printer) {
    let sign = printer.progress.apply(Role::Warning, "?");
    for question in &found.questions {
        let mut lines = question.to_string();
        lines =
            lines.lines().map(|line| clean(line).into_owned()).collect::<Vec<_>>().join("\n    ");
        printer.note(format_args!("  {sign} {lines}"));
    }
    let sign = printer.progress.apply(Role::Faint, "·");
    for hint in &found.hints {
        let file = clean(&hint.file).into_owned();
        printer.note(format_args!(
            "  {sign} {file} is {}, which is not run: write the `command:` of its services, or `external:` where they listen",
            hint.what
        ));
    }
    if let Some(why) = &found.cut_short {
        printer.note(format_args!("  {sign} {why}"));
    }
}
