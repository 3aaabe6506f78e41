//! Bars that are measured inside a process: examples of the proxy that count allocations or time steps.
//!
//! Each example writes one JSON object per line to standard output: a bar (`bar`, `unit`, `wanted`, `values`) or a
//! `line` to show. They are programs of their own because a counting allocator and clocks within the request path
//! have no place in the binary.

use std::process::Command;

use serde_json::Value;

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;

pub(super) fn heap(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    example(rig, "heap_bars", report)
}

pub(super) fn steps(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    example(rig, "step_bars", report)
}

/// Runs the example that was built beside this rig.
fn example(rig: &Rig, name: &str, report: &mut Report) -> Result<(), Failure> {
    let program = std::env::current_exe()?.with_file_name("examples").join(name);
    if !program.is_file() {
        return Err(format!("needs the example {name} of the proxy, built for release").into());
    }
    let output = Command::new(&program)
        .args(["--rounds", &rig.rounds.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{name} ended with {}", output.status).into());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let said: Value = serde_json::from_str(line)?;
        let text = |name| said.get(name).and_then(Value::as_str).unwrap_or_default();
        if said.get("bar").is_none() {
            report.line(text("line").to_owned());
            continue;
        }
        let values: Vec<f64> = said
            .get("values")
            .and_then(Value::as_array)
            .map(|values| values.iter().filter_map(Value::as_f64).collect())
            .unwrap_or_default();
        let wanted =
            said.get("wanted").and_then(Value::as_f64).ok_or("a bar without its figure")?;
        let unit = unit(text("unit"));
        report.bar(Bar::figure(text("bar"), unit, wanted, &values));
    }
    Ok(())
}

/// The units that examples use.
fn unit(name: &str) -> &'static str {
    match name {
        "B" => "B",
        "KiB" => "KiB",
        "ns" => "ns",
        "µs" => "µs",
        _ => "",
    }
}
