//! `add`: one service that is found, as an entry of the file that there is.

mod insert;

use std::path::{Path, PathBuf};

use serde_json::json;
use trunkline_local::discover::{Choices, Discovery, Found, entry};
use trunkline_model::service::Source;
use trunkline_model::{Model, ServiceName};

use super::Context;
use crate::exit::{Exit, Failure, Verdict};
use crate::found;
use crate::loader::{Loader, find_nearest, tell};
use crate::print::Role;

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline add services/orders")]
pub(crate) struct Args {
    /// Folder of the service
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

/// Finds the service and adds it; comments and order of the file stay.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let (dir, printer) = (&context.globals.dir, &context.printer);
    let file = find_nearest(dir)?.ok_or_else(|| {
        Failure::usage("there is no trunkline.yaml to add to").hint("`trunkline init` writes one")
    })?;
    let root = file.parent().filter(|root| !root.as_os_str().is_empty());
    let root = root.unwrap_or(Path::new(".")).to_owned();
    let loaded =
        Loader::new(dir, std::slice::from_ref(&file_from(dir, &file)), found::laptop())?.load();
    tell(&loaded, printer)?;
    let model = loaded.model.ok_or_else(|| Failure::told(Exit::Usage))?;
    let folder = below(&root, &dir.join(&args.path))?;
    let others: Vec<ServiceName> = model.services.iter().map(|one| one.name.clone()).collect();
    let choices = Choices { others: others.clone(), ..Choices::default() };
    let mut service = service_of(&found::look(&root, &choices)?, &folder)?;
    service.calls.retain(|(name, _)| others.contains(name));
    refuse_known(&model, &root, &service)?;
    let before = std::fs::read_to_string(&file)
        .map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
    let entry = entry(&service);
    let by_hand = || {
        let text = format!(
            "{} could not be changed safely; add this to its `services:`\n\n{entry}",
            file.display()
        );
        Failure::new(text)
    };
    let after = insert::service(&before, &entry).ok_or_else(by_hand)?;
    let checked = Loader::of_text(&root, &after, found::laptop()).load();
    let has = |model: &Model| {
        model.service(&service.name).is_some() && model.services.len() == others.len() + 1
    };
    if !checked.model.as_deref().is_some_and(has) {
        return Err(by_hand());
    }
    std::fs::write(&file, after)
        .map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
    if printer.is_json() {
        printer.json(&json!({ "schema": 1, "file": file, "service": service.name.as_str() }));
        return Ok(Exit::Done);
    }
    printer.data(format_args!(
        "{} {} has `{}` now",
        printer.data.apply(Role::Good, "✓"),
        file.display(),
        service.name
    ));
    Ok(Exit::Done)
}

/// The file as a loader of `dir` names it.
fn file_from(dir: &Path, file: &Path) -> PathBuf {
    std::fs::canonicalize(file).unwrap_or_else(|_| dir.join(file))
}

/// A folder as seen from the root, with `/`.
fn below(root: &Path, folder: &Path) -> Result<String, Failure> {
    let real = |path: &Path| {
        std::fs::canonicalize(path)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
    };
    let (root, folder) = (real(root)?, real(folder)?);
    let below = folder.strip_prefix(&root).map_err(|_| {
        Failure::usage(format_args!("{} is not below {}", folder.display(), root.display()))
    })?;
    Ok(below.to_string_lossy().into_owned())
}

/// The one service of a folder.
fn service_of(found: &Discovery, folder: &str) -> Result<Found, Failure> {
    let shown = if folder.is_empty() { "." } else { folder };
    let here: Vec<&Found> =
        found.services.iter().filter(|service| service.runs.folder == folder).collect();
    match here.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let open = found.questions.iter().find(|question| question.is_about(folder));
            Err(match open {
                Some(question) => Failure::usage(question),
                None => Failure::usage(format_args!("no service was found in {shown}")),
            }
            .hint("write it into the file: `path:` and `command:` are enough"))
        }
        several => {
            let names: Vec<_> = several.iter().map(|service| service.name.to_string()).collect();
            Err(Failure::usage(format_args!("{shown} has several: {}", names.join(", ")))
                .hint("`trunkline init --print` shows their entries"))
        }
    }
}

fn refuse_known(model: &Model, root: &Path, service: &Found) -> Result<(), Failure> {
    let folder = std::fs::canonicalize(root.join(&service.runs.folder)).ok();
    let is_there = |source: &Source| match source {
        Source::Process(process) => std::fs::canonicalize(&process.directory).ok() == folder,
        Source::Static(_) => false,
    };
    let known = model.services.iter().find(|one| one.name == service.name || is_there(&one.source));
    match known {
        None => Ok(()),
        Some(known) => Err(Failure::usage(format_args!("`{}` is in the file already", known.name))),
    }
}
