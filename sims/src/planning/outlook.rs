//! What the replicates come to for each M, and what to do about it.
//!
//! **The prediction interval** is for one campaign that is still to come, among other people of the same
//! kind. With S the standard deviation between R replicates and rho the correlation between two of them
//! (they share a reference), one campaign has the variance `S^2 / (1 - rho)` and the mean of the replicates
//! `S^2 (rho / (1 - rho) + 1 / R)`, so that the difference of the two has
//!
//! > `S^2 ((1 + rho) / (1 - rho) + 1 / R)`.
//!
//! That is the corrected resampled t-test of Nadeau and Bengio, "Inference for the generalization error",
//! Machine Learning 52, 2003, with the variance of the campaign itself added. As there, rho is taken to be the
//! share of the reference that two replicates are both measured on. People drawn with replacement are
//! replicates of a campaign among the reference; another reference would have moved their mean by as much as
//! `S^2` times the trained people per person that could be drawn. `sims plan --calibrate` measures how often
//! the interval holds.

use protocol::scoring::method::Method;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::rule::{Rule, Within};
use super::scenario::{GroupUse, Scenario};
use super::simulate::{Drawing, Point, Run, Runs};
use crate::statistics::{Mean, Share, quantile_of};

/// P(worse) above this rules an M out.
pub const WORSE_MAX: f64 = 0.05;

/// What one scenario holds for every M.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Outlook {
    /// Which.
    pub scenario: Scenario,
    /// R.
    pub replicates: usize,
    /// Mean `EqOd` without a campaign.
    pub eqod_before: f64,
    /// Mean error without a campaign.
    pub error_before: f64,
    /// Per M of the plan.
    pub levels: Vec<Level>,
    /// Scores that nobody could be ranked by, and why.
    pub left_out: Vec<String>,
}

/// What one M does in one scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Level {
    /// M in units of `M_SP`.
    pub share: f64,
    /// M.
    pub budget: usize,
    /// Mean number of flips that happened.
    pub flips: f64,
    /// The share of them that the firm left out before it trained.
    pub caught: f64,
    /// The change of `EqOd`.
    pub change: Change,
    /// The share of replicates in which `EqOd` fell by the target.
    pub met: Share,
    /// The share of replicates in which it rose by more than is tolerated.
    pub worse: Share,
    /// Mean change of the share of wrong decisions.
    pub error: f64,
    /// The same `[majority, minority]`.
    pub group_error: [f64; 2],
    /// What the other scores do, in the order of [`Settings::beside`].
    pub beside: Vec<Beside>,
}

/// What another score does with the same M, in the same replicates.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Beside {
    /// Which.
    pub method: Method,
    /// Mean change of `EqOd`.
    pub change: f64,
    /// That minus the planned score's, with the 95% interval of the mean of paired differences.
    pub beyond: Within,
}

/// A paired change of `EqOd`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Change {
    /// The mean.
    pub mean: f64,
    /// Half its 95% interval, for these people: what more replicates would make smaller.
    pub half_width: f64,
    /// 10% of replicates lie below.
    pub tenth: f64,
    /// The median.
    pub median: f64,
    /// 10% of replicates lie above.
    pub ninetieth: f64,
    /// One campaign to come lies within, 19 times of 20.
    pub predicted: Within,
}

impl Drawing {
    /// What `S^2` is multiplied by, besides `1 / R`, to be the variance of a campaign about the mean.
    fn inflation(self) -> f64 {
        match self {
            Self::Split { measured } => (1.0 + measured) / (1.0 - measured),
            Self::Resampled { per_person } => 1.0 + per_person,
        }
    }

    /// Likewise, to be the variance of the mean about what another reference would have given.
    fn of_reference(self) -> f64 {
        match self {
            Self::Split { measured } => measured / (1.0 - measured),
            Self::Resampled { per_person } => per_person,
        }
    }
}

