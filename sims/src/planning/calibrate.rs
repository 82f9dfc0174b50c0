//! Predictions against what then happened, on people whose truth is known.
//!
//! Each draw has a population of its own kind: group sizes and the group's penalty are drawn anew. From it come
//! a reference, from which a plan predicts, and other people of the same kind, among whom one campaign
//! takes place with the plan's M. No person, split or collective of the one is in the other. M = 0 changes nothing
//! and is predicted exactly; it counts in the slope over all M, and not in the coverage. A plan may also predict from
//! the reference's moments alone: then people drawn from them stand in its place.
//!
//! **The slope** of realised on predicted change is below 1 even if predictions are right on average, as a
//! prediction differs by chance from what another reference would have given: by least squares it is then
//! `1 - (sum of the predictions' variances) / (sum of their squared distances from the mean)`. That is kept beside
//! the slope as what chance alone explains.

use protocol::order;
use rayon::prelude::*;
use serde::Serialize;

use super::aggregates::Aggregates;
use super::outlook::{Change, chance_of_prediction};
use super::rule::{Rule, Within};
use super::scenario::Scenario;
use super::simulate::{drawing, sides, simulate};
use super::{PlanningError, Settings, Silent};
use crate::dataset::Dataset;
use crate::experiment::sweep::Progress;
use crate::population::PopulationError;
use crate::population::causal::{CausalSettings, generate};
use crate::scene::{Scene, SceneError};
use crate::statistics::{NORMAL, Share};

/// What the group's penalty is drawn from, uniformly.
pub const PENALTIES: [f64; 2] = [0.1, 1.1];
/// What the minority's share is drawn from, uniformly.
pub const MINORITY_SHARES: [f64; 2] = [0.2, 0.5];

/// Why a calibration stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// No people could be drawn.
    #[error("draw {draw}: {error}")]
    Population {
        /// Which.
        draw: u32,
        /// Why.
        error: PopulationError,
    },
    /// No prediction.
    #[error("draw {draw}: {error}")]
    Planning {
        /// Which.
        draw: u32,
        /// Why.
        error: PlanningError,
    },
    /// The campaign could not be played.
    #[error("draw {draw}: {error}")]
    Scene {
        /// Which.
        draw: u32,
        /// Why.
        error: SceneError,
    },
}

/// What a plan predicts from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The reference itself.
    #[default]
    Sample,
    /// Its moments, from which people are drawn.
    Moments,
}

/// What is calibrated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// How many populations.
    pub draws: u32,
    /// People of a reference, and of the people among whom the campaign takes place.
    pub people: usize,
    /// Replicates of a prediction.
    pub replicates: u32,
    /// Decides everything.
    pub seed: u32,
    /// What a plan predicts from.
    pub basis: Basis,
    /// The plan's settings, but for seed, trained people and replicates.
    pub settings: Settings,
}

/// One M of one draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// In units of `M_SP`.
    pub share: f64,
    /// M.
    pub budget: usize,
    /// The predicted change of `EqOd`, with its interval for one campaign.
    pub predicted: Within,
    /// The variance of the prediction by chance: see `chance_of_prediction`.
    pub chance: f64,
    /// The change that came.
    pub realised: f64,
}

/// How predictions did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibrated {
    /// All M > 0 of all draws.
    pub pairs: Vec<Pair>,
    /// Least-squares slope of realised on predicted change, M = 0 included.
    pub slope: Slope,
    /// The same for M > 0 only.
    pub slope_without_zero: Slope,
    /// Mean of realised minus predicted change, for M > 0.
    pub bias: f64,
    /// The root of its mean square.
    pub deviation: f64,
    /// Each M > 0.
    pub levels: Vec<CalibratedLevel>,
    /// How often the interval held, over M > 0; the interval is that of as many people as there are draws, as M
    /// of one draw are not independent.
    pub coverage: Share,
}

/// How predictions of one M did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibratedLevel {
    /// In units of `M_SP`.
    pub share: f64,
    /// How often the interval held.
    pub coverage: Share,
    /// Least-squares slope of realised on predicted change.
    pub slope: f64,
    /// See [`Slope::by_chance`].
    pub by_chance: f64,
}

