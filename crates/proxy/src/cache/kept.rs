//! The head of a stored response, in no more memory than it needs.
//!
//! A [`Head`] has its room from a pool, a few KiB whatever is in it: right for what lives as long as
//! an exchange, and many times the bound for what is kept by the thousand.

use trunkline_net::http::{Head, Version};

use crate::context::REQUEST_ID;

/// A head as it is stored.
#[derive(Debug)]
pub(super) struct Kept {
    status: u16,
    version: Version,
    /// Names and values, one behind the other.
    text: Box<[u8]>,
    /// Where each name and each value ends.
    ends: Box<[(u32, u32)]>,
}

impl Kept {
    /// Keeps a response's head, without the name of the exchange that it was the answer of.
    pub(super) fn of(head: &Head) -> Self {
        let (mut text, mut ends) = (Vec::new(), Vec::with_capacity(head.field_count()));
        let end = |text: &Vec<u8>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        for (name, value) in head.fields() {
            if name.eq_ignore_ascii_case(REQUEST_ID) {
                continue;
            }
            text.extend_from_slice(name.as_bytes());
            let name_end = end(&text);
            text.extend_from_slice(value);
            ends.push((name_end, end(&text)));
        }
        Self {
            status: head.status(),
            version: head.version(),
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// A head for an exchange.
    pub(super) fn head(&self) -> Head {
        let mut head = Head::response(self.status, self.version);
        self.fields().for_each(|(name, value)| head.append(name, value));
        head
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut begin = 0;
        self.ends.iter().map(move |(name_end, value_end)| {
            let (name_end, value_end) = (*name_end as usize, *value_end as usize);
            let name = self.text.get(begin..name_end).unwrap_or_default();
            let value = self.text.get(name_end..value_end).unwrap_or_default();
            begin = value_end;
            (std::str::from_utf8(name).unwrap_or_default(), value)
        })
    }

    /// Bytes of memory beside its own place.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_out_as_it_went_in_but_for_its_exchange() {
        let mut head = Head::response(404, Version::Http11);
        for (name, value) in [("Date", "now"), ("X-Request-Id", "7"), ("Link", "a"), ("link", "")] {
            head.append(name, value.as_bytes());
        }
        let kept = Kept::of(&head);
        let again = kept.head();
        let fields: Vec<_> = again.fields().collect();
        assert_eq!(fields, [("Date", &b"now"[..]), ("Link", b"a"), ("link", b"")]);
        assert_eq!((again.status(), kept.get("LINK")), (404, Some(&b"a"[..])));
        assert_eq!(kept.bytes(), "DatenowLinkalink".len() + 3 * 8);
    }
}
