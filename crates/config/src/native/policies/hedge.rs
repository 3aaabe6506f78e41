//! `hedge`: `p95`, `50ms`, `average+20%`, `true`, or a map.

use std::fmt;
use std::time::Duration;

use trunkline_config_derive::Decode;
use trunkline_model::service::policies::{Hedge, HedgeDelay, Shared};
use trunkline_model::units::{Share, format_duration, parse_duration};

use super::forms::{BudgetForm, MethodsForm, short_forms};
use crate::decode::{Context, Decode, Given, Shape, Shapes, Spanned, wrong_type};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Node, Value};

/// Further attempts beside the first; each costs the service as much as a request.
const HEDGES_MAX: u32 = 4;

/// A second attempt beside one that takes long; the first good answer wins, and the other attempt is
/// cancelled.
#[derive(Debug, Clone, Decode)]
#[config(what = "`hedge`")]
pub struct RawHedge {
    /// After how long it is made: `50ms`; `p95`, within which so many of the last 100 calls ended;
    /// `average+20%` or `average+10ms` of them.
    #[config(default = defaults::HEDGE_DELAY)]
    pub delay: Given<DelayForm>,
    /// Further attempts at most; each waits for the delay again.
    #[config(default = defaults::HEDGE_MAX)]
    pub max: Given<u32>,
    /// Requests that may be made twice: `idempotent`, `all`, or a list of methods.
    #[config(default = defaults::RETRY_METHODS)]
    pub methods: MethodsForm,
    /// Hedges per calls, over the whole service: `5%`, or `{ share, min_per_second, ttl }`.
    #[config(default = defaults::HEDGE_BUDGET)]
    pub budget: BudgetForm,
    /// Only counts the hedges that it would have made.
    #[config(default = false)]
    pub dry_run: bool,
}

short_forms! {
    /// `hedge: p95`, `hedge: true`.
    HedgeForm(RawHedge) = delay: DelayForm;
}

/// After how long a hedge is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayForm(pub HedgeDelay);

impl fmt::Display for DelayForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            HedgeDelay::Fixed(delay) => f.write_str(&format_duration(delay)),
            HedgeDelay::AverageAndShare(share) => write!(f, "average+{share}"),
            HedgeDelay::AverageAnd(more) => write!(f, "average+{}", format_duration(more)),
            HedgeDelay::Quantile(share) => {
                write!(f, "p{}", share.to_string().trim_end_matches('%'))
            }
        }
    }
}

fn parse(text: &str) -> Option<HedgeDelay> {
    let text = text.trim();
    if let Some(rank) = text.strip_prefix('p') {
        let share: Share = format!("{rank}%").parse().ok()?;
        return Some(HedgeDelay::Quantile(share)).filter(|_| share != Share::NONE);
    }
    let Some(more) = text.strip_prefix("average") else {
        return parse_duration(text).ok().map(HedgeDelay::Fixed);
    };
    let more = more.trim_start().strip_prefix('+')?.trim_start();
    match more.parse::<Share>() {
        Ok(share) => Some(HedgeDelay::AverageAndShare(share)),
        Err(_) => parse_duration(more).ok().map(HedgeDelay::AverageAnd),
    }
}

impl Decode for DelayForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let delay = node.as_str().and_then(parse);
        if delay.is_none() {
            context.diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "`delay` says after how long a hedge is made")
                    .at(node.span, "not a delay")
                    .hint("write `p95`, `50ms`, `average+20%` or `average+10ms`"),
            );
        }
        delay.map(Self)
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Text { what: "duration, `p95` or `average+20%`", example: "p95" }
    }
}

/// The policy.
pub(super) fn lower(written: &Spanned<HedgeForm>, diagnostics: &mut Diagnostics) -> Hedge {
    let raw = &written.value.0;
    if !(1..=HEDGES_MAX).contains(&raw.max.value) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`max` is between 1 and {HEDGES_MAX}"))
                .at(raw.max.span.unwrap_or(written.span), "of a hedge")
                .hint("it counts further attempts: `1` makes a second one"),
        );
    }
    if let HedgeDelay::Fixed(Duration::ZERO) = raw.delay.value.0 {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`delay` is above zero")
                .at(raw.delay.span.unwrap_or(written.span), "every request would be made twice")
                .hint("`p95` makes a second attempt for the slowest twentieth"),
        );
    }
    Hedge {
        delay: raw.delay.value.0,
        max: raw.max.value,
        methods: super::methods(&raw.methods),
        budget: super::budget(&raw.budget, defaults::HEDGE_BUDGET_FREE, Shared::Local),
        dry_run: raw.dry_run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_read_and_written_alike() {
        for text in ["p95", "p99.9", "50ms", "average+20%", "average+10ms"] {
            assert_eq!(DelayForm(parse(text).unwrap()).to_string(), text);
        }
        for wrong in ["", "p", "p0", "p101", "average", "average+", "fast"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
