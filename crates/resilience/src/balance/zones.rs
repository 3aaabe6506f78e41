//! Zones: near endpoints first, as far as that does not overload them.
//!
//! Callers are assumed to be spread evenly over the zones that have endpoints. If the own zone has
//! its fair part of the capacity, all traffic stays; else it takes what it can, and the rest goes
//! to zones that have more than their part (Envoy's rule for zone aware routing). An own zone of
//! which too few can serve is no preference at all.

/// What is known of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Zone {
    /// Weights of all of its endpoints.
    pub total: u64,
    /// Weights of those that can serve.
    pub able: u64,
    /// Whether it is the own one.
    pub own: bool,
}

/// The share of each zone into `shares`, relative to their sum. `least_percent`: the part of the
/// own zone that must be able to serve for it to be preferred.
pub fn zone_shares(zones: &[Zone], least_percent: u64, shares: &mut Vec<u64>) {
    shares.clear();
    let able: u64 = zones.iter().map(|zone| zone.able).sum();
    let count = zones.iter().filter(|zone| zone.able > 0).count();
    let count = u64::try_from(count).unwrap_or(1);
    let own = zones
        .iter()
        .find(|zone| zone.own && zone.able > 0 && zone.able * 100 >= zone.total * least_percent);
    let Some(own) = own.filter(|_| count > 1) else {
        shares.extend(zones.iter().map(|zone| zone.able));
        return;
    };
    // All in parts of `able * count`, to stay with whole numbers: the fair part is `able`.
    let stays = (own.able * count).min(able);
    let more = |zone: &Zone| (zone.able * count).saturating_sub(able);
    let rest: u64 = zones.iter().filter(|zone| !zone.own).map(more).sum();
    for zone in zones {
        let share = if zone.own {
            u128::from(stays) * u128::from(rest.max(1))
        } else {
            u128::from(able - stays) * u128::from(more(zone))
        };
        shares.push(u64::try_from(share).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zones: &[(u64, u64)], own: usize, expected: &[f64]) {
        let zone = |(at, (able, total)): (usize, &(u64, u64))| Zone {
            able: *able,
            total: *total,
            own: at == own,
        };
        let all: Vec<_> = zones.iter().enumerate().map(zone).collect();
        let mut shares = Vec::new();
        zone_shares(&all, 50, &mut shares);
        let sum: u64 = shares.iter().sum();
        for (share, expected) in shares.iter().zip(expected) {
            let part = u32::try_from(share * 10_000 / sum).unwrap();
            assert!((f64::from(part) / 10_000.0 - expected).abs() < 0.001, "{all:?}: {shares:?}");
        }
    }

    #[test]
    fn traffic_stays_when_the_own_zone_has_its_part() {
        check(&[(2, 2), (2, 2)], 0, &[1.0, 0.0]);
        check(&[(4, 4), (2, 2)], 0, &[1.0, 0.0]);
    }

    #[test]
    fn what_the_own_zone_cannot_carry_goes_where_there_is_more() {
        // The own zone has a fifth of the capacity and should have a half: two fifths stay.
        check(&[(1, 1), (4, 4)], 0, &[0.4, 0.6]);
        check(&[(1, 1), (4, 4), (4, 4)], 0, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn an_unwell_or_unknown_own_zone_is_no_preference() {
        check(&[(1, 4), (3, 3)], 0, &[0.25, 0.75]);
        check(&[(2, 2), (2, 2)], 9, &[0.5, 0.5]);
    }
}
