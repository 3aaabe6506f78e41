//! Events counted by minute and kind, for the last 24 hours. It owns no clock and no lock: the caller tells the time.
//!
//! A kind is a number into a short list of names, so a minute's numbers are small, and the whole has a bound:
//! 1440 minutes of at most 101 kinds.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use crate::calendar::format_minute;
use crate::event::Event;

/// What is older is forgotten.
pub const MINUTES_MAX: u64 = 24 * 60;
/// Kinds with a name of their own; later ones are counted together.
const KINDS_MAX: usize = 100;
const OTHER: &str = "other";
/// A caller's clock may be ahead by this many minutes.
const AHEAD_MAX: u64 = 1;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    count: u64,
    value: i64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.count = self.count.saturating_add(other.count);
        self.value = self.value.saturating_add(other.value);
    }
}

#[derive(Debug, Default)]
pub struct Counts {
    minutes: BTreeMap<u64, BTreeMap<usize, Sum>>,
    kinds: Vec<String>,
}

impl Counts {
    /// Whether an event is recent enough to be counted now.
    pub fn is_timely(event: &Event, now_minute: u64) -> bool {
        event.minute.saturating_add(MINUTES_MAX) > now_minute && event.minute <= now_minute + AHEAD_MAX
    }

    /// Counts an event, unless it is too old or lies in the future.
    pub fn add(&mut self, event: &Event, now_minute: u64) {
        self.forget_before((now_minute + 1).saturating_sub(MINUTES_MAX));
        if Self::is_timely(event, now_minute) {
            let kind = self.kind(&event.kind);
            let sum = self.minutes.entry(event.minute).or_default().entry(kind).or_default();
            sum.add(Sum {
                count: event.count,
                value: event.value,
            });
        }
    }

    fn kind(&mut self, name: &str) -> usize {
        let name = match self.kinds.iter().position(|known| known == name) {
            Some(kind) => return kind,
            None if self.kinds.len() < KINDS_MAX => name,
            None => OTHER,
        };
        self.kinds.iter().position(|known| known == name).unwrap_or_else(|| {
            self.kinds.push(name.to_owned());
            self.kinds.len() - 1
        })
    }

    /// Forgets old minutes; once nothing is left, names are free again.
    fn forget_before(&mut self, oldest: u64) {
        while self
            .minutes
            .first_key_value()
            .is_some_and(|(minute, _)| *minute < oldest)
        {
            self.minutes.pop_first();
        }
        if self.minutes.is_empty() {
            self.kinds.clear();
        }
    }

    /// The numbers of that many minutes up to and with this one. Every minute is there, with zeros if nothing happened.
    pub fn summary(&self, minutes: u64, now_minute: u64) -> Value {
        let first = (now_minute + 1).saturating_sub(minutes);
        let mut kinds: BTreeMap<&str, Sum> = BTreeMap::new();
        let mut total = Sum::default();
        let by_minute: Vec<Value> = (first..=now_minute)
            .map(|minute| {
                let mut all = Sum::default();
                for (kind, sum) in self.minutes.get(&minute).into_iter().flatten() {
                    all.add(*sum);
                    kinds
                        .entry(self.kinds.get(*kind).map_or(OTHER, String::as_str))
                        .or_default()
                        .add(*sum);
                }
                total.add(all);
                json!({ "minute": format_minute(minute), "count": all.count, "value": all.value })
            })
            .collect();
        let mut by_type: Vec<(&str, Sum)> = kinds.into_iter().collect();
        by_type.sort_by_key(|(name, sum)| (std::cmp::Reverse(sum.count), *name));
        let by_type: Vec<Value> = by_type
            .into_iter()
            .map(|(name, sum)| json!({ "type": name, "count": sum.count, "value": sum.value }))
            .collect();
        json!({ "minutes": minutes, "total": total.count, "value": total.value, "by_type": by_type, "by_minute": by_minute })
    }

    /// Everything that is known, as few events that stand for many.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.minutes.iter().flat_map(|(minute, sums)| {
            sums.iter().filter_map(|(kind, sum)| {
                let kind = self.kinds.get(*kind)?.clone();
                Some(Event {
                    kind,
                    count: sum.count,
                    value: sum.value,
                    minute: *minute,
                })
            })
        })
    }

    /// The names that were counted, in alphabetical order.
    pub fn types(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.kinds.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 28_000_000;

    fn event(kind: &str, value: i64, minute: u64) -> Event {
        Event {
            kind: kind.into(),
            count: 1,
            value,
            minute,
        }
    }

    #[test]
    fn every_minute_is_there_and_adds_up() {
        let mut counts = Counts::default();
        for (kind, value, minute) in [
            ("payment", 500, NOW),
            ("view", 0, NOW),
            ("view", 0, NOW - 2),
            ("view", 0, NOW - 60),
        ] {
            counts.add(&event(kind, value, minute), NOW);
        }
        let summary = counts.summary(3, NOW);
        assert_eq!(summary["total"], 3);
        let counted: Vec<u64> = summary["by_minute"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["count"].as_u64().unwrap())
            .collect();
        assert_eq!(counted, [1, 0, 2]);
        assert_eq!(summary["by_minute"][2]["minute"], format_minute(NOW));
        assert_eq!(summary["by_type"][0], json!({ "type": "view", "count": 2, "value": 0 }));
        assert_eq!(
            summary["by_type"][1],
            json!({ "type": "payment", "count": 1, "value": 500 })
        );
        assert_eq!(counts.summary(MINUTES_MAX, NOW)["total"], 4);
    }

    #[test]
    fn what_is_old_or_to_come_is_not_counted_and_the_old_is_forgotten() {
        let mut counts = Counts::default();
        counts.add(&event("view", 0, NOW - MINUTES_MAX), NOW);
        counts.add(&event("view", 0, NOW + 2), NOW);
        assert_eq!(counts.minutes.len(), 0);
        for minute in 0..2 * MINUTES_MAX {
            counts.add(&event("view", 0, NOW + minute), NOW + minute);
        }
        assert_eq!(counts.minutes.len() as u64, MINUTES_MAX);
    }

    #[test]
    fn few_events_stand_for_many() {
        let mut counts = Counts::default();
        for _ in 0..1000 {
            counts.add(&event("payment", 5, NOW), NOW);
            counts.add(&event("view", 0, NOW - 1), NOW);
        }
        let mut again = Counts::default();
        counts.events().for_each(|event| again.add(&event, NOW));
        assert_eq!(counts.events().count(), 2);
        assert_eq!(again.summary(5, NOW), counts.summary(5, NOW));
    }

    #[test]
    fn kinds_above_the_bound_are_counted_together() {
        let mut counts = Counts::default();
        for n in 0..3 * KINDS_MAX {
            counts.add(&event(&format!("kind-{n}"), 1, NOW), NOW);
        }
        assert_eq!(counts.types().len(), KINDS_MAX + 1);
        let summary = counts.summary(1, NOW);
        assert_eq!(
            summary["by_type"][0],
            json!({ "type": "other", "count": 200, "value": 200 })
        );
    }
}
