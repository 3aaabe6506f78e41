//! Sets of the machines that a request passes.

use trunkline_model::service::policies::Policies;

/// A set of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Machines(u8);

impl Machines {
    pub(super) const BREAKER: Self = Self(1);
    pub(super) const RATE_LIMITER: Self = Self(2);
    pub(super) const BULKHEAD: Self = Self(4);
    pub(super) const ADAPTIVE: Self = Self(8);

    /// Those that policies are made of, whatever their scope.
    pub(super) fn of(policies: &Policies) -> Self {
        let all = [
            (policies.breaker.is_some(), Self::BREAKER),
            (policies.rate_limiter.is_some(), Self::RATE_LIMITER),
            (policies.bulkhead.is_some(), Self::BULKHEAD),
            (policies.adaptive.is_some(), Self::ADAPTIVE),
        ];
        let there = all.into_iter().filter(|(is_there, _)| *is_there);
        Self(there.fold(0, |set, (_, machine)| set | machine.0))
    }

    /// Whether one of the others is among them.
    pub(super) const fn has(self, machine: Self) -> bool {
        self.0 & machine.0 != 0
    }

    /// These without the others.
    pub(super) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
