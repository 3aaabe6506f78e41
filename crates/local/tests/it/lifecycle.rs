//! What happens to a service from its start to its end.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_local::event::What;
use trunkline_local::logs;
use trunkline_local::plan::{Plan, is_free};
use trunkline_local::supervisor::{RestartError, State};
use trunkline_model::endpoint::EndpointState::{self, Ready, Starting};
use trunkline_model::ops::{
    BoxFuture, EndpointOrder, Explanation, Ops, Question, Session, SessionFilter, Stats,
    UnknownEndpoint,
};
use trunkline_model::ops::{
    BreakerOrder, Fault, PolicyStats, ResilienceError, ResilienceEvent, UnknownService,
};
use trunkline_model::service::{Service, Source, When};
use trunkline_model::{EndpointId, Model, ServiceName};

use crate::rig::{PATIENCE, Rig, SERVER};
use crate::support::{model, model_of, name, service, with_health};

fn with_port(mut service: Service, port: u16) -> Service {
    if let Source::Process(process) = &mut service.source {
        process.port = Some(port);
    }
    service
}

#[tokio::test]
async fn callers_start_when_their_callees_are_ready() {
    let folder = tempfile::tempdir().unwrap();
    let mut web = service("web", &format!("echo $ORDERS_URL; {SERVER}"), folder.path());
    web.calls = vec![name("orders")];
    let orders = with_health(service("orders", SERVER, folder.path()), "/");
    let mut rig = Rig::start(folder.path(), &model_of(vec![web, orders]));
    rig.ready("web").await;
    let order: Vec<_> = rig
        .seen()
        .iter()
        .filter(|event| matches!(event.what, What::Starting { .. } | What::Ready { .. }))
        .map(|event| event.service.as_str())
        .collect();
    assert_eq!(order, ["orders", "orders", "web", "web"]);
    let evidence = rig.seen().iter().find_map(|event| match &event.what {
        What::Ready { evidence, .. } => Some(evidence.to_string()),
        _ => None,
    });
    assert_eq!(evidence.as_deref(), Some("/ 200"));
    let states = [Starting, Ready];
    assert_eq!(rig.published.of("web"), states);
    rig.supervisor.stop().await;
    assert_eq!(rig.published.of("web").last(), Some(&EndpointState::Down));
    let orders = rig.ports.remembered("orders").unwrap();
    let lines = logs::read(&rig.logs, "web", None).unwrap();
    assert_eq!(lines[0].text, format!("http://127.0.0.1:{orders}"));
}

#[tokio::test]
async fn a_service_that_keeps_failing_fails_for_good_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig =
        Rig::start(folder.path(), &model(&[("bad", "echo no luck >&2; exit 3")], folder.path()));
    let retries = std::cell::Cell::new(0);
    let last = rig.expect("bad", |what| match what {
        What::Exited { retry: Some(_), .. } => {
            retries.set(retries.get() + 1);
            None
        }
        What::Exited { reason, last_lines, retry: None, .. } => {
            Some((reason.clone(), last_lines.clone()))
        }
        _ => None,
    });
    assert_eq!(last.await, ("exited with code 3".to_owned(), vec!["no luck".to_owned()]));
    assert_eq!(retries.get(), 4, "five tries in all");
    rig.expect("bad", |what| matches!(what, What::Failed { .. }).then_some(())).await;
    assert_eq!(rig.supervisor.settled().await[&name("bad")].state, State::Failed);
    assert_eq!(rig.published.of("bad").last(), Some(&EndpointState::Down));
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_crashed_service_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), &model(&[("web", SERVER)], folder.path()));
    rig.ready("web").await;
    let pid = rig.supervisor.statuses()[&name("web")].pid.unwrap();
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    rig.expect("web", |what| match what {
        What::Exited { reason, .. } => (reason == "was killed by signal 9").then_some(()),
        _ => None,
    })
    .await;
    rig.ready("web").await;
    assert_eq!(rig.published.of("web"), [Starting, Ready, Starting, Ready]);
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_the_port_and_holds_requests_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), &model(&[("web", SERVER)], folder.path()));
    rig.ready("web").await;
    let before = rig.supervisor.statuses()[&name("web")].clone();
    rig.supervisor.restart(&name("web")).await.unwrap();
    let after = rig.supervisor.statuses()[&name("web")].clone();
    assert_eq!(before.address, after.address);
    assert_ne!(before.pid, after.pid);
    assert_eq!(rig.published.of("web"), [Starting, Ready, Starting, Ready], "never down");
    let unknown = rig.supervisor.restart(&name("absent")).await;
    assert_eq!(unknown, Err(RestartError::Unknown(name("absent"))));
    rig.supervisor.stop().await;
}

/// A proxy with so many requests in flight to every service.
struct Busy(AtomicU64);

