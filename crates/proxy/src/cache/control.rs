//! `Cache-Control` of requests and responses (RFC 9111 §5.2, RFC 5861).

use std::time::Duration;

use trunkline_net::http::Head;

/// Longest time that is counted with: what is longer is as good as for ever (RFC 9111 §1.2.2).
const SECONDS_MAX: u64 = 1 << 31;

/// What the directives say. Those with fields (`private="x"`) are taken as if they had none: so
/// less is stored, and never too much.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive of its own")]
pub(super) struct Control {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(super) must_revalidate: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) s_maxage: Option<Duration>,
    pub(super) min_fresh: Option<Duration>,
    pub(super) max_stale: Option<Duration>,
    pub(super) stale_while_revalidate: Option<Duration>,
    pub(super) stale_if_error: Option<Duration>,
}

impl Control {
    /// Of a message. A request without the field may say `Pragma: no-cache` (§5.4).
    pub(super) fn of(head: &Head) -> Self {
        let mut control = Self::default();
        let mut any = false;
        for field in head.get_all("cache-control") {
            any = true;
            elements(field).for_each(|element| control.note(element));
        }
        if !any && head.has_element("pragma", "no-cache") {
            control.no_cache = true;
        }
        control
    }

    fn note(&mut self, element: &[u8]) {
        let mut parts = element.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let value = parts.next().map(<[u8]>::trim_ascii);
        // A time that cannot be read has passed (§4.2.1); of several, the shortest counts.
        let shorter = |known: Option<Duration>| {
            let read = seconds(value.unwrap_or_default()).unwrap_or_default();
            Some(known.map_or(read, |known| known.min(read)))
        };
        match name.as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" | b"proxy-revalidate" => self.must_revalidate = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => self.max_age = shorter(self.max_age),
            b"s-maxage" => self.s_maxage = shorter(self.s_maxage),
            b"min-fresh" => self.min_fresh = shorter(self.min_fresh),
            b"max-stale" => {
                let any = Duration::from_secs(SECONDS_MAX);
                self.max_stale = if value.is_none() { Some(any) } else { shorter(self.max_stale) };
            }
            b"stale-while-revalidate" => {
                self.stale_while_revalidate = shorter(self.stale_while_revalidate);
            }
            b"stale-if-error" => self.stale_if_error = shorter(self.stale_if_error),
            _ => {}
        }
    }
}

/// Elements of a list whose values may be quoted.
fn elements(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    field.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
}

/// Whole seconds, quoted or not.
pub(super) fn seconds(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim_matches('"');
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than fit are more than the greatest time.
    Some(Duration::from_secs(text.parse::<u64>().unwrap_or(SECONDS_MAX).min(SECONDS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    fn control(fields: &[&str]) -> Control {
        let mut head = Head::response(200, Version::Http11);
        for field in fields {
            head.append("Cache-Control", field.as_bytes());
        }
        Control::of(&head)
    }

    #[test]
    fn directives_are_read_in_every_form() {
        let read = control(&["Public, MAX-AGE=60", "s-maxage=\"30\" , x=\"a, no-store\""]);
        assert!(read.public && !read.no_store);
        assert_eq!(read.max_age, Some(Duration::from_secs(60)));
        assert_eq!(read.s_maxage, Some(Duration::from_secs(30)));
        assert!(control(&["private=\"set-cookie, x\", no-cache"]).private);
        assert_eq!(control(&["max-age=ten"]).max_age, Some(Duration::ZERO));
        assert_eq!(control(&["max-age=60, max-age=5"]).max_age, Some(Duration::from_secs(5)));
        assert_eq!(control(&["max-age=99999999999999999999"]).max_age.unwrap().as_secs(), 1 << 31);
        assert_eq!(control(&["max-stale"]).max_stale.unwrap().as_secs(), 1 << 31);
    }
}