impl Outlook {
    /// Summarises the replicates of one scenario; `budgets` are M, one per share of the settings.
    pub fn of(runs: &Runs, settings: &Settings, budgets: &[usize], drawing: Drawing) -> Self {
        let levels = settings.shares.iter().zip(budgets).enumerate();
        let beside = settings.beside();
        let reason = |(place, method): (usize, &Method)| {
            let failed = runs.runs.iter().find_map(|run| run.beside.get(place)?.as_ref().err());
            Some(format!("{method}: {}", failed?))
        };
        Self {
            left_out: beside.iter().enumerate().filter_map(reason).collect(),
            scenario: runs.scenario.clone(),
            replicates: runs.runs.len(),
            eqod_before: mean(&runs.runs, |run| run.before.eqod),
            error_before: mean(&runs.runs, |run| run.before.error),
            levels: levels
                .map(|(place, (&share, &budget))| {
                    let level = Level::of(&runs.runs, place, settings, drawing);
                    let others = beside.iter().enumerate().filter_map(|(other, &method)| {
                        Beside::of(&runs.runs, place, other, method)
                    });
                    Level { share, budget, beside: others.collect(), ..level }
                })
                .collect(),
        }
    }
}

impl Level {
    fn of(runs: &[Run], place: usize, settings: &Settings, drawing: Drawing) -> Self {
        let after = |run: &Run| run.ranked[place];
        let rose = |run: &Run| after(run).eqod - run.before.eqod;
        let count = |holds: &dyn Fn(&Run) -> bool| {
            let part = runs.iter().filter(|run| holds(run)).count();
            Share::of(part, runs.len()).expect("a batch has at least two replicates")
        };
        let by =
            |value: fn(&Point) -> f64| mean(runs, |run| value(&after(run)) - value(&run.before));
        let changes: Vec<f64> = runs.iter().map(rose).collect();
        let flips = mean(runs, |run| count_of(after(run).flips));
        Self {
            share: 0.0,
            budget: 0,
            flips,
            caught: mean(runs, |run| count_of(after(run).caught)) / flips.max(1.0),
            change: Change::of(&changes, drawing),
            met: count(&|run| after(run).eqod <= (1.0 - settings.target) * run.before.eqod),
            worse: count(&|run| rose(run) > settings.harm),
            error: by(|point| point.error),
            group_error: [by(|point| point.group_error[0]), by(|point| point.group_error[1])],
            beside: Vec::new(),
        }
    }
}

impl Beside {
    /// Nothing if a replicate could not be ranked by it.
    fn of(runs: &[Run], place: usize, other: usize, method: Method) -> Option<Self> {
        let point = |run: &Run| Some(*run.beside.get(other)?.as_ref().ok()?.get(place)?);
        let after: Vec<f64> =
            runs.iter().map(|run| Some(point(run)?.eqod)).collect::<Option<_>>()?;
        let planned: Vec<f64> = runs.iter().map(|run| run.ranked[place].eqod).collect();
        let beyond = Mean::of_differences(&after, &planned)?;
        let half = beyond.half_width?;
        let value = beyond.mean;
        Some(Self {
            method,
            change: mean(runs, |run| run.ranked[place].eqod - run.before.eqod) + value,
            beyond: Within { value, low: value - half, high: value + half },
        })
    }
}

impl Change {
    /// Of paired differences, one per replicate.
    ///
    /// # Panics
    /// With fewer than two.
    pub fn of(changes: &[f64], drawing: Drawing) -> Self {
        let at = |share| quantile_of(changes, share).expect("a batch has at least two replicates");
        let all = Mean::of(changes).expect("a batch has at least two replicates");
        let half_width = all.half_width.expect("two values have a variance");
        let replicates = count_of(changes.len());
        let half = half_width * (1.0 + replicates * drawing.inflation()).sqrt();
        let value = all.mean;
        Self {
            mean: value,
            half_width,
            tenth: at(0.1),
            median: at(0.5),
            ninetieth: at(0.9),
            predicted: Within { value, low: value - half, high: value + half },
        }
    }
}

/// The variance of a predicted change: by the reference that happened to be at hand, and by few replicates.
///
/// # Panics
/// With fewer than two.
pub(super) fn chance_of_prediction(changes: &[f64], drawing: Drawing) -> f64 {
    let count = count_of(changes.len());
    let mean = changes.iter().sum::<f64>() / count;
    let square = changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / (count - 1.0);
    square * (drawing.of_reference() + 1.0 / count)
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// This M meets the target often enough and does no harm, whichever ticked scenario holds.
    Run(Choice),
    /// This M does so if the firm sees the group or a proxy of it, and none does in every scenario.
    OnlyIfGroupIsUsed(Choice),
    /// No M does.
    DoNotRun {
        /// Why not.
        reason: Reason,
    },
}

