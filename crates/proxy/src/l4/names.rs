//! Where a relay leads, compiled: which name leads to which targets.

use std::collections::HashMap;

use trunkline_model::relay::Relay as Settings;

use crate::route::{Problem, Targets};

/// Labels of a host name at most: it has 253 bytes.
const LABELS_MAX: usize = 127;

/// A listener's relay. An exact name wins, then the longest wildcard.
#[derive(Debug)]
pub(crate) struct Relay {
    exact: HashMap<Box<str>, Targets>,
    /// By what is behind `*.`.
    below: HashMap<Box<str>, Targets>,
    /// Where connections go that no name takes.
    others: Option<Targets>,
}

impl Relay {
    /// Compiles the settings.
    pub(crate) fn compile(settings: &Settings) -> Result<Self, Problem> {
        let others = (!settings.targets.is_empty()).then(|| Targets::new(&settings.targets));
        let mut relay =
            Self { exact: HashMap::new(), below: HashMap::new(), others: others.transpose()? };
        for named in &settings.names {
            let targets = Targets::new(&named.targets)?;
            match named.name.strip_prefix("*.") {
                Some(below) => relay.below.insert(below.into(), targets),
                None => relay.exact.insert(named.name.as_str().into(), targets),
            };
        }
        Ok(relay)
    }

    /// Whether names are looked at.
    pub(crate) fn has_names(&self) -> bool {
        !self.exact.is_empty() || !self.below.is_empty()
    }

    /// Where a connection goes that asks for this name, or for none.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<&Targets> {
        name.and_then(|name| self.named(name)).or(self.others.as_ref())
    }

    fn named(&self, name: &str) -> Option<&Targets> {
        let mut parents = name.match_indices('.').take(LABELS_MAX);
        let wild = || parents.find_map(|(dot, _)| self.below.get(name.get(dot + 1..)?));
        self.exact.get(name).or_else(wild)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use trunkline_model::relay::NamedTargets;
    use trunkline_model::route::Target;

    #[test]
    fn an_exact_name_wins_and_then_the_longest_wildcard() {
        let to = |service: &str| vec![Target { service: service.parse().unwrap(), weight: 1 }];
        let named = |name: &str, service| NamedTargets { name: name.into(), targets: to(service) };
        let mut settings = Settings {
            names: vec![
                named("a.example.com", "exact"),
                named("*.example.com", "wild"),
                named("*.deep.example.com", "deeper"),
            ],
            targets: Vec::new(),
            greeting: Duration::ZERO,
            idle: Duration::ZERO,
            datagrams: None,
        };
        let found = |settings: &Settings, name: &str| {
            let relay = Relay::compile(settings).unwrap();
            let targets = relay.find(Some(name).filter(|name| !name.is_empty()));
            targets.and_then(|targets| Some(targets.all().first()?.service.to_string()))
        };
        for (name, expect) in [
            ("a.example.com", Some("exact")),
            ("b.example.com", Some("wild")),
            ("c.b.example.com", Some("wild")),
            ("x.deep.example.com", Some("deeper")),
            ("example.com", None),
            ("example.org", None),
            ("", None),
        ] {
            assert_eq!(found(&settings, name).as_deref(), expect, "{name}");
        }
        settings.targets = to("others");
        assert_eq!(found(&settings, "example.org").as_deref(), Some("others"));
        assert_eq!(found(&settings, "").as_deref(), Some("others"));
    }
}
