//! What requests and idle connections take of the heap: `cargo run --release -p trunkline-proxy --example heap_bars`.
//!
//! Prints a bar of the data plane per line, as JSON, which `./x bench dataplane --only heap` shows. A program of its
//! own, because a counting allocator has no place in the binary. Who calls over TLS has a heap of its own to hold for
//! each connection: that caller is a process, which is this program with the word `hold`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "it shares its rig with tests, and is a program that prints figures"
)]

#[path = "../tests/heap/counted.rs"]
mod counted;
#[path = "../tests/it/rig.rs"]
mod rig;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use trunkline_model::Model;
use trunkline_model::tls::Certificates;
use trunkline_net::tls::{ClientSettings, Roots, client_config};
use trunkline_testkit::Pki;
use trunkline_testkit::model::{files, tls};

use counted::{ALLOCATIONS_MAX, CONNECTIONS, IDLE_BYTES_MAX, PLAIN, TRACED};
use rig::{model, service};

/// The bar: KiB that an idle connection with TLS holds.
const IDLE_TLS_KIB_MAX: f64 = 30.0;
const ROUNDS: usize = 3;
const NAME: &str = "shop.test";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, address, root] = arguments.as_slice()
        && verb == "hold"
    {
        return hold(address.parse().unwrap(), root.into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
    std::io::stdout().flush().unwrap();
    // Threads of the service wait for callers for ever.
    runtime.shutdown_background();
}

async fn measure() {
    let plain = plan();
    let rig = counted::gateway(plain).await;
    let address = rig.address;
    let rounds = move || {
        let measure = |_| {
            let [plain, traced] =
                [PLAIN, TRACED].map(|request| counted::allocations(address, request));
            ((plain, traced), counted::idle(|| counted::callers(address)))
        };
        (0..ROUNDS).map(measure).unzip()
    };
    let (allocations, idle): (Vec<(f64, f64)>, Vec<f64>) =
        tokio::task::spawn_blocking(rounds).await.unwrap();
    let (plain, traced): (Vec<f64>, Vec<f64>) = allocations.into_iter().unzip();
    tell("allocations per request", ("", ALLOCATIONS_MAX), &plain);
    tell("allocations per traced request", ("", ALLOCATIONS_MAX), &traced);
    tell("heap of an idle connection", ("B", IDLE_BYTES_MAX), &idle);
    drop(rig);

    let pki = Pki::new();
    let mut secured = plan();
    let certificates = Certificates::Files(vec![files(pki.issue_files(&[NAME]))]);
    secured.listeners[0].tls = Some(tls(certificates));
    let (rig, root) = (counted::gateway(secured).await, pki.root_file());
    let address = rig.address;
    let rounds = move || -> Vec<f64> {
        // Sessions that can be resumed, and pools, are there before anything is counted.
        drop(Holder::start(address, &root));
        let kib = |_| counted::idle(|| Holder::start(address, &root)) / 1_024.0;
        (0..ROUNDS).map(kib).collect()
    };
    let idle = tokio::task::spawn_blocking(rounds).await.unwrap();
    tell("heap of an idle connection with TLS", ("KiB", IDLE_TLS_KIB_MAX), &idle);
    drop(rig);
}

fn plan() -> Model {
    model(vec![service("web", &[counted::serve()])])
}

/// One line of JSON.
fn tell(bar: &str, (unit, wanted): (&str, f64), values: &[f64]) {
    println!(r#"{{"bar":"{bar}","unit":"{unit}","wanted":{wanted},"values":{values:?}}}"#);
}

/// A process that holds connections with TLS; dropping it closes them.
struct Holder(Child);

impl Holder {
    /// Returns when each of the connections was used once.
    fn start(address: SocketAddr, root: &PathBuf) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["hold", &address.to_string()])
            .arg(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Holds connections until its input ends.
fn hold(address: SocketAddr, root: PathBuf) {
    let settings = ClientSettings { roots: Roots::Files(vec![root]), ..ClientSettings::default() };
    let config = client_config(&settings).unwrap();
    let call = |_| {
        let secure = ClientConnection::new(config.clone(), ServerName::try_from(NAME).unwrap());
        let mut caller = StreamOwned::new(secure.unwrap(), counted::connect(address));
        counted::ask(&mut caller, PLAIN);
        caller
    };
    let held: Vec<_> = (0..CONNECTIONS).map(call).collect();
    println!("held");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(held);
}
