//! The nearest name, for "did you mean".

/// The candidate most like `name`, if one is near enough to be a typing error: at most a third of
/// its letters differ, or one starts with the other.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    // Long texts are never typing errors of a key, and their distance would be costly.
    if lower.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 64)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let longest = lower.chars().count().max(candidate.chars().count());
            *distance <= (longest / 3).max(1) && *distance < longest || is_start(&lower, candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn is_start(name: &str, candidate: &str) -> bool {
    name.len() >= 3
        && candidate.len() >= 3
        && (candidate.starts_with(name) || name.starts_with(candidate))
}

/// Optimal string alignment distance: insertions, deletions, changes and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let change = at(&last, j) + usize::from(from != to);
            let mut best = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        let words = ["payments", "postgres", "orders", "calls"];
        assert_eq!(nearest("payment", words), Some("payments"));
        assert_eq!(nearest("odrers", words), Some("orders"));
        assert_eq!(nearest("Calls", words), Some("calls"));
        assert_eq!(nearest("inventory", words), None);
        assert_eq!(nearest("x", words), None);
    }
}
