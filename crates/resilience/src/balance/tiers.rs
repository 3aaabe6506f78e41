//! Tiers: traffic goes to the first ones while they are well, and spills into the next.
//!
//! A tier is taken for well while its eligible part, times an overprovisioning factor, is all of
//! it: with 1.4, the second tier gets nothing until less than 72 % of the first can serve (Envoy's
//! priority levels). Backup endpoints are the last tier and get something only when all others can
//! serve nothing (HAProxy's `backup`).

/// How much more than its usual share a tier can carry.
pub const OVERPROVISIONING_PERCENT: u64 = 140;

/// What is known of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tier {
    /// Weights of all of its endpoints.
    pub total: u64,
    /// Weights of those that can serve.
    pub able: u64,
    /// Whether it is for emergencies only.
    pub backup: bool,
}

/// The share of each tier, in the order of preference, into `shares`: relative to their sum, which
/// is 0 if nobody can serve.
pub fn tier_shares(tiers: &[Tier], shares: &mut Vec<u64>) {
    const WHOLE: u64 = 10_000;
    shares.clear();
    let usual = tiers.iter().filter(|tier| !tier.backup && tier.able > 0).count();
    let mut left = WHOLE;
    for tier in tiers {
        let counts = tier.able > 0 && tier.total > 0 && (!tier.backup || usual == 0);
        let well = if counts {
            tier.able.saturating_mul(WHOLE * OVERPROVISIONING_PERCENT / 100) / tier.total
        } else {
            0
        };
        let share = if counts { well.min(left).max(u64::from(left == WHOLE)) } else { 0 };
        shares.push(share);
        left = left.saturating_sub(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tiers: &[(u64, u64)], backup: Option<(u64, u64)>, expected: &[u64]) {
        let tier = |(able, total): &(u64, u64)| Tier { able: *able, total: *total, backup: false };
        let mut all: Vec<_> = tiers.iter().map(tier).collect();
        all.extend(backup.map(|(able, total)| Tier { able, total, backup: true }));
        let mut shares = Vec::new();
        tier_shares(&all, &mut shares);
        assert_eq!(shares, expected, "{all:?}");
    }

    #[test]
    fn the_next_tier_helps_when_the_first_is_unwell() {
        check(&[(4, 4), (4, 4)], None, &[10_000, 0]);
        check(&[(3, 4), (4, 4)], None, &[10_000, 0]);
        check(&[(2, 4), (4, 4)], None, &[7_000, 3_000]);
        check(&[(1, 4), (1, 4)], None, &[3_500, 3_500]);
        check(&[(0, 4), (4, 4)], None, &[0, 10_000]);
        check(&[(0, 4), (0, 4)], None, &[0, 0]);
    }

    #[test]
    fn backups_serve_only_when_nobody_else_can() {
        check(&[(1, 4)], Some((2, 2)), &[3_500, 0]);
        check(&[(0, 4)], Some((2, 2)), &[0, 10_000]);
        check(&[], Some((1, 2)), &[7_000]);
    }
}
