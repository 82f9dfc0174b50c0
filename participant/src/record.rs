//! A person's record as it is written in a file or typed in, read against the campaign's schema.
//!
//! Nothing here sends or keeps anything. What does not fit is refused with what is allowed; nothing is clipped or
//! guessed. A file names every feature of the schema; it may also hold `role`, `label`, `decision` and `if_asked`, so that
//! none of them has to stand on a command line, where others on the same machine could read it.

mod ask;
mod file;

pub use ask::{AskError, TRIES_MAX, decision, role, typed, yes_or_no};
pub use file::{RECORD_BYTES_MAX, ReadError, read};

use protocol::{
    aggregation::noise::Role,
    scoring::schema::{Feature, Schema, Value, ValueError},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// Everything a person says of itself. Secret: it leaves this machine only as shares of a measurement.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// One checked value for each feature of the schema.
    pub values: Vec<Value>,
    /// Member or donor, and hence the group.
    pub role: Role,
    /// The true label.
    pub positive: bool,
    /// The firm's decision on this person so far, if it is known.
    pub accepted: Option<bool>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record([redacted])")
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.values.fill(Value::Flag(false));
        self.positive = false;
        self.accepted = None;
    }
}

/// One thing that a file says, before it is checked.
#[derive(Clone)]
pub struct Field {
    /// The column or key.
    pub name: String,
    /// As written.
    pub text: Zeroizing<String>,
    /// Its line in the file, counted from 1, where that is known.
    pub line: Option<u64>,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One feature of the schema beside what the file says of it.
#[derive(Clone)]
pub struct Row {
    /// The feature's name.
    pub name: String,
    /// As written; empty if it is missing.
    pub text: Zeroizing<String>,
    /// What the schema allows, in words.
    pub allowed: String,
    /// What it is, or what is wrong with it.
    pub verdict: Result<Value, FieldProblem>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A whole record beside the schema: every fault at once.
#[derive(Clone)]
pub struct Checked {
    /// In the schema's order.
    pub rows: Vec<Row>,
    /// Member or donor, if the file says so.
    pub role: Option<Role>,
    /// The true label, if the file says so.
    pub positive: Option<bool>,
    /// The firm's decision: nothing if the file does not say, `Some(None)` if it says that it is unknown.
    pub accepted: Option<Option<bool>>,
    /// Whether a member means to report the positive label if it is asked, if the file says so.
    pub if_asked: Option<bool>,
    /// Columns that the campaign does not ask for. They are not used.
    pub unused: Vec<String>,
    /// What is wrong with role, label or decision.
    pub words: Vec<FieldProblem>,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("features", &self.rows.len()).finish_non_exhaustive()
    }
}

/// Why one field is refused. Shown to the person whose record it is; prints no value otherwise.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The file does not have it.
    #[error("the campaign expects \"{name}\" ({allowed}), and it is missing{}", Closest(.closest))]
    Missing {
        /// The feature.
        name: String,
        /// What it may hold.
        allowed: String,
        /// The unused column that is called most alike.
        closest: Option<String>,
    },
    /// What it says is not allowed.
    #[error("\"{name}\"{}: {error}", On(*.line))]
    Value {
        /// The feature.
        name: String,
        /// Its line, counted from 1.
        line: Option<u64>,
        /// Why.
        error: ValueError,
    },
    /// Role, label or decision is none of the words for it.
    #[error("\"{name}\"{}: \"{text}\" is none of: {}", On(*.line), .allowed.join(", "))]
    Word {
        /// Which.
        name: &'static str,
        /// Its line, counted from 1.
        line: Option<u64>,
        /// As written.
        text: String,
        /// The words that are.
        allowed: &'static [&'static str],
    },
}

impl fmt::Debug for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing { .. } => "Missing",
            Self::Value { .. } => "Value",
            Self::Word { .. } => "Word",
        })
    }
}

struct Closest<'a>(&'a Option<String>);

impl fmt::Display for Closest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, "; closest: \"{name}\""))
    }
}

struct On(Option<u64>);

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, " on line {line}"))
    }
}

