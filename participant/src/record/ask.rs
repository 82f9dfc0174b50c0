//! A record that is typed in, field by field.

use super::{DECISIONS, ROLES, TRUTHS, is_positive, role_of, word};
use protocol::{
    aggregation::noise::Role,
    scoring::schema::{Feature, Schema, Value},
};
use std::io;
use thiserror::Error;
use zeroize::Zeroizing;

/// How often one question is asked.
pub const TRIES_MAX: u32 = 5;

/// Somebody who can be asked: a person at a terminal, or lines of a file or a pipe.
pub trait Ask {
    /// Shows the question and reads one line without its end; nothing if there are no more lines.
    ///
    /// # Errors
    /// If the terminal or the pipe cannot be read or written.
    fn ask(&mut self, question: &str) -> io::Result<Option<Zeroizing<String>>>;

    /// Says something before the next question.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    fn say(&mut self, text: &str) -> io::Result<()>;
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody is there, or they left.
    #[error("there is no answer to: {question}")]
    NoAnswer {
        /// What was asked.
        question: String,
    },
    /// None of [`TRIES_MAX`] answers was one.
    #[error("{TRIES_MAX} answers to \"{question}\" were not understood")]
    NotUnderstood {
        /// What was asked.
        question: String,
    },
    /// The terminal or pipe.
    #[error("the question cannot be asked: {0}")]
    Io(#[from] io::Error),
}

/// Asks until `understand` takes the answer.
fn until<T>(
    ask: &mut impl Ask,
    question: &str,
    mut understand: impl FnMut(&str) -> Result<T, String>,
) -> Result<T, AskError> {
    for _ in 0..TRIES_MAX {
        let Some(answer) = ask.ask(question)? else {
            return Err(AskError::NoAnswer { question: question.to_owned() });
        };
        match understand(&answer) {
            Ok(understood) => return Ok(understood),
            Err(problem) => ask.say(&problem)?,
        }
    }
    Err(AskError::NotUnderstood { question: question.to_owned() })
}

/// Asks for every feature of the schema, showing what is allowed.
///
/// # Errors
/// [`AskError`].
pub fn typed(schema: &Schema, ask: &mut impl Ask) -> Result<Vec<Value>, AskError> {
    let value = |feature: &Feature| {
        let question = format!("{} ({}): ", feature.name, feature.allowed());
        until(ask, &question, |answer| {
            feature.parse(answer).map_err(|error| format!("  {}: {error}", feature.name))
        })
    };
    schema.features().iter().map(value).collect()
}

/// Asks for member or donor.
///
/// # Errors
/// [`AskError`].
pub fn role(ask: &mut impl Ask) -> Result<Role, AskError> {
    const QUESTION: &str = "Do you take part as member or as donor? ";
    until(ask, QUESTION, |answer| {
        word(ROLES, answer).map(role_of).ok_or_else(|| "  type: member, or: donor".to_owned())
    })
}

/// Asks for a label.
///
/// # Errors
/// [`AskError`].
pub fn yes_or_no(question: &str, ask: &mut impl Ask) -> Result<bool, AskError> {
    until(ask, question, |answer| {
        let allowed = || format!("  type one of: {}", TRUTHS.join(", "));
        word(TRUTHS, answer).map(is_positive).ok_or_else(allowed)
    })
}

/// Asks for the firm's decision; an empty answer is "unknown".
///
/// # Errors
/// [`AskError`].
pub fn statement(question: &str, ask: &mut impl Ask) -> Result<Option<bool>, AskError> {
    until(ask, question, |answer| {
        if answer.trim().is_empty() {
            return Ok(None);
        }
        let allowed = || format!("  type one of: {}", DECISIONS.join(", "));
        let word = word(DECISIONS, answer).ok_or_else(allowed)?;
        Ok((word != "unknown").then(|| is_positive(word)))
    })
}
