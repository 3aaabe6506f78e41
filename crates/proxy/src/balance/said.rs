//! What is said of an endpoint, by whom, and what is in force of it.
//!
//! Three may speak: its owner (the file, DNS, the supervisor), a person, and an agent beside the
//! service. A person's word is above the agent's, and the agent's above the owner's. Requests read
//! the result from atomics of the endpoint; this is only looked at when somebody speaks.

use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::EndpointOrders;

/// The greatest weight that can come of an agent's percentage.
const WEIGHT_MAX: u64 = 1 << 20;

/// What an agent says; the default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AgentWord {
    /// `drain` or `maint`, until `ready`.
    pub(crate) state: Option<EndpointState>,
    /// Percentage of the written weight.
    pub(crate) percent: Option<u32>,
    /// Requests that it takes at one time.
    pub(crate) limit: Option<u32>,
    /// It says that the service is down.
    pub(crate) down: bool,
    /// The line, for people.
    pub(crate) line: Box<str>,
}

/// What everybody says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) owner_weight: u32,
    /// 0 for no limit.
    pub(super) owner_limit: u32,
    pub(super) person: EndpointOrders,
    pub(super) agent: AgentWord,
}

impl Said {
    /// The weight in force. A percentage above zero leaves a weight above zero.
    pub(super) fn weight(&self) -> u32 {
        let percent = self.agent.percent.map(|percent| {
            let share = u64::from(self.owner_weight) * u64::from(percent);
            u32::try_from(share.div_ceil(100).min(WEIGHT_MAX)).unwrap_or(u32::MAX)
        });
        self.person.weight.or(percent).unwrap_or(self.owner_weight)
    }

    /// Requests that it is given at one time; 0 for no limit.
    pub(super) fn limit(&self) -> u32 {
        self.person.limit.or(self.agent.limit).unwrap_or(self.owner_limit)
    }

    /// The state that takes the place of the owner's.
    pub(super) fn state(&self) -> Option<EndpointState> {
        self.person.state.or(self.agent.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_above_an_agent_and_an_agent_above_the_owner() {
        let check = |person, percent, expect| {
            let said = Said {
                owner_weight: 10,
                owner_limit: 0,
                person: EndpointOrders { weight: person, ..EndpointOrders::default() },
                agent: AgentWord { percent, ..AgentWord::default() },
            };
            assert_eq!(said.weight(), expect, "{said:?}");
        };
        check(None, None, 10);
        check(None, Some(50), 5);
        check(None, Some(1), 1);
        check(None, Some(0), 0);
        check(None, Some(200), 20);
        check(Some(7), Some(50), 7);
        check(Some(0), None, 0);
        let mut said = Said { owner_limit: 5, ..Said::default() };
        assert_eq!(said.limit(), 5);
        said.agent.limit = Some(3);
        assert_eq!(said.limit(), 3);
        said.person.limit = Some(0);
        assert_eq!(said.limit(), 0);
    }
}
