//! Stands in for the binary in the tests of this crate: answers the hidden verb, and runs services
//! given on its command line (`up <state folder> <name>=<command>...`) until it is killed.

use std::process::ExitCode;
use std::sync::Arc;

use trunkline_local::child::{Launcher, Spawner, VERB, become_child};
use trunkline_local::event::{self, What};
use trunkline_local::logs::LogWriter;
use trunkline_local::plan::{Plan, PortBook, Surroundings};
use trunkline_local::run::RunId;
use trunkline_local::supervisor::{Care, Deps, EndpointSink, Supervisor};
use trunkline_local::toolchains::Toolchains;
use trunkline_model::endpoint::EndpointSet;
use trunkline_rt::{Clock, Scope};

#[path = "support.rs"]
mod support;

struct Nobody;

impl EndpointSink for Nobody {
    fn publish(&self, _: EndpointSet) {}
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let verb = arguments.next().unwrap_or_default();
    if verb == VERB {
        let Err(_) = become_child(arguments);
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = arguments.filter_map(|word| word.into_string().ok()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(up(&words)),
        Err(_) => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stdout, reason = "the test that started it reads what it prints")]
async fn up(words: &[String]) -> ExitCode {
    let Some((state, services)) = words.split_first() else {
        return ExitCode::FAILURE;
    };
    let pairs: Vec<_> = services.iter().filter_map(|service| service.split_once('=')).collect();
    let model = support::model(&pairs, std::path::Path::new("/"));
    let Some(run) = RunId::of_this_process() else {
        return ExitCode::FAILURE;
    };
    let around = Surroundings {
        run,
        otlp: None,
        root: None,
        bundle: None,
        builds: None,
        toolchains: Toolchains::default(),
    };
    let mut ports = PortBook::new(state);
    let Ok(plan) = Plan::of(&model, &around, &mut ports) else {
        return ExitCode::FAILURE;
    };
    let (Ok(spawner), Ok(logs)) = (
        Spawner::start(Launcher::this_binary()),
        LogWriter::start(&std::path::Path::new(state).join("logs")),
    ) else {
        return ExitCode::FAILURE;
    };
    let (events, mut received) = event::channel();
    let deps = Deps {
        spawner: Arc::new(spawner),
        run,
        sink: Arc::new(Nobody),
        ops: None,
        logs,
        events,
        clock: Clock::system(),
        care: Care::default(),
    };
    let _supervisor = Supervisor::start(&Scope::new("up"), &plan, deps);
    while let Some(event) = received.recv().await {
        match event.what {
            What::Log(line) => println!("{} | {}", event.service, line.text),
            What::Ready { address, .. } => println!("{} ready {address}", event.service),
            _ => {}
        }
    }
    ExitCode::SUCCESS
}
