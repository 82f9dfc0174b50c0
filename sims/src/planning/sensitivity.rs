//! Which assumption matters most: one is changed at a time, and the same M is simulated again.
//!
//! Everything starts from one scenario, the first that was ticked, and one M. People, splits and collectives are
//! those of the plan's first replicates, so that settings are compared on the same draws. Only the gap needs other
//! people: minority people with one of the labels are left out of the reference, by a published order, until the
//! gap is the lower or the upper end of its own interval, while M stays as it was planned.

use serde::{Deserialize, Serialize};

use super::rule::{Rule, Within};
use super::scenario::{Filter, GroupUse, Scenario};
use super::simulate::{Run, Stream, draw, sides, simulate};
use super::{PlanningError, Settings, Silent, Stop};
use crate::dataset::Dataset;
use crate::experiment::sweep::Progress;
use crate::firm::Learner;
use crate::statistics::{Mean, Share};

/// Replicates of each setting.
const REPLICATES: u32 = 24;

/// What one M does if assumptions do not hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Sensitivity {
    /// What is assumed.
    pub scenario: Scenario,
    /// M.
    pub budget: usize,
    /// What M does if all of it holds.
    pub expected: Effect,
    /// One for each assumption, the one that matters most first.
    pub assumptions: Vec<Assumption>,
    /// What could not be simulated, and why.
    pub left_out: Vec<String>,
}

/// What one M does.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Effect {
    /// Mean change of `EqOd`, with the 95% interval of the mean.
    pub change: Within,
    /// The share of replicates in which the target was met.
    pub met: Share,
    /// The share of replicates in which things got worse.
    pub worse: Share,
}

/// One assumption, and what else may hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Assumption {
    /// What is assumed, e.g. "who joins: 30%".
    pub name: String,
    /// What else may hold, each with what M does then.
    pub settings: Vec<(String, Effect)>,
}

impl Assumption {
    /// The greatest departure from the expected change.
    fn swing(&self, expected: &Effect) -> f64 {
        let departures = self.settings.iter().map(|(_, effect)| effect);
        let of = |effect: &Effect| (effect.change.value - expected.change.value).abs();
        departures.map(of).fold(0.0, f64::max)
    }
}

/// What is played instead of the plan.
struct Instead {
    word: String,
    reference: Option<Dataset>,
    settings: Settings,
}

impl Sensitivity {
    /// Changes each assumption of the first scenario in turn, for M = `budget`.
    ///
    /// # Errors
    /// [`PlanningError::Scene`].
    pub fn of(
        reference: &Dataset,
        settings: &Settings,
        rule: &Rule,
        budget: usize,
        progress: &dyn Progress,
    ) -> Result<Self, PlanningError> {
        let stop = Stop { batch: REPLICATES, most: REPLICATES, half_width: 0.0 };
        let base = Settings {
            scenarios: settings.scenarios[..1].to_vec(),
            shares: settings.shares[..1].to_vec(),
            stop,
            ..settings.clone()
        };
        let play = |reference: &Dataset, settings: &Settings| {
            let all = simulate(reference, settings, &[], &[budget], &Silent)?;
            Ok::<Effect, PlanningError>(Effect::of(&all[0].runs, settings))
        };
        let alternatives = alternatives(reference, &base, rule);
        let total = 1 + alternatives.iter().map(|(_, instead)| instead.len()).sum::<usize>();
        let campaigns = |settings: usize| settings * REPLICATES as usize;
        progress.finished(0, campaigns(total));
        let expected = play(reference, &base)?;
        let (mut done, mut left_out, mut assumptions) = (1, Vec::new(), Vec::new());
        for (name, instead) in alternatives {
            let mut settings = Vec::new();
            for Instead { word, reference: other, settings: changed } in instead {
                // Fewer people may leave nobody to ask or nobody to measure.
                match play(other.as_ref().unwrap_or(reference), &changed) {
                    Ok(effect) => settings.push((word, effect)),
                    Err(error) => left_out.push(format!("{word}: {error}")),
                }
                done += 1;
                progress.finished(campaigns(done), campaigns(total));
            }
            if !settings.is_empty() {
                assumptions.push(Assumption { name, settings });
            }
        }
        let swing = |assumption: &Assumption| assumption.swing(&expected);
        assumptions.sort_by(|a, b| swing(b).total_cmp(&swing(a)));
        let scenario = base.scenarios[0].clone();
        Ok(Self { scenario, budget, expected, assumptions, left_out })
    }
}

