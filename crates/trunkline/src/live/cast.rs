//! Which services there are and what each does, from what is told of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use trunkline_local::event::{Event, What};
use trunkline_model::ServiceName;

use crate::screen::up::Pending;

/// A last line is kept up to so many characters.
const LAST_CHARS_MAX: usize = 400;

/// All services that were started.
#[derive(Debug, Default)]
pub(super) struct Cast {
    members: BTreeMap<ServiceName, Member>,
}

#[derive(Debug)]
struct Member {
    does: Does,
    since: Instant,
    last: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Does {
    Waiting(Vec<ServiceName>),
    Starting,
    BackingOff(Instant),
    Ready,
    Failed,
    Stopping,
}

/// A service that is waited for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waited {
    name: String,
    what: String,
    time: Option<Duration>,
    last: Option<String>,
}

impl Waited {
    /// For the screen.
    pub(super) fn shown(&self) -> Pending<'_> {
        Pending { name: &self.name, what: &self.what, time: self.time, last: self.last.as_deref() }
    }
}

impl Cast {
    /// These services, which begin to start now.
    pub(super) fn new(services: impl IntoIterator<Item = ServiceName>, now: Instant) -> Self {
        let member = |name| (name, Member { does: Does::Starting, since: now, last: None });
        Self { members: services.into_iter().map(member).collect() }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, event: &Event, now: Instant) {
        let does = match &event.what {
            What::Waiting { on } => Does::Waiting(on.clone()),
            What::Starting { .. } => Does::Starting,
            What::Ready { .. } => Does::Ready,
            What::Exited { retry: Some(retry), .. } => Does::BackingOff(now + retry.after),
            What::Failed { .. } => Does::Failed,
            What::Draining { .. } | What::Stopping => Does::Stopping,
            What::Stopped => {
                self.members.remove(&event.service);
                return;
            }
            What::Log(line) => {
                if let Some(member) = self.members.get_mut(&event.service)
                    && !line.text.trim().is_empty()
                {
                    member.last = Some(line.text.chars().take(LAST_CHARS_MAX).collect());
                }
                return;
            }
            _ => return,
        };
        let fresh = || Member { does: Does::Starting, since: now, last: None };
        let member = self.members.entry(event.service.clone()).or_insert_with(fresh);
        if member.does != does {
            member.since = now;
        }
        if does == Does::Starting {
            member.last = None;
        }
        member.does = does;
    }

    /// Services by name, for a person to choose from.
    pub(super) fn names(&self) -> Vec<ServiceName> {
        self.members.keys().cloned().collect()
    }

    /// Services that are not ready.
    pub(super) fn unready(&self) -> Vec<String> {
        self.which(|does| *does != Does::Ready)
    }

    /// Services that failed for good.
    pub(super) fn failed(&self) -> Vec<String> {
        self.which(|does| *does == Does::Failed)
    }

    /// Services that have not ended.
    pub(super) fn running(&self) -> Vec<String> {
        self.which(|does| !matches!(does, Does::Failed | Does::Waiting(_)))
    }

    fn which(&self, wanted: impl Fn(&Does) -> bool) -> Vec<String> {
        let found = self.members.iter().filter(|(_, member)| wanted(&member.does));
        found.map(|(name, _)| name.to_string()).collect()
    }

    /// Whether nothing will become ready any more unless somebody does something.
    pub(super) fn is_settled(&self) -> bool {
        self.members.iter().all(|(name, member)| match member.does {
            Does::Ready | Does::Failed => true,
            _ => self.is_blocked(name, self.members.len()),
        })
    }

    /// Whether it waits, directly or not, for one that failed. `depth` ends what should not be: a
    /// circle.
    fn is_blocked(&self, name: &ServiceName, depth: usize) -> bool {
        let Some(Member { does: Does::Waiting(on), .. }) = self.members.get(name) else {
            return false;
        };
        depth > 0
            && on.iter().any(|callee| {
                let does = self.members.get(callee).map(|member| &member.does);
                does == Some(&Does::Failed) || self.is_blocked(callee, depth - 1)
            })
    }

    /// What is waited for: for readiness, or for the end. Once the start is `over`, those that only
    /// wait for others are left out.
    pub(super) fn pending(&self, now: Instant, ending: bool, over: bool) -> Vec<Waited> {
        let shown = self.members.iter().filter_map(|(name, member)| {
            let time = Some(now.saturating_duration_since(member.since));
            let (what, time) = match &member.does {
                Does::Stopping => ("stopping".to_owned(), time),
                Does::Ready | Does::Starting if ending => ("stopping".to_owned(), None),
                _ if ending => return None,
                Does::Starting => ("starting".to_owned(), time),
                Does::Waiting(_) if over => return None,
                Does::Waiting(on) => {
                    let on: Vec<_> = on.iter().map(ToString::to_string).collect();
                    (format!("waits for {}", on.join(", ")), None)
                }
                Does::BackingOff(until) => {
                    let left = until.saturating_duration_since(now).as_secs_f64().ceil();
                    (format!("next try in {left:.0}s"), None)
                }
                Does::Ready | Does::Failed => return None,
            };
            let last = matches!(member.does, Does::Starting).then(|| member.last.clone()).flatten();
            Some(Waited { name: name.to_string(), what, time, last })
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn name(text: &str) -> ServiceName {
        text.parse().unwrap()
    }

    #[test]
    fn a_start_is_over_when_the_rest_waits_for_what_failed() {
        let now = trunkline_rt::Clock::system().now();
        let mut cast = Cast::new(["web", "orders", "payments"].map(name), now);
        let mut take = |service: &str, what| {
            cast.take(&Event { service: name(service), at: SystemTime::UNIX_EPOCH, what }, now);
            cast.is_settled()
        };
        assert!(!take("web", What::Waiting { on: vec![name("orders")] }));
        assert!(!take("orders", What::Waiting { on: vec![name("payments")] }));
        assert!(take("payments", What::Failed { reason: String::new(), hint: None }));
        assert_eq!((cast.failed(), cast.unready().len()), (vec!["payments".to_owned()], 3));
        assert_eq!(cast.pending(now, false, true), []);
    }
}
