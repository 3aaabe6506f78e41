//! The one place where crates that do not know each other are put together: configuration, data
//! plane, traces, access log, management surfaces.
//!
//! `up` and `serve` are the same wiring with other values. What happens to it over time (reload,
//! upgrade, end) is `node.rs`.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use trunkline_api::commands::Url;
use trunkline_api::surfaces::{self, LocalSocket, Surfaces};
use trunkline_api::traces::{self, Buffer};
use trunkline_api::{Console, Wiring};
use trunkline_local::supervisor::EndpointSink;
use trunkline_model::endpoint::EndpointSet;
use trunkline_model::ops::Ops;
use trunkline_model::ports::Surface;
use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_model::trace::TraceSource;
use trunkline_model::{AccessLog as Wanted, Model, Workers};
use trunkline_net::resolve::Resolver;
use trunkline_net::socket::Bound;
use trunkline_proxy::access_log::{AccessLog, Target};
use trunkline_proxy::{Deps, Proxy};
use trunkline_query::{Reader, reader};
use trunkline_rt::{Clock, Scope};

use crate::exit::{Failure, chain};
use crate::issuer::OwnIssuer;
use crate::keeping::{Keeping, Place, usual_folder};
use crate::receiving::Receiving;
use crate::switchboard::Switchboard;
use crate::urls::urls;

/// Everything of one process that serves.
pub(crate) struct Parts {
    /// What time it is.
    pub clock: Clock,
    /// Owner of every task.
    pub scope: Scope,
    /// The data plane.
    pub proxy: Proxy,
    /// Certificates of the project's own CA.
    pub issuer: Arc<OwnIssuer>,
    /// The last traces.
    pub traces: Arc<Buffer>,
    /// What is kept of traces.
    pub keeping: Arc<Keeping>,
    /// Answers questions about them.
    pub reader: Arc<Reader>,
    /// Where services send theirs.
    pub receiving: Option<Receiving>,
    /// What the console shows.
    pub console: Arc<Console>,
    /// Where records go.
    pub records: Arc<Records>,
    /// What the control API asks and tells.
    pub switchboard: Arc<Switchboard>,
    /// The management surfaces, once bound.
    pub surfaces: Option<Surfaces>,
    /// Owner of the surfaces' tasks.
    pub surfaces_scope: Scope,
    /// The configuration that the surfaces were bound by.
    surfaces_config: Option<Model>,
}

/// What `Parts` are made of.
pub(crate) struct Ingredients {
    /// What time it is.
    pub clock: Clock,
    /// Owner of every task.
    pub scope: Scope,
    /// What the control API asks and tells.
    pub switchboard: Arc<Switchboard>,
    /// Where the root certificate is kept.
    pub data: Option<std::path::PathBuf>,
    /// The file of the configuration: another one has another store.
    pub config: std::path::PathBuf,
    /// Listening sockets of a former process, or of the service manager.
    pub inherited: Vec<Bound>,
}

impl Parts {
    /// Starts the data plane for this Model; it serves nothing yet.
    pub(crate) fn start(model: &Model, from: Ingredients) -> Result<Self, Failure> {
        let Ingredients { clock, scope, switchboard, data, config, inherited } = from;
        let traces = Arc::new(Buffer::new(traces::Config::default(), model.name.as_str()));
        let console = Arc::new(Console::default());
        let usual = data.as_deref().map(|data| usual_folder(data, model.name.as_str(), &config));
        let place = Place::of(&model.telemetry, usual.as_deref());
        let keeping = Keeping::start(place, model.telemetry.keep.clone(), &clock, &scope);
        let reader = Reader::new(
            reader::Config::default(),
            Arc::clone(&keeping) as _,
            Some(Arc::clone(&keeping) as _),
            clock.clone(),
        );
        let records = Arc::new(Records {
            traces: Arc::clone(&traces),
            keeping: Arc::clone(&keeping),
            console: Arc::clone(&console),
            log: RwLock::new((Wanted::Off, None)),
            logs: AtomicBool::new(false),
        });
        let issuer = Arc::new(OwnIssuer::new(data));
        let proxy = Proxy::start(Deps {
            clock: clock.clone(),
            scope: scope.clone(),
            workers: workers(model.workers),
            sink: Arc::clone(&records) as Arc<dyn RecordSink>,
            issuer: Some(Arc::clone(&issuer) as _),
            resolver: Arc::new(Resolver::system(
                trunkline_net::resolve::Config::default(),
                clock.clone(),
            )),
            inherited,
        })
        .map_err(|error| Failure::from_error(&error))?;
        let surfaces_scope = scope.child("surfaces");
        Ok(Self {
            clock,
            scope,
            proxy,
            issuer,
            traces,
            keeping,
            reader,
            receiving: None,
            console,
            records,
            switchboard,
            surfaces: None,
            surfaces_scope,
            surfaces_config: None,
        })
    }

