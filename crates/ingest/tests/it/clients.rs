//! What SDKs of others send, from their own packages, is understood.
//!
//! `tests/clients` has one small program for each language: it sends a trace of two spans. Each is
//! installed by its own test below `target`, from its own registry; where its tools are missing, the
//! test says what it needs and is skipped, except in CI, where nothing may be missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use trunkline_ingest::{Protocol, Reason, Refused};
use trunkline_otlp::{Kind, Span, StatusCode, Value};

use crate::rig::{Rig, listed};

mod go;
mod java;
mod node;
mod python;

/// A file of `tests/clients`.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(path)
}

/// A folder for what is installed, kept from one run to the next.
pub(crate) fn installed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name)
}

/// Whether all these programs are there. In CI they have to be.
pub(crate) fn have(tools: &[(&str, &str)]) -> bool {
    let missing = tools.iter().find(|(tool, argument)| {
        !Command::new(tool).arg(argument).output().is_ok_and(|output| output.status.success())
    });
    let Some((tool, _)) = missing else { return true };
    assert!(std::env::var_os("CI").is_none(), "{tool} is missing");
    println!("skipped: needs {tool}");
    false
}

/// Held by who installs: not all at once.
pub(crate) static INSTALLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Refuses what comes until the program that sends it was refused once.
pub(crate) async fn refuse_once(rig: &Rig, protocol: Protocol, refused: Refused) {
    rig.kept.refuse(Some(refused));
    let of_both =
        || rig.refused(protocol, Reason::Busy) + rig.refused(protocol, Reason::Unavailable);
    let told = async {
        while of_both() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // A busy machine takes its time to start a program.
    let told = tokio::time::timeout(Duration::from_secs(120), told).await;
    assert!(told.is_ok(), "nothing came");
    rig.kept.refuse(None);
}

/// Runs a command to its end, beside the server of the test.
pub(crate) async fn run(mut command: Command) {
    let shown = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&told));
}

/// What every program sends: `checkout` with a child `charge` that failed.
pub(crate) fn check_trace(spans: &[Span], service: &str) {
    let named = |name: &str| spans.iter().find(|span| &*span.name == name).unwrap();
    let (checkout, charge) = (named("checkout"), named("charge"));
    assert_eq!(spans.len(), 2);
    assert_eq!((checkout.service(), charge.service()), (service, service));
    assert_eq!((checkout.trace, charge.parent), (charge.trace, Some(checkout.id)));
    assert_eq!((checkout.kind, charge.kind), (Kind::Server, Kind::Client));
    assert_eq!((checkout.parent, checkout.status.code), (None, StatusCode::Unset));
    assert_eq!(charge.status.code, StatusCode::Error);
    assert!(checkout.start_unix_nanos <= charge.start_unix_nanos && !checkout.failed());
}

/// What happened within `charge`.
pub(crate) fn check_event(spans: &[Span]) {
    let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
    let [event] = &charge.events[..] else { panic!("{:?}", charge.events) };
    assert_eq!(&*event.name, "declined");
    assert_eq!(listed(&event.attributes), ["attempt=Int(2)"]);
}

/// The attributes of `checkout`, with their types.
pub(crate) fn check_types(spans: &[Span]) {
    let checkout = spans.iter().find(|span| &*span.name == "checkout").unwrap();
    for (key, value) in [
        ("text", Value::Text("ü".into())),
        ("whole", Value::Int(42)),
        ("share", Value::Double(0.5)),
        ("yes", Value::Bool(true)),
    ] {
        assert_eq!(checkout.attribute(key), Some(&value), "{key}");
    }
}

/// What only OTLP carries.
pub(crate) fn check_all(spans: &[Span], service: &str) {
    check_trace(spans, service);
    check_types(spans);
    check_event(spans);
    let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
    assert_eq!(&*charge.status.message, "no money");
    assert_eq!((&*charge.scope.name, &*charge.scope.version), ("shop", "1.2.3"));
    let [link] = &charge.links[..] else { panic!("{:?}", charge.links) };
    assert_eq!(link.trace.to_string(), "00000000000000000000000000000abc");
    assert_eq!(link.span.to_string(), "0000000000000def");
    assert_eq!(listed(&link.attributes), ["why=retry"]);
}
