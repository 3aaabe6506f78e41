//! What came in as telemetry, what became of it, and how its store is doing.

use std::collections::HashMap;

use super::catalog;
use super::text::Writer;

/// One number: its family, the values of the family's labels, and itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Name of the family, as in the [catalogue](catalog::ALL).
    pub family: &'static str,
    /// Values of its labels, in order.
    pub labels: Vec<String>,
    /// The number.
    pub value: u64,
}

/// Whoever has numbers of telemetry. The API knows neither who takes it in nor who keeps it.
pub trait Telemetry: Send + Sync {
    /// All numbers at this moment, in any order.
    fn samples(&self) -> Vec<Sample>;
}

/// Writes them, family by family. What is of no family is left out.
pub(super) fn write(writer: &mut Writer, telemetry: &dyn Telemetry) {
    let mut families = HashMap::<&str, Vec<Sample>>::new();
    for sample in telemetry.samples() {
        families.entry(sample.family).or_default().push(sample);
    }
    for family in catalog::ALL {
        let Some(samples) = families.get(family.name) else { continue };
        let mut written = writer.family(family);
        for sample in samples {
            let labels: Vec<&str> = sample.labels.iter().map(String::as_str).collect();
            written.number(&labels, sample.value);
        }
    }
}
