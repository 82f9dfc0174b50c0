//! Exact scores against private ones, on the same members: what privacy costs.
//!
//! The exact side sees every majority record, as in the paper; the private side sees opened
//! aggregates only. Both rank the same candidates, ask their own top M, and the same firm retrains.
//!
//! - [`aggregates`]: where opened sums come from. [`noise`]: how much there is. [`rank`]: how alike two
//!   rankings are. [`summary`]: means over seeds.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::aggregation::noise::NoiseError;
use protocol::keys::{self, Label};
use protocol::order::{self, Purpose};
use protocol::scoring::cells::{CellError, CellShape, CentreSource, Centres};
use protocol::scoring::lent::{Lending, Lent, LentError};
use protocol::scoring::marginals::{MarginalError, Marginals};
use protocol::scoring::method::{MajorityReference, Method, REGRESSOR_PENALTY, ScoreError};
use protocol::scoring::ridge::{self, Protected, RidgeError};
use protocol::scoring::scaling::{Encoding, Scaled, Scaling};
use protocol::selection::lottery::lottery_draw;
use protocol::selection::threshold::{Histogram, Rule, ThresholdError};
use protocol::selection::unit::{Bins, BinsError, Unit, UnitError};
use protocol::selection::{self, ScoredCandidate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::aggregates::{AggregateError, Aggregates, Batch};
use self::noise::{NoiseModel, Planned};
use crate::dataset::Dataset;
use crate::experiment::sweep::Progress;
use crate::firm::Learner;
use crate::scene::{GroupSight, Scene, SceneError, Trial};

pub mod aggregates;
pub mod noise;
pub mod rank;
pub mod summary;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Scores; `random` has no private form.
    pub methods: Vec<Method>,
    /// M: how many candidates flip.
    pub flips: usize,
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// Neighbours of `rb-label` and `rb-dist`.
    pub k: NonZeroU32,
    /// The firm that retrains; it sees the group.
    pub learner: Learner,
    /// Seeds `0..seeds`.
    pub seeds: u64,
    /// Noise of the one reference aggregation; `None`: without.
    pub noise: Option<NoiseModel>,
    /// How many majority people lend, the first of a published order; `None`: all.
    pub donors: Option<u32>,
    /// How the private side is asked.
    pub selection: Selection,
}

/// How candidates are chosen by their private scores; the exact side always takes its top M.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Selection {
    /// The exact top M.
    #[default]
    Exact,
    /// Everybody above the threshold of a score histogram of 256 bins, and a lottery in the boundary bin.
    Histogram,
}

/// S of [`Selection::Histogram`].
const BINS: u16 = 256;

/// One method under one seed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// The data set's name.
    pub dataset: String,
    /// Of split, collective, centres, rounding and noise.
    pub seed: u64,
    /// The score.
    pub method: Method,
    /// M.
    pub flips: usize,
    /// Spearman's correlation of the two scores over the collective's candidates; none if one of them
    /// is the same for all.
    pub spearman: Option<f64>,
    /// The share of M that both sides ask.
    pub overlap: f64,
    /// Share of wrong decisions after the exact side's flips.
    pub error_exact: f64,
    /// The same after the private side's.
    pub error_private: f64,
    /// Equalized odds violation after the exact side's flips.
    pub eqod_exact: f64,
    /// The same after the private side's.
    pub eqod_private: f64,
}

/// Why a comparison stopped.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}: {error}")]
pub struct CompareError {
    /// Which seed.
    pub seed: u64,
    /// Why.
    pub error: SeedError,
}