impl Effect {
    fn of(runs: &[Run], settings: &Settings) -> Self {
        let changes: Vec<f64> =
            runs.iter().map(|run| run.ranked[0].eqod - run.before.eqod).collect();
        let mean = Mean::of(&changes).expect("there are replicates");
        let half = mean.half_width.unwrap_or(0.0);
        let share = |holds: &dyn Fn(&Run) -> bool| {
            let part = runs.iter().filter(|run| holds(run)).count();
            Share::of(part, runs.len()).expect("there are replicates")
        };
        let limit = 1.0 - settings.target;
        Self {
            change: Within { value: mean.mean, low: mean.mean - half, high: mean.mean + half },
            met: share(&|run| run.ranked[0].eqod <= limit * run.before.eqod),
            worse: share(&|run| run.ranked[0].eqod - run.before.eqod > settings.harm),
        }
    }
}

/// Each assumption with what else may hold.
fn alternatives(reference: &Dataset, base: &Settings, rule: &Rule) -> Vec<(String, Vec<Instead>)> {
    let scenario = &base.scenarios[0];
    let firm = |word: &str, scenario: Scenario| Instead {
        word: word.to_owned(),
        reference: None,
        settings: Settings { scenarios: vec![scenario], ..base.clone() },
    };
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    let others = [0.5 * base.alpha, (2.0 * base.alpha).min(1.0)];
    let joins = others.into_iter().filter(|&alpha| differs(alpha, base.alpha)).map(|alpha| {
        let settings = Settings { alpha, ..base.clone() };
        Instead { word: format!("{} join", percent(alpha)), reference: None, settings }
    });
    let rates = [0.5, 0.8, 1.0].into_iter().filter(|&rate| differs(rate, scenario.compliance));
    let carried = rates.map(|compliance| {
        firm(&format!("{} flip", percent(compliance)), Scenario { compliance, ..scenario.clone() })
    });
    let learners = [Learner::logistic(), Learner::boosted(), Learner::mlp(0)];
    let learners = learners.into_iter().chain([Learner::noisy_descent(0)]);
    let learners = learners.filter(|other| other.word() != scenario.learner.word());
    let learns = learners.map(|learner| {
        firm(learner.word(), Scenario { learner: learner.clone(), ..scenario.clone() })
    });
    let knows = [
        (GroupUse::Used, "group used"),
        (GroupUse::Proxy, "proxy used"),
        (GroupUse::Unused, "group unused"),
    ];
    let knows = knows.into_iter().filter(|&(group, _)| group != scenario.group);
    let sees = knows.map(|(group, word)| firm(word, Scenario { group, ..scenario.clone() }));
    let filters = [(Filter::Nothing, "prunes nothing"), (Filter::Prune, "prunes 10%")];
    let filters = filters.into_iter().filter(|&(filter, _)| filter != scenario.filter);
    let drops = filters.map(|(filter, word)| firm(word, Scenario { filter, ..scenario.clone() }));
    vec![
        (format!("who joins: {}", percent(base.alpha)), joins.collect()),
        (format!("who flips when asked: {}", percent(scenario.compliance)), carried.collect()),
        (format!("the gap: {:.3}", rule.gap.value), gaps(reference, base, rule)),
        (format!("how the firm learns: {}", scenario.learner.word()), learns.collect()),
        ("what the firm knows of the group".to_owned(), sees.collect()),
        ("what it does about doubtful reports".to_owned(), drops.collect()),
    ]
}

/// The reference with the gap at each end of its interval.
fn gaps(reference: &Dataset, base: &Settings, rule: &Rule) -> Vec<Instead> {
    let ends = [rule.gap.low.max(0.0), rule.gap.high];
    let of = |gap: f64| {
        let other = reference.select(&thinned(reference, base.seed, rule, gap));
        // As many as the firm trained on, or as the people who are left can give.
        let trained = base.trained.min(sides(&other).0.max(20));
        let trained = if base.trained > sides(reference).0 { base.trained } else { trained };
        let settings = Settings { trained, ..base.clone() };
        Instead { word: format!("gap {gap:.3}"), reference: Some(other), settings }
    };
    ends.into_iter().filter(|&gap| differs(gap, rule.gap.value)).map(of).collect()
}

