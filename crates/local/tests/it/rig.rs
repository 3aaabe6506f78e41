//! Runs a supervisor over a plan and lets a test wait for what it expects.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use trunkline_local::child::{Launcher, Spawner, VERB};
use trunkline_local::event::{self, Event, What};
use trunkline_local::logs::LogWriter;
use trunkline_local::plan::{Plan, PortBook, Surroundings};
use trunkline_local::run::RunId;
use trunkline_local::supervisor::{Care, Deps, EndpointSink, Supervisor};
use trunkline_local::toolchains::Toolchains;
use trunkline_model::Model;
use trunkline_model::endpoint::{EndpointSet, EndpointState};
use trunkline_model::ops::Ops;
use trunkline_resilience::backoff;
use trunkline_rt::{Clock, Scope};

/// Nothing in these tests takes longer unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Serves HTTP on `$PORT` with `python3`, with a path that is not found.
pub(crate) const SERVER: &str = "exec python3 -m http.server --bind 127.0.0.1 $PORT";

/// Remembers what was published.
#[derive(Default)]
pub(crate) struct Published {
    all: Mutex<Vec<(String, EndpointState)>>,
    when_ready: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl EndpointSink for Published {
    fn publish(&self, set: EndpointSet) {
        let state = set.endpoints[0].state;
        self.all.lock().unwrap().push((set.service.to_string(), state));
        if state == EndpointState::Ready
            && let Some(then) = &*self.when_ready.lock().unwrap()
        {
            then();
        }
    }
}

impl Published {
    /// Does something whenever a service is published as ready, before anything else happens.
    pub(crate) fn when_ready(&self, then: impl Fn() + Send + 'static) {
        *self.when_ready.lock().unwrap() = Some(Box::new(then));
    }

    pub(crate) fn of(&self, service: &str) -> Vec<EndpointState> {
        let all = self.all.lock().unwrap();
        let mut states: Vec<_> = all.iter().filter(|p| p.0 == service).map(|p| p.1).collect();
        states.dedup();
        states
    }
}

pub(crate) struct Rig {
    pub(crate) supervisor: Supervisor,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) published: Arc<Published>,
    pub(crate) ports: PortBook,
    pub(crate) around: Surroundings,
    pub(crate) logs: std::path::PathBuf,
    seen: Vec<Event>,
    _run: OwnRun,
}

/// A run of its own for each test: tests share a process, and one that ends the processes of dead
/// runs must not end those of another. It lives as long as this process keeps its input open.
struct OwnRun(std::process::Child);

impl OwnRun {
    fn start() -> Self {
        let mut waiting = Command::new("cat");
        Self(waiting.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn id(&self) -> RunId {
        RunId::of(self.0.id()).unwrap()
    }
}

impl Drop for OwnRun {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn launcher() -> Launcher {
    Launcher {
        program: env!("CARGO_BIN_EXE_trunkline-local-stand-in").into(),
        arguments: vec![VERB.into()],
    }
}

impl Rig {
    pub(crate) fn start(folder: &Path, model: &Model) -> Self {
        Self::start_asking(folder, model, None)
    }

    pub(crate) fn start_asking(folder: &Path, model: &Model, ops: Option<Arc<dyn Ops>>) -> Self {
        let own = OwnRun::start();
        let around = Surroundings {
            run: own.id(),
            otlp: None,
            root: None,
            bundle: None,
            builds: None,
            toolchains: Toolchains::default(),
        };
        let mut ports = PortBook::new(folder.to_str().unwrap());
        let plan = Plan::of(model, &around, &mut ports).unwrap();
        let (emit, events) = event::channel();
        let published = Arc::new(Published::default());
        let logs = folder.join("logs");
        let deps = Deps {
            spawner: Arc::new(Spawner::start(launcher()).unwrap()),
            run: around.run,
            sink: Arc::clone(&published) as Arc<dyn EndpointSink>,
            ops,
            logs: LogWriter::start(&logs).unwrap(),
            events: emit,
            clock: Clock::system(),
            care: Care {
                backoff: backoff::Config::new(Duration::from_millis(5), Duration::from_millis(20)),
                leftovers_grace: Duration::from_secs(2),
                ..Care::default()
            },
        };
        let supervisor = Supervisor::start(&Scope::new("test"), &plan, deps);
        Self { supervisor, events, published, ports, around, logs, seen: Vec::new(), _run: own }
    }

    /// The next event of `service` that `wanted` accepts, with what it makes of it.
    pub(crate) async fn expect<T>(
        &mut self,
        service: &str,
        mut wanted: impl FnMut(&What) -> Option<T>,
    ) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("events end with the supervisor");
                let hit = (event.service.as_str() == service).then(|| wanted(&event.what));
                self.seen.push(event);
                if let Some(hit) = hit.flatten() {
                    return hit;
                }
            }
        });
        let found = found.await;
        found.unwrap_or_else(|_| panic!("not seen in time; seen: {:#?}", self.seen))
    }

    pub(crate) async fn ready(&mut self, service: &str) {
        self.expect(service, |what| matches!(what, What::Ready { .. }).then_some(())).await;
    }

    pub(crate) async fn line(&mut self, service: &str) -> String {
        self.expect(service, |what| match what {
            What::Log(line) => Some(line.text.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) fn seen(&self) -> &[Event] {
        &self.seen
    }
}
