//! A description as it is typed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::MissingPolicy;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Description {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) test_share: f64,
    pub(super) group: Group,
    pub(super) label: Label,
    #[serde(default)]
    pub(super) missing: Missing,
    #[serde(default, rename = "filter")]
    pub(super) filters: Vec<Filter>,
    #[serde(rename = "feature")]
    pub(super) features: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Group {
    pub(super) column: Texts,
    #[serde(default)]
    pub(super) recode: BTreeMap<String, Text>,
    pub(super) minority: Texts,
    pub(super) majority: Texts,
    #[serde(default)]
    pub(super) others: Others,
}

/// What becomes of rows of neither group.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Others {
    /// The file is refused.
    #[default]
    Refuse,
    /// The row is left out.
    Drop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Label {
    pub(super) column: Texts,
    #[serde(default)]
    pub(super) recode: BTreeMap<String, Text>,
    pub(super) positive: Texts,
    pub(super) negative: Texts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Missing {
    pub(super) texts: Texts,
    pub(super) policy: MissingPolicy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Filter {
    pub(super) column: String,
    pub(super) keep: Option<Texts>,
    pub(super) drop: Option<Texts>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Feature {
    pub(super) name: Option<String>,
    /// The source, if it is not called like the feature.
    pub(super) column: Option<Texts>,
    /// Many features of one kind in place of `name`: `e{0..1023}`, both ends included.
    pub(super) columns: Option<String>,
    #[serde(default)]
    pub(super) recode: BTreeMap<String, Text>,
    pub(super) unit: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Kind {
    Numeric {
        min: f64,
        max: f64,
    },
    Count {
        max: f64,
    },
    Ordinal {
        levels: Texts,
    },
    Flag {
        #[serde(default)]
        when: Texts,
        #[serde(default)]
        otherwise: Texts,
        below: Option<f64>,
        #[serde(rename = "at-least")]
        at_least: Option<f64>,
        min: Option<f64>,
        max: Option<f64>,
    },
    Categorical {
        levels: Levels,
    },
    Bins {
        edges: Vec<f64>,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "levels are a list or \"observed\"")]
pub(super) enum Levels {
    Word(LevelsWord),
    Listed(Vec<Text>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LevelsWord {
    /// The values that occur, sorted; as numbers if all are whole numbers.
    Observed,
}

/// One text or several; a whole number stands for its digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text, a whole number, or a list of them")]
pub(super) enum Texts {
    One(Text),
    Many(Vec<Text>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number")]
pub(super) enum Text {
    Text(String),
    Whole(i64),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.into_string()],
            Self::Many(texts) => texts.into_iter().map(Text::into_string).collect(),
        }
    }
}

impl Text {
    pub(super) fn into_string(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string(),
        }
    }
}
