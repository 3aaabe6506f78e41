//! Diagnostics as text, in the shape that compilers made familiar.
//!
//! The only renderer. It returns text; the binary prints it. Everything that comes from files is
//! escaped, so that a configuration cannot move the cursor or recolour the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};

use super::codes::{self, Level};
use super::{Diagnostic, Diagnostics, Label};
use crate::source::{SourceFile, SourceMap, Span};

/// Labels of one file that are further apart than this many lines are shown apart.
const WINDOW_LINES_MAX: u32 = 40;

/// Lines that together are longer than this many bytes are clipped around their labels.
const WINDOW_BYTES_MAX: u32 = 8_192;

/// Bytes that are kept before a label of a clipped line; twice as many after it.
const CLIP_BYTES: usize = 100;

/// How the text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours, for a terminal.
    Colour,
}

/// Every message, and a last line that counts them. Empty when there is none.
#[must_use]
pub fn render_all(diagnostics: &Diagnostics, sources: &SourceMap, style: Style) -> String {
    let mut text = String::new();
    let secrets: Vec<Span> = diagnostics.iter().filter_map(secret).collect();
    for diagnostic in diagnostics.iter() {
        text.push_str(&render_without(&secrets, diagnostic, sources, style));
        text.push_str("\n\n");
    }
    if diagnostics.dropped() > 0 {
        let _ = writeln!(text, "… and {} more\n", diagnostics.dropped());
    }
    if !diagnostics.is_empty() {
        let _ = writeln!(text, "{}", summary(diagnostics));
    }
    text
}

fn summary(diagnostics: &Diagnostics) -> String {
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let parts = [count(diagnostics.errors(), "error"), count(diagnostics.warnings(), "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// One message, without a line end.
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    render_without(secret(diagnostic).as_slice(), diagnostic, sources, style)
}

/// Where a secret is written that does not belong there: messages are logged and pasted.
fn secret(diagnostic: &Diagnostic) -> Option<Span> {
    let label = diagnostic.labels.first()?;
    (diagnostic.code == codes::PLAIN_SECRET).then_some(label.span)
}

/// One message; the places of `secrets` are blacked out wherever they are shown.
fn render_without(
    secrets: &[Span],
    diagnostic: &Diagnostic,
    sources: &SourceMap,
    style: Style,
) -> String {
    let level = match diagnostic.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let message = escape(&diagnostic.message).into_owned();
    let windows = windows(&diagnostic.labels, sources);
    let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.code));
    if let Some(path) = &diagnostic.path {
        let path = escape(path).into_owned();
        group = group.element(annotate_snippets::Origin::path(path));
    }
    for window in &windows {
        // A clipped line does not show its column: the place is said apart.
        if window.is_clipped() {
            group = group.element(window.origin());
        }
        group = group.element(window.snippet(secrets));
    }
    for hint in &diagnostic.hints {
        let hint = escape(hint).into_owned();
        group = group.element(Title::HELP.with_name("hint").message(hint));
    }
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled().hyperlink(false),
    };
    let text = renderer.render(&[group]);
    if windows.iter().any(Window::is_clipped) { without_empty_places(&text) } else { text }
}

