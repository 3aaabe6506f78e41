//! What `up` adds to a serving process: the services of the file, run as processes of this machine.

mod ports;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_local::child::{Launcher, Spawner};
use trunkline_local::event::{self, Event};
use trunkline_local::logs::LogWriter;
use trunkline_local::plan::{Moved, Plan, PlanError, Surroundings, bundle};
use trunkline_local::reap;
use trunkline_local::run::RunId;
use trunkline_local::state::{self, StateFolder};
use trunkline_local::supervisor::{Care, Deps, Supervisor};
use trunkline_model::service::Source;
use trunkline_model::{Model, ServiceName};

use crate::environment;
use crate::exit::Failure;
use crate::node::Local;
use crate::services::Services;
use crate::wiring::{Parts, ToProxy};

/// Why nothing can be kept.
const NO_HOME: &str = "there is no home folder to keep logs and ports in";

/// How long what a dead run left may take to end after SIGTERM.
const LEFTOVERS_GRACE: Duration = Duration::from_secs(2);

pub(crate) use ports::Ports;

/// Makes plans of Models; one for a whole run, so that a service keeps its port.
pub(crate) struct Planner {
    around: Surroundings,
    ports: Ports,
    /// The services that were asked for; all of them if none were.
    wanted: Vec<ServiceName>,
}

impl Planner {
    /// What to start for this Model.
    pub(crate) fn plan(&self, model: &Model) -> Result<Plan, Failure> {
        let mut plan = self
            .ports
            .with_book(model, |book| {
                let plan = Plan::of(model, &self.around, book)?;
                // Services by their names, and listeners for calls between them by their ids.
                let listeners = || model.listeners.iter().map(|listener| listener.id.as_str());
                let services = || model.services.iter().map(|service| service.name.as_str());
                book.keep(|name| services().chain(listeners()).any(|used| used == name));
                Ok::<_, PlanError>(plan)
            })
            .ok_or_else(|| Failure::new(NO_HOME))?
            .map_err(|error| Failure::from_error(&error))?;
        if !self.wanted.is_empty() {
            plan.keep(&self.wanted);
        }
        self.ports.remember();
        for name in plan.services.keys() {
            if let Some(folder) = self.around.build_folder(name) {
                std::fs::create_dir_all(folder).map_err(|error| Failure::from_error(&error))?;
            }
        }
        Ok(plan)
    }

    /// The services that listen elsewhere than their file says.
    pub(crate) fn moved(&self) -> BTreeMap<String, Moved> {
        self.ports.moved()
    }
}

impl Local {
    /// Makes what runs follow another Model.
    pub(crate) async fn follow(&mut self, model: &Model) -> Result<(), String> {
        let plan = self.planner.plan(model).map_err(|failure| failure.message)?;
        self.services.learn(&plan);
        self.services.supervisor.apply(&plan).await;
        Ok(())
    }
}

/// The folder with logs of one run of `up`; it is removed with this value.
pub(crate) struct Traces {
    folder: PathBuf,
}

impl Traces {
    /// Its path.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends what dead runs of this user left, and says how many processes that were.
pub(crate) async fn reap_leftovers() -> usize {
    let swept = tokio::task::spawn_blocking(|| reap::dead_runs(LEFTOVERS_GRACE)).await;
    swept.map(|ended| ended.len()).unwrap_or_default()
}

/// Services that were started.
pub(crate) struct Started {
    /// For the node.
    pub local: Local,
    /// What was started.
    pub plan: Plan,
    /// What happens to it.
    pub events: mpsc::Receiver<Event>,
    /// Removes its files at the end.
    pub traces: Traces,
}

/// Starts the services of a Model, whose `parts` serve already: those that are `wanted` with what
/// they call, or all.
pub(crate) fn start(
    parts: &Parts,
    model: &Model,
    directory: &Path,
    ports: Ports,
    wanted: &[String],
) -> Result<Started, Failure> {
    let wanted = known(wanted, model)?;
    let wrong = |error: &dyn std::error::Error| Failure::new(error);
    let run = RunId::of_this_process()
        .ok_or_else(|| Failure::new("`up` needs /proc, which this system does not have"))?;
    let base = state::base(environment::read).ok_or_else(|| Failure::new(NO_HOME))?;
    let folder = StateFolder::of(&base, model.name.as_str(), directory);
    std::fs::create_dir_all(folder.logs()).map_err(|error| wrong(&error))?;
    let root = parts.issuer.authority().map(|authority| authority.root_file());
    let bundle = match &root {
        Some(root) => {
            let named = environment::read("SSL_CERT_FILE").map(PathBuf::from);
            bundle(root, named, &folder.certificates()).map_err(|error| wrong(&error))?
        }
        None => None,
    };
    let around = Surroundings {
        run,
        otlp: None,
        root,
        bundle,
        builds: Some(folder.builds()),
        toolchains: environment::toolchains(),
    };
    let planner = Planner { around, ports, wanted };
    let plan = planner.plan(model)?;
    let (events, received) = event::channel();
    let deps = Deps {
        spawner: Arc::new(Spawner::start(Launcher::this_binary()).map_err(|error| wrong(&error))?),
        run,
        sink: Arc::new(ToProxy(parts.proxy.clone())),
        ops: Some(Arc::new(parts.proxy.clone())),
        logs: LogWriter::start(&folder.logs()).map_err(|error| wrong(&error))?,
        events,
        clock: parts.clock.clone(),
        care: Care::default(),
    };
    let services = Services {
        supervisor: Supervisor::start(&parts.scope, &plan, deps),
        logs: folder.logs(),
        scope: parts.scope.clone(),
        clock: parts.clock.clone(),
        commands: Arc::new(Mutex::new(BTreeMap::new())),
        skipped: Arc::new(Mutex::new(BTreeMap::new())),
        proxy: parts.proxy.clone(),
    };
    services.learn(&plan);
    let local = Local { services, planner };
    Ok(Started {
        local,
        plan,
        events: received,
        traces: Traces { folder: folder.path().to_owned() },
    })
}

/// The services of these names, all of which must be processes of the Model.
fn known(wanted: &[String], model: &Model) -> Result<Vec<ServiceName>, Failure> {
    let startable = model.services.iter().filter(|one| matches!(one.source, Source::Process(_)));
    let startable: Vec<&ServiceName> = startable.map(|service| &service.name).collect();
    let find = |name: &String| {
        let found = startable.iter().find(|known| known.as_str() == name).copied().cloned();
        found.ok_or_else(|| {
            let names: Vec<_> = startable.iter().map(|name| name.as_str()).collect();
            Failure::usage(format_args!("no service with a command is called `{name}`"))
                .hint(format_args!("there are {}", names.join(", ")))
        })
    };
    wanted.iter().map(find).collect()
}
