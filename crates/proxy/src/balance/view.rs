//! What part of the traffic each group of endpoints gets, by how many of it can serve.
//!
//! Looked at anew when something was announced, and a few times a second because ejections end by
//! themselves. Only where groups, panic or bounded load make it matter.

use std::time::Instant;

use trunkline_resilience::balance::{Tier, Zone, tier_shares, zone_shares};

use super::members::Members;

/// Of its own zone, this part must be able to serve for it to be preferred.
const ZONE_ABLE_PERCENT: u64 = 50;
/// What the share of a tier is divided into.
const PARTS: u64 = 1_000_000;

/// How well the groups of a service are.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The share of each group, relative to the sum.
    shares: Vec<u64>,
    /// Weights that can serve, by group.
    pub(super) able: Vec<u64>,
    /// Too few can serve for health to be believed.
    pub(super) panic: bool,
    tiers: Vec<Tier>,
    zones: Vec<Zone>,
    parts: Vec<u64>,
}

impl View {
    /// Looks at all endpoints.
    pub(super) fn look(&mut self, members: &Members, now: Instant) {
        self.zones.clear();
        for group in &members.groups {
            let mut zone = Zone { total: 0, able: 0, own: group.own_zone };
            for endpoint in group.positions.iter().filter_map(|at| members.endpoints.get(*at)) {
                let weight = u64::from(endpoint.weight());
                zone.total += weight;
                zone.able += if endpoint.is_eligible(now) { weight } else { 0 };
            }
            self.zones.push(zone);
        }
        self.able.clear();
        self.able.extend(self.zones.iter().map(|zone| zone.able));
        let total: u64 = self.zones.iter().map(|zone| zone.total).sum();
        let able: u64 = self.able.iter().sum();
        let panic = u64::from(members.rules.spread.panic.basis_points());
        self.panic = u128::from(able) * 10_000 < u128::from(total) * u128::from(panic);
        self.share(members);
    }

    /// Shares by tier, and in each tier by zone.
    fn share(&mut self, members: &Members) {
        let same = |a: usize, b: usize| match (members.groups.get(a), members.groups.get(b)) {
            (Some(a), Some(b)) => (a.backup, a.priority) == (b.backup, b.priority),
            _ => false,
        };
        self.tiers.clear();
        let mut begin = 0;
        for (at, zone) in self.zones.iter().enumerate() {
            let backup = members.groups.get(at).is_some_and(|group| group.backup);
            if let Some(tier) = self.tiers.last_mut().filter(|_| same(begin, at)) {
                tier.total += zone.total;
                tier.able += zone.able;
            } else {
                begin = at;
                self.tiers.push(Tier { total: zone.total, able: zone.able, backup });
            }
        }
        let mut tier_parts = std::mem::take(&mut self.parts);
        tier_shares(&self.tiers, &mut tier_parts);
        self.shares.clear();
        let mut zone_parts = Vec::new();
        let mut begin = 0;
        for tier in &tier_parts {
            let end = (begin..self.zones.len()).find(|at| !same(begin, *at));
            let end = end.unwrap_or(self.zones.len());
            let zones = self.zones.get(begin..end).unwrap_or_default();
            zone_shares(zones, ZONE_ABLE_PERCENT, &mut zone_parts);
            let sum = zone_parts.iter().map(|part| u128::from(*part)).sum::<u128>().max(1);
            self.shares.extend(zone_parts.iter().map(|part| {
                let share = u128::from(*tier) * u128::from(PARTS) * u128::from(*part) / sum;
                u64::try_from(share).unwrap_or(u64::MAX)
            }));
            begin = end;
        }
        self.parts = tier_parts;
    }

    /// The group whose share a random number falls into; the first if nobody can serve.
    pub(super) fn group(&self, random: u64) -> usize {
        let sum: u64 = self.shares.iter().sum();
        let drawn = (u128::from(random) * u128::from(sum)) >> u64::BITS;
        let mut left = u64::try_from(drawn).unwrap_or(0);
        let found = self.shares.iter().position(|share| {
            let found = left < *share;
            left = left.saturating_sub(*share);
            found
        });
        found.unwrap_or(0)
    }
}
