//! A campaign among the people of a data set, and the firm that retrains after it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::rc::Rc;

use protocol::aggregation::noise::{DELTA, Role, rho_for_epsilon};
use protocol::aggregation::{Circuit, Grid, SetupError};
use protocol::audit::{Audit, Changes};
use protocol::campaign::outline::{self, OutlineError, honest_seats_max};
use protocol::campaign::{Kind, Protection, Scoring, SelectionMode};
use protocol::keys::vss::SeatCounts;
use protocol::order::{self, Purpose};
use protocol::person::Person;
use protocol::scoring::cells::CentreSource;
use protocol::scoring::marginals::{MarginalError, Marginals};
use protocol::scoring::method::Method;
use protocol::scoring::scaling::{Encoding, Scaling};
use protocol::scoring::schema::Value;
use protocol::selection::threshold::Rule;
use protocol::transcript::Transcript;
use serde::Serialize;

use super::adversary::Mischief;
use super::cast::person_secret;
use super::crowd::{Crowd, Firm};
use super::plan::{Script, Visits};
use super::play::{Cost, PlayError, Played, play};
use crate::dataset::Dataset;
use crate::firm::Learner;
use crate::network::Setting;
use crate::scene::{GroupSight, Outcome, Scene, SceneError, Trial};

/// What is studied, but for the seed.
#[derive(Clone, Debug)]
pub struct Study {
    /// Private, or the same machines without cryptography.
    pub protection: Protection,
    /// T and t.
    pub keyholders: (u8, u8),
    /// K.
    pub cohort_min: u32,
    /// The score.
    pub method: Method,
    /// Neighbours of `rb-label` and `rb-dist`.
    pub k: u32,
    /// The collective's share of the minority train rows.
    pub alpha: f64,
    /// M.
    pub flips: u32,
    /// Of those who are asked, how many do not flip, in thousandths: expected, and so it happens.
    pub no_show_milli: u16,
    /// The most that are asked.
    pub safe_cap: u32,
    /// Per person and campaign.
    pub epsilon: Option<f64>,
    /// Rows and cells of the neighbour table, in place of the rule.
    pub table: Option<Grid>,
    /// The most people in all, members first.
    pub people_max: Option<usize>,
    /// What is asked of people besides selection, confirmation and audits.
    pub visits: Extra,
    /// How it comes to be known whom to ask.
    pub mode: SelectionMode,
    /// How many majority records are published instead of being lent; 0 for none.
    pub published: usize,
    /// The firm that retrains.
    pub learner: Learner,
    /// Whether it sees the group.
    pub sight: GroupSight,
}

/// Visits that are off by default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extra {
    /// See [`Visits::scale`].
    pub scale: bool,
    /// See [`Visits::refinement`].
    pub refinement: bool,
    /// See [`Visits::top_up`].
    pub top_up: bool,
}

/// Why a study stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The scene cannot be set or played.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The test rows give no marginals.
    #[error(transparent)]
    Marginals(#[from] MarginalError),
    /// No table.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Donors cannot lend what the score needs.
    #[error(transparent)]
    Outline(#[from] OutlineError),
    /// Fewer people can be published than were asked for.
    #[error(
        "{asked} majority records are to be published, but only {there} people of the majority are not in the campaign themselves"
    )]
    Published {
        /// As asked.
        asked: usize,
        /// Majority test rows.
        there: usize,
    },
    /// The campaign.
    #[error(transparent)]
    Play(#[from] Box<PlayError>),
}

/// What came of one seed.
#[derive(Debug)]
pub struct Studied {
    /// Without anybody's action.
    pub before: Outcome,
    /// After the campaign.
    pub after: Outcome,
    /// People.
    pub members: usize,
    /// Members with a negative label.
    pub candidates: usize,
    /// Donors.
    pub donors: usize,
    /// How many were asked.
    pub asked: usize,
    /// How many flipped.
    pub flipped: usize,
    /// What the audits say, before against after; none if too few reported.
    pub audit: Option<Changes>,
    /// What it cost.
    pub cost: Cost,
    /// The campaign's transcript.
    pub played: Played,
}