/// Why one seed cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The scene cannot be set or played.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The exact scores are refused.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// More donors are asked for than there are.
    #[error("{asked} donors, but {there} majority people are among the train rows")]
    Donors {
        /// As asked.
        asked: u32,
        /// How many there are.
        there: usize,
    },
    /// The test rows give no marginals.
    #[error(transparent)]
    Marginals(#[from] MarginalError),
    /// No cells.
    #[error(transparent)]
    Cells(#[from] CellError),
    /// No moments.
    #[error(transparent)]
    Ridge(#[from] RidgeError),
    /// Nothing can be lent or scored.
    #[error(transparent)]
    Lent(#[from] LentError),
    /// No such noise.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// A score has no place in the histogram.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// No such bins.
    #[error(transparent)]
    Bins(#[from] BinsError),
    /// No threshold follows from the histogram.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// The aggregation failed.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
}

/// Compares on all seeds, on all cores; records are ordered by method, then seed.
///
/// # Errors
/// [`CompareError`], of the lowest seed that fails.
pub fn run(
    comparison: &Comparison,
    data: &Dataset,
    aggregates: &dyn Aggregates,
    progress: &dyn Progress,
) -> Result<Vec<Record>, CompareError> {
    let seeds: Vec<u64> = (0..comparison.seeds).collect();
    let done = AtomicUsize::new(0);
    // Two firms retrain for each method of each seed.
    let total = 2 * seeds.len() * comparison.methods.len();
    progress.finished(0, total);
    let step = || progress.finished(done.fetch_add(2, Ordering::Relaxed) + 2, total);
    let compared: Vec<Result<Vec<Record>, CompareError>> = seeds
        .into_par_iter()
        .map(|seed| one_seed(comparison, data, aggregates, seed, &step))
        .collect();
    let mut records: Vec<Record> =
        compared.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let place = |method: Method| comparison.methods.iter().position(|m| *m == method);
    records.sort_by_key(|record| (place(record.method), record.seed));
    Ok(records)
}

/// Compares on one seed; `step` hears of every method.
///
/// # Errors
/// [`CompareError`].
pub fn one_seed(
    comparison: &Comparison,
    data: &Dataset,
    aggregates: &dyn Aggregates,
    seed: u64,
    step: &dyn Fn(),
) -> Result<Vec<Record>, CompareError> {
    let compare = || Side::new(comparison, data, seed)?.compare(aggregates, step);
    compare().map_err(|error| CompareError { seed, error })
}

/// One seed: the people of both sides.
struct Side<'a> {
    comparison: &'a Comparison,
    data: &'a Dataset,
    seed: u64,
    scene: Scene<'a>,
    scaling: Scaling,
    /// Majority train rows, ascending.
    majority: Vec<usize>,
    /// Those who lend.
    donors: Vec<usize>,
    /// In the order in which they joined.
    candidates: Vec<usize>,
    /// The candidates' coordinates.
    coordinates: Scaled,
}

impl<'a> Side<'a> {
    fn new(comparison: &'a Comparison, data: &'a Dataset, seed: u64) -> Result<Self, SeedError> {
        let scene = Scene::new(data, seed)?;
        let candidates = scene.candidates(comparison.alpha)?;
        if candidates.is_empty() {
            let members = scene.members(comparison.alpha)?.len();
            return Err(SceneError::NoCandidates { members, alpha: comparison.alpha }.into());
        }
        if comparison.flips > candidates.len() {
            let (flips, candidates) = (comparison.flips, candidates.len());
            return Err(SceneError::TooManyFlips { flips, candidates }.into());
        }
        let majority: Vec<usize> =
            scene.train().iter().copied().filter(|&row| !data.minority[row]).collect();
        let donors = match comparison.donors {
            None => majority.clone(),
            Some(asked) => {
                let first = usize::try_from(asked).unwrap_or(usize::MAX);
                let ordered = order::order(seed, Purpose::Donors, majority.iter().copied());
                let there = ordered.len();
                let donors = ordered.get(..first).ok_or(SeedError::Donors { asked, there })?;
                donors.to_vec()
            }
        };
        let scaling = Scaling::fit(&data.records.select(scene.train()), Encoding::Mix);
        let coordinates = scaling.apply(&data.records.select(&candidates));
        Ok(Self {
            comparison,
            data,
            seed,
            scene,
            scaling,
            majority,
            donors,
            candidates,
            coordinates,
        })
    }

    fn compare(
        &self,
        aggregates: &dyn Aggregates,
        step: &dyn Fn(),
    ) -> Result<Vec<Record>, SeedError> {
        let trial = self.scene.firm(&self.comparison.learner, GroupSight::Visible)?;
        // One table serves both of its methods, as in a campaign.
        let mut table: Option<Lent> = None;
        let mut records = Vec::new();
        for &method in &self.comparison.methods {
            let exact = self.exact(method)?;
            let private = if method.needs_k() {
                if table.is_none() {
                    table = Some(self.lend(Lending::Neighbours(self.centres()?), aggregates)?);
                }
                table.as_ref().map(|lent| self.score(lent, method)).transpose()?
            } else {
                let lent = self.lend(self.moments()?, aggregates)?;
                Some(self.score(&lent, method)?)
            };
            records.push(self.record(method, &exact, &private.unwrap_or_default(), &trial)?);
            step();
        }
        Ok(records)
    }

    fn exact(&self, method: Method) -> Result<Vec<f64>, SeedError> {
        let labels = self.labels(&self.majority);
        let reference = MajorityReference {
            records: &self.scaling.apply(&self.data.records.select(&self.majority)),
            labels: &labels,
            penalty: REGRESSOR_PENALTY,
        };
        let k = usize::try_from(self.comparison.k.get()).unwrap_or(usize::MAX);
        Ok(reference.score(method, k, &self.coordinates, &self.candidates, self.seed)?)
    }

    /// Centres from the values of the test rows, feature by feature: they stand in for marginals that
    /// a campaign takes from public sources.
    fn centres(&self) -> Result<Centres, SeedError> {
        let schema = &self.data.schema;
        let public = schema.values(&self.data.records.select(self.scene.test()));
        let source = CentreSource::Marginals(Marginals::from_records(schema, &public)?);
        let donors = u32::try_from(self.donors.len()).unwrap_or(u32::MAX);
        let donors = NonZeroU32::new(donors).unwrap_or(NonZeroU32::MIN);
        let shape = match self.comparison.noise {
            None => CellShape::without_noise(donors),
            Some(_) => CellShape::with_noise(donors),
        };
        Ok(Centres::draw(schema, &source, &self.scaling, shape, &self.secret("centres"))?)
    }

    fn moments(&self) -> Result<Lending, SeedError> {
        let blocks = self.data.records.blocks().to_vec();
        let protected = match self.comparison.noise {
            None => Protected::No,
            Some(_) => Protected::ByNoise,
        };
        let gram = ridge::gram(&self.scaling, &blocks, protected)?;
        Ok(Lending::Regressor { gram, blocks })
    }

    fn lend(&self, lending: Lending, aggregates: &dyn Aggregates) -> Result<Lent, SeedError> {
        let circuit = lending.circuit();
        let noise = match &self.comparison.noise {
            None => Planned::none(),
            Some(model) => model.plan(&circuit)?,
        };
        let records = self.scaling.apply(&self.data.records.select(&self.donors));
        let secret = self.secret("rounding");
        let measurements = lending.measure(&records, &self.labels(&self.donors), |donor| {
            let row = self.donors[donor] as u64;
            keys::stream(Label::Rounding, &secret, &[&row.to_le_bytes()])
        })?;
        let batch =
            Batch { circuit: &circuit, measurements, noise, seed: self.secret("aggregation") };
        Ok(lending.open(&aggregates.open(batch)?, noise.published_sigma())?)
    }

    fn score(&self, lent: &Lent, method: Method) -> Result<Vec<f64>, SeedError> {
        Ok(lent.score(method, self.comparison.k, &self.coordinates)?)
    }

    fn record(
        &self,
        method: Method,
        exact: &[f64],
        private: &[f64],
        trial: &Trial<'_>,
    ) -> Result<Record, SeedError> {
        let flips = self.comparison.flips;
        let of_exact = self.top(exact);
        let of_private = match self.comparison.selection {
            Selection::Exact => self.top(private),
            Selection::Histogram => self.above_threshold(method, private)?,
        };
        let (after_exact, after_private) = (trial.after(&of_exact)?, trial.after(&of_private)?);
        Ok(Record {
            dataset: self.data.name.clone(),
            seed: self.seed,
            method,
            flips,
            spearman: rank::spearman(exact, private),
            overlap: rank::overlap(&of_exact, &of_private, flips),
            error_exact: after_exact.measures.error,
            error_private: after_private.measures.error,
            eqod_exact: after_exact.measures.eqod,
            eqod_private: after_private.measures.eqod,
        })
    }

    fn top(&self, scores: &[f64]) -> Vec<usize> {
        let pairs = self.candidates.iter().zip(scores);
        let scored: Vec<ScoredCandidate> =
            pairs.map(|(&row, &score)| ScoredCandidate { row, score }).collect();
        selection::top_m(&scored, self.comparison.flips, self.seed)
    }

    /// What a selection without no-shows asks, up to the candidates themselves: its members mark their bins, the
    /// threshold follows, and each draws for itself.
    fn above_threshold(&self, method: Method, scores: &[f64]) -> Result<Vec<usize>, SeedError> {
        let bins = Bins::whole(BINS)?;
        let units: Vec<Unit> =
            scores.iter().map(|score| Unit::of(method, *score, 1)).collect::<Result<_, _>>()?;
        let mut counts = vec![0; usize::from(BINS)];
        for unit in &units {
            counts[usize::from(bins.bin(*unit))] += 1;
        }
        let persons = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let reporters = persons(units.len());
        let rule = Rule {
            flip_budget: persons(self.comparison.flips),
            no_show_milli: 0,
            safe_cap: reporters,
        };
        let histogram = Histogram { bins, counts, reporters, sigma_milli: 0 };
        let threshold = rule.threshold(&histogram)?;
        let context = self.secret("lottery");
        let asked = self.candidates.iter().zip(&units).filter(|(row, unit)| {
            let secret = keys::digest(Label::Lottery, &[&context, &(**row as u64).to_le_bytes()]);
            threshold.decides(bins.bin(**unit), lottery_draw(&secret, &context))
        });
        Ok(asked.map(|(row, _)| *row).collect())
    }

    fn labels(&self, rows: &[usize]) -> Vec<bool> {
        rows.iter().map(|&row| self.data.positive[row]).collect()
    }

    /// Made-up randomness of one kind, which in a campaign comes from its beacon or a person's key.
    fn secret(&self, what: &str) -> [u8; 32] {
        let seed = self.seed.to_le_bytes();
        keys::digest(Label::Centres, &[b"sims compare", what.as_bytes(), &seed])
    }
}

#[cfg(test)]
mod tests {
    use super::aggregates::Trusted;
    use super::*;
    use crate::population::causal::{self, CausalSettings};

    struct Silent;

    impl Progress for Silent {
        fn finished(&self, _: usize, _: usize) {}
    }

    fn people() -> Dataset {
        let settings = CausalSettings { people: 2_000, ..CausalSettings::default() };
        causal::generate(&settings).unwrap().dataset
    }

    fn comparison() -> Comparison {
        Comparison {
            methods: vec![Method::RbDist, Method::RbProb, Method::RbLabel],
            flips: 20,
            alpha: 0.5,
            k: NonZeroU32::new(20).unwrap(),
            learner: Learner::logistic(),
            seeds: 3,
            noise: None,
            donors: None,
            selection: Selection::Exact,
        }
    }

    fn compare(comparison: &Comparison) -> Result<Vec<Record>, CompareError> {
        run(comparison, &people(), &Trusted, &Silent)
    }

    #[test]
    fn private_scores_rank_nearly_as_exact_ones() {
        let records = compare(&comparison()).unwrap();
        let order: Vec<_> = records.iter().map(|r| (r.method, r.seed)).collect();
        assert_eq!(
            order[..4],
            [0, 1, 2]
                .map(|s| (Method::RbDist, s))
                .iter()
                .copied()
                .chain([(Method::RbProb, 0)])
                .collect::<Vec<_>>()
        );
        assert_eq!(records.len(), 9);
        for record in &records {
            let least = if record.method == Method::RbProb { 0.98 } else { 0.6 };
            assert!(record.spearman.unwrap() > least, "{record:?}");
            assert!((record.eqod_exact - record.eqod_private).abs() < 0.1, "{record:?}");
        }
        assert_eq!(compare(&comparison()).unwrap(), records);
    }

    #[test]
    fn noise_and_fewer_donors_cost_likeness() {
        let mean = |comparison: &Comparison| {
            let records = compare(comparison).unwrap();
            records.iter().filter_map(|r| r.spearman).sum::<f64>() / 9.0
        };
        let all = mean(&comparison());
        let noisy = Comparison { noise: Some(NoiseModel::product(0.5)), ..comparison() };
        let few = Comparison { donors: Some(60), ..comparison() };
        for (what, other) in [("noise", mean(&noisy)), ("donors", mean(&few))] {
            assert!(other < all - 0.02, "{what}: {other}, without {all}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_said_with_its_number() {
        let refused = |comparison: &Comparison| compare(comparison).unwrap_err().to_string();
        let many = Comparison { flips: 100_000, ..comparison() };
        let says = refused(&many);
        assert!(says.starts_with("seed 0: M = 100000, but there are "), "{says}");
        let donors = Comparison { donors: Some(1_000_000), ..comparison() };
        let says = refused(&donors);
        assert!(says.contains("1000000 donors, but "), "{says}");
        let nobody = Comparison { alpha: 0.0, flips: 0, ..comparison() };
        assert!(refused(&nobody).contains("no candidates"));
    }
}
