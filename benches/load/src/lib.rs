//! The load rig: Trunkline, its peers and a raw byte relay before one backend, measured in turn.
//!
//! `trunkline-load dataplane` starts everything on loopback, each proxy alone on core 0 and the backend with the load
//! generator on core 1, measures them in interleaved rounds, so that what the machine does besides falls on all
//! alike, and tells which bars of the data plane are met; `compare` shows one case of it in more columns.
//! `trunkline-load start` measures how soon and how small `trunkline serve` is. The other verbs are parts of
//! the rig that run as processes of their own. Those three print figures and never fail on them; `trunkline-load soak`
//! changes a serving process all the time under load, and fails when a request is lost (see [`soak`]).

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring tool reads the clock and talks to its terminal"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts become figures here, far below 2^52"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod arguments;
mod backend;
mod compare;
mod dataplane;
mod drive;
mod field;
mod http;
mod identity;
mod peers;
mod process;
mod relay;
mod report;
pub mod soak;
mod start;
mod statistics;

use std::future::Future;
use std::process::ExitCode;

use arguments::Arguments;

/// Anything that stops a measurement; the text is what to tell.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
trunkline-load dataplane [--only NAME,NAME] [--rounds 9] [--seconds 2] [--connections 64] [--full] [--strict]
                       [--trunkline PATH] [--former PATH] [--envoy PATH] [--log FORMAT] [--json FILE]
trunkline-load compare [--rounds 9] [--seconds 2] [--rate 3000] [--connections 64] [--body 1024]
                       [--trunkline PATH] [--envoy PATH] [--only NAME,NAME] [--json FILE]
trunkline-load start   [--rounds 9] [--trunkline PATH]
trunkline-load soak    [--reloads 1000] [--change-seconds 20] [--changes 50] [--upgrades 20] [--rate 2000]
                       [--workers 1] [--trunkline PATH]
";

/// Carries out the command line.
pub fn main() -> ExitCode {
    let all: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = all.split_first().map_or(("help", [].as_slice()), |(v, r)| (v.as_str(), r));
    let outcome = Arguments::parse(rest).and_then(|arguments| match verb {
        "dataplane" => dataplane::run(&arguments),
        "compare" => compare::run(&arguments),
        "start" => start::run(&arguments),
        "soak" => soak::run(&arguments),
        "backend" => block_on(backend::run(&arguments)),
        "relay" => block_on(relay::run(&arguments)),
        "drive" => block_on(drive::run(&arguments)),
        "hold" => block_on(dataplane::hold::run(&arguments)),
        "attack" => block_on(dataplane::attackers::run(&arguments)),
        _ => Err(format!("usage:\n{HELP}").into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// One thread, as each part has one core.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