/// One line of `--json`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// Of everything random.
    pub seed: u64,
    /// See [`Studied::members`].
    pub members: usize,
    /// See [`Studied::donors`].
    pub donors: usize,
    /// See [`Studied::asked`].
    pub asked: usize,
    /// See [`Studied::flipped`].
    pub flipped: usize,
    /// Virtual time, messages, events.
    pub cost: Cost,
}

impl Study {
    /// Plays one seed.
    ///
    /// # Errors
    /// Every [`StudyError`].
    pub fn seed(
        &self,
        data: &Dataset,
        seed: u64,
        setting: impl FnOnce(u32) -> Setting,
    ) -> Result<Studied, StudyError> {
        let scene = Scene::new(data, seed)?;
        let trial = scene.firm(&self.learner, self.sight)?;
        let cast = self.choose(data, &scene)?;
        let before = trial.after(&[])?;
        let decisions = trial.decide(&[], &cast.rows)?;
        let people = self.people(data, &cast, &decisions, seed);
        let failed: RefCell<Option<SceneError>> = RefCell::new(None);
        let firm = firm(&trial, &cast.rows, &failed);
        let crowd = Rc::new(Crowd::new(people, Some(firm)));
        let script = self.script(data, &scene, &cast)?;
        let Ok((played, transcript)) =
            play::<Infallible>(&script, &crowd, seed, Mischief::default(), setting, |_| Ok(()))
                .map_err(Box::new)?;
        for kind in self.needed() {
            played.require(&transcript, *kind).map_err(Box::new)?;
        }
        let flips: Vec<usize> = played.flipped.iter().map(|&number| cast.rows[number]).collect();
        let after = trial.after(&flips)?;
        drop(crowd);
        if let Some(error) = failed.into_inner() {
            return Err(error.into());
        }
        Ok(Studied {
            before,
            after,
            members: cast.members,
            candidates: cast.candidates,
            donors: cast.rows.len() - cast.members,
            asked: played.asked.len(),
            flipped: flips.len(),
            audit: changes(&transcript),
            cost: played.cost,
            played,
        })
    }

    /// What there is no study without. Too few members for a private sum have no confirmation either.
    const fn needed(&self) -> &'static [Kind] {
        match self.mode {
            SelectionMode::PrivateHistogram => &[Kind::Selection, Kind::Confirmation],
            SelectionMode::OpenScores => &[Kind::Selection],
        }
    }

    fn choose(&self, data: &Dataset, scene: &Scene<'_>) -> Result<Chosen, StudyError> {
        let mut rows = scene.members(self.alpha)?;
        let candidates = scene.candidates(self.alpha)?.len();
        if candidates == 0 {
            let error = SceneError::NoCandidates { members: rows.len(), alpha: self.alpha };
            return Err(error.into());
        }
        if self.flips as usize > candidates {
            return Err(SceneError::TooManyFlips { flips: self.flips as usize, candidates }.into());
        }
        let members = rows.len();
        rows.extend(scene.train().iter().copied().filter(|&row| !data.minority[row]));
        rows.truncate(self.people_max.unwrap_or(usize::MAX).max(members));
        Ok(Chosen { rows, members, candidates })
    }

    fn people(&self, data: &Dataset, cast: &Chosen, decisions: &[bool], seed: u64) -> Vec<Person> {
        let values = data.schema.values(&data.records.select(&cast.rows));
        let people = values.into_iter().zip(&cast.rows).zip(decisions).enumerate();
        people
            .map(|(number, ((values, &row), &accepted))| {
                let secret = person_secret(seed, number);
                let draw = u16::from_le_bytes([secret[0], secret[1]]) % 1_000;
                Person {
                    values,
                    positive: data.positive[row],
                    role: if data.minority[row] { Role::Member } else { Role::Donor },
                    accepted: Some(accepted),
                    complies: draw >= self.no_show_milli,
                    secret,
                }
            })
            .collect()
    }

    /// Scaling and centres come from the values of the test rows, which stand in for public statistics.
    fn script(
        &self,
        data: &Dataset,
        scene: &Scene<'_>,
        cast: &Chosen,
    ) -> Result<Script, StudyError> {
        let schema = &data.schema;
        let public = schema.values(&data.records.select(scene.test()));
        let marginals = Marginals::from_records(schema, &public)?;
        let scaling = Scaling::from_marginals(schema, &marginals, Encoding::Mix)?;
        let people = u32::try_from(cast.rows.len()).unwrap_or(u32::MAX);
        let (keyholders, recovery_threshold) = self.keyholders;
        let scoring = Scoring {
            schema: schema.clone(),
            method: self.method,
            k: self.k,
            scaling: (!self.visits.scale).then(|| scaling.clone()),
            centres: (!self.visits.scale).then_some(CentreSource::Marginals(marginals)),
            scale_bins: 16,
            published: published(data, scene, self.published)?,
        };
        Ok(Script {
            protection: self.protection,
            issuer: None,
            keyholders,
            recovery_threshold,
            honest_seats: honest_seats_max(SeatCounts {
                seats: keyholders,
                threshold: recovery_threshold,
            }),
            cohort_min: self.cohort_min,
            reference: self.reference(&scoring, &scaling, cast)?,
            scoring,
            rule: Rule {
                flip_budget: self.flips,
                no_show_milli: self.no_show_milli,
                safe_cap: self.safe_cap,
            },
            mode: self.mode,
            bins: if self.epsilon.is_some() { 16 } else { 256 },
            epsilon: self.epsilon,
            noise: None,
            visits: Visits {
                selection: true,
                scale: self.visits.scale,
                refinement: self.visits.refinement,
                confirmation: self.needed().contains(&Kind::Confirmation),
                top_up: self.visits.top_up,
                audits: true,
            },
            reporters_max: people,
        })
    }

    fn reference(
        &self,
        scoring: &Scoring,
        scaling: &Scaling,
        cast: &Chosen,
    ) -> Result<Option<Circuit>, StudyError> {
        let donors = u32::try_from(cast.rows.len() - cast.members).unwrap_or(u32::MAX);
        let donors = NonZeroU32::new(donors).unwrap_or(NonZeroU32::MIN);
        let rho = self.epsilon.map(|epsilon| rho_for_epsilon(epsilon, DELTA));
        let circuit = outline::reference(scoring, scaling, donors, rho)?;
        Ok(match (circuit, self.table) {
            (Some(Circuit::Grid(_)), Some(table)) => Some(Circuit::Grid(table)),
            (circuit, _) => circuit,
        })
    }
}