/// Why no M is recommended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The minority of the reference has no lower share of positive labels.
    NoGap,
    /// Every M makes things worse too often in some scenario.
    Harm,
    /// No harmless M meets the target often enough in every scenario.
    Target,
}

/// A recommended M.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Choice {
    /// In units of `M_SP`.
    pub share: f64,
    /// M.
    pub budget: usize,
    /// The least P(target met) over the scenarios it is recommended for.
    pub met: f64,
    /// The greatest P(worse) over the same.
    pub worse: f64,
}

impl Verdict {
    /// `argmax over M of min over scenarios of P(target met)`, among M with P(worse) of at most 5% in every
    /// scenario, if that reaches the confidence asked for; of equal M the least.
    pub fn of(rule: &Rule, outlooks: &[Outlook], confidence: f64) -> Self {
        if rule.full.value <= 0.0 {
            return Self::DoNotRun { reason: Reason::NoGap };
        }
        let all: Vec<&Outlook> = outlooks.iter().collect();
        let reason = match best(&all) {
            Some(choice) if choice.met >= confidence => return Self::Run(choice),
            Some(_) => Reason::Target,
            None => Reason::Harm,
        };
        let used = |outlook: &&Outlook| match outlook.scenario.group {
            GroupUse::Used | GroupUse::Proxy => true,
            GroupUse::Unused => false,
        };
        let some: Vec<&Outlook> = outlooks.iter().filter(used).collect();
        match best(&some) {
            Some(choice) if some.len() < all.len() && choice.met >= confidence => {
                Self::OnlyIfGroupIsUsed(choice)
            }
            Some(_) | None => Self::DoNotRun { reason },
        }
    }

    /// The M to plan with, in every scenario or where the group is used.
    pub const fn choice(&self) -> Option<Choice> {
        match self {
            Self::Run(choice) | Self::OnlyIfGroupIsUsed(choice) => Some(*choice),
            Self::DoNotRun { .. } => None,
        }
    }
}

/// The best harmless M over these scenarios.
fn best(outlooks: &[&Outlook]) -> Option<Choice> {
    let levels = outlooks.first().map_or(0, |outlook| outlook.levels.len());
    let choices = (0..levels).filter_map(|place| {
        let each = || outlooks.iter().map(|outlook| &outlook.levels[place]);
        let met = each().map(|level| level.met.value).fold(1.0, f64::min);
        let worse = each().map(|level| level.worse.value).fold(0.0, f64::max);
        let Level { share, budget, .. } = *each().next()?;
        (budget > 0 && worse <= WORSE_MAX).then_some(Choice { share, budget, met, worse })
    });
    choices.fold(None, |best: Option<Choice>, choice| match best {
        Some(best) if best.met >= choice.met => Some(best),
        Some(_) | None => Some(choice),
    })
}

