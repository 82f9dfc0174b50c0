//! Where a campaign stands: for the organiser's screen, for `status`, and for programs.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
};

use host::dates;
use jiff::tz::TimeZone;
use protocol::{
    campaign::{CheckedPlan, Decision, Kind},
    keys::seat::Seat,
    roles::{
        Time,
        coordinator::{Coordinator, Phase},
    },
    selection::open_scores::{OPEN_SCORES_BELOW, Ranking},
    transcript::AbortReason,
};
use serde::{Deserialize, Serialize};

use crate::invites::Book;

/// Where a campaign stands. Counts only; nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// When, by the coordinator's clock, in Unix milliseconds; as are all times here.
    pub at_millis: u64,
    /// The plan's hash.
    pub plan: String,
    /// The campaign's id, once all keyholders have endorsed it.
    pub campaign: Option<String>,
    /// What is going on.
    pub stage: Stage,
    /// Members and donors who are enrolled.
    pub enrolled: usize,
    /// K: the least number of reports in a sum that is opened.
    pub cohort: u32,
    /// Invites of members and donors.
    pub invites: Invites,
    /// By seat.
    pub keyholders: Vec<KeyholderStatus>,
    /// How many keyholders may be lost.
    pub losses_max: u8,
    /// Of the plan.
    pub aggregations: Vec<AggregationStatus>,
    /// What comes next, by the plan's times.
    pub next: Option<Next>,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Keyholders make their keys.
    Ceremony,
    /// Tokens are issued.
    Issue,
    /// People enrol.
    Enrolment,
    /// Sums are collected and opened.
    Aggregations,
    /// Nothing more happens.
    Over,
}

impl Stage {
    /// Of a machine at `now`.
    pub fn of(machine: &Coordinator, now: Time) -> Self {
        let transcript = machine.transcript();
        let plan = transcript.plan();
        if machine.is_over() {
            Self::Over
        } else if !transcript.has_begun() {
            Self::Ceremony
        } else if transcript.roster().is_some() {
            Self::Aggregations
        } else if plan.issue.is_some_and(|issue| now < issue.closes) {
            Self::Issue
        } else {
            Self::Enrolment
        }
    }
}

/// Invites of members and donors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invites {
    /// Made.
    pub made: usize,
    /// Exchanged for a token.
    pub used: usize,
    /// Neither used nor expired.
    pub open: usize,
}

/// One keyholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyholderStatus {
    /// Counted from 1, as people do.
    pub number: u8,
    /// As in the plan.
    pub name: String,
    /// As in the plan.
    pub contact: String,
    /// Whether it has taken its seat.
    pub seated: bool,
    /// When it last asked, since the program was started.
    pub seen_millis: Option<u64>,
    /// Whether it has been silent for longer than the plan's patience.
    pub silent: bool,
}

/// One aggregation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregationStatus {
    /// What for.
    pub kind: String,
    /// Whether it lists scores in the open instead of adding up reports.
    pub open_scores: bool,
    /// Where it stands.
    pub phase: String,
    /// Reports received.
    pub reports: usize,
    /// When it opens at the earliest.
    pub opens_millis: u64,
    /// When its reports are frozen.
    pub closes_millis: u64,
    /// Why it has no result, if it will have none.
    pub aborted: Option<String>,
    /// What was decided.
    pub decision: Option<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// In words.
    pub what: String,
    /// When.
    pub at_millis: u64,
}

/// An aggregation's word.
pub const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Scale => "scale",
        Kind::Neighbours => "neighbours",
        Kind::Regressor => "regressor",
        Kind::Selection => "selection",
        Kind::Refinement => "refinement",
        Kind::Confirmation => "confirmation",
        Kind::AuditBefore => "audit-before",
        Kind::AuditAfter => "audit-after",
    }
}

const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Beacon => "drawing randomness",
        Phase::Opening => "opening",
        Phase::Collecting => "collecting",
        Phase::Freezing => "freezing",
        Phase::Verifying => "verifying",
        Phase::Accepting => "accepting",
        Phase::Releasing => "releasing",
        Phase::Concluding => "concluding",
        Phase::Done => "done",
        Phase::Aborted(_) => "aborted",
    }
}

/// Why an aggregation has no result, in words.
pub fn abort_words(reason: AbortReason, plan: &CheckedPlan) -> String {
    let cohort = plan.cohort_min;
    match reason {
        AbortReason::TooFewReports { got } => {
            format!("closed with {got} of {cohort} needed; by design nothing was opened")
        }
        AbortReason::TooManyRejected { rejected, frozen } => {
            format!("{rejected} of {frozen} reports were not well formed; nothing was opened")
        }
        AbortReason::KeyholdersLost => "too many keyholders are silent; nothing was opened".into(),
        AbortReason::Implausible => {
            "the shares do not add up to a possible sum; it was discarded".into()
        }
        AbortReason::Dependency(on) => match plan.aggregation(on) {
            Some(of) => format!("{}, which it needs, has no result", word(of.kind)),
            None => format!("{on}, which it needs, has no result"),
        },
        AbortReason::Stopped => "it was stopped".into(),
        AbortReason::TooManyMembers { got } => {
            format!("{got} members are enough for a private sum; scores were not opened")
        }
    }
}

