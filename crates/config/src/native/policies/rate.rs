//! `rate_limiter`: `100/s`, `true`, or a map.

use std::fmt;
use std::time::Duration;

use trunkline_config_derive::Decode;
use trunkline_model::service::policies::RateLimiter;
use trunkline_model::units::{format_duration, parse_duration};

use super::forms::short_forms;
use super::raw::ShareWord;
use crate::decode::{Context, Decode, Given, Period, Shape, Shapes, Spanned, wrong_type};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Node, Value};

/// So many calls in each period, of all callers together.
#[derive(Debug, Clone, Decode)]
#[config(what = "`rate_limiter`")]
pub struct RawRateLimiter {
    /// Calls in each period: `100/s`, `10/100ms`, or a number beside `period`. Resilience4j's
    /// `limitForPeriod`.
    #[config(alias = "limitForPeriod", default = defaults::RATE_LIMIT)]
    pub limit: Given<RateForm>,
    /// The period. Resilience4j's `limitRefreshPeriod`.
    #[config(alias = "limitRefreshPeriod")]
    pub period: Option<Spanned<Period>>,
    /// The longest wait for a period that has calls left. Resilience4j's `timeoutDuration`.
    #[config(alias = "timeoutDuration", default = defaults::RATE_WAIT)]
    pub max_wait: Period,
    /// Who has the same state: the `local` process, or all of the `cluster`.
    #[config(default = ShareWord::Local)]
    pub share: ShareWord,
    /// Only counts what it would have refused.
    #[config(default = false)]
    pub dry_run: bool,
}

short_forms! {
    /// `rate_limiter: 100/s`, `rate_limiter: true`.
    RateLimiterForm(RawRateLimiter) = limit: RateForm;
}

/// So many per period; per second, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateForm {
    /// How many.
    pub count: u32,
    /// In which time, where that is said.
    pub period: Option<Duration>,
}

impl fmt::Display for RateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.period {
            None => self.count.fmt(f),
            Some(period) if period == Duration::from_secs(1) => write!(f, "{}/s", self.count),
            Some(period) => write!(f, "{}/{}", self.count, format_duration(period)),
        }
    }
}

fn parse(text: &str) -> Option<RateForm> {
    let Some((count, period)) = text.split_once('/') else {
        return Some(RateForm { count: text.trim().parse().ok()?, period: None });
    };
    let (count, period) = (count.trim().parse().ok()?, period.trim());
    // A unit alone is one of it.
    let one = period.starts_with(|first: char| first.is_ascii_alphabetic());
    let period = if one { format!("1{period}") } else { period.to_owned() };
    Some(RateForm { count, period: Some(parse_duration(&period).ok()?) })
}

impl Decode for RateForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let written = matches!(node.value, Value::Int(_) | Value::String(_));
        let text =
            written.then(|| node.as_str().unwrap_or_else(|| context.sources.slice(node.span)));
        let rate = text.and_then(parse);
        if rate.is_none() {
            context.diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "a rate is so many calls in a time")
                    .at(node.span, "not a rate")
                    .hint("write `100/s`, `10/100ms` or `1000/m`"),
            );
        }
        rate
    }

    fn shape(_: &mut Shapes) -> Shape {
        let rate = Shape::Text { what: "rate", example: "100/s" };
        Shape::OneOf(vec![rate, Shape::Int { min: 1, max: i64::from(u32::MAX) }])
    }
}

/// The policy.
pub(super) fn lower(
    written: &Spanned<RateLimiterForm>,
    diagnostics: &mut Diagnostics,
) -> RateLimiter {
    let raw = &written.value.0;
    let RateForm { count, period } = raw.limit.value;
    if let (Some(_), Some(twice)) = (period, raw.period) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "the period is said twice")
                .at(twice.span, "here")
                .also(raw.limit.span.unwrap_or(written.span), "and here"),
        );
    }
    let period =
        period.or(raw.period.map(|period| period.value.0)).unwrap_or(defaults::RATE_PERIOD);
    if count == 0 || period.is_zero() || period > defaults::RATE_PERIOD_MAX {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "a rate is at least 1 call in at most a day")
                .at(raw.limit.span.unwrap_or(written.span), "nobody could come through")
                .hint("write `100/s`, `10/100ms` or `1000/m`"),
        );
    }
    RateLimiter {
        limit: count,
        period,
        max_wait: raw.max_wait.0,
        shared: raw.share.into(),
        dry_run: raw.dry_run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        for text in ["100/s", "10/100ms", "1000/1m", "7"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("1000/m"), parse("1000/1m"));
        for wrong in ["", "/s", "x/s", "5/", "-1/s", "5/x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
