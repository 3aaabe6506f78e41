//! The window that a question is about: `?window=5m`.

use std::time::Duration;

use crate::parameters::{ParameterError, Parameters, invalid};

/// The windows that there are, by their names.
const WINDOWS: &[(&str, Duration)] = &[
    ("1m", Duration::from_mins(1)),
    ("5m", Duration::from_mins(5)),
    ("15m", super::history::SPAN_MAX),
];

/// The window that is asked for, or `usual`.
pub(crate) fn window(parameters: &Parameters, usual: Duration) -> Result<Duration, ParameterError> {
    let Some(text) = parameters.one("window")? else {
        return Ok(usual);
    };
    let found = WINDOWS.iter().find(|(name, _)| *name == text);
    found
        .map(|(_, window)| *window)
        .ok_or_else(|| invalid("window", text, "expected 1m, 5m or 15m"))
}
