//! Paired replicates: the same people, split and collective for every scenario and every M.
//!
//! **Who is drawn.** For each replicate the reference is split anew into people the firm trains on and people
//! it is measured on, *before* anything is drawn from either, so that nobody is on both sides. If enough people
//! are left to train on they are drawn without replacement: then a replicate is distributed exactly like one
//! campaign among other people of the same kind, and its mean is an unbiased prediction. Only a firm that
//! trains on more people than that is made of people drawn with replacement.
//!
//! **What is measured.** The firm's decisions on the measured people against their true labels, after M flips,
//! minus the same after none. Other scores may be laid beside the planned one: the same replicates, M and firms,
//! only the order in which candidates are asked is another.

use std::ops::Range;

use protocol::order;
use protocol::scoring::method::Method;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::scenario::{GroupUse, PROXY_RIGHT, Scenario};
use super::{PlanningError, Settings};
use crate::dataset::Dataset;
use crate::experiment::sweep::Progress;
use crate::metrics::Confusion;
use crate::scene::{GroupSight, Outcome, Scene, SceneError, Trial, share_of};
use crate::statistics::Mean;

/// Separates draws of one seed; those of synthetic populations are below.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Trained = 16,
    Complies = 17,
    Proxy = 18,
    LeftOut = 19,
}

/// What a firm came to, once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// How many flipped.
    pub flips: usize,
    /// Of those, how many the firm left out before it trained.
    pub caught: usize,
    /// Equalized odds violation.
    pub eqod: f64,
    /// Share of wrong decisions.
    pub error: f64,
    /// The same `[majority, minority]`.
    pub group_error: [f64; 2],
}

/// One replicate of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Without a campaign.
    pub before: Point,
    /// Per M, by the planned score's order.
    pub ranked: Vec<Point>,
    /// Per other score, in the order asked for: the same, or why nobody can be ranked by it.
    pub beside: Vec<Result<Vec<Point>, SceneError>>,
}

/// All replicates of one scenario, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// Which.
    pub scenario: Scenario,
    /// One per replicate.
    pub runs: Vec<Run>,
}

/// How far replicates of one reference resemble each other.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub enum Drawing {
    /// Without replacement; the share of the reference that any two replicates are both measured on.
    Split {
        /// In `[0, 1]`.
        measured: f64,
    },
    /// With replacement; people that the firm trains on for each of the reference that could be drawn.
    Resampled {
        /// Above 1.
        per_person: f64,
    },
}

/// How many people of a reference of `people` can be drawn to train the firm, and how many measure it.
pub fn sides(reference: &Dataset) -> (usize, usize) {
    let people = reference.minority.len();
    let measured = share_of(reference.test_share, people, 0.0);
    (people - measured, measured)
}

/// Whether a firm of `trained` people must be drawn with replacement.
pub fn drawing(reference: &Dataset, trained: usize) -> Drawing {
    let (pool, measured) = sides(reference);
    #[expect(clippy::cast_precision_loss, reason = "people are far below 2^53")]
    let [trained_, pool_, measured_] = [trained, pool, measured].map(|count| count as f64);
    if trained <= pool {
        Drawing::Split { measured: measured_ / (pool_ + measured_) }
    } else {
        Drawing::Resampled { per_person: trained_ / pool_ }
    }
}

/// Simulates every scenario until it has been simulated often enough; `budgets` are M, ascending, `beside` the
/// scores to lay beside the planned one, which have no say in when it is enough.
///
/// # Errors
/// [`PlanningError::Scene`]; a score that is only laid beside stops nothing.
pub fn simulate(
    reference: &Dataset,
    settings: &Settings,
    beside: &[Method],
    budgets: &[usize],
    progress: &dyn Progress,
) -> Result<Vec<Runs>, PlanningError> {
    let proxy = proxy(reference, settings);
    let stage = Stage { reference, settings, beside, budgets, proxy: &proxy };
    let mut all: Vec<Runs> = settings
        .scenarios
        .iter()
        .map(|scenario| Runs { scenario: scenario.clone(), runs: Vec::new() })
        .collect();
    let (mut from, most) = (0, settings.stop.most.max(settings.stop.batch));
    let mut open: Vec<usize> = (0..all.len()).collect();
    while from < most && !open.is_empty() {
        let to = (from + settings.stop.batch).min(most);
        let batch: Result<Vec<Vec<Run>>, PlanningError> = (from..to)
            .into_par_iter()
            .map(|replicate| {
                stage
                    .replicate(replicate, &open)
                    .map_err(|error| PlanningError::Scene { replicate, error })
            })
            .collect();
        for runs in batch? {
            for (&place, run) in open.iter().zip(runs) {
                all[place].runs.push(run);
            }
        }
        open.retain(|&place| !enough(&all[place].runs, settings.stop.half_width));
        from = to;
        let done: usize = all.iter().map(|runs| runs.runs.len()).sum();
        let left = open.len() * usize::try_from(most - from).unwrap_or(0);
        progress.finished(done, done + left);
    }
    Ok(all)
}

