//! What a soak has found, as a table, and which bars it missed.

use std::fmt::Write;

use super::Stalls;
use super::seen::Requests;

/// One phase of the soak.
#[derive(Debug, Default, Clone)]
pub struct Phase {
    /// What was changed in it.
    pub name: &'static str,
    /// How many changes there were.
    pub changes: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What callers saw.
    pub requests: Requests,
    /// How late the workers were.
    pub stalls: Stalls,
    /// How late a thread without work was on the same core: the machine's own part.
    pub bystander: Stalls,
    /// How long each change took to be in force, in milliseconds, by the way it was ordered.
    pub took_ms: Vec<(&'static str, f64)>,
}

/// All phases.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    /// In the order of time.
    pub phases: Vec<Phase>,
    /// Changes that did not come into force, and state that was lost.
    pub broken: Vec<String>,
}

impl Outcome {
    /// What callers or changes lost. Empty: nothing.
    pub fn lost(&self) -> Vec<String> {
        let mut lost = self.broken.clone();
        for phase in &self.phases {
            if phase.requests.failed > 0 {
                let (name, requests) = (phase.name, &phase.requests);
                lost.push(format!(
                    "{name}: {} requests failed: {:?}",
                    requests.failed, requests.words
                ));
            }
        }
        lost
    }

    /// Every bar that was missed.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = self.lost();
        for phase in &self.phases {
            if !phase.stalls.meets_the_bar() {
                missed.push(format!(
                    "{}: loop stall below 2 ms for {}, bar 99.99 % (an idle thread beside it: {})",
                    phase.name, phase.stalls, phase.bystander
                ));
            }
        }
        missed
    }

    /// The table to read.
    pub(crate) fn table(&self) -> String {
        let heads = ["changes", "seconds", "requests", "failed", "sent again", "p50 ms", "p99 ms"];
        let mut out = format!("\n{:<12}", "");
        for head in heads {
            let _ = write!(out, "{head:>12}");
        }
        let _ = writeln!(out, "   {:<24}idle thread beside it", "loop stall < 2 ms");
        for phase in &self.phases {
            let requests = &phase.requests;
            let _ = writeln!(
                out,
                "{:<12}{:>12}{:>12.1}{:>12}{:>12}{:>12}{:>12.2}{:>12.2}   {:<24}{}",
                phase.name,
                phase.changes,
                phase.seconds,
                requests.answered + requests.failed,
                requests.failed,
                requests.sent_again,
                requests.latency_ms(0.5),
                requests.latency_ms(0.99),
                phase.stalls.to_string(),
                phase.bystander,
            );
        }
        let _ = writeln!(out, "\nfrom the order to a change in force");
        for phase in &self.phases {
            let mut ways: Vec<_> = phase.took_ms.iter().map(|(way, _)| *way).collect();
            ways.sort_unstable();
            ways.dedup();
            for way in ways {
                let taken = phase.took_ms.iter().filter(|(own, _)| *own == way);
                let mut us: Vec<u32> = taken.map(|(_, ms)| (ms * 1000.0) as u32).collect();
                us.sort_unstable();
                let at = |share| f64::from(crate::statistics::percentile(&us, share)) / 1000.0;
                let (name, count) = (phase.name, us.len());
                let (p50, p99) = (at(0.5), at(0.99));
                let _ = writeln!(
                    out,
                    "{name:<12}{way:<20}{count:>6} times   p50 {p50:>8.1} ms   p99 {p99:>8.1} ms"
                );
            }
        }
        out
    }
}
