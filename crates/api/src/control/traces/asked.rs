//! What a search for traces asks for: conditions on one and the same span, a time, and a page.

use std::sync::Arc;

use http::Uri;
use trunkline_otlp::{Kind, StatusCode};
use trunkline_query::expression::{
    Comparison, Constant, Field, NoPattern, Patterns, Place, Predicate, Reference,
};
use trunkline_query::search::Query;
use trunkline_rt::Clock;
use trunkline_store::source::{Hit, Level};

use super::filter;
use crate::control::logs::moment;
use crate::parameters::{ParameterError, Parameters, invalid};

/// Traces in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 20;

/// Most traces in an answer.
const LIMIT_MAX: usize = 1_000;

/// Conditions on attributes at most.
const ATTRIBUTES_MAX: usize = 64;

/// Facets of an overview at most.
const FACETS_MAX: usize = 4;

const PARAMETERS: &[&str] = &[
    "service",
    "operation",
    "kind",
    "status",
    "attribute",
    "filter",
    "since",
    "until",
    "min_duration",
    "max_duration",
    "limit",
    "cursor",
    "overview",
    "facet",
];

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) query: Query,
    /// Traces that the overview is made of; none when it is zero.
    pub(super) overview: usize,
    /// Keys whose values the overview tells.
    pub(super) facets: Vec<(Level, String)>,
}

impl Asked {
    /// Call it where questions are answered: patterns are compiled here.
    pub(super) fn of(uri: &Uri, clock: &Clock) -> Result<Self, ParameterError> {
        let parameters = Parameters::strict(uri, PARAMETERS)?;
        let limit = parameters.parsed("limit", "expected a number")?.unwrap_or(LIMIT_DEFAULT);
        let since = moment(&parameters, "since", clock)?.unwrap_or(0);
        let until = moment(&parameters, "until", clock)?.unwrap_or(u64::MAX);
        let after = parameters.parsed::<Hit>("cursor", "expected what `next` of a page said")?;
        let facets: Vec<_> = parameters
            .all("facet")
            .map(|text| level_and_key("facet", text))
            .collect::<Result<_, _>>()?;
        if let Some((_, key)) = facets.get(FACETS_MAX) {
            return Err(invalid("facet", key, "expected at most four"));
        }
        let overview = parameters.parsed("overview", "expected a number")?.unwrap_or(0);
        Ok(Self {
            query: Query {
                predicate: predicate(&parameters)?,
                start_unix_nanos: since..=until,
                limit: limit.min(LIMIT_MAX),
                after,
            },
            overview: LIMIT_MAX.min(overview),
            facets,
        })
    }
}

fn predicate(parameters: &Parameters) -> Result<Predicate, ParameterError> {
    let text = |field, text: &str| {
        Predicate::equal(Reference::Field(field), Constant::Untyped(Arc::from(text)))
    };
    let any_of = |name: &'static str, field| {
        let any: Vec<_> = parameters.all(name).map(|value| text(field, value)).collect();
        (!any.is_empty()).then_some(Predicate::Any(any))
    };
    let duration = |name, how| -> Result<_, ParameterError> {
        let nanos = |duration: std::time::Duration| {
            Constant::Duration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
        };
        let field = Reference::Field(Field::Duration);
        Ok(parameters.duration(name)?.map(|given| Predicate::compare(field, how, nanos(given))))
    };
    let mut all = Vec::new();
    all.extend(any_of("service", Field::Service));
    all.extend(any_of("operation", Field::Name));
    if let Some(word) = parameters.one("kind")? {
        let kind = Constant::Kind(kind(word)?);
        all.push(Predicate::equal(Reference::Field(Field::Kind), kind));
    }
    if let Some(word) = parameters.one("status")? {
        let status = Constant::Status(status(word)?);
        all.push(Predicate::equal(Reference::Field(Field::Status), status));
    }
    all.extend(duration("min_duration", Comparison::GreaterOrEqual)?);
    all.extend(duration("max_duration", Comparison::LessOrEqual)?);
    let mut patterns = Patterns::default();
    for (at, condition) in parameters.all("attribute").enumerate() {
        if at == ATTRIBUTES_MAX {
            return Err(invalid("attribute", condition, "expected at most 64 conditions"));
        }
        all.push(attribute(condition, &mut patterns)?);
    }
    if let Some(filter) = parameters.one("filter")? {
        let predicate = filter::parse(filter, &mut patterns);
        all.push(predicate.map_err(|error| invalid("filter", filter, &error))?);
    }
    let all = Predicate::All(all);
    all.check().map_err(|error| invalid("filter", "…", &error.to_string()))?;
    Ok(all)
}

