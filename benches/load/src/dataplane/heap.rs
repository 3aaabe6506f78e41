//! Allocations of requests and heap of connections, counted by an example of the proxy.
//!
//! The example is a program of its own because a counting allocator has no place in the binary. It writes one JSON
//! object per line to standard output: a bar, with `bar`, `unit`, `wanted` and `values`.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;

const EXAMPLE: &str = "heap_bars";

/// Runs the example that was built beside this rig.
pub(super) fn run(_: &Rig, report: &mut Report) -> Result<(), Failure> {
    let program = std::env::current_exe()?.with_file_name("examples").join(EXAMPLE);
    if !program.is_file() {
        return Err(format!("needs the example {EXAMPLE} of the proxy, built for release").into());
    }
    let output = Command::new(&program).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{EXAMPLE} ended with {}", output.status).into());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        report.bar(bar(&serde_json::from_str(line)?)?);
    }
    Ok(())
}

fn bar(said: &Value) -> Result<Bar, Failure> {
    let text = |name| said.get(name).and_then(Value::as_str).unwrap_or_default();
    let wanted = said.get("wanted").and_then(Value::as_f64).ok_or("a bar without its figure")?;
    let values = said.get("values").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let values: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
    let unit = match text("unit") {
        "B" => "B",
        "KiB" => "KiB",
        _ => "",
    };
    Ok(Bar::figure(text("bar"), unit, wanted, &values))
}