/// The names that a file may use besides the features'.
const ROLE: &str = "role";
const LABEL: &str = "label";
const DECISION: &str = "decision";
const IF_ASKED: &str = "if_asked";

const ROLES: &[&str] = &["member", "donor"];
const TRUTHS: &[&str] = &["positive", "negative", "yes", "no", "1", "0"];
const ANSWERS: &[&str] = &["yes", "no", "1", "0"];
const DECISIONS: &[&str] = &["positive", "negative", "yes", "no", "1", "0", "unknown"];

impl Checked {
    /// Lays what a file says beside the schema. A feature that is called like one of the extra names wins: then
    /// that one is asked for.
    pub fn new(schema: &Schema, fields: &[Field]) -> Self {
        let features = schema.features();
        let is_feature = |name: &str| features.iter().any(|feature| feature.name == name);
        let extra = |name: &str| {
            fields.iter().find(|field| field.name == name).filter(|_| !is_feature(name))
        };
        let unused: Vec<String> = fields
            .iter()
            .filter(|field| {
                !is_feature(&field.name)
                    && ![ROLE, LABEL, DECISION, IF_ASKED].contains(&&*field.name)
            })
            .map(|field| field.name.clone())
            .collect();
        let mut words = Vec::new();
        let mut said = |name, allowed, field: Option<&Field>| {
            let field = field.filter(|field| !field.text.trim().is_empty())?;
            let word = word(allowed, &field.text);
            if word.is_none() {
                let text = field.text.trim().to_owned();
                words.push(FieldProblem::Word { name, line: field.line, text, allowed });
            }
            word
        };
        let role = said(ROLE, ROLES, extra(ROLE)).map(role_of);
        let positive = said(LABEL, TRUTHS, extra(LABEL)).map(is_positive);
        let accepted = said(DECISION, DECISIONS, extra(DECISION))
            .map(|word| (word != "unknown").then(|| is_positive(word)));
        let if_asked = said(IF_ASKED, ANSWERS, extra(IF_ASKED)).map(is_positive);
        let rows = features.iter().map(|feature| row(feature, fields, &unused)).collect();
        Self { rows, role, positive, accepted, if_asked, unused, words }
    }

    /// Everything that is wrong, in the schema's order.
    pub fn problems(&self) -> Vec<&FieldProblem> {
        let rows = self.rows.iter().filter_map(|row| row.verdict.as_ref().err());
        rows.chain(&self.words).collect()
    }

    /// The values, if nothing is wrong.
    pub fn values(&self) -> Option<Vec<Value>> {
        if !self.words.is_empty() {
            return None;
        }
        self.rows.iter().map(|row| row.verdict.as_ref().ok().copied()).collect()
    }
}

fn row(feature: &Feature, fields: &[Field], unused: &[String]) -> Row {
    let allowed = feature.allowed().to_string();
    let Some(field) = fields.iter().find(|field| field.name == feature.name) else {
        let closest = closest(&feature.name, unused);
        let (name, text) = (feature.name.clone(), Zeroizing::default());
        let missing =
            FieldProblem::Missing { name: name.clone(), allowed: allowed.clone(), closest };
        return Row { name, text, allowed, verdict: Err(missing) };
    };
    let name = feature.name.clone();
    let verdict = feature.parse(&field.text).map_err(|error| FieldProblem::Value {
        name: name.clone(),
        line: field.line,
        error,
    });
    Row { name, text: field.text.clone(), allowed, verdict }
}

/// The name that is spelt most alike, if it is alike at all.
fn closest(name: &str, among: &[String]) -> Option<String> {
    let likeness =
        |other: &String| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let best = among.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.7).then(|| best.clone())
}

fn word(allowed: &'static [&'static str], text: &str) -> Option<&'static str> {
    let text = text.trim().to_lowercase();
    allowed.iter().copied().find(|word| *word == text)
}

fn role_of(word: &str) -> Role {
    if word == "member" { Role::Member } else { Role::Donor }
}

fn is_positive(word: &str) -> bool {
    matches!(word, "positive" | "yes" | "1")
}

#[cfg(test)]
mod tests;