/// What came in: reports that are summed, or scores that everybody sees.
pub(crate) fn came_words(count: impl Display, open_scores: bool) -> String {
    if open_scores { format!("{count} open scores") } else { format!("{count} reports") }
}

/// Who is asked, in words.
pub fn decision_words(decision: &Decision) -> String {
    let refined = match decision {
        Decision::Ranking(Ranking { asked: 0, .. }) => return "asked: nobody".to_owned(),
        Decision::Ranking(Ranking { asked, .. }) => {
            return format!("asked: the first {asked} by rank");
        }
        Decision::Threshold(refined) => refined,
    };
    let coarse = refined.coarse;
    let percent = f64::from(coarse.chance) / f64::from(u32::MAX) * 100.0;
    format!("asked: score bins above {}, and {percent:.0} % of bin {}", coarse.bin, coarse.bin)
}

impl Status {
    /// Of a machine at `now`; `seen` says when each keyholder last asked.
    pub fn of(machine: &Coordinator, seen: &BTreeMap<Seat, Time>, book: &Book, now: Time) -> Self {
        let transcript = machine.transcript();
        let plan = transcript.plan();
        let campaign = transcript.manifest().filter(|_| transcript.has_begun());
        let used = machine.issued();
        let good = book.people.values().filter(|expires| **expires > now).count();
        Self {
            at_millis: now.as_millis(),
            plan: plan.id().to_string(),
            campaign: campaign.map(|(_, manifest)| manifest.campaign().to_string()),
            stage: Stage::of(machine, now),
            enrolled: machine.enrolled(),
            cohort: plan.cohort_min,
            invites: Invites { made: book.people.len(), used, open: good.saturating_sub(used) },
            keyholders: keyholders(machine, seen, now),
            losses_max: plan.lost_max(),
            aggregations: aggregations(machine),
            next: next(machine, now),
        }
    }

    /// For programs, and for the file that `status` reads.
    ///
    /// # Panics
    /// Never: texts and numbers serialise.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers serialise")
    }

    /// One line.
    pub fn line(&self, zone: &TimeZone) -> String {
        let seated = self.keyholders.iter().filter(|of| of.seated).count();
        let silent = self.keyholders.iter().filter(|of| of.silent).count();
        let up = self.keyholders.len() - silent;
        let mut line = match self.stage {
            Stage::Ceremony => {
                format!("ceremony: {seated}/{} keyholders have joined", self.keyholders.len())
            }
            Stage::Issue => {
                format!("invites {} used, {} open", self.invites.used, self.invites.open)
            }
            Stage::Enrolment => {
                format!("enrolled {} ({})", self.enrolled, self.needed())
            }
            Stage::Aggregations => self.collecting(),
            Stage::Over => "over".to_owned(),
        };
        if self.stage != Stage::Ceremony {
            let _ = write!(
                line,
                " · keyholders {up}/{} up, can lose {}",
                self.keyholders.len(),
                usize::from(self.losses_max).saturating_sub(silent)
            );
        }
        if let Some(next) = &self.next {
            let (at, now) = (Time::from_millis(next.at_millis), Time::from_millis(self.at_millis));
            let _ = write!(line, " · {} {}", next.what, dates::moment_from(at, now, zone));
        }
        line
    }

    /// How many people there must be, and may be.
    fn needed(&self) -> String {
        let open = self.aggregations.iter().filter(|of| of.open_scores).count();
        let fewer = format!("fewer than {OPEN_SCORES_BELOW} members, as scores are open");
        match open {
            0 => format!("each sum needs {}", self.cohort),
            _ if open == self.aggregations.len() => fewer,
            _ => format!("each sum needs {}; {fewer}", self.cohort),
        }
    }

    fn collecting(&self) -> String {
        let under_way = self
            .aggregations
            .iter()
            .filter(|of| !["waiting", "done", "aborted"].contains(&&*of.phase));
        let words: Vec<_> = under_way
            .map(|of| {
                let came = came_words(of.reports, of.open_scores);
                let needs = format!(" (needs {})", self.cohort);
                let needs = if of.open_scores { "" } else { &needs };
                format!("{} {}, {came}{needs}", of.kind, of.phase)
            })
            .collect();
        if words.is_empty() { "between two sums".to_owned() } else { words.join("; ") }
    }

    /// Everything, on several lines.
    pub fn words(&self, zone: &TimeZone) -> String {
        let now = Time::from_millis(self.at_millis);
        let mut text = format!("plan {}\n", self.plan);
        match &self.campaign {
            Some(campaign) => text.extend(["campaign ", campaign, "\n"]),
            None => text.push_str("campaign: not yet; all keyholders must join first\n"),
        }
        let _ = writeln!(text, "{}", self.line(zone));
        let Invites { made, used, open } = self.invites;
        let _ = writeln!(
            text,
            "invites: {made} made, {used} used, {open} open · enrolled: {}",
            self.enrolled
        );
        for keyholder in &self.keyholders {
            let _ = writeln!(text, "  {}", keyholder.words(self.losses_max, now));
        }
        for of in &self.aggregations {
            let came = came_words(format!("{:>6}", of.reports), of.open_scores);
            let _ = write!(text, "  {:<13} {:<18} {came}", of.kind, of.phase);
            let closes = Time::from_millis(of.closes_millis);
            match (&of.aborted, &of.decision) {
                (Some(why), _) => text.extend([" · ", why]),
                (None, Some(decision)) => text.extend([" · ", decision]),
                (None, None) if of.phase == "waiting" || of.phase == "collecting" => {
                    text.extend([" · closes ", &dates::moment(closes, zone)]);
                }
                (None, None) => {}
            }
            text.push('\n');
        }
        text.trim_end().to_owned()
    }
}

