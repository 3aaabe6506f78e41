//! What came in and what is kept, in numbers.

use trunkline_api::metrics::{Sample, Telemetry};
use trunkline_store::Stats;

use super::Keeping;

fn one(family: &'static str, value: u64) -> Sample {
    Sample { family, labels: Vec::new(), value }
}

impl Telemetry for Keeping {
    fn samples(&self) -> Vec<Sample> {
        let intake = self.metrics.samples().into_iter().map(|sample| Sample {
            family: sample.name,
            labels: sample.labels.iter().map(|(_, value)| (*value).to_owned()).collect(),
            value: sample.value,
        });
        let mut all: Vec<Sample> = intake.collect();
        let rules = self.intake.load().as_ref().map(|intake| intake.rules().counts());
        for count in rules.unwrap_or_default() {
            for (family, value) in
                [("trunkline_rule_spans", count.spans), ("trunkline_rule_values", count.values)]
            {
                all.push(Sample { family, labels: vec![count.rule.to_string()], value });
            }
        }
        let store = self.store();
        all.push(one("trunkline_store_open", u64::from(store.is_some())));
        if let Some(store) = store {
            all.extend(of_store(&store.stats()));
        }
        all
    }
}

fn of_store(stats: &Stats) -> Vec<Sample> {
    let mut all: Vec<Sample> = [
        ("trunkline_store_kept_spans", stats.spans),
        ("trunkline_store_stored_spans", stats.stored),
        ("trunkline_store_segments", stats.segments),
        ("trunkline_store_segment_bytes", stats.segment_bytes),
        ("trunkline_store_compaction_debt", stats.compaction_debt),
        ("trunkline_store_head_bytes", stats.head_bytes),
        ("trunkline_store_damaged_segments", stats.damaged.len() as u64),
        ("trunkline_store_failing", u64::from(stats.failing.is_some())),
        ("trunkline_store_log_bytes", stats.log.bytes),
        ("trunkline_store_log_groups", stats.log.groups),
        ("trunkline_store_log_batches", stats.log.frames),
        ("trunkline_store_log_failures", stats.log.failures),
    ]
    .map(|(family, value)| one(family, value))
    .into();
    all.extend(stats.free_bytes.map(|bytes| one("trunkline_store_free_bytes", bytes)));
    // A rule that has removed nothing is told too: its absence would look like a gap.
    all.extend(trunkline_store::Rule::ALL.map(|rule| {
        let removed = stats.removed.iter().find(|removed| removed.rule == rule);
        Sample {
            family: "trunkline_store_removed_spans",
            labels: vec![rule.as_str().to_owned()],
            value: removed.map_or(0, |removed| removed.spans),
        }
    }));
    all
}

#[cfg(test)]
mod tests {
    use trunkline_api::metrics::catalog;
    use trunkline_ingest::Metrics;

    use super::*;

    #[test]
    fn every_number_is_of_a_family_of_the_catalogue() {
        let intake = Metrics::default().samples();
        let intake = intake.iter().map(|sample| (sample.name, sample.labels.len()));
        let store = of_store(&Stats { free_bytes: Some(1), ..Stats::default() });
        let store = store.iter().map(|sample| (sample.family, sample.labels.len()));
        for (name, labels) in intake.chain(store) {
            let family = catalog::ALL.iter().find(|family| family.name == name);
            assert_eq!(family.map(|family| family.labels.len()), Some(labels), "{name}");
        }
    }
}
