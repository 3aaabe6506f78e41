//! Which form of an answer a caller prefers (RFC 9110 §12.5.1).

use trunkline_net::http::Head;

/// The forms of an explained answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A problem document.
    Json,
    /// A page.
    Html,
    /// Plain text.
    Text,
}

/// Most media ranges of one request that are looked at.
const RANGES_MAX: usize = 32;

impl Form {
    /// In the order of preference among equals: programs say `*/*`, browsers name HTML.
    const ALL: [Self; 3] = [Self::Json, Self::Html, Self::Text];

    /// The field value it is sent with.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/problem+json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// How closely a range names this form: 0 for not at all.
    fn closeness(self, range: &str) -> u8 {
        let named = match self {
            Self::Json => ["application/problem+json", "application/json"].as_slice(),
            Self::Html => &["text/html", "application/xhtml+xml"],
            Self::Text => &["text/plain"],
        };
        let family = match self {
            Self::Json => "application/*",
            Self::Html | Self::Text => "text/*",
        };
        if named.iter().any(|name| range.eq_ignore_ascii_case(name)) {
            3
        } else if range.eq_ignore_ascii_case(family) {
            2
        } else {
            u8::from(range == "*/*")
        }
    }
}

/// The form that the request's `Accept` fields prefer. A request that takes none of them gets JSON
/// nevertheless: an answer in the wrong form tells more than none.
pub(super) fn preferred(request: &Head) -> Form {
    let ranges: Vec<(&str, u16)> = request
        .get_all("accept")
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .take(RANGES_MAX)
        .collect();
    let mut best = (Form::Json, 0);
    for form in Form::ALL {
        // The range that names the form most closely decides, not the one with most weight.
        let closest = ranges
            .iter()
            .filter(|(range, _)| form.closeness(range) > 0)
            .max_by_key(|(range, _)| form.closeness(range));
        let weight = closest.map_or(0, |(_, weight)| *weight);
        if weight > best.1 {
            best = (form, weight);
        }
    }
    best.0
}

/// A media range without parameters, and its weight in thousandths.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1_000), |(_, value)| weight(value.trim()));
    Some((range, weight?))
}

/// `0.85` as 850 (RFC 9110 §12.4.2: at most three decimals).
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let fits = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" => Some(1_000),
        "0" if fits => format!("{decimals:0<3}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    fn check(accept: &str, expected: Form) {
        let mut head = Head::request("GET", "/", Version::Http11);
        head.append("Accept", accept.as_bytes());
        assert_eq!(preferred(&head), expected, "{accept}");
    }

    #[test]
    fn browsers_get_a_page_and_programs_a_document() {
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html);
        check("*/*", Form::Json);
        check("application/json, text/plain, */*", Form::Json);
        check("", Form::Json);
    }

    #[test]
    fn weights_decide_and_the_closest_range_gives_the_weight() {
        check("text/html;q=0.5, text/plain", Form::Text);
        check("text/*, text/html;q=0.1", Form::Text);
        check("application/json;q=0, */*", Form::Html);
        check("text/plain;q=0.001, application/json;q=0", Form::Text);
        check("image/png", Form::Json);
        check("text/html;q=x, text/plain;q=0.2", Form::Text);
    }
}
