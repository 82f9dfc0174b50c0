//! One seed's world: who is in the train and test rows, who joins, who is asked, what follows.
//!
//! Splits, collectives and ties follow published orders (`protocol::order`), so that every method
//! sees the same people and anyone recomputes them from the seed.

use std::collections::BTreeMap;

use protocol::order::{self, Purpose};
use protocol::scoring::design::Design;
use protocol::scoring::method::{MajorityReference, Method, REGRESSOR_PENALTY, ScoreError};
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::selection::{self, ScoredCandidate};

use crate::dataset::Dataset;
use crate::firm::{Classifier, Firm, FirmError, Learner};
use crate::metrics::{Confusion, Measures, MetricError, Success};

/// The share of the train rows set apart to choose M.
const VALIDATION_SHARE: f64 = 0.25;

/// The least number of records of each label among a few: as many neighbours as are asked of ten.
pub const LABEL_MIN: usize = 3;

/// Why a scene cannot be set or played.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SceneError {
    /// The collective's share is no share.
    #[error("alpha is {alpha}; allowed: 0 to 1")]
    Alpha {
        /// As given.
        alpha: f64,
    },
    /// One group has nobody in some rows.
    #[error("no {group} person among the {rows} rows (seed {seed})")]
    EmptyGroup {
        /// "minority" or "majority".
        group: &'static str,
        /// "train" or "test".
        rows: &'static str,
        /// The seed of the split.
        seed: u64,
    },
    /// Nobody to ask.
    #[error("no candidates: none of the {members} members has a negative label (alpha {alpha})")]
    NoCandidates {
        /// Members of the collective.
        members: usize,
        /// Its share of the minority.
        alpha: f64,
    },
    /// More flips are asked for than there are candidates.
    #[error(
        "M = {flips}, but there are {candidates} candidates; allowed: 0 to {candidates} (or say that all may flip)"
    )]
    TooManyFlips {
        /// As asked.
        flips: usize,
        /// How many candidates there are.
        candidates: usize,
    },
    /// Candidates cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The firm cannot train.
    #[error(transparent)]
    Firm(#[from] FirmError),
    /// A measure is undefined.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

/// The rows of one seed.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    data: &'a Dataset,
    seed: u64,
    /// Rows the firm trains on, ascending.
    train: Vec<usize>,
    /// Rows on which it is measured, ascending; never relabelled.
    test: Vec<usize>,
    /// Minority train rows of the whole seed in the order in which they join.
    joining: Vec<usize>,
}

impl<'a> Scene<'a> {
    /// Splits the people of one seed.
    ///
    /// # Errors
    /// [`SceneError::EmptyGroup`].
    pub fn new(data: &'a Dataset, seed: u64) -> Result<Self, SceneError> {
        let rows = data.minority.len();
        let shuffled = order::order(seed, Purpose::Split, 0..rows);
        let (test, train) = shuffled.split_at(share_of(data.test_share, rows, 0.0));
        Self::of_rows(data, seed, ascending(train), ascending(test))
    }

    /// People who are split already; `seed` decides all else. Rows are ascending, none is in both lists.
    ///
    /// # Errors
    /// [`SceneError::EmptyGroup`].
    pub fn of_rows(
        data: &'a Dataset,
        seed: u64,
        train: Vec<usize>,
        test: Vec<usize>,
    ) -> Result<Self, SceneError> {
        for (name, rows) in [("train", &train), ("test", &test)] {
            for (group, minority) in [("minority", true), ("majority", false)] {
                if !rows.iter().any(|&row| data.minority[row] == minority) {
                    return Err(SceneError::EmptyGroup { group, rows: name, seed });
                }
            }
        }
        let minority = train.iter().copied().filter(|&row| data.minority[row]);
        let joining = order::order(seed, Purpose::Collective, minority);
        Ok(Self { data, seed, train, test, joining })
    }

    /// The same people with a quarter of the train rows in place of the test rows, to choose M by.
    #[must_use]
    pub fn validation(&self) -> Self {
        let shuffled = order::order(self.seed, Purpose::Validation, self.train.iter().copied());
        let (apart, rest) = shuffled.split_at(share_of(VALIDATION_SHARE, shuffled.len(), 0.0));
        Self { train: ascending(rest), test: ascending(apart), ..self.clone() }
    }

    /// The collective: the first `alpha` of the minority to join, as far as they are train rows.
    ///
    /// # Errors
    /// [`SceneError::Alpha`].
    pub fn members(&self, alpha: f64) -> Result<Vec<usize>, SceneError> {
        if !(0.0..=1.0).contains(&alpha) {
            return Err(SceneError::Alpha { alpha });
        }
        let members = &self.joining[..share_of(alpha, self.joining.len(), 0.5)];
        let trains = |row: &usize| self.train.binary_search(row).is_ok();
        Ok(members.iter().copied().filter(trains).collect())
    }

