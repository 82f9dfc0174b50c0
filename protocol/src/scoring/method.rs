//! The scores: how likely a candidate's counterfactual label is positive.

use std::fmt;
use std::str::FromStr;

use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::logistic::{Logistic, LogisticError};
use super::neighbours::{NeighbourError, NeighbourIndex};
use super::scaling::Scaled;
use crate::order::{self, Purpose};

/// How candidates are scored. Source: Ben-Dov et al., arXiv 2508.15374, section 4.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// `f(x)`, `f` a regressor trained on the majority only.
    RbProb,
    /// How many of the `k` nearest majority neighbours have a positive label.
    RbLabel,
    /// Minus the mean distance to the `k` nearest majority neighbours with a positive label.
    RbDist,
    /// A published pseudo-random number: the baseline.
    Random,
}

impl Method {
    /// Every method, in the order of tables and figures.
    pub const ALL: [Self; 4] = [Self::RbProb, Self::RbLabel, Self::RbDist, Self::Random];

    /// Its word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RbProb => "rb-prob",
            Self::RbLabel => "rb-label",
            Self::RbDist => "rb-dist",
            Self::Random => "random",
        }
    }

    /// Whether it looks at the `k` nearest neighbours.
    pub const fn needs_k(self) -> bool {
        match self {
            Self::RbLabel | Self::RbDist => true,
            Self::RbProb | Self::Random => false,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no method.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{word}\" is not a method; allowed: rb-prob, rb-label, rb-dist, random")]
pub struct UnknownMethod {
    word: String,
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(word: &str) -> Result<Self, UnknownMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.word() == word)
            .ok_or_else(|| UnknownMethod { word: word.to_owned() })
    }
}

/// Why candidates cannot be scored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The reference cannot train a regressor.
    #[error("rb-prob: {0}")]
    Regressor(#[from] LogisticError),
    /// More neighbours are asked for than the reference has.
    #[error(
        "{method}: k = {k}, but its majority reference has {reference} rows; allowed: 1 to {reference}"
    )]
    TooFewRows {
        /// `rb-label` or `rb-dist`.
        method: Method,
        /// As asked.
        k: usize,
        /// Rows of the reference; for `rb-dist` those with a positive label.
        reference: usize,
    },
    /// The neighbour search refused.
    #[error("{method}: {error}")]
    Neighbours {
        /// `rb-label` or `rb-dist`.
        method: Method,
        /// Why.
        error: NeighbourError,
    },
}

/// The penalty of the regressor behind `rb-prob`, fitted on records in one place.
pub const REGRESSOR_PENALTY: f64 = 1.0;

/// The majority's records and labels in one place: what the paper's central scoring looks at.
#[derive(Clone, Debug)]
pub struct MajorityReference<'a> {
    /// Scaled records, by the scaling that candidates are scaled with.
    pub records: &'a Scaled,
    /// One true label per record.
    pub labels: &'a [bool],
    /// The regressor's penalty; the reference figures use 1.
    pub penalty: f64,
}

impl MajorityReference<'_> {
    /// One finite score per candidate; greater is asked sooner.
    ///
    /// `rows` are the candidates' row numbers, from which (with `seed`) `random` follows.
    /// `rb-label` is a count from 0 to `k`; `rb-dist` is in units of the scaling and at most 0.
    ///
    /// # Errors
    /// Every [`ScoreError`].
    pub fn score(
        &self,
        method: Method,
        k: usize,
        candidates: &Scaled,
        rows: &[usize],
        seed: u64,
    ) -> Result<Vec<f64>, ScoreError> {
        match method {
            Method::RbProb => {
                let fit = Logistic::fit(self.records, self.labels, self.penalty)?;
                Ok(fit.model().probabilities(candidates))
            }
            Method::RbLabel => self.positive_neighbours(k, candidates),
            Method::RbDist => self.distance_to_positives(k, candidates),
            Method::Random => Ok(rows.iter().map(|&row| random_score(seed, row)).collect()),
        }
    }

    fn positive_neighbours(&self, k: usize, candidates: &Scaled) -> Result<Vec<f64>, ScoreError> {
        let fail = |error| refusal(Method::RbLabel, error);
        let index = NeighbourIndex::new(&self.records.to_dense()).map_err(fail)?;
        let nearest = index.nearest(&candidates.to_dense(), k).map_err(fail)?;
        let positives = |row: ndarray::ArrayView1<'_, super::neighbours::Neighbour>| {
            row.iter().map(|n| f64::from(u8::from(self.labels[n.row]))).sum()
        };
        Ok(nearest.outer_iter().map(positives).collect())
    }

    fn distance_to_positives(&self, k: usize, candidates: &Scaled) -> Result<Vec<f64>, ScoreError> {
        let fail = |error| refusal(Method::RbDist, error);
        let positive: Vec<usize> =
            self.labels.iter().enumerate().filter(|(_, y)| **y).map(|(row, _)| row).collect();
        let reference = self.records.to_dense().select(Axis(0), &positive);
        let index = NeighbourIndex::new(&reference).map_err(fail)?;
        let nearest = index.nearest(&candidates.to_dense(), k).map_err(fail)?;
        #[expect(clippy::cast_precision_loss, reason = "k is below 2^53")]
        let count = k as f64;
        Ok(nearest
            .outer_iter()
            .map(|row| -row.iter().map(|n| n.squared_distance.sqrt()).sum::<f64>() / count)
            .collect())
    }
}