/// A slope with half its 95% interval, by leaving out one draw at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// The slope.
    pub value: f64,
    /// Half the interval.
    pub half_width: f64,
    /// What it would be if predictions were right but for their own chance.
    pub by_chance: f64,
}

impl Calibration {
    /// Predicts and plays every draw.
    ///
    /// # Errors
    /// Every [`CalibrationError`].
    pub fn run(&self, progress: &dyn Progress) -> Result<Calibrated, CalibrationError> {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let total = self.draws as usize;
        let draws: Result<Vec<Vec<Pair>>, CalibrationError> = (0..self.draws)
            .into_par_iter()
            .map(|draw| {
                let pairs = self.draw(draw)?;
                let done = 1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                progress.finished(done, total);
                Ok(pairs)
            })
            .collect();
        Ok(Calibrated::of(&draws?, &self.settings.shares))
    }

    fn kind(&self, draw: u32) -> CausalSettings {
        let between = |[low, high]: [f64; 2], counter: u64| {
            low + (high - low) * order::unit(self.seed.into(), draw.into(), (32 << 48) | counter)
        };
        CausalSettings {
            people: self.people,
            minority_share: between(MINORITY_SHARES, 0),
            penalty: between(PENALTIES, 1),
            seed: 0,
        }
    }

    /// A seed of 32 bits, as a population asks for; two for each draw.
    fn drawn(&self, draw: u32, which: u64) -> u64 {
        let mixed = (u64::from(self.seed) << 32) | (2 * u64::from(draw) + which);
        order::splitmix64(mixed) >> 32
    }

    /// The reference, and others of the same kind among whom the campaign takes place.
    fn populations(&self, draw: u32) -> Result<[Dataset; 2], PopulationError> {
        let of = |which| {
            let settings = CausalSettings { seed: self.drawn(draw, which), ..self.kind(draw) };
            Ok(generate(&settings)?.dataset)
        };
        Ok([of(0)?, of(1)?])
    }

    fn draw(&self, draw: u32) -> Result<Vec<Pair>, CalibrationError> {
        let population = |error| CalibrationError::Population { draw, error };
        let planning = |error| CalibrationError::Planning { draw, error };
        let [reference, others] = self.populations(draw).map_err(population)?;
        let mut settings = self.settings.clone();
        settings.seed = draw ^ self.seed.rotate_left(16);
        let reference = match self.basis {
            Basis::Sample => reference,
            Basis::Moments => Aggregates::of(&reference).draw(settings.seed).0,
        };
        settings.trained = sides(&reference).0;
        settings.stop.batch = self.replicates;
        settings.stop.most = self.replicates;
        let rule = Rule::of(&reference, settings.trained).map_err(planning)?;
        let budgets: Vec<usize> = settings.shares.iter().map(|&s| rule.flips(s)).collect();
        let runs = simulate(&reference, &settings, &[], &budgets, &Silent).map_err(planning)?;
        let scenario = &settings.scenarios[0];
        let realised = realise(&others, &settings, scenario, &budgets, self.drawn(draw, 1))
            .map_err(|error| CalibrationError::Scene { draw, error })?;
        let drawing = drawing(&reference, settings.trained);
        let levels = settings.shares.iter().zip(budgets).zip(realised).enumerate();
        Ok(levels
            .map(|(place, ((&share, budget), realised))| {
                let rose = runs[0].runs.iter().map(|run| run.ranked[place].eqod - run.before.eqod);
                let changes: Vec<f64> = rose.collect();
                let predicted = Change::of(&changes, drawing).predicted;
                let chance = chance_of_prediction(&changes, drawing);
                Pair { share, budget, predicted, chance, realised }
            })
            .collect())
    }
}

