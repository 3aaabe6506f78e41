//! The `baggage` field: what applications carry along. It passes untouched, within a bound.
//!
//! Up to 8 192 bytes must pass (W3C Baggage, §3.3.2); of what is longer whole members pass, as many
//! as fit, from the front.

use trunkline_net::http::Head;

/// Name of the field.
const BAGGAGE: &str = "baggage";
/// Most bytes of all members, commas included.
const BYTES_MAX: usize = 8_192;

/// Cuts what is too long.
pub(super) fn bound(request: &mut Head) {
    if !request.has(BAGGAGE) {
        return;
    }
    let fields = || request.get_all(BAGGAGE);
    if fields().map(|field| field.len() + 1).sum::<usize>() <= BYTES_MAX + 1 {
        return;
    }
    let mut kept = Vec::with_capacity(BYTES_MAX);
    let members = fields().flat_map(|field| field.split(|byte| *byte == b','));
    for member in members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()) {
        let comma = usize::from(!kept.is_empty());
        if kept.len() + comma + member.len() > BYTES_MAX {
            break;
        }
        kept.extend_from_slice(b",".get(..comma).unwrap_or_default());
        kept.extend_from_slice(member);
    }
    match kept.as_slice() {
        [] => request.remove(BAGGAGE),
        kept => request.set(BAGGAGE, kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    fn bounded(fields: &[&str]) -> Vec<String> {
        let fields: Vec<_> = fields.iter().map(|field| ("Baggage", field)).collect();
        let mut head = head(&fields);
        bound(&mut head);
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        head.get_all(BAGGAGE).map(text).collect()
    }

    #[test]
    fn what_fits_passes_byte_by_byte() {
        let long = format!("k={}", "v".repeat(BYTES_MAX - 2));
        for fields in [&["a=1;x, b = 2", "not even a list"][..], &[&long], &[""]] {
            assert_eq!(bounded(fields), fields);
        }
    }

    #[test]
    fn of_what_is_longer_whole_members_pass() {
        let long = format!("k={}", "v".repeat(BYTES_MAX));
        assert!(bounded(&[&long]).is_empty());
        assert_eq!(bounded(&["a=1, b=2", &long]), ["a=1,b=2"]);
    }
}