/// The kind of a word.
pub(super) fn kind(word: &str) -> Result<Kind, ParameterError> {
    let expected = "expected server, client, internal, producer or consumer";
    let known = (1..=5).map(Kind::of).find(|kind| kind.as_str() == word);
    known.ok_or_else(|| invalid("kind", word, expected))
}

fn status(word: &str) -> Result<StatusCode, ParameterError> {
    match word {
        "error" => Ok(StatusCode::Error),
        "ok" => Ok(StatusCode::Ok),
        "unset" => Ok(StatusCode::Unset),
        _ => Err(invalid("status", word, "expected error, ok or unset")),
    }
}

/// Operators of a condition; of those that begin at the same place the longest comes first.
const OPERATORS: &[(&str, Comparison)] = &[
    ("!=", Comparison::NotEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
    ("=", Comparison::Equal),
];

/// `[level:]key`, `!key`, `key=value`, `key!=value`, `key>=5`, `key~pattern`, `key!~pattern`.
fn attribute(condition: &str, patterns: &mut Patterns) -> Result<Predicate, ParameterError> {
    let wrong = |expected: &str| invalid("attribute", condition, expected);
    if let Some(key) = condition.strip_prefix('!').filter(|key| !key.contains(['=', '~', '<', '>']))
    {
        return Ok(Predicate::Not(Box::new(Predicate::Exists(reference(key)?))));
    }
    // The operator that begins first counts: values may have any of them in them.
    let words = OPERATORS.iter().map(|(word, _)| *word).chain(["!~", "~"]);
    let found = words.filter_map(|word| Some((condition.find(word)?, word)));
    let Some((at, word)) = found.min_by_key(|(at, word)| (*at, std::cmp::Reverse(word.len())))
    else {
        return Ok(Predicate::Exists(reference(condition)?));
    };
    let (key, value) = condition.split_at(at);
    let value = value.strip_prefix(word).unwrap_or_default();
    let reference = reference(key)?;
    if let Some((_, how)) = OPERATORS.iter().find(|(known, _)| *known == word) {
        return Ok(Predicate::compare(reference, *how, Constant::Untyped(Arc::from(value))));
    }
    let pattern = patterns.regex(value).map_err(|error| match error {
        NoPattern::Wrong(_) => wrong("expected a regular expression"),
        NoPattern::TooMany => wrong(&error.to_string()),
    })?;
    let fits = Predicate::Fits(reference.clone(), pattern);
    Ok(match word {
        "~" => fits,
        _ => Predicate::Exists(reference).and(Predicate::Not(Box::new(fits))),
    })
}

fn reference(text: &str) -> Result<Reference, ParameterError> {
    let (level, key) = level_and_key("attribute", text)?;
    Ok(Reference::Attribute(Place::At(level), Arc::from(key)))
}

/// `[level:]key`.
fn level_and_key(name: &'static str, text: &str) -> Result<(Level, String), ParameterError> {
    let (level, key) = match text.split_once(':') {
        Some((word, key)) => match level(word) {
            Some(level) => (level, key),
            // Keys may have colons.
            None => (Level::Any, text),
        },
        None => (Level::Any, text),
    };
    if key.is_empty() {
        return Err(invalid(name, text, "expected `key` or `level:key`"));
    }
    Ok((level, key.to_owned()))
}

/// The level of a word.
pub(super) fn level(word: &str) -> Option<Level> {
    Some(match word {
        "any" => Level::Any,
        "resource" => Level::Resource,
        "scope" => Level::Scope,
        "span" => Level::Span,
        "event" => Level::Event,
        "link" => Level::Link,
        _ => return None,
    })
}

/// The word for a level.
pub(super) const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Any => "any",
        Level::Resource => "resource",
        Level::Scope => "scope",
        Level::Span => "span",
        Level::Event => "event",
        Level::Link => "link",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_query::expression::{PATTERNS_MAX, lower};
    use trunkline_store::source::Pattern;

    fn read(query: &str) -> Result<Asked, ParameterError> {
        Asked::of(&format!("/v1/traces?{query}").parse().unwrap(), &Clock::system())
    }

    #[test]
    fn every_condition_on_an_attribute_is_read() {
        let at = |level| Reference::Attribute(Place::At(level), "k".into());
        let compare = |level, how, value: &str| {
            Predicate::compare(at(level), how, Constant::Untyped(value.into()))
        };
        let attribute = |text: &str| attribute(text, &mut Patterns::default());
        let check =
            |text: &str, expect: Predicate| assert_eq!(attribute(text), Ok(expect), "{text}");
        check("k", Predicate::Exists(at(Level::Any)));
        check("!k", Predicate::Not(Box::new(Predicate::Exists(at(Level::Any)))));
        check("resource:k=a=b", compare(Level::Resource, Comparison::Equal, "a=b"));
        check("k!=1", compare(Level::Any, Comparison::NotEqual, "1"));
        check("event:k>=5", compare(Level::Event, Comparison::GreaterOrEqual, "5"));
        check("k<5", compare(Level::Any, Comparison::Less, "5"));
        check("k=>5", compare(Level::Any, Comparison::Equal, ">5"));
        let pattern = || Pattern::regex("^a|b$").unwrap();
        check("k~^a|b$", Predicate::Fits(at(Level::Any), pattern()));
        assert!(attribute("k!~a").is_ok() && attribute("k~(").is_err() && attribute("=1").is_err());
    }

    #[test]
    fn a_search_is_read_and_its_mistakes_are_told() {
        let asked = read("service=a&service=b&kind=server&status=error&min_duration=5ms&attribute=k=1&limit=5000")
            .unwrap();
        assert_eq!(asked.query.limit, LIMIT_MAX);
        assert!(lower(&asked.query.predicate).exact);
        let Predicate::All(parts) = &asked.query.predicate else { panic!("not all") };
        assert_eq!(parts.len(), 5);
        let hit = "5-0000000000000000000000000000000a";
        assert_eq!(read(&format!("cursor={hit}")).unwrap().query.after.unwrap().to_string(), hit);
        for wrong in [
            "kind=sever",
            "status=bad",
            "cursor=x",
            "limit=x",
            "since=yesterday",
            "filter=%7B",
            "facet=a&facet=b&facet=c&facet=d&facet=e",
            "sort=up",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_search_has_a_bound_of_patterns_wherever_they_stand() {
        let conditions = |count| "attribute=k~a&".repeat(count);
        let filter = "filter=%7B%22attribute%22:%22k%22,%22op%22:%22~%22,%22value%22:%22a%22%7D";
        assert!(read(&format!("{}{filter}", conditions(PATTERNS_MAX - 1))).is_ok());
        let error = read(&format!("{}{filter}", conditions(PATTERNS_MAX))).unwrap_err();
        assert!(error.to_string().contains("at most 16 patterns"), "{error}");
        assert!(read(&conditions(PATTERNS_MAX + 1)).is_err());
        assert!(read(&"attribute=k&".repeat(ATTRIBUTES_MAX + 1)).is_err());
    }
}