/// One campaign per M, by the ordinary path of an experiment.
fn realise(
    people: &Dataset,
    settings: &Settings,
    scenario: &Scenario,
    budgets: &[usize],
    seed: u64,
) -> Result<Vec<f64>, SceneError> {
    let scene = Scene::new(people, seed)?;
    let candidates = scene.candidates(settings.alpha)?;
    let scores = scene.scores(settings.method, settings.k, settings.encoding)?;
    let order = scores.ranking(&candidates);
    let trial = scene.firm(&scenario.learner, crate::scene::GroupSight::Visible)?;
    let before = trial.after(&[])?.measures.eqod;
    let after = |&budget: &usize| {
        Ok(trial.after(&order[..budget.min(order.len())])?.measures.eqod - before)
    };
    budgets.iter().map(after).collect()
}

impl Calibrated {
    fn of(draws: &[Vec<Pair>], shares: &[f64]) -> Self {
        let pairs: Vec<Pair> = draws.iter().flatten().copied().collect();
        let holds =
            |pair: &Pair| (pair.predicted.low..=pair.predicted.high).contains(&pair.realised);
        let held = |pairs: &[Pair]| pairs.iter().filter(|pair| holds(pair)).count();
        let levels = shares.iter().enumerate().filter_map(|(place, &share)| {
            let level: Vec<Pair> =
                draws.iter().filter_map(|draw| draw.get(place)).copied().collect();
            let coverage = Share::of(held(&level), level.len())?;
            let line = points(&level);
            Some(CalibratedLevel {
                share,
                coverage,
                slope: slope(&line),
                by_chance: by_chance(&line),
            })
        });
        let errors: Vec<f64> =
            pairs.iter().map(|pair| pair.realised - pair.predicted.value).collect();
        let mean =
            |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count(errors.len());
        let some: Vec<Vec<Spot>> = draws.iter().map(|draw| points(draw)).collect();
        let mut all = some.clone();
        for draw in &mut all {
            draw.push(Spot::default());
        }
        Self {
            slope: Slope::of(&all),
            slope_without_zero: Slope::of(&some),
            bias: mean(&mut errors.iter().copied()),
            deviation: mean(&mut errors.iter().map(|error| error * error)).sqrt(),
            levels: levels.collect(),
            coverage: pooled(held(&pairs), pairs.len(), draws.len()),
            pairs,
        }
    }
}

impl Slope {
    /// Of the points of each draw.
    fn of(draws: &[Vec<Spot>]) -> Self {
        let without = |left_out: Option<usize>| {
            let kept = draws.iter().enumerate().filter(|(place, _)| Some(*place) != left_out);
            let spots: Vec<Spot> = kept.flat_map(|(_, draw)| draw).copied().collect();
            (slope(&spots), by_chance(&spots))
        };
        let (value, by_chance) = without(None);
        let draws_count = count(draws.len());
        let squares = (0..draws.len()).map(|place| (without(Some(place)).0 - value).powi(2));
        let variance = squares.sum::<f64>() * (draws_count - 1.0) / draws_count;
        Self { value, half_width: NORMAL * variance.sqrt(), by_chance }
    }
}

/// A prediction, its variance by chance, and what came.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    predicted: f64,
    chance: f64,
    realised: f64,
}

fn points(pairs: &[Pair]) -> Vec<Spot> {
    let spot = |pair: &Pair| Spot {
        predicted: pair.predicted.value,
        chance: pair.chance,
        realised: pair.realised,
    };
    pairs.iter().map(spot).collect()
}

#[expect(clippy::cast_precision_loss, reason = "draws are few")]
fn count(values: usize) -> f64 {
    values as f64
}

/// `held` of `pairs`, with the interval of `draws` people: M of one draw are not independent.
fn pooled(held: usize, pairs: usize, draws: usize) -> Share {
    let nearest = (held * draws + pairs / 2) / pairs.max(1);
    Share::of(nearest, draws).unwrap_or(Share { value: 0.0, low: 0.0, high: 1.0 })
}

/// Least squares with an intercept; not a number if all predictions are alike.
fn slope(spots: &[Spot]) -> f64 {
    let (x, y) = (mean(spots, |spot| spot.predicted), mean(spots, |spot| spot.realised));
    let product = |spot: &Spot| (spot.predicted - x) * (spot.realised - y);
    spots.iter().map(product).sum::<f64>() / spread(spots)
}