/// The first majority test rows of a published order, with their labels: people who agreed to be published.
fn published(
    data: &Dataset,
    scene: &Scene<'_>,
    count: usize,
) -> Result<Vec<(Vec<Value>, bool)>, StudyError> {
    let majority = scene.test().iter().copied().filter(|&row| !data.minority[row]);
    let mut rows = order::order(scene.seed(), Purpose::Donors, majority);
    if rows.len() < count {
        return Err(StudyError::Published { asked: count, there: rows.len() });
    }
    rows.truncate(count);
    let values = data.schema.values(&data.records.select(&rows));
    Ok(values.into_iter().zip(rows.iter().map(|&row| data.positive[row])).collect())
}

/// Who takes part, by row number: members first, then donors.
struct Chosen {
    rows: Vec<usize>,
    members: usize,
    candidates: usize,
}

/// The firm's decisions on everybody, after these people have flipped. What it cannot do is kept for the caller.
fn firm<'a>(
    trial: &'a Trial<'_>,
    rows: &'a [usize],
    failed: &'a RefCell<Option<SceneError>>,
) -> Firm<'a> {
    Box::new(move |flipped: &BTreeSet<usize>| {
        let flips: Vec<usize> = flipped.iter().map(|&number| rows[number]).collect();
        trial.decide(&flips, rows).unwrap_or_else(|error| {
            *failed.borrow_mut() = Some(error);
            vec![false; rows.len()]
        })
    })
}

fn changes(transcript: &Transcript) -> Option<Changes> {
    let audit = |kind| {
        let id = transcript.plan().of_kind(kind)?;
        let protocol::aggregation::AggregateResult::Grid(sum) = transcript.opened(id)? else {
            return None;
        };
        Audit::open(&sum, transcript.plan().published_sigma_milli(id)?).ok()
    };
    let [before, after] = [audit(Kind::AuditBefore)?, audit(Kind::AuditAfter)?];
    Some(Changes::between(&before.estimates(), &after.estimates()))
}