impl Ops for Busy {
    fn stats(&self) -> BoxFuture<'_, Stats> {
        Box::pin(async { Stats::default() })
    }

    fn sessions(&self, _: SessionFilter, _: usize) -> BoxFuture<'_, Vec<Session>> {
        Box::pin(async { Vec::new() })
    }

    fn cut_sessions(&self, _: SessionFilter) -> BoxFuture<'_, usize> {
        Box::pin(async { 0 })
    }

    fn purge_cache(&self, _: Option<&str>, _: &str) -> usize {
        0
    }

    fn policies(&self) -> Vec<PolicyStats> {
        Vec::new()
    }

    fn order_breaker(&self, policy: &str, _: BreakerOrder) -> Result<(), ResilienceError> {
        Err(ResilienceError::Unknown(policy.to_owned()))
    }

    fn resilience_events(&self, _: u64) -> Vec<ResilienceEvent> {
        Vec::new()
    }

    fn inject(&self, service: &ServiceName, _: Fault) -> Result<(), UnknownService> {
        Err(UnknownService(service.clone()))
    }

    fn order_endpoint(
        &self,
        endpoint: EndpointId,
        _: EndpointOrder,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>> {
        Box::pin(async { Err(UnknownEndpoint(endpoint)) })
    }

    fn in_flight(&self, _: ServiceName) -> BoxFuture<'_, u64> {
        Box::pin(async { self.0.load(Ordering::Relaxed) })
    }

    fn explain(&self, _: Question) -> BoxFuture<'_, Explanation> {
        unreachable!("the supervisor asks for no explanation")
    }
}

#[tokio::test]
async fn a_restart_ends_the_process_only_when_nothing_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let busy = Arc::new(Busy(AtomicU64::new(3)));
    let model = model(&[("web", SERVER)], folder.path());
    let ops = Arc::clone(&busy) as Arc<dyn Ops>;
    let mut rig = Rig::start_asking(folder.path(), &model, Some(ops));
    rig.ready("web").await;
    let supervisor = rig.supervisor.clone();
    let restart = tokio::spawn(async move { supervisor.restart(&name("web")).await });
    let draining = |what: &What| match what {
        What::Draining { in_flight } => Some(*in_flight),
        What::Stopping => panic!("requests are in flight"),
        _ => None,
    };
    assert_eq!(rig.expect("web", draining).await, 3);
    assert_eq!(rig.supervisor.statuses()[&name("web")].state, State::Draining);
    assert_eq!(rig.published.of("web").last(), Some(&Starting), "new requests are held");
    busy.0.store(0, Ordering::Relaxed);
    rig.ready("web").await;
    restart.await.unwrap().unwrap();
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn edits_at_the_moment_that_a_service_is_ready_are_all_acted_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.txt");
    std::fs::write(&source, "first").unwrap();
    let mut web = service("web", SERVER, folder.path());
    if let Source::Process(process) = &mut web.source {
        process.watch.when = When::Always;
    }
    let mut rig = Rig::start(folder.path(), &model_of(vec![web]));
    let edits = AtomicU64::new(0);
    rig.published.when_ready(move || {
        let edit = edits.fetch_add(1, Ordering::Relaxed);
        std::fs::write(&source, format!("edit {edit}")).unwrap();
        // The time that the system notes may be a few milliseconds old.
        let file = std::fs::File::options().append(true).open(&source).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    });
    for _ in 0..5 {
        rig.expect("web", |what| matches!(what, What::Changed { .. }).then_some(())).await;
    }
    rig.supervisor.stop().await;
}

/// A service whose sources are watched and whose build is this line.
fn built(build: &str, folder: &Path) -> Model {
    let mut web = service("web", SERVER, folder);
    if let Source::Process(process) = &mut web.source {
        process.build = Some(build.to_owned());
        process.watch.when = When::Always;
    }
    model_of(vec![web])
}