    /// The members with a negative label, in the order in which they joined.
    ///
    /// # Errors
    /// [`SceneError::Alpha`].
    pub fn candidates(&self, alpha: f64) -> Result<Vec<usize>, SceneError> {
        let mut members = self.members(alpha)?;
        members.retain(|&row| !self.data.positive[row]);
        Ok(members)
    }

    /// The seed of split, collective and ties.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Rows the firm trains on, ascending.
    pub fn train(&self) -> &[usize] {
        &self.train
    }

    /// Rows on which the firm is measured, ascending.
    pub fn test(&self) -> &[usize] {
        &self.test
    }

    /// Scores everybody who could ever be a candidate: all minority train rows with a negative label.
    ///
    /// # Errors
    /// [`SceneError::Score`].
    pub fn scores(
        &self,
        method: Method,
        k: usize,
        encoding: Encoding,
    ) -> Result<Scores, SceneError> {
        self.scores_from(method, k, encoding, None)
    }

    /// Likewise by `known` majority records only: the first of a published order, but of each label
    /// at least [`LABEL_MIN`], as no score learns from one label. `None`: all of them.
    ///
    /// # Errors
    /// [`SceneError::Score`].
    pub fn scores_from(
        &self,
        method: Method,
        k: usize,
        encoding: Encoding,
        known: Option<usize>,
    ) -> Result<Scores, SceneError> {
        self.scored(self.candidates(1.0)?, method, k, encoding, known)
    }

    /// Scores these minority train rows alone, which is cheaper where few of them join.
    ///
    /// # Errors
    /// [`SceneError::Score`].
    pub fn scores_of(
        &self,
        rows: &[usize],
        method: Method,
        k: usize,
        encoding: Encoding,
    ) -> Result<Scores, SceneError> {
        self.scored(rows.to_vec(), method, k, encoding, None)
    }

    fn scored(
        &self,
        rows: Vec<usize>,
        method: Method,
        k: usize,
        encoding: Encoding,
        known: Option<usize>,
    ) -> Result<Scores, SceneError> {
        let data = self.data;
        let scaling = Scaling::fit(&data.records.select(&self.train), encoding);
        let mut majority: Vec<usize> =
            self.train.iter().copied().filter(|&row| !data.minority[row]).collect();
        if let Some(known) = known {
            majority = self.first_of_both_labels(majority, known);
        }
        let labels: Vec<bool> = majority.iter().map(|&row| data.positive[row]).collect();
        let reference = MajorityReference {
            records: &scaling.apply(&data.records.select(&majority)),
            labels: &labels,
            penalty: REGRESSOR_PENALTY,
        };
        let candidates = scaling.apply(&data.records.select(&rows));
        let scores = reference.score(method, k, &candidates, &rows, self.seed)?;
        Ok(Scores { seed: self.seed, by_row: rows.into_iter().zip(scores).collect() })
    }

    fn first_of_both_labels(&self, majority: Vec<usize>, known: usize) -> Vec<usize> {
        let most = known.saturating_sub(LABEL_MIN);
        let mut of_label = [0, 0];
        let mut first: Vec<usize> = order::order(self.seed, Purpose::Donors, majority)
            .into_iter()
            .filter(|&row| {
                let count = &mut of_label[usize::from(self.data.positive[row])];
                *count += 1;
                *count <= most
            })
            .take(known)
            .collect();
        first.sort_unstable();
        first
    }

    /// Lets a firm prepare on the train rows.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn firm(&self, learner: &Learner, sight: GroupSight) -> Result<Trial<'_>, SceneError> {
        self.firm_by(sight, |records, labels| learner.prepare(records, labels))
    }

    /// Lets a firm of any making prepare on the train rows.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn firm_by(
        &self,
        sight: GroupSight,
        prepare: impl FnOnce(&Design, &[bool]) -> Result<Box<dyn Firm>, FirmError>,
    ) -> Result<Trial<'_>, SceneError> {
        let records = self.seen(&self.train, sight);
        let labels: Vec<bool> = self.train.iter().map(|&row| self.data.positive[row]).collect();
        let firm = prepare(&records, &labels)?;
        let test = self.seen(&self.test, sight);
        let counterfactual = self.data.counterfactual.as_ref().map(|records| {
            let records = records.select(&self.test);
            match sight {
                GroupSight::Visible => records.with_flag("a", &vec![false; self.test.len()]),
                GroupSight::Hidden => records,
            }
        });
        let pick = |values: &[bool]| self.test.iter().map(|&row| values[row]).collect();
        Ok(Trial {
            scene: self,
            firm,
            labels,
            test,
            counterfactual,
            minority: pick(&self.data.minority),
            positive: pick(&self.data.positive),
            sight,
        })
    }

    /// These people with all that is known of them.
    pub fn people(&self, rows: &[usize], sight: GroupSight) -> People {
        let pick = |values: &[bool]| rows.iter().map(|&row| values[row]).collect();
        People {
            records: self.seen(rows, sight),
            minority: pick(&self.data.minority),
            positive: pick(&self.data.positive),
        }
    }

    fn seen(&self, rows: &[usize], sight: GroupSight) -> Design {
        let records = self.data.records.select(rows);
        match sight {
            GroupSight::Visible => {
                let group: Vec<bool> = rows.iter().map(|&row| self.data.minority[row]).collect();
                records.with_flag("a", &group)
            }
            GroupSight::Hidden => records,
        }
    }
}

