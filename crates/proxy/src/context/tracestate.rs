//! The `tracestate` field: a list of what tracing systems carry along, passed on and bounded.
//!
//! Trunkline adds no member of its own. W3C Trace Context level 2, §3.3.

use trunkline_net::http::Head;

use super::TRACESTATE;

/// Most members of a list (§3.3.1.1); a longer list is dropped as a whole.
pub(super) const MEMBERS_MAX: usize = 32;
/// Most bytes that are passed on; at least 512 are asked for (§3.3.1.5).
pub(super) const BYTES_MAX: usize = 1_024;
/// Members above this length go first where the list is too long (§3.3.1.5).
const LONG_MEMBER_BYTES: usize = 128;
/// Longest key and longest value (§3.3.1.3).
const PART_BYTES_MAX: usize = 256;

/// Leaves one field with all members in order, or none if there is a member that is not one.
pub(super) fn tidy(request: &mut Head) {
    let joined = joined(request.get_all(TRACESTATE));
    match joined {
        Some(list) => request.set(TRACESTATE, list.as_bytes()),
        None => request.remove(TRACESTATE),
    }
}

/// All members of all fields as one list; `None` for nothing, or for what is not a list.
fn joined<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    for field in fields {
        let list = std::str::from_utf8(field).ok()?;
        for member in list.split(',').map(|m| m.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            if members.len() == MEMBERS_MAX || !is_member(member) {
                return None;
            }
            members.push(member);
        }
    }
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>();
    if length(&members) > BYTES_MAX {
        members.retain(|member| member.len() <= LONG_MEMBER_BYTES);
    }
    while length(&members) > BYTES_MAX {
        members.pop();
    }
    (!members.is_empty()).then(|| members.join(","))
}

/// `key=value`, with the characters of level 2.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let key_byte = |byte: u8| letter(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    let value_byte = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    key.bytes().next().is_some_and(letter)
        && key.len() <= PART_BYTES_MAX
        && key.bytes().all(key_byte)
        && !value.is_empty()
        && value.len() <= PART_BYTES_MAX
        && value.bytes().all(value_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(fields: &[&str]) -> Option<String> {
        joined(fields.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn several_fields_become_one_list_in_order() {
        assert_eq!(join(&["a=1, b=2", "", "c@d=x y,"]).as_deref(), Some("a=1,b=2,c@d=x y"));
        assert_eq!(join(&[]), None);
        assert_eq!(join(&[" , "]), None);
    }

    #[test]
    fn a_list_with_a_broken_member_is_dropped() {
        for broken in ["a", "A=1", "=1", "a=", "a=1=2", "a=\u{e9}", "-a=1", "a=1;b\u{1}=2"] {
            assert_eq!(join(&["ok=1", broken]), None, "{broken}");
        }
    }

    #[test]
    fn at_most_32_members_are_a_list() {
        let list = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("k{n}=v")).collect();
            join(&[&members.join(",")])
        };
        assert!(list(MEMBERS_MAX).is_some());
        assert!(list(MEMBERS_MAX + 1).is_none());
    }

    #[test]
    fn a_long_list_loses_long_members_first_and_then_the_oldest() {
        let long = format!("long={}", "x".repeat(200));
        let short: Vec<_> = (0..10).map(|n| format!("k{n}={}", "y".repeat(95))).collect();
        let kept = join(&[&long, &short.join(",")]).unwrap();
        assert!(!kept.contains("long") && kept.starts_with("k0=") && kept.contains("k9="));

        let many: Vec<_> = (0..20).map(|n| format!("k{n}={}", "y".repeat(95))).collect();
        let kept = join(&[&many.join(",")]).unwrap();
        assert!(kept.len() <= BYTES_MAX && kept.contains("k0=") && !kept.contains("k19="));
    }
}