    /// Binds the management surfaces of this Model, with the sockets that there are. A surface that
    /// cannot be had is said in the log and left out: observing never harms serving.
    pub(crate) fn bind_surfaces(
        &mut self,
        model: &Model,
        mut inherited: Vec<Bound>,
    ) -> Result<Vec<Bound>, Failure> {
        let scope = self.scope.child("surfaces");
        let (surfaces, receiving) =
            self.bind(model, &mut inherited, &scope).inspect_err(|_| scope.stop())?;
        // The former ones go when the new ones are there: what cannot be bound changes nothing.
        std::mem::replace(&mut self.surfaces_scope, scope).stop();
        self.receiving = Some(receiving);
        self.surfaces = Some(surfaces);
        self.surfaces_config = Some(model.clone());
        Ok(inherited)
    }

    fn bind(
        &self,
        model: &Model,
        inherited: &mut Vec<Bound>,
        scope: &Scope,
    ) -> Result<(Surfaces, Receiving), Failure> {
        let config = surfaces::Config::of(&model.management, &model.name, &model.domains)
            .map_err(|error| Failure::usage(chain(&error)))?;
        let (surfaces, missing) = Surfaces::bind(&config, inherited);
        for error in &missing {
            // Nobody asked for this one by name, and another run may have it.
            if error.surface() == Surface::JaegerQueryGrpc {
                tracing::info!(error = %chain(error), "a management surface is not served");
            } else {
                tracing::warn!(error = %chain(error), "a management surface is not served");
            }
        }
        let receiving = Receiving::bind(model, inherited, &self.keeping, &self.clock, scope)?;
        Ok((surfaces, receiving))
    }

    /// Binds the surfaces anew if a reload moved them or changed whom they answer.
    pub(crate) fn rebind_surfaces(
        &mut self,
        model: &Model,
        socket: &LocalSocket,
    ) -> Result<(), Failure> {
        let same = self.surfaces_config.as_ref().is_some_and(|former| {
            (&former.management, &former.telemetry, &former.name, &former.domains)
                == (&model.management, &model.telemetry, &model.name, &model.domains)
        });
        if let Some(warning) = self.keeping.follow(&model.telemetry) {
            tracing::warn!("{warning}");
        }
        if same {
            // A file that the configuration names may say something else.
            if let Some(receiving) = &self.receiving {
                receiving.read_strategies(model);
            }
            return Ok(());
        }
        let copies = self.surface_descriptors().map(|fd| fd.try_clone_to_owned());
        let copies =
            copies.collect::<Result<_, _>>().map_err(|error| Failure::from_error(&error))?;
        let bound = Bound::adopt(copies).map_err(|error| Failure::from_error(&error))?;
        self.bind_surfaces(model, bound)?;
        self.serve_surfaces(socket)
    }

    /// Serves the bound surfaces and the run's own socket.
    pub(crate) fn serve_surfaces(&self, socket: &LocalSocket) -> Result<(), Failure> {
        let wiring = Wiring {
            ops: Arc::new(self.proxy.clone()) as Arc<dyn Ops>,
            commands: Arc::clone(&self.switchboard) as _,
            traces: Arc::clone(&self.traces) as Arc<dyn TraceSource>,
            reader: Arc::clone(&self.reader),
            read_json: Some(Arc::new(|text: &[u8]| read_json(text))),
            console: Arc::clone(&self.console),
            telemetry: Some(Arc::clone(&self.keeping) as _),
            clock: self.clock.clone(),
        };
        let Some(surfaces) = &self.surfaces else {
            return Ok(());
        };
        surfaces
            .serve(&self.surfaces_scope, &wiring)
            .and_then(|()| surfaces.serve_local(socket, &self.surfaces_scope, &wiring))
            .map_err(|error| Failure::from_error(&error))?;
        self.receiving.as_ref().map_or(Ok(()), |receiving| receiving.serve(&self.surfaces_scope))
    }

