//! What a person reads and types: words on a terminal, or one JSON object a line.
//!
//! What was asked for goes to standard output, everything else to standard error. Nothing needs colour. With
//! [`Form::Json`] standard output holds events only, each with its schema's version, and a failure is the last of
//! them. Secrets are typed unseen or read from a file or standard input; there is no option to pass one.

mod problem;

pub use problem::{Problem, SCHEMA};

use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal as _, Read as _, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::exit::Exit;
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::files::{self, FileError};

/// The longest answer to a question, in bytes.
pub const ANSWER_BYTES_MAX: usize = 4_096;

/// How often the live line is written where there is no terminal to redraw it on.
const LINE_SECS: u64 = 10;
/// How often it is an event at most.
const EVENT_SECS: u64 = 1;

/// How output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Words,
    /// For programs: one JSON object a line.
    Json,
}

/// Where a secret comes from; never from the command line's arguments, which others can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// Asked with these words and typed unseen; where there is no terminal, the next line of standard input.
    Person(String),
    /// A file that nobody else can read.
    File(PathBuf),
    /// The next line of standard input.
    Input,
}

/// Why a question was not answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PromptError {
    /// Standard input ended.
    #[error("no answer: standard input has ended")]
    NoAnswer,
    /// Too long, or no text.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes, or is no text")]
    Answer,
    /// The file with the answer.
    #[error(transparent)]
    File(#[from] FileError),
    /// The terminal.
    #[error("cannot read the answer: {0}")]
    Terminal(#[from] io::Error),
}

impl From<PromptError> for Problem {
    fn from(error: PromptError) -> Self {
        let what = error.to_string();
        match error {
            PromptError::File(error) => error.into(),
            PromptError::NoAnswer => Self::new(Exit::Usage, "NO_ANSWER", what)
                .safe("Nothing was sent or changed.")
                .next("Run it on a terminal, or pass the answer by a file or by standard input."),
            PromptError::Answer => {
                Self::new(Exit::Usage, "ANSWER", what).safe("Nothing was sent or changed.")
            }
            PromptError::Terminal(_) => Self::new(Exit::Io, "TERMINAL", what),
        }
    }
}

/// A terminal, or what stands in for one.
pub struct Screen {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    form: Form,
    /// Whether what is typed can be hidden.
    typed: bool,
    live: Live,
    failed: Option<io::Error>,
}

/// The live line.
struct Live {
    bar: Option<ProgressBar>,
    /// Whether a terminal redraws it.
    redrawn: bool,
    written: Option<Instant>,
    text: String,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("form", &self.form).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Event<'a, T> {
    schema: u32,
    #[serde(rename = "event")]
    name: &'a str,
    #[serde(flatten)]
    fields: T,
}

impl Screen {
    /// The process's own streams.
    pub fn standard(form: Form) -> Self {
        let redrawn = form == Form::Words && io::stderr().is_terminal();
        let mut screen = Self::new(
            form,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            Box::new(io::BufReader::new(io::stdin())),
        );
        screen.typed = io::stdin().is_terminal();
        screen.live.redrawn = redrawn;
        screen
    }

    /// Other streams, none of them a terminal.
    pub fn new(
        form: Form,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        input: Box<dyn BufRead + Send>,
    ) -> Self {
        let live = Live { bar: None, redrawn: false, written: None, text: String::new() };
        Self { out, err, input, form, typed: false, live, failed: None }
    }

    /// How output is written.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Whether a person sits at a terminal.
    pub const fn is_interactive(&self) -> bool {
        self.typed
    }

    /// Something that was asked for: `words` on standard output, or the event `name` with `fields`, which serialise as
    /// a map.
    ///
    /// # Panics
    /// If they do not.
    pub fn event(&mut self, name: &str, fields: &impl Serialize, words: impl Display) {
        match self.form {
            Form::Words => self.print(&format!("{words}\n")),
            Form::Json => {
                let event = Event { schema: SCHEMA, name, fields };
                let line = serde_json::to_string(&event).expect("fields serialise as a map");
                self.print(&(line + "\n"));
            }
        }
    }

    /// Words on standard output; nothing with [`Form::Json`].
    pub fn say(&mut self, words: impl Display) {
        if self.form == Form::Words {
            self.print(&format!("{words}\n"));
        }
    }

    /// Words on standard error, that explain or warn; nothing with [`Form::Json`].
    pub fn note(&mut self, words: impl Display) {
        if self.form == Form::Words {
            self.tell(&format!("{words}\n"));
        }
    }

    /// The state of things, which replaces what was shown before: on a terminal the last line; else a line when it has
    /// changed and ten seconds have passed; with [`Form::Json`] an event, at most one a second. To be called again with
    /// what holds then, about once a second.
    pub fn live(&mut self, name: &str, fields: &impl Serialize, words: impl Display) {
        self.live_at(Instant::now(), name, fields, &words.to_string());
    }

    fn live_at(&mut self, now: Instant, name: &str, fields: &impl Serialize, words: &str) {
        if self.live.redrawn {
            let bar = self.live.bar.get_or_insert_with(new_bar);
            bar.set_message(words.to_owned());
            bar.tick();
            return;
        }
        let secs = if self.form == Form::Json { EVENT_SECS } else { LINE_SECS };
        let due = self.live.written.is_none_or(|at| now - at >= Duration::from_secs(secs));
        if due && self.live.text != words {
            self.live.written = Some(now);
            words.clone_into(&mut self.live.text);
            match self.form {
                Form::Words => self.tell(&format!("{words}\n")),
                Form::Json => self.event(name, fields, words),
            }
        }
    }

    /// Ends the live line, so that the next one is written at once.
    pub fn settle(&mut self) {
        if let Some(bar) = self.live.bar.take() {
            bar.finish_and_clear();
        }
        self.live.written = None;
        self.live.text.clear();
    }

    /// Asks, and reads one line, without the white space around it.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn ask(&mut self, question: impl Display) -> Result<String, PromptError> {
        self.settle();
        self.tell(&format!("{question} "));
        let answer = self.line()?;
        if !self.typed {
            // A terminal shows the end of the line that was typed; a pipe does not.
            self.tell("\n");
        }
        Ok(answer.as_str().to_owned())
    }

    /// Asks for exactly these words, such as "I agree": anything else, and an empty line, is no.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn agrees(&mut self, question: impl Display, words: &str) -> Result<bool, PromptError> {
        Ok(self.ask(question)?.trim_matches(['"', '\'']) == words)
    }

    /// Reads a secret, without the white space around it; wiped when dropped.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn secret(&mut self, from: &SecretFrom) -> Result<Zeroizing<String>, PromptError> {
        match from {
            SecretFrom::Person(question) if self.typed => {
                self.settle();
                self.tell(&format!("{question} (what you type is not shown) "));
                let typed = Zeroizing::new(rpassword::read_password()?);
                Ok(trimmed(&typed))
            }
            SecretFrom::Person(_) | SecretFrom::Input => self.line(),
            SecretFrom::File(path) => {
                let bytes = files::read_private(path, ANSWER_BYTES_MAX)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| PromptError::Answer)?;
                Ok(trimmed(text))
            }
        }
    }

    fn line(&mut self) -> Result<Zeroizing<String>, PromptError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES_MAX + 1));
        let most = u64::try_from(ANSWER_BYTES_MAX).expect("a few thousand") + 1;
        self.input.by_ref().take(most).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Err(PromptError::NoAnswer);
        }
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(PromptError::Answer);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| PromptError::Answer)?;
        Ok(trimmed(text))
    }

    /// Tells how the program failed: in words on standard error, or as the last JSON object of standard output. Gives
    /// the exit code.
    pub fn problem(&mut self, problem: &Problem) -> ExitCode {
        self.settle();
        match self.form {
            Form::Words => self.tell(&problem.to_string()),
            Form::Json => self.print(&(problem.to_json() + "\n")),
        }
        problem.exit.into()
    }

    /// The end: whether everything was written.
    ///
    /// # Errors
    /// The first error of standard output, unless whoever read it has simply stopped.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.settle();
        let flushed = self.out.flush();
        match self.failed.take().or_else(|| flushed.err()) {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let what = format!("Cannot write the output: {error}.");
                Err(Problem::new(Exit::Io, "OUTPUT", what))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn print(&mut self, text: &str) {
        let Self { out, live, .. } = self;
        let written = live.beside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    fn tell(&mut self, text: &str) {
        let Self { err, live, .. } = self;
        // Nobody is left to be told that standard error cannot be written.
        let _ = live.beside(|| err.write_all(text.as_bytes()).and_then(|()| err.flush()));
    }
}

impl Live {
    /// Writes beside the live line.
    fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    bar.set_style(style.expect("the template is well formed"));
    bar
}

fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().to_owned())
}

#[cfg(test)]
mod tests;
