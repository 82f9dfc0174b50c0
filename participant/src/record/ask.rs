//! A record that is typed in, field by field.

use super::{DECISIONS, ROLES, TRUTHS, is_positive, role_of, word};
use host::{
    Problem,
    screen::{PromptError, Screen},
};
use protocol::{
    aggregation::noise::Role,
    exit::Exit,
    scoring::schema::{Feature, Schema, Value},
};
use thiserror::Error;

/// How often one question is asked.
pub const TRIES_MAX: u32 = 5;

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// None of [`TRIES_MAX`] answers was one.
    #[error("{TRIES_MAX} answers to \"{question}\" were not understood")]
    NotUnderstood {
        /// What was asked.
        question: String,
    },
    /// Nobody answers.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Prompt(error) => error.into(),
            AskError::NotUnderstood { .. } => {
                Self::new(Exit::Usage, "ANSWER", error.to_string()).safe("Nothing was sent.")
            }
        }
    }
}

/// Asks until `understand` takes the answer; what it says otherwise is shown.
fn until<T>(
    screen: &mut Screen,
    question: &str,
    mut understand: impl FnMut(&str) -> Result<T, String>,
) -> Result<T, AskError> {
    for _ in 0..TRIES_MAX {
        match understand(&screen.ask(question)?) {
            Ok(understood) => return Ok(understood),
            Err(problem) => screen.note(problem),
        }
    }
    Err(AskError::NotUnderstood { question: question.to_owned() })
}

/// Asks for every feature of the schema, showing what is allowed.
///
/// # Errors
/// [`AskError`].
pub fn typed(schema: &Schema, screen: &mut Screen) -> Result<Vec<Value>, AskError> {
    let value = |feature: &Feature| {
        let question = format!("{} ({}):", feature.name, feature.allowed());
        until(screen, &question, |answer| {
            feature.parse(answer).map_err(|error| format!("  {}: {error}", feature.name))
        })
    };
    schema.features().iter().map(value).collect()
}

/// Asks for member or donor.
///
/// # Errors
/// [`AskError`].
pub fn role(screen: &mut Screen) -> Result<Role, AskError> {
    until(screen, "Do you take part as member or as donor?", |answer| {
        word(ROLES, answer).map(role_of).ok_or_else(|| "  type: member, or: donor".to_owned())
    })
}

/// Asks for a label.
///
/// # Errors
/// [`AskError`].
pub fn yes_or_no(question: &str, screen: &mut Screen) -> Result<bool, AskError> {
    until(screen, question, |answer| {
        let allowed = || format!("  type one of: {}", TRUTHS.join(", "));
        word(TRUTHS, answer).map(is_positive).ok_or_else(allowed)
    })
}

/// Asks for the firm's decision; an empty answer is "unknown".
///
/// # Errors
/// [`AskError`].
pub fn decision(question: &str, screen: &mut Screen) -> Result<Option<bool>, AskError> {
    until(screen, question, |answer| {
        if answer.is_empty() {
            return Ok(None);
        }
        let allowed = || format!("  type one of: {}", DECISIONS.join(", "));
        let word = word(DECISIONS, answer).ok_or_else(allowed)?;
        Ok((word != "unknown").then(|| is_positive(word)))
    })
}
