//! Experiments: a TOML file says what varies; every cell is a pure function of (file, seed).
//!
//! - [`config`](self): what an experiment file may say. [`record`]: one line per retrained firm.
//!   [`journal`]: lines that are kept.
//! - [`sweep`]: all cells on all cores, resumable. [`summary`]: means, intervals, differences.

use std::collections::BTreeMap;

use protocol::scoring::method::Method;
use protocol::scoring::scaling::Encoding;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::baseline::Baseline;
use crate::firm::Learner;
use crate::scene::GroupSight;

pub mod journal;
pub mod record;
pub mod summary;
pub mod sweep;

/// What an experiment file says.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// A word for titles and file names.
    pub name: String,
    /// A built-in data set's word, or a path to a description.
    pub dataset: String,
    /// Seeds `0..seeds`.
    pub seeds: u64,
    /// Scores to rank by; `none` is always run as well.
    pub methods: Vec<Method>,
    /// Sizes of the collective as shares of the minority train rows.
    pub alphas: Vec<f64>,
    /// Flip budgets M, in persons.
    #[serde(default)]
    pub flips: Vec<usize>,
    /// Flip budgets as shares of the candidates.
    #[serde(default)]
    pub shares: Vec<f64>,
    /// What to do with a budget above the number of candidates.
    #[serde(default)]
    pub beyond: Beyond,
    /// Whether M and strengths are chosen on validation data as well: M among `shares`.
    #[serde(default)]
    pub validate: bool,
    /// Firm-side methods to compare with.
    // Left out of the hash where there are none: results from before they existed stay valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firm_side: Vec<Baseline>,
    /// Strengths of firm-side methods other than their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strengths: BTreeMap<Baseline, Vec<f64>>,
    /// Neighbours of `rb-label` and `rb-dist`.
    #[serde(default = "default_k")]
    pub k: usize,
    /// How many majority records the scores know: see [`Scene::scores_from`](crate::scene::Scene::scores_from);
    /// all of them unless given.
    // Left out of the hash where it is not given: results from before it existed stay valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<usize>,
    /// How records become coordinates for the scores.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether the firm sees the group.
    #[serde(default = "yes")]
    pub group_visible: bool,
    /// The firms that retrain.
    pub firms: Vec<Learner>,
}

/// What happens to a flip budget above the number of candidates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// The experiment stops and says how many there are.
    #[default]
    Refuse,
    /// All candidates flip, and the record says how many that were.
    FlipAll,
    /// The cell is left out.
    Skip,
}

/// Why an experiment file cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// It is no TOML of this form.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A list that must hold something is empty.
    #[error("{key} is empty: nothing to run")]
    Empty {
        /// Which key.
        key: &'static str,
    },
    /// A share outside 0 to 1.
    #[error("{key} holds {value}; allowed: 0 to 1")]
    Share {
        /// Which key.
        key: &'static str,
        /// The value.
        value: f64,
    },
    /// Validation needs shares to choose from.
    #[error("validate = true chooses M among the shares, but shares is empty")]
    NothingToChoose,
    /// Strengths of a method that is not run, or none for one that is.
    #[error("strengths names {}: allowed are methods of firm_side, with at least one number", .method.word())]
    Strengths {
        /// Which method.
        method: Baseline,
    },
}

impl Experiment {
    /// Reads and checks an experiment file.
    ///
    /// # Errors
    /// Every [`ExperimentError`]; unknown keys are refused.
    pub fn parse(text: &str) -> Result<Self, ExperimentError> {
        let experiment: Self = toml::from_str(text)?;
        experiment.check()?;
        Ok(experiment)
    }

