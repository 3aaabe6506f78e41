//! The `tracestate` field: a list of what tracing systems carry along, passed on and bounded.
//!
//! W3C Trace Context level 2, §3.3. Several fields are one list. A list with a member that is not
//! one, with two members of one key or with more than 32 members is dropped as a whole. At most
//! 1 024 bytes go out. A list in one field of which nothing changes goes out as it came.

use trunkline_model::trace::Threshold;
use trunkline_net::http::Head;

use super::TRACESTATE;
use super::ot::{self, Ot};
use super::text::Text;

/// Most members of a list (§3.3.1.1).
pub(super) const MEMBERS_MAX: usize = 32;
/// Most bytes that are passed on; at least 512 are asked for (§3.3.1.5).
pub(super) const BYTES_MAX: usize = 1_024;
/// Members above this length go first where the list is too long (§3.3.1.5).
const LONG_MEMBER_BYTES: usize = 128;
/// Longest key and longest value (§3.3.1.3).
const PART_BYTES_MAX: usize = 256;

/// The list of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State<'a> {
    /// The members in order; those behind `count` are empty.
    members: [&'a [u8]; MEMBERS_MAX],
    count: usize,
    /// Where OpenTelemetry's is.
    ot: Option<usize>,
    /// Bytes that were received, spaces and empty members included.
    received: usize,
    fields: usize,
}

/// What becomes of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Drop,
    Set,
}

impl<'a> State<'a> {
    /// The list of a request; `None` for what is not one.
    pub(super) fn read(fields: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut state = Self::default();
        for field in fields {
            state.fields += 1;
            state.received += field.len();
            for member in field.split(|byte| *byte == b',').map(trim) {
                if !member.is_empty() {
                    state.add(member)?;
                }
            }
        }
        Some(state)
    }

    fn add(&mut self, member: &'a [u8]) -> Option<()> {
        let key = key(member)?;
        if self.all().any(|other| self::key(other) == Some(key)) {
            return None;
        }
        if key == ot::KEY {
            self.ot = Some(self.count);
        }
        *self.members.get_mut(self.count)? = member;
        self.count += 1;
        Some(())
    }

    fn all(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.members.iter().copied().take(self.count)
    }

    /// OpenTelemetry's member.
    pub(super) fn ot(&self) -> Ot<'a> {
        let member = self.ot.and_then(|at| self.members.get(at)).copied().unwrap_or_default();
        Ot(member.get(ot::KEY.len() + 1..).unwrap_or_default())
    }

    /// Writes the list with this threshold, or without any, where that differs from what came. A
    /// member that changes goes to the front (§3.5).
    fn write(&self, threshold: Option<Threshold>, out: &mut Text<BYTES_MAX>) -> Change {
        let member = self.ot().with(threshold);
        if member.is_none() && self.fields <= 1 && self.received <= BYTES_MAX {
            return if self.count > 0 || self.fields == 0 { Change::None } else { Change::Drop };
        }
        let own = member.as_ref().map(Text::as_bytes);
        let replaced = own.and(self.ot);
        let others = self.all().enumerate().filter(|(at, _)| Some(*at) != replaced);
        let members = own.filter(|own| !own.is_empty()).into_iter().chain(others.map(|(_, m)| m));
        let members = members.take(MEMBERS_MAX);
        let whole: usize = members.clone().map(|member| member.len() + 1).sum();
        let short = whole > BYTES_MAX + 1;
        for member in members.filter(|member| !short || member.len() <= LONG_MEMBER_BYTES) {
            let comma = usize::from(out.len() > 0);
            if out.len() + comma + member.len() > BYTES_MAX {
                break;
            }
            let _ = (comma == 0 || out.push(b",")) && out.push(member);
        }
        if out.len() > 0 { Change::Set } else { Change::Drop }
    }

    /// Leaves what goes on with the request: this list with this threshold.
    pub(super) fn settle(&self, threshold: Option<Threshold>) -> Settled {
        let mut text = Text::new();
        let change = self.write(threshold, &mut text);
        Settled { change, text }
    }
}

/// A list that is ready to go out.
pub(super) struct Settled {
    change: Change,
    text: Text<BYTES_MAX>,
}

impl Settled {
    /// Puts it into the request.
    pub(super) fn put(&self, request: &mut Head) {
        match self.change {
            Change::None => {}
            Change::Drop => request.remove(TRACESTATE),
            Change::Set => request.set(TRACESTATE, self.text.as_bytes()),
        }
    }
}

/// Leaves the list of a trace that starts here, or whose list nobody can read.
pub(super) fn restart(request: &mut Head, threshold: Option<Threshold>) {
    match Ot::default().with(threshold) {
        Some(member) => request.set(TRACESTATE, member.as_bytes()),
        None => request.remove(TRACESTATE),
    }
}

