//! The first lines: which project, and its services with what they call.

use std::collections::BTreeSet;
use std::path::Path;

use trunkline_local::language;
use trunkline_model::route::Authority;
use trunkline_model::service::{Process, Service, Source};
use trunkline_model::{Model, ServiceName};

use crate::cli::version::VERSION;
use crate::print::{Align, Paint, Role, Table, clean, cut};

/// Columns that are cut on narrow terminals, in this order, and what is left of them at least:
/// the command, what it calls, the folder, the name.
const SHRINK: &[(usize, usize)] = &[(3, 12), (4, 10), (2, 10), (0, 10), (3, 6)];

/// What is shown of a project.
pub(crate) struct Project<'a> {
    /// What is wanted.
    pub model: &'a Model,
    /// Its folder.
    pub directory: &'a Path,
    /// Its file, as a person named it.
    pub file: &'a str,
    /// The services that are started; the others are not shown.
    pub started: &'a BTreeSet<ServiceName>,
}

/// The lines, cut to the terminal if there is one.
pub(crate) fn head(project: &Project<'_>, columns: Option<usize>, paint: Paint) -> String {
    let model = project.model;
    let is_shown = |service: &&Service| {
        matches!(service.source, Source::Static(_)) || project.started.contains(&service.name)
    };
    let shown: Vec<&Service> = model.services.iter().filter(is_shown).collect();
    let services = match (shown.len(), model.services.len()) {
        (1, 1) => "1 service".to_owned(),
        (shown, all) if shown == all => format!("{all} services"),
        (shown, all) => format!("{shown} of {all} services"),
    };
    let title = format!(
        "trunkline {} · {} · {services} · {}",
        version(),
        paint.apply(Role::Strong, &model.name),
        clean(project.file)
    );
    let mut table = Table::new(&[("", Align::Left); 5]);
    for service in shown {
        table.row(row(service, project.directory));
    }
    if let Some(columns) = columns {
        table.fit(columns, SHRINK);
    }
    format!("{title}\n\n{}", table.render(paint))
}

/// As people say it: `0.4`, not `0.4.0`.
fn version() -> &'static str {
    VERSION.rsplit_once('.').map_or(VERSION, |(short, _)| short)
}

fn row(service: &Service, directory: &Path) -> Vec<(String, Option<Role>)> {
    let calls: Vec<_> = service.calls.iter().map(ToString::to_string).collect();
    let calls = if calls.is_empty() { String::new() } else { format!("→ {}", calls.join(", ")) };
    let (kind, folder, command) = match &service.source {
        Source::Process(process) => {
            (kind(process), folder(&process.directory, directory), process.command.clone())
        }
        Source::Static(endpoints) => {
            let places: Vec<_> = endpoints.iter().map(|one| place(&one.authority)).collect();
            ("external".to_owned(), String::new(), places.join(", "))
        }
    };
    vec![
        (service.name.to_string(), Some(Role::Strong)),
        (clean(&kind).into_owned(), Some(Role::Faint)),
        (clean(&folder).into_owned(), None),
        (clean(&cut(&command, COMMAND_CELLS_MAX)).into_owned(), None),
        (calls, Some(Role::Faint)),
    ]
}

/// A longer command is cut, however wide the terminal is.
const COMMAND_CELLS_MAX: usize = 60;

fn kind(process: &Process) -> String {
    let written = process.language.as_deref();
    let inferred = || language::infer(&process.command, &process.directory);
    written.or_else(inferred).unwrap_or("process").to_owned()
}

/// A folder as seen from the project's.
fn folder(folder: &Path, project: &Path) -> String {
    match folder.strip_prefix(project) {
        Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => folder.display().to_string(),
    }
}

fn place(authority: &Authority) -> String {
    match authority {
        Authority::Service(name) => name.to_string(),
        Authority::Address(address) => address.to_string(),
        Authority::Dns { host, port } => format!("{host}:{port}"),
        Authority::Srv(name) => format!("srv:{name}"),
    }
}
