//! `explain orders.timeout`: settings with their values, places and sentences.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use trunkline_api::commands;

use super::lines::{Lines, Place};
use crate::print::{Paint, Role, clean};

/// One value in force.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Setting {
    /// As the file writes it.
    pub key: String,
    /// As the file would write it.
    pub value: String,
    /// Where it was written; `None` for a default.
    pub origin: Option<Place>,
    /// Whether nobody wrote it.
    pub default: bool,
    /// What it does, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
}

impl Setting {
    /// A setting of a file.
    pub(crate) fn of(setting: &commands::Setting) -> Self {
        Self {
            key: setting.key.clone(),
            value: setting.value.clone(),
            origin: setting.origin.as_ref().map(Place::of),
            default: setting.origin.is_none(),
            doc: None,
        }
    }

    /// A value that somebody wrote.
    pub(crate) fn written(key: &str, value: String, place: Place) -> Self {
        Self { key: key.to_owned(), value, origin: Some(place), default: false, doc: None }
    }
}

/// The screen.
pub(crate) fn render(
    name: &str,
    about: Option<&str>,
    settings: &[Setting],
    running: bool,
    paint: Paint,
) -> String {
    let mut text = format!("{}\n", paint.apply(Role::Strong, clean(name)));
    if let Some(about) = about {
        let _ = writeln!(text, "{}", clean(about));
    }
    let mut lines = Lines::plain();
    let widest = settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
    for setting in settings {
        let value = format!("{:<widest$}  {}", setting.key, setting.value);
        match &setting.origin {
            Some(place) => lines.add("", &value, Some(place)),
            None => lines.word("", &value, "default"),
        }
        // With one setting its sentence stands above already.
        if let (Some(doc), true) = (&setting.doc, settings.len() > 1) {
            let faint = |doc: &str| paint.apply(Role::Faint, doc);
            lines.painted("", &format!("  {doc}"), faint, None);
        }
    }
    if !settings.is_empty() {
        text.push('\n');
        text += &lines.render(paint);
    }
    if !running {
        text.push('\n');
        let _ = writeln!(text, "{}", super::not_running(paint));
    }
    text
}