/// Whether the mean change is known well enough for every M.
fn enough(runs: &[Run], half_width: f64) -> bool {
    let points = runs.first().map_or(0, |run| run.ranked.len());
    (0..points).all(|place| {
        let changes: Vec<f64> =
            runs.iter().map(|run| run.ranked[place].eqod - run.before.eqod).collect();
        Mean::of(&changes).and_then(|mean| mean.half_width).is_some_and(|half| half <= half_width)
    })
}

/// Per person of the reference: the flag that stands in for the group where the firm has no better.
fn proxy(reference: &Dataset, settings: &Settings) -> Vec<bool> {
    let right = |row: usize| draw(settings.seed, 0, Stream::Proxy, row) < PROXY_RIGHT;
    reference.minority.iter().enumerate().map(|(row, &a)| a == right(row)).collect()
}

pub(super) fn draw(seed: u32, replicate: u32, stream: Stream, what: usize) -> f64 {
    order::unit(seed.into(), replicate.into(), ((stream as u64) << 48) | what as u64)
}

/// What all replicates share.
struct Stage<'a> {
    reference: &'a Dataset,
    settings: &'a Settings,
    beside: &'a [Method],
    budgets: &'a [usize],
    proxy: &'a [bool],
}

/// Candidates of one replicate in the order in which they are asked: by the planned score, and by each beside it.
struct Orders {
    ranked: Vec<usize>,
    beside: Vec<Result<Vec<usize>, SceneError>>,
}

/// Reference rows of one replicate: those the firm trains on, then those it is measured on.
struct Drawn {
    seed: u64,
    rows: Vec<usize>,
    trained: Range<usize>,
}

impl Stage<'_> {
    fn people(&self, replicate: u32) -> Drawn {
        let Settings { seed, trained, .. } = *self.settings;
        // Below 2^56, as a published order shifts its seed by eight bits.
        let scene_seed = order::splitmix64((u64::from(seed) << 32) | u64::from(replicate)) >> 8;
        let all = 0..self.reference.minority.len();
        let shuffled = order::order(scene_seed, order::Purpose::Split, all);
        let (measured, pool) = shuffled.split_at(sides(self.reference).1);
        let mut rows: Vec<usize> = if trained <= pool.len() {
            pool[..trained].to_vec()
        } else {
            let place = |i| share_of(draw(seed, replicate, Stream::Trained, i), pool.len(), 0.0);
            (0..trained).map(|i| pool[place(i).min(pool.len() - 1)]).collect()
        };
        rows.extend_from_slice(measured);
        Drawn { seed: scene_seed, rows, trained: 0..trained }
    }

    /// One run for each scenario that is still open.
    fn replicate(&self, replicate: u32, open: &[usize]) -> Result<Vec<Run>, SceneError> {
        let drawn = self.people(replicate);
        let people = self.reference.select(&drawn.rows);
        let scene = drawn.scene(&people)?;
        let Settings { alpha, method, k, encoding, ref scenarios, .. } = *self.settings;
        let candidates = scene.candidates(alpha)?;
        if candidates.is_empty() {
            let members = scene.members(alpha)?.len();
            return Err(SceneError::NoCandidates { members, alpha });
        }
        let ranked = scene.scores(method, k, encoding)?.ranking(&candidates);
        let beside = |&method: &Method| {
            Ok(scene.scores_of(&candidates, method, k, encoding)?.ranking(&candidates))
        };
        let orders = Orders { ranked, beside: self.beside.iter().map(beside).collect() };
        let scenarios = open.iter().map(|&place| &scenarios[place]);
        scenarios
            .map(|scenario| {
                let play = |trial: &Trial<'_>| self.play(replicate, scenario, trial, &orders);
                let prepare =
                    |records: &_, labels: &[bool]| scenario.prepare(records, labels, drawn.seed);
                match scenario.group {
                    GroupUse::Used => play(&scene.firm_by(GroupSight::Visible, prepare)?),
                    GroupUse::Unused => play(&scene.firm_by(GroupSight::Hidden, prepare)?),
                    GroupUse::Proxy => {
                        let flags: Vec<bool> =
                            drawn.rows.iter().map(|&row| self.proxy[row]).collect();
                        let mut people = people.clone();
                        people.records = people.records.with_flag("proxy", &flags);
                        people.counterfactual = None;
                        play(&drawn.scene(&people)?.firm_by(GroupSight::Hidden, prepare)?)
                    }
                }
            })
            .collect()
    }

    fn play(
        &self,
        replicate: u32,
        scenario: &Scenario,
        trial: &Trial<'_>,
        orders: &Orders,
    ) -> Result<Run, SceneError> {
        let seed = self.settings.seed;
        let complies =
            |row: &usize| draw(seed, replicate, Stream::Complies, *row) <= scenario.compliance;
        let before = Point::of(0, &trial.after(&[])?);
        let series = |order: &Vec<usize>| -> Result<Vec<Point>, SceneError> {
            self.budgets
                .iter()
                .map(|&budget| {
                    let asked = &order[..budget.min(order.len())];
                    let flips: Vec<usize> = asked.iter().copied().filter(complies).collect();
                    Ok(Point::of(flips.len(), &trial.after(&flips)?))
                })
                .collect()
        };
        let beside = orders.beside.iter().map(|order| match order {
            Ok(order) => series(order),
            Err(error) => Err(error.clone()),
        });
        Ok(Run { before, ranked: series(&orders.ranked)?, beside: beside.collect() })
    }
}

