//! Reading the query of a request: names and values in order, every mistake told by name.
//!
//! Names that nobody knows are refused by the control API, because a filter that is silently ignored
//! gives a wrong answer that looks right.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::Query;
use http::Uri;
use trunkline_model::units::parse_duration;

/// The query of a request, decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// A parameter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The query as a whole.
    #[error("the query cannot be decoded")]
    Query,
    /// A name that nobody knows here.
    #[error("there is no parameter `{name}` here; there are: {known}")]
    Unknown {
        /// As it was sent.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// One that may be there once.
    #[error("`{0}` is given more than once")]
    Repeated(&'static str),
    /// A value that does not fit.
    #[error("`{name}={value}`: {expected}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// As it was sent.
        value: String,
        /// What it should look like.
        expected: String,
    },
}

impl Parameters {
    /// Decodes the query of a target.
    pub(crate) fn of(uri: &Uri) -> Result<Self, ParameterError> {
        Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map(|Query(pairs)| Self(pairs))
            .map_err(|_| ParameterError::Query)
    }

    /// Decodes the query of a target and refuses names that are not among `known`.
    pub(crate) fn strict(uri: &Uri, known: &[&str]) -> Result<Self, ParameterError> {
        let parameters = Self::of(uri)?;
        match parameters.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(parameters),
            Some((name, _)) => {
                Err(ParameterError::Unknown { name: name.clone(), known: known.join(", ") })
            }
        }
    }

    /// All values of a name, in order; empty ones say nothing.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// The one value of a name.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, ParameterError> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(ParameterError::Repeated(name)),
        }
    }

    /// The one value of a name, as `expected` words it.
    pub(crate) fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ParameterError> {
        let Some(value) = self.one(name)? else {
            return Ok(None);
        };
        let wrong = |_| invalid(name, value, expected);
        value.parse().map(Some).map_err(wrong)
    }

    /// The one value of a name, as a duration.
    pub(crate) fn duration(&self, name: &'static str) -> Result<Option<Duration>, ParameterError> {
        let Some(value) = self.one(name)? else {
            return Ok(None);
        };
        // Go writes microseconds with either of two letters that look the same.
        let ascii = value.replace(['µ', 'μ'], "u");
        let wrong = |error: trunkline_model::units::InvalidDuration| {
            invalid(name, value, &error.to_string())
        };
        parse_duration(&ascii).map(Some).map_err(wrong)
    }

    /// The one value of a name, which is `true` when it stands there without one.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, ParameterError> {
        let mut all = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (all.next(), all.next()) {
            (None, _) | (Some("false" | "0"), None) => Ok(false),
            (Some("" | "true" | "1"), None) => Ok(true),
            (Some(other), None) => Err(invalid(name, other, "expected true or false")),
            (_, Some(_)) => Err(ParameterError::Repeated(name)),
        }
    }
}

/// The error for a value that does not fit.
pub(crate) fn invalid(name: &'static str, value: &str, expected: &str) -> ParameterError {
    let value = value.chars().take(200).collect();
    ParameterError::Value { name, value, expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Parameters {
        Parameters::of(&format!("/?{query}").parse().unwrap()).unwrap()
    }

    #[test]
    fn values_are_decoded_and_mistakes_are_named() {
        let parameters = parse("a=1&a=2&b=x%20y&limit=ten&t=1.5%C2%B5s&d=5&f&g=no");
        assert_eq!(parameters.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(parameters.one("a"), Err(ParameterError::Repeated("a")));
        assert_eq!(parameters.one("b"), Ok(Some("x y")));
        assert_eq!(parameters.duration("t"), Ok(Some(Duration::from_nanos(1_500))));
        assert!(parameters.duration("d").unwrap_err().to_string().contains("needs a unit"));
        let error = parameters.parsed::<usize>("limit", "expected a number").unwrap_err();
        assert_eq!(error.to_string(), "`limit=ten`: expected a number");
        assert_eq!((parameters.flag("f"), parameters.flag("none")), (Ok(true), Ok(false)));
        assert!(parameters.flag("g").is_err());
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_those_that_exist() {
        let error = Parameters::strict(&"/?sort=up".parse().unwrap(), &["limit"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no parameter `sort` here; there are: limit");
    }
}
