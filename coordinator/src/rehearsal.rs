//! A campaign, rehearsed: its own file, made-up people and the real machines, on virtual time in one process.
//!
//! Nothing is kept, sent or read but the file: the state folder is not looked at. Keys, people and labels come from a
//! published seed, so that a rehearsal says nothing about anybody, and how many are asked is an example.

mod advice;
mod people;
mod play;
pub(crate) mod table;
mod words;

use host::Problem;
use jiff::tz::TimeZone;
use protocol::{
    aggregation::noise::Role,
    campaign::{CheckedPlan, SelectionMode},
    keys::seat::Seat,
    roles::Time,
    selection::open_scores::OPEN_SCORES_BELOW,
};
use serde::Serialize;

use crate::{campaign::CampaignFile, report::Report};
use people::Cast;
use play::{Lost, Play};

/// The most people that a rehearsal makes up.
pub const PEOPLE_MAX: u32 = 10_000;

/// Members that come where scores are open.
const OPEN_MEMBERS: u32 = 8;

/// How many are made up; what is not said follows from the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Members who come.
    pub members: Option<u32>,
    /// Donors who come.
    pub donors: Option<u32>,
}

/// What was rehearsed, and what to correct. Times are Unix milliseconds, as if the campaign began now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    /// When it would have begun.
    pub at_millis: u64,
    /// K: the least number of reports in a sum that is opened.
    pub cohort: u32,
    /// Flips that are wanted.
    pub flip_budget: u32,
    /// What everybody can see of the campaign, in whole sentences.
    pub in_the_open: Vec<&'static str>,
    /// T.
    pub keyholders: u8,
    /// How many of them may be lost.
    pub losses_max: u8,
    /// Who is lost in the rehearsal.
    pub lost: String,
    /// As planned first.
    pub runs: Vec<Run>,
    /// What to correct in the file, the most pressing first.
    pub advice: Vec<Advice>,
}

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing.
    AsPlanned,
    /// A keyholder is silent once the first sum collects, and the others declare it lost.
    KeyholderLost,
    /// One member fewer than a sum needs.
    TooFewMembers,
    /// One member more than may have its score in the open.
    TooManyMembers,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What goes wrong.
    pub scenario: Scenario,
    /// Who come.
    pub members: usize,
    /// Who come.
    pub donors: usize,
    /// What `coordinator run` shows, in order.
    pub steps: Vec<Step>,
    /// In the plan's order.
    pub sums: Vec<SumPlayed>,
    /// Everybody.
    pub enrolled: usize,
    /// Whom the selection asks; nothing if it has no result.
    pub asked: Option<Asked>,
    /// Why nobody takes part, if people's programs refuse the campaign whatever they are told.
    pub refusal: Option<String>,
    /// What `report` would make of it.
    #[serde(skip)]
    pub report: Report,
}

/// A line of the organiser's screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at_millis: u64,
    /// As `coordinator run` shows it.
    pub screen: String,
}

/// What became of one sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SumPlayed {
    /// What for.
    pub kind: String,
    /// Whether it lists scores in the open instead of adding up reports.
    pub open_scores: bool,
    /// When it opens at the earliest.
    pub planned_millis: u64,
    /// When people could report.
    pub opened_millis: Option<u64>,
    /// When reports are frozen.
    pub closes_millis: u64,
    /// When it had a result, or was given up.
    pub ended_millis: Option<u64>,
    /// In the sum.
    pub reports: Option<u32>,
    /// People whose record cannot be measured, by a fault of the plan.
    pub faulty: usize,
    /// Certified as lost.
    pub keyholders_lost: u32,
    /// Standard deviation of the noise in each count, in thousandths; 0 for none.
    pub sigma_milli: u32,
    /// Why it has no result.
    pub aborted: Option<String>,
}

/// Who is asked among made-up members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Members with a negative label.
    pub candidates: usize,
    /// Asked to report the positive one.
    pub asked: usize,
    /// Of these, who do.
    pub willing: usize,
}