/// People as the firm sees them, their groups and true labels.
#[derive(Clone, Debug)]
pub struct People {
    /// The firm's features; the group among them if the firm sees it.
    pub records: Design,
    /// Per person: whether of the minority.
    pub minority: Vec<bool>,
    /// Per person: whether the true label is positive.
    pub positive: Vec<bool>,
}

/// Whether the group is among the firm's features.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum GroupSight {
    /// The firm sees it; without it, or a strong proxy, a collective changes little.
    #[default]
    Visible,
    /// The firm does not see it.
    Hidden,
}

/// One method's scores of all possible candidates.
#[derive(Clone, Debug)]
pub struct Scores {
    seed: u64,
    by_row: BTreeMap<usize, f64>,
}

impl Scores {
    /// The score of one possible candidate.
    pub fn score(&self, row: usize) -> Option<f64> {
        self.by_row.get(&row).copied()
    }

    /// These candidates in the order in which they are asked.
    pub fn ranking(&self, candidates: &[usize]) -> Vec<usize> {
        let scored: Vec<ScoredCandidate> = candidates
            .iter()
            .filter_map(|&row| self.score(row).map(|score| ScoredCandidate { row, score }))
            .collect();
        selection::ranking(&scored, self.seed)
    }
}

/// A firm that is ready to retrain, and the people it is measured on.
pub struct Trial<'a> {
    scene: &'a Scene<'a>,
    firm: Box<dyn Firm>,
    /// True labels of the train rows.
    labels: Vec<bool>,
    test: Design,
    counterfactual: Option<Design>,
    minority: Vec<bool>,
    positive: Vec<bool>,
    sight: GroupSight,
}

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").field("seed", &self.scene.seed).finish_non_exhaustive()
    }
}

/// What followed from a set of flips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Error and fairness on the test rows.
    pub measures: Measures,
    /// Success, where counterfactuals are known.
    pub success: Option<Success>,
    /// Decisions against true labels.
    pub confusion: Confusion,
    /// Flips that the firm left out before it trained.
    pub caught: usize,
}

impl Trial<'_> {
    /// Retrains the firm after the people of `flips` (train rows) reported a positive label.
    ///
    /// # Errors
    /// [`SceneError::Firm`], [`SceneError::Metric`].
    pub fn after(&self, flips: &[usize]) -> Result<Outcome, SceneError> {
        let classifier = self.train(flips)?;
        let decisions = classifier.decisions(&self.test);
        let confusion = Confusion::count(&self.minority, &self.positive, &decisions);
        let success = self
            .counterfactual
            .as_ref()
            .map(|records| Success::of(&self.minority, &decisions, &classifier.decisions(records)));
        let left_out = classifier.left_out().iter();
        let caught = left_out.filter(|&&place| flips.contains(&self.scene.train[place])).count();
        Ok(Outcome { measures: confusion.measures()?, success, confusion, caught })
    }
}

impl Trial<'_> {
    /// The firm's decisions on these people after those of `flips` reported a positive label.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn decide(&self, flips: &[usize], rows: &[usize]) -> Result<Vec<bool>, SceneError> {
        Ok(self.train(flips)?.decisions(&self.scene.seen(rows, self.sight)))
    }

    /// Likewise, for the same records as the majority's: the group is erased, all else stays.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn decide_erased(&self, flips: &[usize], rows: &[usize]) -> Result<Vec<bool>, SceneError> {
        let records = self.scene.data.records.select(rows);
        let records = match self.sight {
            GroupSight::Visible => records.with_flag("a", &vec![false; rows.len()]),
            GroupSight::Hidden => records,
        };
        Ok(self.train(flips)?.decisions(&records))
    }

    /// The classifier that the firm trains after the people of `flips` reported a positive label.
    ///
    /// # Errors
    /// [`SceneError::Firm`].
    pub fn train(&self, flips: &[usize]) -> Result<Box<dyn Classifier>, SceneError> {
        let mut labels = self.labels.clone();
        for row in flips {
            if let Ok(place) = self.scene.train.binary_search(row) {
                labels[place] = true;
            }
        }
        Ok(self.firm.fit(&labels)?)
    }
}

fn ascending(rows: &[usize]) -> Vec<usize> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

/// `floor(share * count + rounding)`, at most `count`.
pub(crate) fn share_of(share: f64, count: usize, rounding: f64) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count of rows lies between 0 and that count"
    )]
    let part = (share * count as f64 + rounding).floor() as usize;
    part.min(count)
}