    fn surface_descriptors(&self) -> impl Iterator<Item = std::os::fd::BorrowedFd<'_>> {
        let surfaces = self.surfaces.iter().flat_map(Surfaces::descriptors);
        surfaces.chain(self.receiving.iter().flat_map(Receiving::descriptors))
    }

    /// Every listening socket, for the next process.
    pub(crate) fn listening(&self) -> std::io::Result<Vec<OwnedFd>> {
        let mut all = self.proxy.listening_fds()?;
        for descriptor in self.surface_descriptors() {
            all.push(descriptor.try_clone_to_owned()?);
        }
        Ok(all)
    }

    /// Where everything can be reached.
    pub(crate) fn urls(&self, model: &Model) -> Vec<Url> {
        let mut surfaces = self.surfaces.as_ref().map(Surfaces::addresses).unwrap_or_default();
        // Nobody opens gRPC in a browser, and names do not lead there.
        surfaces.retain(|(surface, _)| *surface != Surface::JaegerQueryGrpc);
        urls(model, &self.proxy.addresses(), &surfaces)
    }

    /// The first gateway address, if there is one.
    pub(crate) fn gateway(&self) -> Option<SocketAddr> {
        self.proxy.addresses().first().map(|(_, address)| *address)
    }
}

/// One worker for each CPU that this process may use, unless the file says otherwise.
fn workers(wanted: Workers) -> usize {
    match wanted {
        Workers::Count(count) => count.into(),
        Workers::PerCpu => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

/// Where records go: the trace buffer, the console, and the access log of the Model in force.
pub(crate) struct Records {
    traces: Arc<Buffer>,
    keeping: Arc<Keeping>,
    console: Arc<Console>,
    log: RwLock<(Wanted, Option<AccessLog>)>,
    /// Whether there is an access log: what workers ask.
    logs: AtomicBool,
}

impl Records {
    /// Writes the access log that the Model wants, from now on.
    pub(crate) fn follow(&self, model: &Model, standard_output: bool) -> Result<(), Failure> {
        self.traces.learn(model);
        self.keeping.learn(model);
        self.console.learn(model);
        if self.log.read().is_ok_and(|log| log.0 == model.access_log && log.1.is_some()) {
            return Ok(());
        }
        let target = match &model.access_log {
            Wanted::Off => None,
            Wanted::Stdout(_) if !standard_output => None,
            Wanted::Stdout(lines) => {
                Some((Target::Stream(Box::new(std::io::stdout())), lines.clone()))
            }
            Wanted::File(lines, path) => Some((Target::File(path.clone()), lines.clone())),
        };
        let opened = target.map(|(target, lines)| AccessLog::open(target, lines)).transpose();
        let opened = opened.map_err(|error| Failure::usage(chain(&error)))?;
        // Records are asked for before there is a log, and until there is none: no line is lost.
        let logs = opened.is_some();
        self.logs.fetch_or(logs, Ordering::Relaxed);
        if let Ok(mut log) = self.log.write() {
            *log = (model.access_log.clone(), opened);
            self.logs.store(logs, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether traces or the console have a use for this record.
    fn is_looked_at(&self, record: &ExchangeRecord) -> bool {
        record.trace.sampled || self.console.wants(record)
    }

    /// Opens the access log again: its file was moved away.
    pub(crate) fn reopen(&self) {
        if let Ok(log) = self.log.read()
            && let Some(log) = &log.1
        {
            log.reopen();
        }
    }
}

impl RecordSink for Records {
    fn take(&self, record: &ExchangeRecord) {
        if let Ok(log) = self.log.read()
            && let Some(log) = &log.1
        {
            log.write(record);
        }
        // At full speed most records were of use to the log alone.
        if !self.is_looked_at(record) {
            return;
        }
        // Before it is told, its trace is to be found.
        let request = self.console.take(record);
        self.keeping.take_own(self.traces.spans_of(record));
        self.traces.take(record);
        if let Some(request) = request {
            self.console.tell(request);
        }
    }

    fn wants(&self, record: &ExchangeRecord) -> bool {
        self.logs.load(Ordering::Relaxed) || self.is_looked_at(record)
    }
}

/// Endpoints of processes go to the data plane.
pub(crate) struct ToProxy(pub Proxy);

impl EndpointSink for ToProxy {
    fn publish(&self, endpoints: EndpointSet) {
        self.0.publish(endpoints);
    }
}

/// Reads a file with spans in OTLP's JSON, which a person gives to look at.
fn read_json(text: &[u8]) -> Result<Vec<trunkline_otlp::Span>, String> {
    let batch = trunkline_ingest::otlp::json::to_protobuf(text).map_err(|error| chain(&error))?;
    trunkline_otlp::view::spans(&batch).map_err(|error| chain(&error))
}