/// The slope if every prediction were right but for its chance: see the module.
fn by_chance(spots: &[Spot]) -> f64 {
    1.0 - spots.iter().map(|spot| spot.chance).sum::<f64>() / spread(spots)
}

fn spread(spots: &[Spot]) -> f64 {
    let x = mean(spots, |spot| spot.predicted);
    spots.iter().map(|spot| (spot.predicted - x).powi(2)).sum()
}

fn mean(spots: &[Spot], value: impl Fn(&Spot) -> f64) -> f64 {
    spots.iter().map(value).sum::<f64>() / count(spots.len())
}

#[cfg(test)]
mod tests {
    use protocol::scoring::method::Method;
    use protocol::scoring::scaling::Encoding;

    use super::*;
    use crate::planning::Stop;

    fn settings() -> Settings {
        Settings {
            seed: 0,
            alpha: 0.5,
            method: Method::RbProb,
            k: 20,
            encoding: Encoding::Mix,
            trained: 20,
            shares: vec![0.25, 0.5],
            scenarios: Scenario::usual()[..1].to_vec(),
            target: 0.5,
            harm: 0.02,
            confidence: 0.5,
            stop: Stop::default(),
        }
    }

    #[test]
    fn predictions_hold_for_campaigns_that_then_take_place() {
        let run = |people, draws, basis| {
            let settings = settings();
            let calibration =
                Calibration { draws, people, basis, replicates: 12, seed: 5, settings };
            calibration.run(&Silent).unwrap()
        };
        let found = run(1_000, 24, Basis::Sample);
        assert_eq!(found.pairs.len(), 48);
        assert!((0.7..1.3).contains(&found.slope.value), "{:?}", found.slope);
        assert!(found.slope.half_width < 0.4, "{:?}", found.slope);
        assert!(found.slope_without_zero.by_chance < found.slope.by_chance, "{found:?}");
        assert!((0.5..1.0).contains(&found.slope_without_zero.by_chance), "{found:?}");
        assert!(found.coverage.value > 0.85, "{:?}", found.coverage);
        assert!(found.bias.abs() < 0.03, "{}", found.bias);
        assert!(found.pairs.iter().any(|pair| pair.realised < -0.1));
        // Moments say other things of the same references, and not much worse ones.
        let by_moments = run(1_000, 24, Basis::Moments);
        assert_ne!(by_moments.slope, found.slope);
        assert!(by_moments.coverage.value > 0.8, "{:?}", by_moments.coverage);
        assert!(by_moments.bias.abs() < 0.04, "{}", by_moments.bias);
    }

    #[test]
    fn a_slope_worked_by_hand() {
        let spots = |points: [(f64, f64); 3]| {
            points.map(|(predicted, realised)| Spot { predicted, chance: 0.1, realised })
        };
        assert!((slope(&spots([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)])) - 2.0).abs() < 1e-12);
        let flat = spots([(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]);
        assert!(slope(&flat).abs() < 1e-12);
        // Three variances of .1 over squared distances of 1, 0 and 1.
        assert!((by_chance(&flat) - 0.85).abs() < 1e-12);
    }

    #[test]
    fn nobody_of_the_reference_is_among_the_people_of_the_campaign() {
        let calibration = Calibration {
            draws: 3,
            people: 200,
            replicates: 12,
            seed: 5,
            basis: Basis::Sample,
            settings: settings(),
        };
        let mut seen = std::collections::BTreeSet::new();
        for draw in 0..3 {
            for people in calibration.populations(draw).unwrap() {
                let records =
                    protocol::scoring::scaling::Scaling::fit(&people.records, Encoding::Z)
                        .apply(&people.records)
                        .to_dense();
                let bits: Vec<u64> = records.iter().map(|value| value.to_bits()).collect();
                assert!(seen.insert(bits), "draw {draw}: the same people again");
            }
        }
    }
}