fn refusal(method: Method, error: NeighbourError) -> ScoreError {
    match error {
        NeighbourError::TooFewRows { k, reference } => {
            ScoreError::TooFewRows { method, k, reference }
        }
        NeighbourError::EmptyReference => ScoreError::TooFewRows { method, k: 1, reference: 0 },
        NeighbourError::NotFinite { .. }
        | NeighbourError::Columns { .. }
        | NeighbourError::NoNeighbour => ScoreError::Neighbours { method, error },
    }
}

fn random_score(seed: u64, row: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the published rule rounds to a double")]
    let score = order::row_key(seed, Purpose::RandomScore, row) as f64;
    score
}

#[cfg(test)]
mod tests {
    use super::super::design::tests::design;
    use super::super::scaling::{Encoding, Scaling};
    use super::*;

    /// Ages 10, 20, 30, 40 with labels -, +, +, -; one candidate of age 12.
    fn score(method: Method, k: usize) -> Result<Vec<f64>, ScoreError> {
        let all = design(&[10.0, 20.0, 30.0, 40.0, 12.0].map(|age| (0, age, false, 0.0)));
        // Mean 22.4: one year is 1/sd units, and distances are in those.
        let scaled = Scaling::fit(&all, Encoding::Z).apply(&all.select(&[0, 1, 2, 3]));
        let candidate = Scaling::fit(&all, Encoding::Z).apply(&all.select(&[4]));
        let labels = [false, true, true, false];
        MajorityReference { records: &scaled, labels: &labels, penalty: 1.0 }.score(
            method,
            k,
            &candidate,
            &[4],
            7,
        )
    }

    #[test]
    fn agrees_with_hand_worked_scores() {
        assert_eq!(score(Method::RbLabel, 1).unwrap(), [0.0]);
        assert_eq!(score(Method::RbLabel, 2).unwrap(), [1.0]);
        assert_eq!(score(Method::RbLabel, 4).unwrap(), [2.0]);
        let sd = ((12.4_f64.powi(2)
            + 2.4_f64.powi(2)
            + 7.6_f64.powi(2)
            + 17.6_f64.powi(2)
            + 10.4_f64.powi(2))
            / 5.0)
            .sqrt();
        assert!(
            (score(Method::RbDist, 2).unwrap()[0] + f64::midpoint(8.0, 18.0) / sd).abs() < 1e-8
        );
        let probability = score(Method::RbProb, 1).unwrap()[0];
        assert!((0.3..0.7).contains(&probability), "{probability}");
        #[expect(clippy::cast_precision_loss, reason = "as in the published rule")]
        let random = order::key(7, Purpose::RandomScore, 4) as f64;
        assert_eq!(score(Method::Random, 1).unwrap(), [random]);
    }

    #[test]
    fn refuses_more_neighbours_than_there_are() {
        assert_eq!(
            score(Method::RbDist, 3).unwrap_err().to_string(),
            "rb-dist: k = 3, but its majority reference has 2 rows; allowed: 1 to 2"
        );
        assert!(matches!(
            score(Method::RbLabel, 5),
            Err(ScoreError::TooFewRows { method: Method::RbLabel, k: 5, reference: 4 })
        ));
    }

    #[test]
    fn words_round_trip() {
        for method in Method::ALL {
            assert_eq!(method.word().parse(), Ok(method));
        }
        assert!("rb_prob".parse::<Method>().is_err());
    }
}