impl KeyholderStatus {
    fn words(&self, losses_max: u8, now: Time) -> String {
        let Self { number, name, contact, .. } = self;
        let seen = self.seen_millis.map(Time::from_millis);
        let state = match (self.seated, seen) {
            (false, None) => "has not joined".to_owned(),
            (false, Some(_)) => "is joining".to_owned(),
            (true, None) => "has not been heard since the program was started".to_owned(),
            (true, Some(at)) => {
                let silent = dates::span(now.as_millis().saturating_sub(at.as_millis()));
                if self.silent {
                    format!(
                        "silent {silent}: call {contact}; {losses_max} can be lost, one more ends the sum"
                    )
                } else {
                    "up".to_owned()
                }
            }
        };
        format!("keyholder {number} ({name}): {state}")
    }
}

fn keyholders(
    machine: &Coordinator,
    seen: &BTreeMap<Seat, Time>,
    now: Time,
) -> Vec<KeyholderStatus> {
    let plan = machine.transcript().plan();
    let each = plan.all_seats().iter().zip(&plan.keyholders).map(|(seat, keyholder)| {
        let seen = seen.get(&seat);
        KeyholderStatus {
            number: seat.index() + 1,
            name: keyholder.name.clone(),
            contact: keyholder.contact.clone(),
            seated: machine.transcript().seat_keys(seat).is_some(),
            seen_millis: seen.map(|at| at.as_millis()),
            silent: seen.is_some_and(|at| at.after_millis(plan.patience_millis) < now),
        }
    });
    each.collect()
}

fn aggregations(machine: &Coordinator) -> Vec<AggregationStatus> {
    let transcript = machine.transcript();
    let each = transcript.plan().enumerated().map(|(id, of)| {
        let phase = machine.phase(id).unwrap_or(Phase::Waiting);
        let outcome = transcript.sum(id).and_then(|sum| sum.outcome());
        AggregationStatus {
            kind: word(of.kind).to_owned(),
            open_scores: transcript.plan().has_open_scores(id),
            phase: phase_word(phase).to_owned(),
            reports: machine.reports(id),
            opens_millis: of.opens.as_millis(),
            closes_millis: of.closes.as_millis(),
            aborted: match phase {
                Phase::Aborted(reason) => Some(abort_words(reason, transcript.plan())),
                _ if phase.is_end() || !machine.is_over() => None,
                _ => Some("the campaign ended before it".to_owned()),
            },
            decision: outcome
                .and_then(|(_, outcome)| outcome.decision.as_ref())
                .map(decision_words),
        }
    });
    each.collect()
}

fn next(machine: &Coordinator, now: Time) -> Option<Next> {
    if machine.is_over() {
        return None;
    }
    let plan = machine.transcript().plan();
    let mut times = vec![(plan.enrolment_opens, "enrolment opens".to_owned())];
    times.extend(plan.issue.map(|issue| (issue.closes, "tokens are issued until".to_owned())));
    times.push((plan.enrolment_closes, "enrolment closes".to_owned()));
    for of in &plan.aggregations {
        times.push((of.opens, format!("{} opens", word(of.kind))));
        times.push((of.closes, format!("{} closes", word(of.kind))));
    }
    let (at, what) = times.into_iter().filter(|(at, _)| *at > now).min_by_key(|(at, _)| *at)?;
    Some(Next { what, at_millis: at.as_millis() })
}
