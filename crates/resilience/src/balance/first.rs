//! First: fill endpoints in the order they are written, each up to its limit.
//!
//! For what is paid by the machine: the later ones stay idle and can be switched off. Only useful
//! with a limit of simultaneous requests per endpoint, which the caller's closure knows. The method
//! is HAProxy's `first`.

/// The first of `endpoints` positions that may be picked.
pub fn first(endpoints: usize, is_eligible: impl Fn(usize) -> bool) -> Option<usize> {
    (0..endpoints).find(|position| is_eligible(*position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_is_used_when_the_former_is_full() {
        assert_eq!(first(3, |_| true), Some(0));
        assert_eq!(first(3, |i| i > 0), Some(1));
        assert_eq!(first(3, |_| false), None);
        assert_eq!(first(0, |_| true), None);
    }
}
