//! Getting a process to serve: alone, or in place of a former one.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use trunkline_api::commands::Readiness;
use trunkline_api::surfaces::LocalSocket;
use trunkline_model::Model;
use trunkline_net::socket::Bound;
use trunkline_net::systemd::Passed;
use trunkline_rt::signal::Signals;
use trunkline_rt::{Clock, Scope};

use super::{Node, change};
use crate::cli::Context;
use crate::cli::version::VERSION;
use crate::environment;
use crate::exit::{Failure, chain};
use crate::loader::{Loader, tell};
use crate::manager::{self, Notices};
use crate::runs::{Card, ClaimError, Run};
use crate::switchboard::Switchboard;
use crate::texts::Texts;
use crate::upgrade::{State, Taker};
use crate::watch::Watch;
use crate::wiring::{Ingredients, Parts};

/// What a process is started with.
pub(crate) struct Start {
    /// `up` or `serve`.
    pub verb: &'static str,
    /// `all` or `gateway`.
    pub role: &'static str,
    /// Which configuration.
    pub loader: Loader,
    /// The socket of the process to take over from.
    pub takeover: Option<PathBuf>,
}

/// What a former process gave.
#[derive(Default)]
struct Inheritance {
    taker: Option<Taker>,
    lock: Option<OwnedFd>,
    listening: Vec<Bound>,
    /// Sockets that a service manager opened.
    passed: Vec<Passed>,
}

impl Start {
    /// Starts; returns when requests are accepted.
    pub(crate) async fn start(self, context: &Context) -> Result<Node, Failure> {
        let signals = Signals::listen().map_err(|error| Failure::from_error(&error))?;
        let mut inheritance = self.inherit().await?;
        let taker = inheritance.taker.take();
        match self.prepared(context, signals, inheritance).await {
            Ok((node, plan)) => node.accept(plan, taker, self.verb).await,
            Err(failure) => {
                if let Some(taker) = taker {
                    let reason = if failure.message.is_empty() {
                        "its configuration is wrong"
                    } else {
                        &failure.message
                    };
                    taker.refuse(reason.to_owned()).await;
                }
                Err(failure)
            }
        }
    }

    async fn inherit(&self) -> Result<Inheritance, Failure> {
        let Some(path) = &self.takeover else {
            return Ok(Inheritance { passed: manager::passed(), ..Inheritance::default() });
        };
        let (taker, offer) =
            Taker::begin(path, VERSION).await.map_err(|error| Failure::from_error(&error))?;
        Ok(Inheritance {
            taker: Some(taker),
            lock: Some(offer.lock),
            listening: offer.listening,
            passed: Vec::new(),
        })
    }

    /// Everything up to the moment where something accepts.
    async fn prepared(
        &self,
        context: &Context,
        signals: Signals,
        inheritance: Inheritance,
    ) -> Result<(Node, trunkline_proxy::Plan), Failure> {
        let run = self.claim(inheritance.lock)?;
        let loaded = self.loader.load();
        tell(&loaded, &context.printer)?;
        let model = loaded.model.clone().ok_or_else(|| Failure::told(crate::exit::Exit::Usage))?;
        let (switchboard, orders) = Switchboard::new(self.role);
        let mut inherited = inheritance.listening;
        inherited.extend(manager::assign(inheritance.passed, &model));
        let (surfaces, listening) = split(inherited, &model);
        let mut parts = Parts::start(
            &model,
            Ingredients {
                clock: Clock::system(),
                scope: Scope::new("trunkline"),
                switchboard,
                data: environment::data_folder(),
                config: self.loader.main_file()?,
                inherited: listening,
            },
        )?;
        let texts = Texts::of(&loaded, self.loader.overlay(), parts.clock.wall_nanos());
        parts.switchboard.set_texts(texts);
        parts.records.follow(&model, self.verb == "serve")?;
        let plan = change::prepare(&parts, &model).await.map_err(|problems| wrong(&problems))?;
        parts.bind_surfaces(&model, surfaces)?;
        let mut watch = Watch::new();
        watch.files(loaded.watched.iter().map(PathBuf::as_path));
        let node = Node {
            seen: change::prints(&loaded.watched),
            parts,
            loader: self.loader.clone(),
            run,
            socket: None,
            watch,
            signals,
            orders,
            local: None,
            ends_on_hangup: false,
            manager: Notices::find(),
            program: std::env::current_exe().map_err(|error| Failure::from_error(&error))?,
            arguments: arguments(),
        };
        Ok((node, plan))
    }

