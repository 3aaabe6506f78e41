//! One service outside of `up`, for `run` and `exec`: its folder, its lines, and the environment it
//! would be given there.
//!
//! While an `up` of the project runs, callees are where that run has them. Without one, they are
//! where the next `up` would start them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use trunkline_local::discover::Choices;
use trunkline_local::plan::{Plan, Planned, PortBook, Surroundings};
use trunkline_local::run::RunId;
use trunkline_local::state::{self, StateFolder};
use trunkline_model::service::Source;
use trunkline_model::{Model, ServiceName};
use trunkline_rt::Clock;

use crate::cli::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, chain};
use crate::issuer::OwnIssuer;
use crate::loader::{Loader, find_nearest, tell};
use crate::runs::{self, Found};
use crate::{environment, found, place};

/// Which port a service outside of `up` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// One that is free: it is to listen beside the one of `up`.
    Free,
    /// The one that `up` gives it.
    Usual,
}

/// A service as it is run.
#[derive(Debug)]
pub(crate) struct Alone {
    planned: Planned,
}

/// What is needed of `GET /v1/status`.
#[derive(Debug, Deserialize)]
struct Status {
    services: BTreeMap<String, ServiceStatus>,
}

#[derive(Debug, Deserialize)]
struct ServiceStatus {
    process: Option<Process>,
}

#[derive(Debug, Deserialize)]
struct Process {
    address: Option<SocketAddr>,
}

/// The file of the run, else the nearest; without one, what is found in the folder, as `up` does.
fn loader(config: Option<PathBuf>, context: &Context) -> Result<Loader, Failure> {
    let options = place::options(&context.globals);
    let folder = config.as_deref().and_then(Path::parent).unwrap_or(&context.globals.dir);
    let is_written = match &config {
        Some(file) => file.is_file(),
        None => find_nearest(folder)?.is_some(),
    };
    if is_written {
        let files: Vec<_> = config.into_iter().collect();
        return Loader::new(&context.globals.dir, &files, options);
    }
    let found = found::look(folder, &Choices::default())?;
    if found.services.is_empty() {
        return Err(found::nothing(&found));
    }
    let text = found::checked_text(&found, folder, &context.printer)?;
    Ok(Loader::of_text(folder, &text, options))
}

impl Alone {
    /// The service of this name.
    pub(crate) async fn find(name: &str, port: Port, context: &Context) -> Result<Self, Failure> {
        let running = running(context)?;
        let config = running.as_ref().map(|run| run.card.config.clone());
        let loader = place::named(loader(config, context)?);
        let loaded = loader.load();
        tell(&loaded, &context.printer)?;
        let model = loaded.model.ok_or_else(|| Failure::told(Exit::Usage))?;
        let mut model = Model::clone(&model);
        let name = runnable(&model, name)?;
        let directory = loader.main_file()?.parent().map(PathBuf::from).unwrap_or_default();
        let base = state::base(environment::read)
            .ok_or_else(|| Failure::new("there is no home folder to remember ports in"))?;
        let folder = StateFolder::of(&base, model.name.as_str(), &directory);
        let around = surroundings(&model, &folder)?;
        let mut book = PortBook::load(&folder.ports(), &folder.path().to_string_lossy());
        if running.is_some() {
            let status: Status = Control::connect(context).await?.get("/v1/status").await?;
            follow(&mut model, &mut book, &status, (&name, port));
        }
        let plan =
            Plan::of(&model, &around, &mut book).map_err(|error| Failure::from_error(&error))?;
        if let Some(skipped) = plan.skipped.get(&name) {
            let tool = skipped.missing.0;
            return Err(
                Failure::new(format_args!("`{name}` needs {}", tool.program)).hint(tool.install)
            );
        }
        if let Some(folder) = around.build_folder(&name) {
            std::fs::create_dir_all(folder).map_err(|error| Failure::from_error(&error))?;
        }
        let planned = plan.services.get(&name).cloned();
        planned.map(|planned| Self { planned }).ok_or_else(|| unknown(&model, name.as_str()))
    }

