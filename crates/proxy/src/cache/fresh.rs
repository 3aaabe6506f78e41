//! What may be stored, how long it is fresh, and how old it is (RFC 9111 §3 and §4.2).

use std::time::{Duration, SystemTime};

use trunkline_net::http::Head;

use super::control::{Control, seconds};

/// Statuses that may be stored without explicit freshness (RFC 9110 §15.1), without 206.
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
/// The part of a representation's age at which it is taken for fresh: one in so many (§4.2.2).
const HEURISTIC_PART: u32 = 10;
/// The most of it.
const HEURISTIC_MAX: Duration = Duration::from_hours(24);

/// How long a stored response is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// How long it is fresh.
    pub(super) lifetime: Duration,
    /// How old it was when it arrived.
    pub(super) age: Duration,
}

/// The times of a response to this request that may be stored; `None` for one that may not.
/// `delay` is how long it took to come.
pub(super) fn storable(
    request: &Head,
    response: &Head,
    control: &Control,
    (now, delay): (SystemTime, Duration),
) -> Option<Times> {
    let status = response.status();
    let shared = !control.no_store && !control.private;
    let varies = response.has_element("vary", "*");
    if !shared
        || is_callers(request, response, control)
        || varies
        || matches!(status, 100..=199 | 206 | 304)
    {
        return None;
    }
    let lifetime = lifetime(response, control, now)?;
    let times = Times { lifetime, age: age(response, now, delay) };
    // What is never fresh is worth storing only if it can be asked about.
    let can_be_asked = response.has("etag") || response.has("last-modified");
    (!lifetime.is_zero() || can_be_asked).then_some(times)
}

/// Whether an answer is its caller's alone for what the caller is, which says nothing of what
/// others are answered: it sets a cookie, or answers credentials without a word that allows it to
/// be shared (§3.5).
pub(super) fn is_callers(request: &Head, response: &Head, control: &Control) -> bool {
    let allowed = control.public || control.must_revalidate || control.s_maxage.is_some();
    response.has("set-cookie") || (request.has("authorization") && !allowed)
}

fn lifetime(response: &Head, control: &Control, now: SystemTime) -> Option<Duration> {
    if control.no_cache {
        return Some(Duration::ZERO);
    }
    let explicit = control.s_maxage.or(control.max_age);
    if explicit.is_some() {
        return explicit;
    }
    let date = date(response, "date").unwrap_or(now);
    if response.has("expires") {
        // One that cannot be read has passed (§5.3).
        let expires = self::date(response, "expires").unwrap_or(SystemTime::UNIX_EPOCH);
        return Some(expires.duration_since(date).unwrap_or_default());
    }
    if !HEURISTIC.contains(&response.status()) {
        return None;
    }
    let modified = self::date(response, "last-modified")?;
    let old = date.duration_since(modified).ok()?;
    Some((old / HEURISTIC_PART).min(HEURISTIC_MAX))
}

/// §4.2.3.
fn age(response: &Head, now: SystemTime, delay: Duration) -> Duration {
    let apparent = date(response, "date").and_then(|date| now.duration_since(date).ok());
    let told = response.get("age").and_then(seconds).unwrap_or_default();
    apparent.unwrap_or_default().max(told + delay)
}

/// A field that is a date.
pub(super) fn date(head: &Head, name: &str) -> Option<SystemTime> {
    read_date(head.get(name)?)
}

/// The value of one.
pub(super) fn read_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    const NOW: &str = "Thu, 01 Jan 2026 12:00:00 GMT";

    fn check(
        request: &[(&str, &str)],
        status: u16,
        response: &[(&str, &str)],
    ) -> Option<(u64, u64)> {
        let mut asked = Head::request("GET", "/", Version::Http11);
        for (name, value) in request {
            asked.append(name, value.as_bytes());
        }
        let mut head = Head::response(status, Version::Http11);
        for (name, value) in response {
            head.append(name, value.as_bytes());
        }
        let now = httpdate::parse_http_date(NOW).unwrap();
        let control = Control::of(&head);
        let times = storable(&asked, &head, &control, (now, Duration::from_secs(1)))?;
        Some((times.lifetime.as_secs(), times.age.as_secs()))
    }

    #[test]
    fn freshness_comes_from_the_strongest_word() {
        fn age(field: &[(&str, &str)]) -> Option<(u64, u64)> {
            check(&[], 200, field)
        }
        assert_eq!(age(&[("cache-control", "max-age=60")]), Some((60, 1)));
        assert_eq!(age(&[("cache-control", "max-age=60, s-maxage=5")]), Some((5, 1)));
        let expires = ("expires", "Thu, 01 Jan 2026 12:01:00 GMT");
        assert_eq!(age(&[("date", NOW), expires]), Some((60, 1)));
        assert_eq!(age(&[expires, ("cache-control", "max-age=7")]), Some((7, 1)));
        assert_eq!(age(&[("expires", "0")]), None, "passed, and cannot be asked about");
        assert_eq!(age(&[("expires", "0"), ("etag", "\"a\"")]), Some((0, 1)));
        // A tenth of ten hours, and never more than a day.
        let modified = ("last-modified", "Thu, 01 Jan 2026 02:00:00 GMT");
        assert_eq!(age(&[("date", NOW), modified]), Some((3_600, 1)));
        let old = ("last-modified", "Thu, 01 Jan 2015 02:00:00 GMT");
        assert_eq!(age(&[("date", NOW), old]), Some((86_400, 1)));
        assert_eq!(check(&[], 500, &[modified]), None);
        assert_eq!(check(&[], 500, &[("cache-control", "max-age=5")]), Some((5, 1)));
        assert_eq!(age(&[]), None);
    }

    #[test]
    fn age_counts_from_the_origin() {
        let fresh = ("cache-control", "max-age=60");
        assert_eq!(check(&[], 200, &[fresh, ("age", "10")]), Some((60, 11)));
        let date = ("date", "Thu, 01 Jan 2026 11:59:30 GMT");
        assert_eq!(check(&[], 200, &[fresh, date]), Some((60, 30)));
        assert_eq!(check(&[], 200, &[fresh, date, ("age", "40")]), Some((60, 41)));
    }

    #[test]
    fn what_is_not_for_all_is_not_stored() {
        let fresh = ("cache-control", "max-age=60");
        for field in [
            ("cache-control", "private"),
            ("cache-control", "no-store"),
            ("set-cookie", "a=1"),
            ("vary", "accept, *"),
        ] {
            assert_eq!(check(&[], 200, &[fresh, field]), None, "{field:?}");
        }
        let credentials = [("authorization", "Basic x")];
        assert_eq!(check(&credentials, 200, &[fresh]), None);
        for word in ["public", "must-revalidate", "s-maxage=60"] {
            assert!(check(&credentials, 200, &[fresh, ("cache-control", word)]).is_some());
        }
        assert_eq!(check(&[], 206, &[fresh]), None);
    }
}
