//! The keys of a campaign's file. What they mean is said in `example.toml`.

#![expect(missing_docs, reason = "example.toml explains every key; it is read by a test")]

use protocol::campaign::Draft;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::Lines;
use crate::notices::Concern;

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CampaignFile {
    pub organiser: Organiser,
    pub server: Server,
    pub texts: Texts,
    pub honesty: Honesty,
    pub keyholder: Vec<KeyholderText>,
    pub privacy: Privacy,
    pub people: People,
    #[serde(default)]
    pub selection: Selection,
    #[serde(default)]
    pub visits: Visits,
    pub times: Times,
    #[serde(default)]
    pub feature: Vec<FeatureText>,
    pub published: Option<Published>,
    pub planned: Option<Draft>,
    #[serde(skip)]
    pub lines: Lines,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Organiser {
    pub name: String,
    pub contact: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub address: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    pub purpose: String,
    pub firm: String,
    pub group: String,
    pub label: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Honesty {
    pub statement: String,
    pub concerns: Vec<Concern>,
    pub concerns_statement: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KeyholderText {
    pub name: String,
    pub contact: String,
    pub named_by: String,
    #[serde(default)]
    pub organisers_own: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    pub recovery_threshold: u8,
    pub honest_seats: Option<u8>,
    pub cohort: u32,
    pub epsilon: Option<f64>,
    pub noise: Option<Noise>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    None,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct People {
    pub reporters_max: u32,
    pub donors: u32,
}

/// With `[planned]`, all but `bins` and `mode` stand there.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    pub method: Option<String>,
    pub k: Option<u32>,
    pub flip_budget: Option<u32>,
    pub safe_cap: Option<u32>,
    pub no_show_milli: Option<u16>,
    pub bins: Option<u16>,
    #[serde(default)]
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    #[default]
    Histogram,
    OpenScores,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent visits")]
pub struct Visits {
    pub confirmation: bool,
    pub audits: bool,
    pub scale: bool,
    pub refinement: bool,
    pub top_up: bool,
}

impl Default for Visits {
    fn default() -> Self {
        Self { confirmation: true, audits: true, scale: false, refinement: false, top_up: false }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Times {
    pub issue_closes: String,
    pub enrolment_opens: Option<String>,
    pub enrolment_closes: String,
    pub collecting: String,
    pub closing: String,
    pub audit_after: Option<String>,
    pub patience: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FeatureText {
    pub name: String,
    pub unit: Option<String>,
    pub kind: Option<KindWord>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub levels: Option<Vec<String>>,
    pub values: Option<Vec<f64>>,
    pub weights: Option<Vec<u32>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Published {
    pub agreed: String,
    pub person: Vec<PublishedPerson>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PublishedPerson {
    pub positive: bool,
    pub record: BTreeMap<String, toml::Value>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum KindWord {
    Numeric,
    Count,
    Ordinal,
    Flag,
    Categorical,
}
