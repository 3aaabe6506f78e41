//! Lines at the bottom of a terminal that say what is being waited for, one per thing.
//!
//! A run in the background has no terminal: its lines go, marked, to the process that started it,
//! which shows them on its own. Elsewhere nothing is shown at all.

use std::io::{self, Write as _};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::clean;

/// More lines would push everything else from the screen.
const LINES_MAX: usize = 8;
/// The first byte of what is not to be passed on as it is.
pub(crate) const MARK: char = '\0';
/// Between two lines that are sent at once.
pub(crate) const BETWEEN: char = '\u{1f}';

/// Lines that move.
#[derive(Debug)]
pub(crate) struct Progress {
    shows: Shows,
}

#[derive(Debug)]
enum Shows {
    Nothing,
    Bars { all: MultiProgress, bars: Vec<ProgressBar> },
    Wire { last: String },
}

impl Progress {
    /// Lines that are not shown.
    pub(crate) fn off() -> Self {
        Self { shows: Shows::Nothing }
    }

    pub(super) fn bars() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { shows: Shows::Bars { all, bars: Vec::new() } }
    }

    pub(super) fn wire() -> Self {
        Self { shows: Shows::Wire { last: String::new() } }
    }

    /// Whether anything is shown.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.shows, Shows::Nothing)
    }

    /// Shows these lines, in place of those before. They are painted, and clean already.
    pub(crate) fn show(&mut self, lines: &[String]) {
        let mut lines = lines.to_vec();
        if lines.len() > LINES_MAX {
            let more = lines.len() + 1 - LINES_MAX;
            lines.truncate(LINES_MAX - 1);
            lines.push(format!("and {more} more"));
        }
        match &mut self.shows {
            Shows::Nothing => {}
            Shows::Wire { last } => {
                let text = lines.join(&BETWEEN.to_string());
                if text != *last {
                    let _ = writeln!(io::stdout().lock(), "{MARK}{text}");
                    *last = text;
                }
            }
            Shows::Bars { all, bars } => {
                while bars.len() > lines.len() {
                    if let Some(bar) = bars.pop() {
                        bar.finish_and_clear();
                        all.remove(&bar);
                    }
                }
                while bars.len() < lines.len() {
                    bars.push(all.add(bar()));
                }
                for (bar, line) in bars.iter().zip(lines) {
                    bar.set_message(line);
                    bar.tick();
                }
            }
        }
    }

    /// Runs `print` without disturbing the lines.
    pub(crate) fn around(&self, print: impl FnOnce()) {
        match &self.shows {
            Shows::Bars { all, .. } => all.suspend(print),
            Shows::Nothing | Shows::Wire { .. } => print(),
        }
    }

    /// Takes the lines away.
    pub(crate) fn clear(&mut self) {
        self.show(&[]);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What [`Progress::show`] sent, to be shown here; `None` if the text is something else.
pub(crate) fn sent(line: &str) -> Option<Vec<String>> {
    let text = line.strip_prefix(MARK)?;
    Some(text.split(BETWEEN).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    match ProgressStyle::with_template("  {spinner:.cyan} {msg}") {
        Ok(style) => bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")),
        Err(error) => tracing::debug!(error = %clean(&error.to_string()), "no style"),
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_again_and_other_lines_are_left() {
        assert_eq!(sent("\0a\u{1f}b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(sent("\0"), Some(Vec::new()));
        assert_eq!(sent("  ✓ web"), None);
    }
}
