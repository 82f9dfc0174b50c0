//! What a table of people is, told in TOML: group, label, features, filters, missing values, split.
//!
//! Reading a description checks it on its own; whether a file holds what it says is found out by
//! [`Description::load`].

mod check;
mod raw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::scoring::schema::Feature;

pub use self::check::DescriptionError;

/// A checked description of a table of people.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    name: String,
    file: PathBuf,
    test_share: f64,
    pub(super) group: Split,
    pub(super) drops_other_groups: bool,
    pub(super) label: Split,
    pub(super) filters: Vec<Filter>,
    pub(super) missing: Missing,
    pub(super) features: Vec<Reading>,
}

impl Description {
    /// Reads a description from TOML text.
    ///
    /// # Errors
    /// Every [`DescriptionError`]; an unknown key is [`DescriptionError::Toml`], with its line.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        check::parse(text)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the table is looked for by default, below a folder of data sets.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The share of rows set apart as test rows.
    pub fn test_share(&self) -> f64 {
        self.test_share
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    /// Names of the column; the first one that the file has is read.
    pub(super) columns: Vec<String>,
    /// Texts that stand for others; a text that is not listed stays as it is.
    pub(super) recode: BTreeMap<String, String>,
}

/// Two lists of texts: of the group or of the label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) source: Source,
    /// A categorical feature of both lists, the first list first.
    pub(super) texts: Feature,
    /// How many texts the first list has (minority, positive).
    pub(super) first: usize,
}

/// Which rows are kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    pub(super) column: String,
    pub(super) rule: FilterRule,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum FilterRule {
    Keep(Vec<String>),
    Drop(Vec<String>),
    /// A number within these limits; an empty cell is not.
    Within {
        min: f64,
        max: f64,
    },
}

/// Texts that mean "missing", and what becomes of them; an empty cell is missing too.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Missing {
    pub(super) texts: Vec<String>,
    pub(super) policy: MissingPolicy,
}

/// What becomes of a missing value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MissingPolicy {
    /// The file is refused.
    #[default]
    Refuse,
    /// The text is a level like any other; an empty cell is still refused.
    Level,
    /// The row is left out.
    Drop,
}

/// How one feature is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) source: Source,
    /// The feature; its levels are empty where [`Rule::Observed`] finds them.
    pub(super) feature: Feature,
    pub(super) rule: Rule,
}

/// How a text becomes a value of a feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// As the feature itself reads it.
    Direct,
    /// Likewise, with the levels that occur in the file.
    Observed,
    /// Yes for the first `yes` texts of `texts`, no for the others.
    Among { texts: Feature, yes: usize },
    /// Yes for these texts, no for all others.
    When { texts: Vec<String> },
    /// Yes for numbers below the limit.
    Below { number: Feature, limit: f64 },
    /// Yes for numbers at or above the limit.
    AtLeast { number: Feature, limit: f64 },
    /// The bin of a number; each is closed on the left, the last on both sides.
    Bins { number: Feature, edges: Vec<f64> },
}