/// Something to correct, or to think over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Whether the campaign as written cannot reach all of its results.
    pub must: bool,
    /// The key of the file, as "times.patience".
    pub key: String,
    /// What to do, and why.
    pub what: String,
}

/// Rehearses.
///
/// # Errors
/// What is wrong with the file, or a bug.
pub fn rehearse(
    file: &CampaignFile,
    expected: Expected,
    now: Time,
    zone: &TimeZone,
) -> Result<Rehearsal, Problem> {
    file.address()?;
    let plan = file.plan(play::keys(), now)?;
    let cast = cast(&plan, file, expected);
    // Nobody learns more from a lost keyholder in a larger crowd.
    let cohort = usize::try_from(plan.cohort_min).unwrap_or(usize::MAX);
    let small = Cast { members: cohort, donors: cast.donors.min(cohort) };
    let few = Cast { members: cohort.saturating_sub(1), ..small };
    let last = Seat::new(plan.seats().saturating_sub(1));
    let lost = plan.keyholders.last().map_or_else(String::new, |of| of.name.clone());
    let play = |cast| Play::new(&plan, cast, now, zone);
    let is_open = plan.selection.mode == SelectionMode::OpenScores;
    let small = if is_open { cast } else { small };
    let mut runs = vec![
        play(cast)?.run(Scenario::AsPlanned)?,
        play(small)?.losing(Lost(last)).run(Scenario::KeyholderLost)?,
    ];
    runs.push(if is_open {
        let many = Cast { members: OPEN_SCORES_BELOW, ..cast };
        play(many)?.run(Scenario::TooManyMembers)?
    } else {
        play(few)?.run(Scenario::TooFewMembers)?
    });
    let mut rehearsal = Rehearsal {
        at_millis: now.as_millis(),
        cohort: plan.cohort_min,
        flip_budget: plan.selection.rule.flip_budget,
        in_the_open: file.in_the_open(),
        keyholders: plan.seats(),
        losses_max: plan.lost_max(),
        lost: format!("keyholder {} ({lost})", plan.seats()),
        runs,
        advice: Vec::new(),
    };
    rehearsal.advice = advice::of(&rehearsal, file, &plan, now);
    Ok(rehearsal)
}

impl Rehearsal {
    /// What `report` would make of the run as planned, marked as a rehearsal's.
    pub fn report(&self) -> Option<Report> {
        let report = self.runs.first()?.report.clone();
        let purpose = format!("REHEARSAL: nobody in this is real. {}", report.purpose);
        Some(Report { purpose, ..report })
    }

    /// Whether the campaign as written reaches all of its results if nothing goes wrong, and although a keyholder is
    /// lost if the plan says that one can be.
    pub fn holds(&self) -> bool {
        !self.advice.iter().any(|advice| advice.must)
    }
}

impl Run {
    /// Whether every sum has a result.
    pub fn is_whole(&self) -> bool {
        self.sums.iter().all(|sum| sum.aborted.is_none())
    }
}

/// Donors as expected; members enough for a sum and for the flips, with some to spare.
fn cast(plan: &CheckedPlan, file: &CampaignFile, expected: Expected) -> Cast {
    let report = plan.aggregations.iter().any(|of| of.kind.concerns(Role::Donor));
    let usual_donors = if report { file.people.donors } else { 0 };
    let donors = expected.donors.unwrap_or(usual_donors).min(PEOPLE_MAX);
    let spare = plan.cohort_min.saturating_add(plan.cohort_min / 5);
    let enough = spare.max(plan.selection.rule.flip_budget.saturating_mul(3));
    let most = match plan.selection.mode {
        SelectionMode::PrivateHistogram => PEOPLE_MAX,
        SelectionMode::OpenScores => OPEN_MEMBERS,
    };
    let usual = file.planned.as_ref().map_or(enough, |draft| draft.recruit).min(most);
    let members = expected.members.unwrap_or(usual).min(PEOPLE_MAX);
    let count = |people: u32| usize::try_from(people).unwrap_or(usize::MAX);
    Cast { members: count(members), donors: count(donors) }
}

#[cfg(test)]
mod tests;