/// The text without the `:::` that the renderer puts before a snippet that has no path.
fn without_empty_places(text: &str) -> String {
    let is_frame =
        |c: char| c.is_ascii_digit() || matches!(c, ' ' | ':' | '\u{1b}' | '[' | ';' | 'm');
    let lines = text.lines().filter(|line| !(line.contains(":::") && line.chars().all(is_frame)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Labels that are shown in one snippet.
struct Window<'a> {
    file: &'a SourceFile,
    first_line: u32,
    last_line: u32,
    labels: Vec<(&'a Label, bool)>,
    /// The bytes that are shown; whole lines, unless they are very long.
    bytes: Range<usize>,
}

/// Groups labels by file and nearness. Only the lines that are shown are given to the renderer,
/// which would otherwise look at every line of a large file for every message.
fn windows<'a>(labels: &'a [Label], sources: &'a SourceMap) -> Vec<Window<'a>> {
    let mut windows: Vec<Window<'a>> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let Some(file) = sources.get(label.span.file) else {
            continue;
        };
        let line = file.line_column(label.span.start).line;
        let near = windows.iter_mut().find(|window| {
            let first = window.first_line.min(line);
            let last = window.last_line.max(line);
            let from = window.labels.first().map_or(0, |(label, _)| label.span.start);
            window.file.id == file.id
                && last - first <= WINDOW_LINES_MAX
                && from.abs_diff(label.span.start) <= WINDOW_BYTES_MAX / 4
        });
        match near {
            Some(window) => {
                window.first_line = window.first_line.min(line);
                window.last_line = window.last_line.max(line);
                window.labels.push((label, index == 0));
            }
            None => windows.push(Window {
                file,
                first_line: line,
                last_line: line,
                labels: vec![(label, index == 0)],
                bytes: 0..0,
            }),
        }
    }
    for window in &mut windows {
        window.bytes = window.visible();
    }
    windows
}

impl Window<'_> {
    /// The lines of the labels without the last line end, clipped around the labels when they are
    /// longer than anyone reads: minified JSON is one line.
    fn visible(&self) -> Range<usize> {
        let text = &self.file.text;
        let start = self.file.line_start(self.first_line as usize);
        let end = self.file.line_start(self.last_line as usize + 1);
        let lines = text.get(start..end).unwrap_or("");
        let end = start + lines.trim_end_matches(['\n', '\r']).len();
        if end - start <= WINDOW_BYTES_MAX as usize {
            return start..end;
        }
        let starts = self.labels.iter().map(|(label, _)| label.span.start as usize);
        let first = starts.clone().min().unwrap_or(start);
        let last = starts.max().unwrap_or(start);
        let from = text.floor_char_boundary(first.saturating_sub(CLIP_BYTES).max(start));
        let to = text.ceil_char_boundary(last.saturating_add(2 * CLIP_BYTES).min(end));
        from..to.max(from)
    }

    fn is_clipped(&self) -> bool {
        self.bytes.start != self.file.line_start(self.first_line as usize)
    }

    fn path(&self) -> String {
        escape(&self.file.path.display().to_string()).into_owned()
    }

    fn origin(&self) -> annotate_snippets::Origin<'_> {
        let start = self.labels.first().map_or(0, |(label, _)| label.span.start);
        let at = self.file.line_column(start);
        annotate_snippets::Origin::path(self.path())
            .line(at.line as usize)
            .char_column(at.column as usize)
    }

    fn snippet(&self, secrets: &[Span]) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let start = self.bytes.start;
        let text = self.file.text.get(self.bytes.clone()).unwrap_or("");
        let own = secrets.iter().filter(|span| span.file == self.file.id);
        let shown = own.fold(harmless(text), |text, span| {
            let from = (span.start as usize).saturating_sub(start);
            let to = (span.end as usize).saturating_sub(start);
            blacked_out(text, from..to)
        });
        let mut snippet = Snippet::source(shown).line_start(self.first_line as usize);
        if !self.is_clipped() {
            snippet = snippet.path(self.path());
        }
        for (label, primary) in &self.labels {
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let from = (label.span.start as usize).saturating_sub(start).min(text.len());
            let to = (label.span.end as usize).saturating_sub(start).clamp(from, text.len());
            // What spans several lines is marked on its first line: long boxes hide the message.
            let marked = text.get(from..to).unwrap_or("");
            let length = marked.find(['\n', '\r']).unwrap_or(marked.len());
            let range = from..from + marked.get(..length).unwrap_or("").trim_end().len();
            snippet = snippet.annotation(kind.span(range).label(escape(&label.text).into_owned()));
        }
        snippet
    }
}

/// The text with as many bytes, and stars in a range.
fn blacked_out(text: Cow<'_, str>, range: Range<usize>) -> Cow<'_, str> {
    let end = range.end.min(text.len());
    let covered = text.get(range.start.min(end)..end).unwrap_or("");
    if covered.is_empty() {
        return text;
    }
    let stars: String =
        covered.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
    let mut text = text.into_owned();
    text.replace_range(range.start..end, &stars);
    Cow::Owned(text)
}

/// Source text without control characters and direction marks. Each is replaced by a character of as
/// many bytes, so that places stay right; line ends stay line ends.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_bad = |character: char| !matches!(character, '\n' | '\t') && is_unsafe(character);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut characters = text.chars().peekable();
    let mut harmless = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        harmless.push(match (character, character.len_utf8()) {
            ('\r', _) if characters.peek() == Some(&'\n') => '\r',
            ('\r', _) => '\n',
            _ if !is_bad(character) => character,
            (_, 1) => '?',
            (_, 2) => '¿',
            _ => char::REPLACEMENT_CHARACTER,
        });
    }
    Cow::Owned(harmless)
}

/// The text with control characters and direction marks written out (`\u{1b}`).
///
/// For every text from a file, a service or a peer that goes to a terminal.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            let _ = write!(escaped, "{}", character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Control characters (C0, C1, DEL) and marks that reorder text (Unicode TR 36 §2.2).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_control_the_terminal() {
        assert_eq!(escape("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(escape("plain ü"), "plain ü");
    }
}
