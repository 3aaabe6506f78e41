//! Which text a scraper gets: OpenMetrics, unless it prefers Prometheus' older one.

use http::{HeaderMap, header};

use super::Format;

/// The format that `Accept` (RFC 9110 §12.5.1) prefers; OpenMetrics where it has no preference.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut open, mut plain, mut any) = (None, None, None);
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut quality = 1.0_f32;
        let mut version = None;
        for part in parts {
            match part.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("q") => {
                    quality = value.parse().unwrap_or(0.0);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("version") => {
                    version = Some(value);
                }
                _ => {}
            }
        }
        let slot = match (kind.as_str(), version) {
            // Another version than the one we write is not what was asked for.
            ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => &mut open,
            ("text/plain", None | Some("0.0.4")) => &mut plain,
            ("*/*", _) => &mut any,
            _ => continue,
        };
        *slot = Some(quality.max(slot.unwrap_or(0.0)));
    }
    let of = |own: Option<f32>| own.or(any).unwrap_or(0.0);
    if of(plain) > of(open) { Format::Prometheus } else { Format::OpenMetrics }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, expect: Format) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(format(&headers), expect, "{accept}");
    }

    #[test]
    fn the_preferred_format_wins_and_openmetrics_a_tie() {
        assert_eq!(format(&HeaderMap::new()), Format::OpenMetrics);
        check("*/*", Format::OpenMetrics);
        check("text/plain", Format::Prometheus);
        check("text/plain;version=0.0.4;q=0.3, */*;q=0.1", Format::Prometheus);
        check(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            Format::OpenMetrics,
        );
        check("application/openmetrics-text;version=2.0.0,text/plain;q=0.3", Format::Prometheus);
        check("text/html,*/*;q=0.8", Format::OpenMetrics);
        check("application/openmetrics-text;q=0,*/*", Format::Prometheus);
    }
}