    fn claim(&self, lock: Option<OwnedFd>) -> Result<Run, Failure> {
        let (base, config) = (environment::runtime_folder(), self.loader.main_file()?);
        if let Some(lock) = lock {
            return Ok(Run::adopt(&base, &config, lock));
        }
        Run::claim(&base, &config).map_err(|error| match &error {
            ClaimError::Held(Some(card)) => Failure::new(format_args!(
                "`{}` is already running: process {} (trunkline {})",
                card.project, card.pid, card.verb
            ))
            .hint("`trunkline logs -f` follows it, `trunkline status` shows it, `trunkline down` ends it"),
            error => Failure::from_error(error),
        })
    }
}

impl Node {
    /// Puts the first plan in force. With a former process: when that has stopped accepting.
    async fn accept(
        mut self,
        plan: trunkline_proxy::Plan,
        mut taker: Option<Taker>,
        verb: &str,
    ) -> Result<Self, Failure> {
        let state = match &mut taker {
            Some(taker) => taker.ready().await.map_err(|error| Failure::from_error(&error))?,
            None => State::default(),
        };
        let model = Arc::clone(plan.model());
        let proxy = &self.parts.proxy;
        // What people and checks have said counts from the first request on.
        proxy.inherit_state(state.into());
        proxy.commit(plan).await.map_err(|error| Failure::from_error(&error))?;
        self.parts.switchboard.in_force(Arc::clone(&model), self.parts.urls(&model));
        self.parts.switchboard.set_readiness(Readiness::Ready);
        // Until here the former process could go on; its socket and card are replaced last.
        let socket = LocalSocket::bind(&self.run.control_socket())
            .map_err(|error| Failure::from_error(&error))?;
        self.parts.serve_surfaces(&socket)?;
        self.socket = Some(socket);
        self.run.take_over();
        self.run.publish(&self.card(&model, verb)?).map_err(|error| Failure::from_error(&error))?;
        let successor = taker.is_some();
        if let Some(taker) = taker {
            // If the former process is gone, nobody but this one can serve: it goes on.
            if let Err(error) = taker.serving().await {
                tracing::warn!(error = %chain(&error), "the former process did not hear that this one serves");
            }
        }
        tracing::info!(
            gateway = self.parts.gateway().map(tracing::field::display),
            routes = model.routes.len(),
            services = model.services.len(),
            "serving"
        );
        self.manager.ready("serving");
        self.manager.feed_watchdog(&self.parts.scope, &self.parts.proxy, successor);
        Ok(self)
    }

    fn card(&self, model: &Model, verb: &str) -> Result<Card, Failure> {
        let config = self.loader.main_file()?;
        Ok(Card {
            schema: 1,
            pid: std::process::id(),
            verb: verb.to_owned(),
            project: model.name.to_string(),
            directory: config.parent().map(PathBuf::from).unwrap_or_default(),
            config,
            version: VERSION.to_owned(),
        })
    }
}

/// Sockets of the surfaces, and those of the gateway.
fn split(inherited: Vec<Bound>, model: &Model) -> (Vec<Bound>, Vec<Bound>) {
    let management = &model.management;
    let surfaces =
        [management.control, management.metrics, management.jaeger, management.jaeger_grpc];
    let receive: Vec<_> = model.telemetry.receive.iter().map(|(_, address)| *address).collect();
    inherited.into_iter().partition(|bound| {
        surfaces.contains(&Some(bound.address())) || receive.contains(&bound.address())
    })
}

/// Everything that keeps the Model from being served, as one failure.
fn wrong(problems: &[String]) -> Failure {
    Failure::new(problems.join("\nerror: "))
}

/// The arguments of this process, without those of a takeover.
fn arguments() -> Vec<OsString> {
    let mut arguments = std::env::args_os().skip(1);
    let mut kept = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--takeover" {
            arguments.next();
        } else {
            kept.push(argument);
        }
    }
    kept
}