#[tokio::test]
async fn what_a_build_writes_into_the_sources_does_not_start_it_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), &built("date +%N > version.txt", folder.path()));
    let told = |what: &What| match what {
        What::NotWatched { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let reason = rig.expect("web", told).await;
    assert!(reason.starts_with("version.txt changes whenever it"), "{reason}");
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_build_that_changes_its_own_sources_comes_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let line = "date +%N > version.txt; sleep 1";
    let mut rig = Rig::start(folder.path(), &built(line, folder.path()));
    rig.ready("web").await;
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn what_is_built_with_other_variables_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let with = |word: &str| {
        let mut web = service("web", &format!("cat built; {SERVER}"), folder.path());
        if let Source::Process(process) = &mut web.source {
            process.build = Some("echo built with $WORD > built".to_owned());
            process.env = vec![("WORD".to_owned(), word.to_owned())];
        }
        model_of(vec![web])
    };
    let mut rig = Rig::start(folder.path(), &with("first"));
    assert_eq!(rig.line("web").await, "built with first");
    rig.ready("web").await;
    let plan = Plan::of(&with("second"), &rig.around, &mut rig.ports).unwrap();
    rig.supervisor.apply(&plan).await;
    assert_eq!(rig.line("web").await, "built with second");
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let web = service("web", "no-such-program --port $PORT", folder.path());
    let mut rig = Rig::start(folder.path(), &model_of(vec![web]));
    let (retry, hint) = rig
        .expect("web", |what| match what {
            What::Exited { retry, hint, last_lines, .. } => {
                assert!(last_lines.iter().any(|line| line.contains("not found")), "{last_lines:?}");
                Some((retry.is_some(), hint.clone().unwrap()))
            }
            _ => None,
        })
        .await;
    assert!(!retry && hint.contains("`no-such-program` is not on PATH"), "{hint}");
    assert_eq!(rig.supervisor.settled().await[&name("web")].state, State::Failed);
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_busy_port_is_reported_with_its_holder_and_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let web = with_port(service("web", SERVER, folder.path()), port);
    let mut rig = Rig::start(folder.path(), &model_of(vec![web]));
    let (reason, hint) = rig
        .expect("web", |what| match what {
            What::Failed { reason, hint } => Some((reason.clone(), hint.clone().unwrap())),
            _ => None,
        })
        .await;
    assert!(reason.starts_with(&format!("port {port} is already in use by ")), "{reason}");
    assert!(hint.contains(&format!("kill {}", std::process::id())), "{hint}");
    drop(busy);
    // A process that another test is starting has a copy of the socket until it runs its program.
    let freed = async {
        while !is_free(port) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
    rig.supervisor.restart(&name("web")).await.unwrap();
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn what_answers_on_the_port_must_not_be_of_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("export TRUNKLINE_RUN=1.1.1; {SERVER}");
    let web = service("web", &command, folder.path());
    let mut rig = Rig::start(folder.path(), &model_of(vec![web]));
    let reason = rig
        .expect("web", |what| match what {
            What::Exited { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await;
    assert!(reason.contains("was taken meanwhile by python3 (process "), "{reason}");
    assert!(!rig.published.of("web").contains(&Ready));
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_start_that_takes_too_long_says_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut web = with_health(service("web", SERVER, folder.path()), "/absent");
    if let Source::Process(process) = &mut web.source {
        // Long enough for the server to listen, however busy the machine is.
        process.start_timeout = std::time::Duration::from_secs(5);
    }
    let mut rig = Rig::start(folder.path(), &model_of(vec![web]));
    let reason = rig.expect("web", |what| match what {
        What::Exited { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason.await, "/absent still answers 404 after 5s");
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_caller_of_a_failed_service_waits_and_starts_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("test -e mended || exit 1; {SERVER}");
    let orders = service("orders", &command, folder.path());
    let mut web = service("web", SERVER, folder.path());
    web.calls = vec![name("orders")];
    let mut rig = Rig::start(folder.path(), &model_of(vec![orders, web]));
    let settled = rig.supervisor.settled().await;
    assert_eq!(settled[&name("orders")].state, State::Failed);
    assert_eq!(settled[&name("web")].state, State::Waiting);
    let asked = tokio::time::timeout(PATIENCE, rig.supervisor.restart(&name("web"))).await;
    let refused = asked.unwrap().unwrap_err().to_string();
    assert!(refused.ends_with("it waits for `orders`, which failed"), "{refused}");
    std::fs::write(folder.path().join("mended"), "").unwrap();
    rig.supervisor.restart(&name("orders")).await.unwrap();
    rig.ready("web").await;
    rig.supervisor.stop().await;
}

#[tokio::test]
async fn a_changed_plan_touches_only_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let before = model(&[("same", SERVER), ("gone", SERVER), ("changed", SERVER)], folder.path());
    let mut rig = Rig::start(folder.path(), &before);
    rig.supervisor.settled().await;
    let first = rig.supervisor.statuses();
    let command = format!("echo changed; {SERVER}");
    let after = model(&[("same", SERVER), ("changed", &command), ("new", SERVER)], folder.path());
    let plan = Plan::of(&after, &rig.around, &mut rig.ports).unwrap();
    rig.supervisor.apply(&plan).await;
    while rig.line("changed").await != "changed" {}
    rig.supervisor.settled().await;
    let second = rig.supervisor.statuses();
    assert_eq!(first[&name("same")].pid, second[&name("same")].pid);
    assert_ne!(first[&name("changed")].pid, second[&name("changed")].pid);
    assert!(!second.contains_key(&name("gone")));
    rig.supervisor.stop().await;
}
