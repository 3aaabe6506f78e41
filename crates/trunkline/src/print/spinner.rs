//! A line at the bottom of a terminal that says what is being waited for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::clean;

const TICK: Duration = Duration::from_millis(100);

/// One line that moves. Where there is no terminal it prints nothing at all.
#[derive(Debug)]
pub(crate) struct Spinner {
    bar: ProgressBar,
    on: bool,
}

impl Spinner {
    pub(super) fn new(on: bool) -> Self {
        let target = if on { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, on }
    }

    /// Shows what is being waited for.
    pub(crate) fn say(&self, text: &str) {
        if self.on {
            self.bar.set_message(clean(text).into_owned());
            self.bar.enable_steady_tick(TICK);
        }
    }

    /// Runs `print` without disturbing the line.
    pub(crate) fn around(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}
