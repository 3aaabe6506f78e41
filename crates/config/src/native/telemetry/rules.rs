//! `rules`: what is taken out of spans before they are kept.

use trunkline_config_derive::Decode;
use trunkline_model::telemetry::{Dropped, Rule, RuleAction};

use crate::decode::{Entries, Period, Spanned};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// Compiled, an expression may take so many bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// More rules would be asked of every span.
const RULES_MAX: usize = 100;

/// A rule: its name, and one of `drop`, `delete`, `hash`, `mask` and `replace`.
#[derive(Debug, Clone, Decode)]
#[config(what = "a rule")]
pub struct RawRule {
    /// Its name in metrics; without one, what it does and its place in the list.
    pub name: Option<String>,
    /// Spans that are not kept: those for which all of this holds.
    pub drop: Option<Spanned<RawDropped>>,
    /// Keys of attributes that are deleted. `*` stands for any text, as in all keys of rules; within
    /// a map keys are joined by dots.
    pub delete: Vec<Spanned<String>>,
    /// Keys of attributes whose values become a keyed hash: equal values stay equal.
    pub hash: Vec<Spanned<String>>,
    /// Keys of attributes whose values become `with`.
    pub mask: Vec<Spanned<String>>,
    /// A regular expression: what it finds in any text of a span becomes `with`.
    pub replace: Option<Spanned<String>>,
    /// What stands there instead, `***` without it; for `replace`, `$1` is the first group.
    pub with: Option<Spanned<String>>,
}

/// Spans that are not kept.
#[derive(Debug, Clone, Decode)]
#[config(what = "`drop`")]
pub struct RawDropped {
    /// Of this service; `*` stands for any text, here and in what follows.
    pub service: Option<String>,
    /// Of this name.
    pub operation: Option<String>,
    /// With these attributes, wherever they stand.
    pub attributes: Entries<String>,
    /// Shorter than this.
    pub shorter_than: Option<Period>,
}

/// Lowers the rules, in their order.
pub(super) fn lower(raw: &[Spanned<RawRule>], diagnostics: &mut Diagnostics) -> Vec<Rule> {
    if let Some(first) = raw.get(RULES_MAX) {
        let what = format!("there are more than {RULES_MAX} rules");
        diagnostics.push(Diagnostic::new(codes::BAD_VALUE, what).at(first.span, "one too many"));
    }
    let lowered = raw.iter().zip(1..).filter_map(|(rule, place)| one(rule, place, diagnostics));
    let mut rules: Vec<Rule> = Vec::new();
    for (rule, written) in lowered.collect::<Vec<_>>().into_iter().zip(raw) {
        if rules.iter().any(|other| other.name == rule.name) {
            let what = format!("two rules are called `{}`", rule.name);
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, what)
                    .at(written.span, "the second")
                    .hint("they count under their names: give it another `name`"),
            );
        }
        rules.push(rule);
    }
    rules
}

fn one(written: &Spanned<RawRule>, place: usize, diagnostics: &mut Diagnostics) -> Option<Rule> {
    let raw = &written.value;
    let keys = |all: &[Spanned<String>]| all.iter().map(|key| key.value.clone()).collect();
    let with = raw.with.as_ref().map_or("***", |with| with.value.as_str()).to_owned();
    let mut actions = Vec::new();
    if let Some(dropped) = &raw.drop {
        actions.push(("drop", RuleAction::Drop(spans(dropped, diagnostics)?)));
    }
    if !raw.delete.is_empty() {
        actions.push(("delete", RuleAction::Delete(keys(&raw.delete))));
    }
    if !raw.hash.is_empty() {
        actions.push(("hash", RuleAction::Hash(keys(&raw.hash))));
    }
    if !raw.mask.is_empty() {
        actions.push(("mask", RuleAction::Mask { keys: keys(&raw.mask), with: with.clone() }));
    }
    if let Some(pattern) = &raw.replace {
        check_pattern(pattern, diagnostics);
        actions.push(("replace", RuleAction::Replace { pattern: pattern.value.clone(), with }));
    }
    let count = actions.len();
    let (1, Some((verb, action))) = (count, actions.pop()) else {
        diagnostics.push(unclear(written.span, count));
        return None;
    };
    let takes_text = matches!(action, RuleAction::Mask { .. } | RuleAction::Replace { .. });
    if let Some(with) = raw.with.as_ref().filter(|_| !takes_text) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{verb}` puts nothing in its place"))
                .at(with.span, "it is for `mask` and `replace`"),
        );
    }
    let name = raw.name.clone().unwrap_or_else(|| format!("{verb}-{place}"));
    Some(Rule { name, action })
}

fn unclear(span: Span, verbs: usize) -> Diagnostic {
    let label = if verbs == 0 { "it does nothing" } else { "it does several things" };
    Diagnostic::new(codes::BAD_VALUE, "a rule does one thing")
        .at(span, label)
        .hint("write one of `drop`, `delete`, `hash`, `mask` and `replace` for each rule")
}

fn spans(raw: &Spanned<RawDropped>, diagnostics: &mut Diagnostics) -> Option<Dropped> {
    let dropped = Dropped {
        service: raw.value.service.clone(),
        operation: raw.value.operation.clone(),
        attributes: raw
            .value
            .attributes
            .all
            .iter()
            .map(|(key, value)| (key.value.clone(), value.clone()))
            .collect(),
        shorter_than: raw.value.shorter_than.map(|period| period.0),
    };
    if dropped == Dropped::default() {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`drop` would leave nothing")
                .at(raw.span, "it says of no span that it stays")
                .hint("name a `service`, an `operation`, `attributes` or `shorter_than`"),
        );
        return None;
    }
    Some(dropped)
}

fn check_pattern(pattern: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let built = regex::RegexBuilder::new(&pattern.value).size_limit(PATTERN_BYTES_MAX).build();
    if let Err(error) = built {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`replace` is no regular expression")
                .at(pattern.span, error.to_string().lines().last().unwrap_or_default().to_owned()),
        );
    }
}