fn mean(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    runs.iter().map(value).sum::<f64>() / count_of(runs.len())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn count_of(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_one_campaign_is_wider_than_that_of_the_mean() {
        let changes = [-0.1, -0.2, -0.3, -0.4, -0.5];
        // S = .158114, t(.975, 4) = 2.776445.
        let split = Change::of(&changes, Drawing::Split { measured: 0.5 });
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-5, "{got}");
        close(split.mean, -0.3);
        close(split.half_width, 2.776_445 * 0.158_114 / 5.0_f64.sqrt());
        close(split.predicted.high + 0.3, 2.776_445 * 0.158_114 * (3.0_f64 + 0.2).sqrt());
        let drawn = Change::of(&changes, Drawing::Resampled { per_person: 2.0 });
        close(split.predicted.high, drawn.predicted.high);
        assert_eq!((split.median, drawn.median), (-0.3, -0.3));
        // S^2 = .025: of the reference 1, of five replicates .2.
        let chance = chance_of_prediction(&changes, Drawing::Split { measured: 0.5 });
        close(chance, 0.025 * 1.2);
    }

    fn rule(full: f64) -> Rule {
        let share = Share { value: 0.5, low: 0.4, high: 0.6 };
        let base = super::super::rule::Base { people: 100, positive: share };
        let within = Within { value: full, low: full, high: full };
        Rule { groups: [base; 2], gap: within, minority_trained: 100.0, full: within }
    }

    /// `(P(target), P(worse))` for M = 10, 20, 30.
    fn outlook(place: usize, odds: [(f64, f64); 3]) -> Outlook {
        let share = |value| Share { value, low: value, high: value };
        let level = |(budget, (met, worse))| Level {
            share: 0.1,
            budget,
            flips: 10.0,
            caught: 0.0,
            change: Change::of(&[-0.1, -0.2], Drawing::Split { measured: 0.3 }),
            met: share(met),
            worse: share(worse),
            error: 0.0,
            group_error: [0.0; 2],
            beside: Vec::new(),
        };
        Outlook {
            scenario: Scenario::usual()[place].clone(),
            replicates: 24,
            eqod_before: 0.2,
            error_before: 0.3,
            levels: [10, 20, 30].into_iter().zip(odds).map(level).collect(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn another_score_is_compared_within_the_same_replicates() {
        let point = |eqod| Point { flips: 1, caught: 0, eqod, error: 0.0, group_error: [0.0; 2] };
        let run = |before, planned, other| Run {
            before: point(before),
            ranked: vec![point(planned)],
            beside: vec![Ok(vec![point(other)])],
        };
        // Changes -.2, -.4 planned, -.1, -.2 by the other: differences .1, .2; t(.975, 1) = 12.7062.
        let mut runs = [run(0.5, 0.3, 0.4), run(0.6, 0.2, 0.4)];
        let found = Beside::of(&runs, 0, 0, Method::Random).unwrap();
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-4, "{got}");
        close(found.change, -0.15);
        close(found.beyond.value, 0.15);
        close(found.beyond.high - 0.15, 12.706_2 * 0.05);
        let error = crate::scene::SceneError::Alpha { alpha: 2.0 };
        runs[1].beside[0] = Err(error);
        assert_eq!(Beside::of(&runs, 0, 0, Method::Random), None);
    }

    #[test]
    fn the_best_worst_case_without_harm_is_recommended() {
        let one = outlook(0, [(0.6, 0.0), (0.9, 0.05), (1.0, 0.06)]);
        let other = outlook(1, [(0.7, 0.0), (0.6, 0.0), (0.9, 0.0)]);
        let verdict = |outlooks: &[Outlook]| Verdict::of(&rule(100.0), outlooks, 0.5);
        // Worst cases .6, .6, and the third does harm; of equal M the least.
        let both = [one.clone(), other];
        assert_eq!(verdict(&both).choice().map(|c| (c.budget, c.met)), Some((10, 0.6)));
        assert!(matches!(verdict(&both), Verdict::Run(_)));
        assert!(matches!(verdict(&[one]), Verdict::Run(Choice { budget: 20, .. })));
    }

    #[test]
    fn what_works_only_with_the_group_is_said_to() {
        let used = outlook(0, [(0.6, 0.0), (0.9, 0.0), (0.8, 0.0)]);
        let unused = outlook(1, [(0.0, 0.0), (0.1, 0.0), (0.2, 0.0)]);
        let verdict = Verdict::of(&rule(100.0), &[used, unused.clone()], 0.5);
        assert!(matches!(verdict, Verdict::OnlyIfGroupIsUsed(Choice { budget: 20, .. })));
        let target = Verdict::DoNotRun { reason: Reason::Target };
        assert_eq!(Verdict::of(&rule(100.0), std::slice::from_ref(&unused), 0.5), target);
        let harm = outlook(1, [(1.0, 0.1); 3]);
        let expected = Verdict::DoNotRun { reason: Reason::Harm };
        assert_eq!(Verdict::of(&rule(100.0), &[harm], 0.5), expected);
        let expected = Verdict::DoNotRun { reason: Reason::NoGap };
        assert_eq!(Verdict::of(&rule(-1.0), &[unused], 0.0), expected);
    }
}
