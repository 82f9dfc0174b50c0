//! Predictions against what then happened, on people whose truth is known.
//!
//! Each draw has a population of its own kind: group sizes and the group's penalty are drawn anew. From it come
//! a reference, from which a plan predicts, and other people of the same kind, among whom one campaign
//! takes place with the plan's M. M = 0 changes nothing and is predicted exactly; it counts in the slope over
//! all M, and not in the coverage.

use protocol::order;
use rayon::prelude::*;
use serde::Serialize;

use super::outlook::Change;
use super::rule::{Rule, Within};
use super::scenario::Scenario;
use super::simulate::{drawing, sides, simulate};
use super::{PlanningError, Settings, Silent};
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
    /// The same for M > 0 only. It is below 1 by as much as predictions differ by chance.
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
}

/// A slope with half its 95% interval, by leaving out one draw at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// The slope.
    pub value: f64,
    /// Half the interval.
    pub half_width: f64,
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

    fn draw(&self, draw: u32) -> Result<Vec<Pair>, CalibrationError> {
        let population = |error| CalibrationError::Population { draw, error };
        let planning = |error| CalibrationError::Planning { draw, error };
        let kind = self.kind(draw);
        // 32 bits, as a population asks for; two for each draw.
        let seed = |which: u64| {
            let mixed = (u64::from(self.seed) << 32) | (2 * u64::from(draw) + which);
            order::splitmix64(mixed) >> 32
        };
        let [reference, others] = [seed(0), seed(1)].map(|seed| {
            let settings = CausalSettings { seed, ..kind.clone() };
            Ok(generate(&settings).map_err(population)?.dataset)
        });
        let (reference, others) = (reference?, others?);
        let mut settings = self.settings.clone();
        settings.seed = draw ^ self.seed.rotate_left(16);
        settings.trained = sides(&reference).0;
        settings.stop.batch = self.replicates;
        settings.stop.most = self.replicates;
        let rule = Rule::of(&reference, settings.trained).map_err(planning)?;
        let budgets: Vec<usize> = settings.shares.iter().map(|&s| rule.flips(s)).collect();
        let runs = simulate(&reference, &settings, &budgets, &Silent).map_err(planning)?;
        let scenario = &settings.scenarios[0];
        let realised = realise(&others, &settings, scenario, &budgets, seed(1))
            .map_err(|error| CalibrationError::Scene { draw, error })?;
        let drawing = drawing(&reference, settings.trained);
        let levels = settings.shares.iter().zip(budgets).zip(realised).enumerate();
        Ok(levels
            .map(|(place, ((&share, budget), realised))| {
                let rose = runs[0].runs.iter().map(|run| run.ranked[place].eqod - run.before.eqod);
                let changes: Vec<f64> = rose.collect();
                let predicted = Change::of(&changes, drawing).predicted;
                Pair { share, budget, predicted, realised }
            })
            .collect())
    }
}

/// One campaign per M, by the ordinary path of an experiment.
fn realise(
    people: &crate::dataset::Dataset,
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
            Some(CalibratedLevel { share, coverage, slope: slope(&points(&level)) })
        });
        let errors: Vec<f64> =
            pairs.iter().map(|pair| pair.realised - pair.predicted.value).collect();
        let mean =
            |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count(errors.len());
        let some: Vec<Vec<(f64, f64)>> = draws.iter().map(|draw| points(draw)).collect();
        let mut all = some.clone();
        for draw in &mut all {
            draw.push((0.0, 0.0));
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
    fn of(draws: &[Vec<(f64, f64)>]) -> Self {
        let without = |left_out: Option<usize>| {
            let kept = draws.iter().enumerate().filter(|(place, _)| Some(*place) != left_out);
            let points: Vec<(f64, f64)> = kept.flat_map(|(_, draw)| draw).copied().collect();
            slope(&points)
        };
        let value = without(None);
        let draws_count = count(draws.len());
        let squares = (0..draws.len()).map(|place| (without(Some(place)) - value).powi(2));
        let variance = squares.sum::<f64>() * (draws_count - 1.0) / draws_count;
        Self { value, half_width: NORMAL * variance.sqrt() }
    }
}

fn points(pairs: &[Pair]) -> Vec<(f64, f64)> {
    pairs.iter().map(|pair| (pair.predicted.value, pair.realised)).collect()
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

/// Least squares with an intercept; not a number if all `x` are alike.
fn slope(points: &[(f64, f64)]) -> f64 {
    let all = count(points.len());
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / all, y + p.1 / all));
    let product = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    product(&|p| (p.0 - x) * (p.1 - y)) / product(&|p| (p.0 - x).powi(2))
}

#[cfg(test)]
mod tests {
    use protocol::scoring::method::Method;
    use protocol::scoring::scaling::Encoding;

    use super::*;
    use crate::planning::Stop;

    #[test]
    fn predictions_hold_for_campaigns_that_then_take_place() {
        let settings = Settings {
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
        };
        let run = |people, draws| {
            let settings = settings.clone();
            let calibration = Calibration { draws, people, replicates: 12, seed: 5, settings };
            calibration.run(&Silent).unwrap()
        };
        let found = run(1_000, 24);
        assert_eq!(found.pairs.len(), 48);
        assert!((0.7..1.3).contains(&found.slope.value), "{:?}", found.slope);
        assert!(found.slope.half_width < 0.4, "{:?}", found.slope);
        assert!(found.coverage.value > 0.85, "{:?}", found.coverage);
        assert!(found.bias.abs() < 0.03, "{}", found.bias);
        assert!(found.pairs.iter().any(|pair| pair.realised < -0.1));
    }

    #[test]
    fn a_slope_worked_by_hand() {
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) - 2.0).abs() < 1e-12);
        assert!((slope(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)])).abs() < 1e-12);
    }
}