    /// Checks lists and shares.
    ///
    /// # Errors
    /// [`ExperimentError`], except for its syntax variant.
    pub fn check(&self) -> Result<(), ExperimentError> {
        let empty = [
            ("seeds", self.seeds == 0),
            ("alphas", self.alphas.is_empty()),
            ("firms", self.firms.is_empty()),
            ("flips and shares", self.flips.is_empty() && self.shares.is_empty()),
        ];
        if let Some((key, _)) = empty.into_iter().find(|&(_, empty)| empty) {
            return Err(ExperimentError::Empty { key });
        }
        for (key, values) in [("alphas", &self.alphas), ("shares", &self.shares)] {
            if let Some(&value) = values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
                return Err(ExperimentError::Share { key, value });
            }
        }
        if self.validate && self.shares.is_empty() && self.firm_side.is_empty() {
            return Err(ExperimentError::NothingToChoose);
        }
        let useless = |(method, values): &(&Baseline, &Vec<f64>)| {
            !self.firm_side.contains(method) || values.is_empty()
        };
        if let Some((&method, _)) = self.strengths.iter().find(useless) {
            return Err(ExperimentError::Strengths { method });
        }
        Ok(())
    }

    /// The strengths at which a firm-side method is run.
    pub fn strengths_of(&self, method: Baseline) -> &[f64] {
        self.strengths.get(&method).map_or_else(|| method.strengths(), Vec::as_slice)
    }

    /// The same question with three seeds at most, for a first look.
    #[must_use]
    pub fn quick(&self) -> Self {
        Self { seeds: self.seeds.min(3), ..self.clone() }
    }

    /// Whether the firm sees the group.
    pub const fn sight(&self) -> GroupSight {
        if self.group_visible { GroupSight::Visible } else { GroupSight::Hidden }
    }

    /// Identifies configuration and data; the same hash and seed, the same numbers.
    ///
    /// The first 16 hexadecimal digits of SHA-256 over the canonical JSON and `fingerprint`.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn hash(&self, fingerprint: &str) -> String {
        let json = serde_json::to_vec(self).expect("every field has a JSON form");
        let digest = Sha256::new().chain_update(json).chain_update(fingerprint).finalize();
        crate::dataset::hex(&digest)[..16].to_owned()
    }
}

const fn default_k() -> usize {
    20
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TEXT: &str = r#"
        name = "small"
        dataset = "synthetic"
        seeds = 2
        methods = ["rb-prob", "random"]
        alphas = [0.3]
        flips = [10, 40]
        shares = [0.2, 0.5]
        validate = true
        firms = [{ learner = "logistic", penalty = 1.0 }]
    "#;

    #[test]
    fn reads_defaults() {
        let experiment = Experiment::parse(TEXT).unwrap();
        assert_eq!((experiment.k, experiment.encoding), (20, Encoding::Mix));
        assert_eq!(experiment.sight(), GroupSight::Visible);
    }

    #[test]
    fn refuses_an_unknown_key_by_name() {
        let error = Experiment::parse(&format!("{TEXT}\nflipz = 3")).unwrap_err().to_string();
        assert!(error.contains("flipz"), "{error}");
    }

    #[test]
    fn refuses_what_cannot_be_run() {
        let with = |from: &str, to: &str| Experiment::parse(&TEXT.replace(from, to)).unwrap_err();
        assert_eq!(
            with("alphas = [0.3]", "alphas = [1.3]"),
            ExperimentError::Share { key: "alphas", value: 1.3 }
        );
        assert_eq!(with("seeds = 2", "seeds = 0"), ExperimentError::Empty { key: "seeds" });
        assert_eq!(with("shares = [0.2, 0.5]", ""), ExperimentError::NothingToChoose);
    }

    #[test]
    fn reads_firm_side_methods_and_their_strengths() {
        let text = format!("firm_side = [\"massaging\", \"reweighing\"]\n{TEXT}");
        let text = format!("{text}\n[strengths]\nmassaging = [1.0, 0.5]");
        let experiment = Experiment::parse(&text).unwrap();
        assert_eq!(experiment.strengths_of(Baseline::Massaging), [1.0, 0.5]);
        let own = Baseline::Reweighing.strengths();
        assert_eq!(experiment.strengths_of(Baseline::Reweighing), own);
        let with = |from: &str, to: &str| Experiment::parse(&text.replace(from, to)).unwrap_err();
        let wrong = ExperimentError::Strengths { method: Baseline::Massaging };
        assert_eq!(with("[1.0, 0.5]", "[]"), wrong);
        assert_eq!(with("[\"massaging\", ", "["), wrong);
        let unknown = with("\"reweighing\"", "\"reweighting\"").to_string();
        assert!(unknown.contains("reweighting"), "{unknown}");
    }

    /// Results of experiments without firm-side methods stay theirs.
    #[test]
    fn the_hash_is_that_of_before_firm_side_methods() {
        assert_eq!(Experiment::parse(TEXT).unwrap().hash("a"), "abdabcf368932d25");
    }

    #[test]
    fn the_hash_depends_on_configuration_and_data() {
        let experiment = Experiment::parse(TEXT).unwrap();
        let other = Experiment { k: 21, ..experiment.clone() };
        assert_ne!(experiment.hash("a"), other.hash("a"));
        assert_ne!(experiment.hash("a"), experiment.hash("b"));
        assert_eq!(experiment.hash("a").len(), 16);
    }
}