    /// Where it is expected to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.planned.address
    }

    /// The line that starts it.
    pub(crate) fn line(&self) -> &str {
        &self.planned.process.command
    }

    /// The line that builds it.
    pub(crate) fn build(&self) -> Option<&str> {
        self.planned.process.build.as_deref()
    }

    /// A program in its folder, with its environment.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Result<Command, Failure> {
        let directory = &self.planned.process.directory;
        if !directory.is_dir() {
            let name = &self.planned.name;
            return Err(Failure::usage(format_args!(
                "the folder {} of `{name}` does not exist",
                directory.display()
            )));
        }
        let mut command = Command::new(program);
        command.current_dir(directory);
        command.envs(self.planned.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// The `up` of this project, if it runs.
fn running(context: &Context) -> Result<Option<Found>, Failure> {
    match runs::find(&environment::runtime_folder(), &context.globals.dir) {
        Ok(run) => Ok(Some(run).filter(|run| run.card.verb == "up")),
        Err(failure) if failure.exit == Exit::NotRunning => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The name of a service that is a process.
fn runnable(model: &Model, name: &str) -> Result<ServiceName, Failure> {
    let parsed = name.parse::<ServiceName>().ok();
    let service = parsed.as_ref().and_then(|name| model.service(name));
    let service = service.ok_or_else(|| unknown(model, name))?;
    match service.source {
        Source::Process(_) => Ok(service.name.clone()),
        Source::Static(_) => Err(Failure::usage(format_args!(
            "`{name}` is not run here: it has no `command` ({})",
            service.origin
        ))),
    }
}

fn unknown(model: &Model, name: &str) -> Failure {
    let is_process = |source: &Source| matches!(source, Source::Process(_));
    let names: Vec<_> = model
        .services
        .iter()
        .filter(|service| is_process(&service.source))
        .map(|service| service.name.as_str())
        .collect();
    Failure::usage(format_args!("there is no service `{name}`"))
        .hint(format_args!("there are: {}", names.join(", ")))
}

/// Puts every service where the run has it; the one that is run gets the port that is asked for.
fn follow(
    model: &mut Model,
    book: &mut PortBook,
    status: &Status,
    (own, port): (&ServiceName, Port),
) {
    for service in &mut model.services {
        let Source::Process(process) = &mut service.source else {
            continue;
        };
        let there = status.services.get(service.name.as_str());
        let address = there.and_then(|there| there.process.as_ref()?.address);
        if service.name == *own && port == Port::Free {
            process.port = None;
        } else if let Some(address) = address {
            process.port = Some(address.port());
            book.join(service.name.as_str(), address.port());
        }
    }
}

fn surroundings(model: &Model, folder: &StateFolder) -> Result<Surroundings, Failure> {
    let run = RunId::of_this_process()
        .ok_or_else(|| Failure::new("this needs /proc, which this system does not have"))?;
    let issuer = OwnIssuer::new(environment::data_folder());
    let root = match issuer.cover(model, Clock::system().wall()) {
        Ok(authority) => authority.map(|authority| authority.root_file()),
        Err(error) => {
            tracing::warn!(error, "the service is not told of the project's own certificates");
            None
        }
    };
    // A running `up` has made it; alone there is no gateway to call by a name.
    let bundle = Some(folder.certificates()).filter(|file| file.is_file());
    Ok(Surroundings {
        run,
        otlp: None,
        root,
        bundle,
        builds: Some(folder.builds()),
        toolchains: environment::toolchains(),
    })
}

/// Becomes a program: comes back only when it cannot be started.
pub(crate) fn become_program(mut command: Command) -> Failure {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    Failure::new(format_args!("cannot run `{program}`: {}", chain(&error)))
}
