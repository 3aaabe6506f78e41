//! What the control API asks of the binary, answered from what is in force, and commands handed to
//! the one loop that carries them out.
//!
//! Commands that change the whole (reload, upgrade, shutdown) go through a queue, so that they never
//! run into each other. Questions are answered here, from a snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use trunkline_api::commands::{
    Commands, Configuration, Instance, LogLine, LogQuery, Process, Readiness, Refused, Reloaded,
    Upgraded, Url,
};
use trunkline_model::ops::BoxFuture;
use trunkline_model::{Model, ServiceName};

use crate::cli::version::VERSION;
use crate::services::Services;
use crate::texts::Texts;

/// Commands that may wait.
const ORDERS_MAX: usize = 16;

/// What the loop is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Read the configuration again.
    Reload(oneshot::Sender<Result<Reloaded, Refused>>),
    /// Hand over to a new process.
    Upgrade(oneshot::Sender<Result<Upgraded, Refused>>),
    /// Drain and end.
    Shutdown,
}

/// See the module's documentation.
pub(crate) struct Switchboard {
    role: &'static str,
    orders: mpsc::Sender<Order>,
    now: Mutex<Now>,
}

/// What is in force.
#[derive(Clone)]
struct Now {
    model: Option<Arc<Model>>,
    texts: Option<Arc<Texts>>,
    urls: Vec<Url>,
    readiness: Readiness,
    services: Option<Services>,
}

impl Switchboard {
    /// A switchboard, and the queue of its commands.
    pub(crate) fn new(role: &'static str) -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let now = Now {
            model: None,
            texts: None,
            urls: Vec::new(),
            readiness: Readiness::Waiting(vec!["configuration".to_owned()]),
            services: None,
        };
        (Arc::new(Self { role, orders, now: Mutex::new(now) }), queue)
    }

    /// A configuration is in force.
    pub(crate) fn in_force(&self, model: Arc<Model>, urls: Vec<Url>) {
        let mut now = self.now();
        now.model = Some(model);
        now.urls = urls;
    }

    /// The texts of the configuration that is, or is about to be, in force.
    pub(crate) fn set_texts(&self, texts: Texts) {
        self.now().texts = Some(Arc::new(texts));
    }

    /// Says whether requests can be served.
    pub(crate) fn set_readiness(&self, readiness: Readiness) {
        self.now().readiness = readiness;
    }

    /// The services that run as processes.
    pub(crate) fn set_services(&self, services: Services) {
        self.now().services = Some(services);
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn order<T>(
        &self,
        command: &'static str,
        make: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Order,
    ) -> Result<T, Refused> {
        let (answer, answered) = oneshot::channel();
        self.orders.try_send(make(answer)).map_err(|_| Refused::Busy(command))?;
        let ending = || Refused::Failed { command, reason: "the process is ending".to_owned() };
        answered.await.map_err(|_| ending())?
    }
}

impl Commands for Switchboard {
    fn instance(&self) -> Instance {
        let project = self.model().map(|model| model.name.to_string()).unwrap_or_default();
        Instance { project, version: VERSION.to_owned(), role: self.role, pid: std::process::id() }
    }

    fn model(&self) -> Option<Arc<Model>> {
        self.now().model.clone()
    }

    fn configuration(&self) -> BoxFuture<'_, Option<Configuration>> {
        let Now { model, texts, .. } = self.now().clone();
        Box::pin(async move {
            let (model, texts) = (model?, texts?);
            let told = tokio::task::spawn_blocking(move || texts.configuration(&model));
            told.await.ok()
        })
    }

    fn urls(&self) -> Vec<Url> {
        self.now().urls.clone()
    }

    fn readiness(&self) -> Readiness {
        let (readiness, services) = {
            let now = self.now();
            (now.readiness.clone(), now.services.clone())
        };
        let waiting = services.map(|services| services.not_ready()).unwrap_or_default();
        match readiness {
            Readiness::Ready if !waiting.is_empty() => Readiness::Waiting(waiting),
            other => other,
        }
    }

    fn processes(&self) -> BoxFuture<'_, Vec<Process>> {
        let services = self.now().services.clone();
        Box::pin(async move { services.map(|services| services.processes()).unwrap_or_default() })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, Refused>> {
        Box::pin(self.order("reload", Order::Reload))
    }

    fn restart(
        &self,
        service: ServiceName,
        dependants: bool,
    ) -> BoxFuture<'_, Result<Vec<ServiceName>, Refused>> {
        let services = self.now().services.clone();
        Box::pin(async move {
            let because = "`serve` starts no processes; restart the service where it runs";
            let services = services.ok_or(Refused::NotHere { command: "restart", because })?;
            services.restart(&service, dependants).await
        })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(async move {
            self.orders.try_send(Order::Shutdown).map_err(|_| Refused::Busy("shutdown"))
        })
    }

    fn upgrade(&self) -> BoxFuture<'_, Result<Upgraded, Refused>> {
        Box::pin(self.order("upgrade", Order::Upgrade))
    }

    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<mpsc::Receiver<LogLine>, Refused>> {
        let services = self.now().services.clone();
        Box::pin(async move {
            let because = "`serve` starts no services; its own log is on its standard error";
            let services = services.ok_or(Refused::NotHere { command: "logs", because })?;
            services.logs(query)
        })
    }
}