impl Drawn {
    fn scene<'a>(&self, people: &'a Dataset) -> Result<Scene<'a>, SceneError> {
        let measured = self.trained.end..self.rows.len();
        Scene::of_rows(people, self.seed, self.trained.clone().collect(), measured.collect())
    }
}

impl Point {
    fn of(flips: usize, outcome: &Outcome) -> Self {
        let Outcome { measures, confusion, caught, .. } = outcome;
        let group_error = [false, true].map(|minority| group_error(confusion, minority));
        Self { flips, caught: *caught, eqod: measures.eqod, error: measures.error, group_error }
    }
}

fn group_error(confusion: &Confusion, minority: bool) -> f64 {
    confusion.error_of(minority).expect("measures are defined, so that each group has somebody")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::scoring::scaling::Encoding;

    use super::*;
    use crate::firm::Learner;
    use crate::planning::scenario::{Filter, all};
    use crate::planning::{Silent, Stop};
    use crate::population::causal::{CausalSettings, generate};

    fn reference() -> Dataset {
        let settings = CausalSettings { people: 600, ..CausalSettings::default() };
        generate(&settings).unwrap().dataset
    }

    fn settings(scenarios: Vec<Scenario>) -> Settings {
        Settings {
            seed: 7,
            alpha: 0.5,
            method: Method::RbProb,
            k: 20,
            encoding: Encoding::Mix,
            trained: 420,
            shares: vec![0.25, 0.5],
            scenarios,
            target: 0.5,
            harm: 0.02,
            confidence: 0.5,
            stop: Stop { batch: 4, most: 8, half_width: 0.0 },
        }
    }

    fn stage<'a>(reference: &'a Dataset, settings: &'a Settings) -> Stage<'a> {
        Stage { reference, settings, beside: &[], budgets: &[10], proxy: &[] }
    }

    #[test]
    fn nobody_trains_the_firm_and_measures_it() {
        let reference = reference();
        for trained in [100, 420, 2_000] {
            let settings = Settings { trained, ..settings(Scenario::usual()) };
            for replicate in 0..4 {
                let drawn = stage(&reference, &settings).people(replicate);
                let (train, measured) = drawn.rows.split_at(trained);
                let measured: BTreeSet<usize> = measured.iter().copied().collect();
                let different: BTreeSet<usize> = train.iter().copied().collect();
                assert!(train.iter().all(|row| !measured.contains(row)));
                assert_eq!(measured.len(), 180);
                assert_eq!(different.len() == trained, trained <= 420, "{trained}");
            }
        }
        assert_eq!(drawing(&reference, 420), Drawing::Split { measured: 0.3 });
        assert_eq!(drawing(&reference, 840), Drawing::Resampled { per_person: 2.0 });
    }

    #[test]
    fn replicates_do_not_depend_on_how_many_cores_there_are() {
        let reference = reference();
        let scenarios = all(
            &[Learner::logistic()],
            &[GroupUse::Used, GroupUse::Unused, GroupUse::Proxy],
            &[Filter::Nothing, Filter::Prune],
            &[1.0, 0.5],
        );
        let settings = settings(scenarios);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let beside = settings.beside();
            pool.install(|| simulate(&reference, &settings, &beside, &[10, 20], &Silent).unwrap())
        };
        let one = run(1);
        assert_eq!(one, run(3));
        assert_eq!(one.len(), 12);
        assert!(one.iter().all(|runs| runs.runs.len() == 8));
    }

    #[test]
    fn all_who_are_asked_flip_or_the_share_that_complies_does() {
        let reference = reference();
        let scenarios =
            all(&[Learner::logistic()], &[GroupUse::Used], &[Filter::Nothing], &[1.0, 0.5]);
        let stop = Stop { batch: 20, most: 20, half_width: 0.0 };
        let settings = Settings { stop, ..settings(scenarios) };
        let all = simulate(&reference, &settings, &[], &[10, 20], &Silent).unwrap();
        let flips = |scenario: usize, place: usize| -> Vec<usize> {
            all[scenario].runs.iter().map(|run| run.ranked[place].flips).collect()
        };
        assert_eq!(flips(0, 1), [20; 20]);
        let some: usize = flips(1, 1).iter().sum();
        assert!((160..=240).contains(&some), "{some} of 400");
        assert!(flips(1, 0).iter().zip(flips(1, 1)).all(|(less, more)| *less <= more));
    }

    #[test]
    fn a_firm_that_leaves_reports_out_catches_flips_and_one_that_does_not_catches_none() {
        let reference = reference();
        let filters = [Filter::Nothing, Filter::Prune];
        let scenarios = all(&[Learner::logistic()], &[GroupUse::Used], &filters, &[1.0]);
        let settings = settings(scenarios);
        let all = simulate(&reference, &settings, &[], &[10, 20], &Silent).unwrap();
        let caught = |scenario: usize| -> usize {
            all[scenario].runs.iter().map(|run| run.ranked[1].caught).sum()
        };
        assert_eq!(caught(0), 0);
        assert!((1..160).contains(&caught(1)), "{} of 160", caught(1));
    }

    #[test]
    fn every_replicate_of_a_noisy_firm_has_its_own_noise() {
        let reference = reference();
        let (records, labels) = (&reference.records, &reference.positive);
        let noisy = Scenario { learner: Learner::noisy_descent(0), ..Scenario::usual()[0].clone() };
        let chances = |seed| {
            let firm = noisy.prepare(records, labels, seed).unwrap();
            firm.fit(labels).unwrap().probabilities(records)
        };
        assert_eq!(chances(1), chances(1));
        assert_ne!(chances(1), chances(2));
    }

    #[test]
    fn a_scenario_that_is_known_well_enough_is_left_alone() {
        let reference = reference();
        let rounds = |half_width| {
            let stop = Stop { batch: 4, most: 10, half_width };
            let settings = Settings { stop, ..settings(Scenario::usual()[..1].to_vec()) };
            simulate(&reference, &settings, &[], &[10, 20], &Silent).unwrap()[0].runs.len()
        };
        assert_eq!((rounds(1.0), rounds(0.0)), (4, 10));
    }

    #[test]
    fn a_score_beside_is_what_it_would_be_if_it_were_planned() {
        let reference = reference();
        let planned = |method, beside: &[Method]| {
            let scenarios = Scenario::usual()[..2].to_vec();
            let settings = Settings { method, ..settings(scenarios) };
            simulate(&reference, &settings, beside, &[10, 20], &Silent).unwrap()
        };
        let other = [Method::RbLabel, Method::RbProb, Method::Random];
        for (place, method) in other.into_iter().enumerate() {
            let alone = planned(method, &[]);
            for (one, all) in alone.iter().zip(planned(Method::RbDist, &other)) {
                for (one, all) in one.runs.iter().zip(&all.runs) {
                    assert_eq!(all.beside[place].as_ref(), Ok(&one.ranked), "{method}");
                    assert_eq!(one.before, all.before);
                    assert_eq!(one.beside, []);
                }
            }
        }
    }

    #[test]
    fn a_score_that_cannot_be_laid_beside_stops_nothing() {
        let reference = reference();
        let scenarios = Scenario::usual()[..1].to_vec();
        let settings = Settings { k: 100_000, ..settings(scenarios) };
        let beside = [Method::RbLabel, Method::Random];
        let all = simulate(&reference, &settings, &beside, &[10, 20], &Silent).unwrap();
        assert_eq!(all[0].runs.len(), 8);
        for run in &all[0].runs {
            let reason = run.beside[0].as_ref().unwrap_err().to_string();
            assert!(reason.contains("k = 100000"), "{reason}");
            assert_eq!(run.beside[1].as_ref().map(Vec::len), Ok(2));
        }
    }

    #[test]
    fn a_proxy_tells_the_group_of_nine_in_ten() {
        let reference = generate(&CausalSettings::default()).unwrap().dataset;
        let flags = proxy(&reference, &settings(Vec::new()));
        let right = flags.iter().zip(&reference.minority).filter(|(flag, a)| flag == a).count();
        assert!((5_300..5_500).contains(&right), "{right} of 6000");
    }
}