fn trim(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

/// The key of a member `key=value`, with the characters of level 2; `None` if it is not one.
fn key(member: &[u8]) -> Option<&[u8]> {
    let (key, value) = member.split_at_checked(member.iter().position(|byte| *byte == b'=')?)?;
    let (first, value) = (key.first()?, value.get(1..)?);
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let key_byte = |byte: &u8| letter(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    let value_byte = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'=';
    let right = letter(first)
        && key.len() <= PART_BYTES_MAX
        && key.iter().all(key_byte)
        && !value.is_empty()
        && value.len() <= PART_BYTES_MAX
        && value.iter().all(value_byte);
    right.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    /// The fields after a request with these went on with this threshold.
    fn settled(fields: &[&str], threshold: &str) -> Vec<String> {
        let fields: Vec<_> = fields.iter().map(|field| ("TraceState", field)).collect();
        let mut head = head(&fields);
        let state = State::read(head.get_all(TRACESTATE)).expect("a list");
        let settled = state.settle(Threshold::parse(threshold.as_bytes()));
        settled.put(&mut head);
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        head.get_all(TRACESTATE).map(text).collect()
    }

    fn is_list(fields: &[&str]) -> bool {
        State::read(fields.iter().map(|field| field.as_bytes())).is_some()
    }

    #[test]
    fn several_fields_become_one_list_in_order() {
        assert_eq!(settled(&["a=1, b=2", "", "c@d=x y,"], ""), ["a=1,b=2,c@d=x y"]);
        assert_eq!(settled(&["a=1 ,\t b=2"], ""), ["a=1 ,\t b=2"]);
        assert!(settled(&[], "").is_empty());
        assert!(settled(&[" , "], "").is_empty());
        assert!(settled(&["", ""], "").is_empty());
    }

    #[test]
    fn a_list_with_a_broken_member_or_a_key_twice_is_none() {
        for broken in
            ["a", "A=1", "=1", "a=", "a=1=2", "a=\u{e9}", "-a=1", "@a=1", "a=1;b\u{1}=2", "ok=2"]
        {
            assert!(!is_list(&["ok=1", broken]), "{broken}");
        }
        assert!(!is_list(&["a=1,b=2,a=1"]));
        assert!(is_list(&["a@=1,a@@b=1,a@b@c=1,0=1"]));
        let long = |key: usize, value: usize| format!("{}={}", "k".repeat(key), "v".repeat(value));
        assert!(is_list(&[&long(256, 256)]));
        assert!(!is_list(&[&long(257, 1)]) && !is_list(&[&long(1, 257)]));
    }

    #[test]
    fn at_most_32_members_are_a_list() {
        let list = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("k{n}=v")).collect();
            members.join(",")
        };
        assert!(is_list(&[&list(MEMBERS_MAX)]));
        assert!(!is_list(&[&list(MEMBERS_MAX + 1)]));
        // One of ours goes to the front, and the last one goes.
        let out = settled(&[&list(MEMBERS_MAX)], "c");
        assert!(out[0].starts_with("ot=th:c,k0=v,") && out[0].ends_with(",k30=v"), "{out:?}");
    }

    #[test]
    fn a_threshold_is_written_to_the_front_and_taken_away() {
        assert_eq!(settled(&[], "0"), ["ot=th:0"]);
        assert_eq!(settled(&["a=1"], "c"), ["ot=th:c,a=1"]);
        assert_eq!(settled(&["a=1,ot=th:8;rv:1"], "c"), ["ot=th:c;rv:1,a=1"]);
        assert_eq!(settled(&["a=1,ot=th:8;rv:1"], "8"), ["a=1,ot=th:8;rv:1"]);
        assert_eq!(settled(&["a=1,ot=th:8;rv:1"], ""), ["ot=rv:1,a=1"]);
        assert_eq!(settled(&["a=1,ot=th:8"], ""), ["a=1"]);
        assert!(settled(&["ot=th:8"], "").is_empty());
    }

    #[test]
    fn a_long_list_loses_long_members_first_and_then_the_oldest() {
        let long = format!("long={}", "x".repeat(200));
        let short: Vec<_> = (0..10).map(|n| format!("k{n}={}", "y".repeat(95))).collect();
        let kept = settled(&[&long, &short.join(",")], "").remove(0);
        assert!(!kept.contains("long") && kept.starts_with("k0=") && kept.contains("k9="));

        let many: Vec<_> = (0..20).map(|n| format!("k{n}={}", "y".repeat(95))).collect();
        let kept = settled(&[&many.join(",")], "").remove(0);
        assert!(kept.len() <= BYTES_MAX && kept.contains("k0=") && !kept.contains("k19="));
        let exact = format!("a={},b={}", "x".repeat(256), "y".repeat(256));
        assert_eq!(settled(&[&exact, "c=1"], ""), [format!("{exact},c=1")]);
    }
}
