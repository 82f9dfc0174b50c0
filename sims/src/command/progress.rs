//! A bar with the time left, on a terminal; nothing otherwise.

use indicatif::{ProgressBar, ProgressStyle};

use crate::experiment::sweep::Progress;

/// A bar over the cells of an experiment.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        Self::of("firms retrained")
    }

    /// Of something else.
    pub(super) fn of(what: &str) -> Self {
        let bar = ProgressBar::new(0);
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {what}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn finished(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}