/// Rows that are left if the gap is to be `gap`: minority people with one of the labels go, the last of a
/// published order first.
fn thinned(reference: &Dataset, seed: u32, rule: &Rule, gap: f64) -> Vec<usize> {
    let wanted = (rule.groups[0].positive.value - gap).clamp(0.01, 0.99);
    let rows = 0..reference.minority.len();
    let of = |positive: bool| -> Vec<usize> {
        let is = |&row: &usize| reference.minority[row] && reference.positive[row] == positive;
        rows.clone().filter(is).collect()
    };
    let (negative, positive) = (of(false), of(true));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of people, rounded"
    )]
    let kept = |others: &[usize], odds: f64| (others.len() as f64 * odds).round() as usize;
    let odds = wanted / (1.0 - wanted);
    let too_many = kept(&negative, odds) < positive.len();
    let (mut thinned, left) = if too_many {
        let left = kept(&negative, odds);
        (positive, left)
    } else {
        let left = kept(&positive, 1.0 / odds);
        (negative, left)
    };
    let place = |row: usize| draw(seed, 0, Stream::LeftOut, row);
    thinned.sort_by(|&a, &b| place(a).total_cmp(&place(b)).then(a.cmp(&b)));
    let gone: std::collections::BTreeSet<usize> = thinned.into_iter().skip(left).collect();
    rows.filter(|row| !gone.contains(row)).collect()
}

fn differs(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-9
}

#[cfg(test)]
mod tests {
    use protocol::scoring::method::Method;
    use protocol::scoring::scaling::Encoding;

    use super::*;
    use crate::population::causal::{CausalSettings, generate};

    fn settings() -> Settings {
        Settings {
            seed: 7,
            alpha: 0.5,
            method: Method::RbProb,
            k: 20,
            encoding: Encoding::Mix,
            trained: 560,
            shares: vec![0.25, 0.5],
            scenarios: Scenario::usual(),
            target: 0.5,
            harm: 0.02,
            confidence: 0.5,
            stop: Stop::default(),
        }
    }

    fn reference() -> Dataset {
        generate(&CausalSettings { people: 800, ..CausalSettings::default() }).unwrap().dataset
    }

    #[test]
    fn people_are_left_out_until_the_gap_is_as_wanted() {
        let reference = reference();
        let rule = Rule::of(&reference, 560).unwrap();
        for gap in [rule.gap.low, rule.gap.high] {
            let rows = thinned(&reference, 7, &rule, gap);
            let other = Rule::of(&reference.select(&rows), 560).unwrap();
            assert!((other.gap.value - gap).abs() < 0.005, "{gap} {:?}", other.gap);
            assert_eq!(other.groups[0], rule.groups[0], "the majority stays");
            assert!(rows.len() < 800);
        }
        let same = thinned(&reference, 7, &rule, rule.gap.value);
        assert!(same.len() >= 799, "{}", same.len());
    }

    #[test]
    fn what_matters_most_comes_first() {
        let reference = reference();
        let rule = Rule::of(&reference, 560).unwrap();
        let found =
            Sensitivity::of(&reference, &settings(), &rule, rule.flips(0.5), &Silent).unwrap();
        let names: Vec<&str> = found.assumptions.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), 6, "{names:?}");
        let swings: Vec<f64> =
            found.assumptions.iter().map(|one| one.swing(&found.expected)).collect();
        assert!(swings.windows(2).all(|pair| pair[0] >= pair[1]), "{swings:?}");
        let at = |name: &str| {
            let one = found.assumptions.iter().find(|one| one.name.starts_with(name)).unwrap();
            one.settings.iter().map(|(_, effect)| effect.change.value).collect::<Vec<f64>>()
        };
        // A firm that does not see the group is hardly moved; half of the flips do less than all.
        let expected = found.expected.change.value;
        assert!(at("what the firm knows")[1] > expected + 0.02, "{found:?}");
        assert!(at("who flips")[0] > expected, "{found:?}");
    }
}
