//! How a program fails, for people and for programs.

use std::fmt;

use protocol::exit::Exit;
use serde::Serialize;

/// Of all JSON that the programs write; raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// What happened, what is safe, and what to do next.
///
/// In words: "Error: WHAT", what is safe, an empty line and "hint: NEXT". As JSON:
/// `{"schema":1,"code":"CODE_EXPIRED","exit":10,"what":...,"safe":...,"next":...}`. Holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How the program ends.
    pub exit: Exit,
    /// For programs; in capitals, never changed once published.
    pub code: &'static str,
    /// The first word: "Error", "STOP" or "ALARM".
    pub heading: &'static str,
    /// What happened; both sides of a mismatch.
    pub what: String,
    /// What was not sent, changed or lost; may be empty.
    pub safe: String,
    /// The next command or step; may be empty.
    pub next: String,
}

#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    code: &'a str,
    exit: u8,
    what: &'a str,
    safe: &'a str,
    next: &'a str,
}

impl Problem {
    /// Without advice yet. A failed verification is headed "ALARM".
    pub fn new(exit: Exit, code: &'static str, what: impl Into<String>) -> Self {
        let heading = if exit == Exit::Verification { "ALARM" } else { "Error" };
        Self { exit, code, heading, what: what.into(), safe: String::new(), next: String::new() }
    }

    /// An unexpected bug.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(Exit::Bug, "BUG", what)
            .next("This should not happen. Please report it with these words and the version.")
    }

    /// Another first word.
    #[must_use]
    pub const fn heading(mut self, heading: &'static str) -> Self {
        self.heading = heading;
        self
    }

    /// What was not sent, changed or lost.
    #[must_use]
    pub fn safe(mut self, safe: impl Into<String>) -> Self {
        self.safe = safe.into();
        self
    }

    /// The next command or step.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// One line of JSON.
    ///
    /// # Panics
    /// Never: texts and numbers serialise.
    pub fn to_json(&self) -> String {
        let Self { exit, code, what, safe, next, .. } = self;
        let json = Json { schema: SCHEMA, code, exit: exit.code(), what, safe, next };
        serde_json::to_string(&json).expect("texts and numbers serialise")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { heading, what, safe, next, .. } = self;
        writeln!(f, "{heading}: {what}")?;
        if !safe.is_empty() {
            writeln!(f, "{safe}")?;
        }
        if !next.is_empty() {
            writeln!(f, "\nhint: {next}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
