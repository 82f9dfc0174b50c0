//! One run of a campaign, from the ceremony to its end, and what was seen on the way.

use std::{collections::BTreeMap, sync::Arc};

use host::{Problem, drive::Keep, journal::JournalError};
use jiff::tz::TimeZone;
use protocol::{
    campaign::{CheckedManifest, CheckedPlan, Kind},
    ids::AggregationId,
    keys::{seat::Seat, sign::SigningKey, token::IssuerKey},
    person::View,
    roles::{
        Time,
        coordinator::{Configuration, Coordinator, Gate, Phase, Record},
        keyholder,
        participant::Own,
    },
};

use super::{
    Asked, Run, Scenario, Step, SumPlayed,
    people::{Cast, configuration, invite, made_up, refusal, secret},
    table::{Guest, Table},
};
use crate::{
    campaign::Keys,
    invites::Book,
    office::Office,
    report::Report,
    status::{Stage, Status, abort_words, word},
};

/// People look so many times while a sum collects.
const LOOKS: u64 = 8;
/// How long a keyholder that hears nothing new waits at most.
const IDLE_MILLIS: u64 = 3_600_000;
/// More moments than any campaign has; beyond, machines run in circles.
const ROUNDS_MAX: usize = 2_000_000;

/// The keys of every rehearsal.
pub(super) fn keys() -> Keys {
    Keys { organiser: organiser().public(), issuer: issuer().public() }
}

fn organiser() -> SigningKey {
    SigningKey::from_bytes(&secret("organiser", 0))
}

fn issuer() -> IssuerKey {
    IssuerKey::from_seed(secret("issuer", 0))
}

/// As soon as the plan's patience is over, its person declares silent ones lost. It hears at once of what is new, and
/// seldom asks in vain.
fn idle(plan: &CheckedPlan, seat: Seat) -> keyholder::Configuration {
    keyholder::Configuration {
        plan: plan.id(),
        seat,
        pace_millis: IDLE_MILLIS,
        declares_losses: true,
    }
}

/// Nothing is kept.
struct Nowhere;

impl Keep<Record> for Nowhere {
    fn keep(&mut self, _: &[Record]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// A keyholder that is not heard of any more once the first sum collects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost(pub(super) Seat);

impl Milestone {
    /// That the first sums begin is seen when they collect.
    fn is_as(&self, other: &Self) -> bool {
        let stages = self.stage == other.stage || other.stage == Stage::Aggregations;
        stages && self.collecting == other.collecting && self.ended == other.ended
    }
}

pub(super) struct Play<'a> {
    plan: &'a CheckedPlan,
    cast: Cast,
    book: Book,
    table: Table<Nowhere>,
    lost: Option<Lost>,
    zone: &'a TimeZone,
    shown: Option<Milestone>,
    steps: Vec<Step>,
    opened: BTreeMap<AggregationId, Time>,
    ended: BTreeMap<AggregationId, Time>,
}

/// What the organiser is shown a line for, when it changes.
#[derive(Clone, PartialEq, Eq)]
struct Milestone {
    stage: Stage,
    collecting: Vec<AggregationId>,
    ended: Vec<AggregationId>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        plan: &'a CheckedPlan,
        cast: Cast,
        now: Time,
        zone: &'a TimeZone,
    ) -> Result<Self, Problem> {
        let expires = plan.issue.map_or(plan.enrolment_closes, |issue| issue.closes);
        let invites: BTreeMap<_, _> =
            (0..cast.len()).map(|number| (invite(number).hash(), expires)).collect();
        let mut book = Book::default();
        book.people.clone_from(&invites);
        let gate = Gate::Invited { issuer: Box::new(issuer()), invites };
        let configuration =
            Configuration { key: organiser(), secret: secret("coordinator", 0), gate };
        let begun = Coordinator::new(plan, configuration, now);
        let (machine, _) =
            begun.map_err(|error| Problem::bug(format!("The plan cannot begin: {error}.")))?;
        let seats = plan.all_seats().iter();
        let root = |seat: Seat| secret("keyholder", usize::from(seat.index()));
        let guests = seats.map(|seat| Guest::keyholder(idle(plan, seat), &root(seat))).collect();
        let table = Table { office: Office::new(machine, Nowhere, now)?, guests, now };
        Ok(Self {
            plan,
            cast,
            book,
            table,
            lost: None,
            zone,
            shown: None,
            steps: Vec::new(),
            opened: BTreeMap::new(),
            ended: BTreeMap::new(),
        })
    }

    #[must_use]
    pub(super) fn losing(self, lost: Lost) -> Self {
        Self { lost: Some(lost), ..self }
    }

    /// Plays to the end.
    pub(super) fn run(mut self, scenario: Scenario) -> Result<Run, Problem> {
        self.note();
        let mut manifest = None;
        let mut over = None;
        for _ in 0..ROUNDS_MAX {
            self.table.round()?;
            let machine = self.table.office.machine();
            if manifest.is_none() && machine.transcript().has_begun() {
                let (_, begun) = machine.transcript().manifest().ok_or_else(stuck)?;
                manifest = Some(Arc::new(begun.clone()));
                self.invite(manifest.as_ref().ok_or_else(stuck)?);
            }
            self.note();
            if self.table.office.machine().is_over() {
                // People still fetch the last result.
                let now = self.table.now;
                let end = || now.after_millis(self.collecting_millis());
                let until = *over.get_or_insert_with(end);
                if now >= until || self.all_know() {
                    return Ok(self.told(scenario, manifest.as_deref()));
                }
            }
            self.table.now = self.table.next();
        }
        Err(stuck())
    }

    fn collecting_millis(&self) -> u64 {
        let first = self.plan.aggregations.first();
        first.map_or(0, |of| of.closes.as_millis().saturating_sub(of.opens.as_millis()))
    }

    fn all_know(&self) -> bool {
        let mut people = self.table.guests.iter().filter_map(Guest::participant);
        people.all(|machine| machine.phase().is_terminal())
    }

    /// People come evenly over the time in which tokens are issued.
    fn invite(&mut self, manifest: &Arc<CheckedManifest>) {
        let now = self.table.now;
        let until = self.plan.issue.map_or(self.plan.enrolment_closes, |issue| issue.closes);
        let time = until.as_millis().saturating_sub(now.as_millis());
        let collecting = self.collecting_millis();
        let pause = time / (u64::try_from(self.cast.len()).unwrap_or(u64::MAX) + 1);
        let mut comes = now;
        for (number, role) in self.cast.roles().enumerate() {
            comes = comes.after_millis(pause);
            let configuration = configuration(manifest, number, role, collecting / LOOKS);
            let person = made_up(manifest, number, role);
            self.table.guests.push(Guest::person(configuration, person, comes));
        }
    }

    /// A line of the organiser's screen, if something has changed that it would look up for.
    fn note(&mut self) {
        let now = self.table.now;
        let machine = self.table.office.machine();
        let mut milestone =
            Milestone { stage: Stage::of(machine, now), collecting: Vec::new(), ended: Vec::new() };
        for (id, _) in self.plan.enumerated() {
            match machine.phase(id) {
                Some(Phase::Collecting) => {
                    self.opened.entry(id).or_insert(now);
                    milestone.collecting.push(id);
                }
                Some(phase) if phase.is_end() => {
                    self.ended.entry(id).or_insert(now);
                    milestone.ended.push(id);
                }
                Some(_) | None => {}
            }
        }
        if self.shown.as_ref().is_some_and(|shown| shown.is_as(&milestone)) {
            return;
        }
        let status = Status::of(machine, self.table.office.seen(), &self.book, now);
        let screen = status.line(self.zone);
        self.steps.push(Step { at_millis: now.as_millis(), screen });
        if let (Some(Lost(seat)), false) = (self.lost, milestone.collecting.is_empty()) {
            self.table.lose(seat);
        }
        self.shown = Some(milestone);
    }

    /// Who would be asked to report the positive label, and who would do so.
    fn asked(&self, manifest: &CheckedManifest) -> Option<Asked> {
        let selection = manifest.of_kind(Kind::Selection)?;
        let mut asked = Asked { candidates: 0, asked: 0, willing: 0 };
        let mut view = None;
        for machine in self.table.guests.iter().filter_map(Guest::participant) {
            let person = machine.measurer();
            let member = Kind::Selection.concerns(person.role);
            asked.candidates += usize::from(member && !person.positive);
            if !member || !machine.outcomes().contains_key(&selection) {
                continue;
            }
            if view.is_none() {
                view = View::of_decision(manifest, manifest.campaign(), machine.outcomes()).ok();
            }
            if person.is_asked(manifest, view.as_ref()?).unwrap_or(false) {
                asked.asked += 1;
                asked.willing += usize::from(person.complies);
            }
        }
        view.map(|_| asked)
    }

    fn faulty(&self, id: AggregationId) -> usize {
        let people = self.table.guests.iter().filter_map(Guest::participant);
        let faulty = people.filter(|machine| {
            let status = machine.status();
            let mut of = status.aggregations.iter();
            of.any(|of| of.id == id && matches!(of.own, Own::Faulty(_)))
        });
        faulty.count()
    }

    fn told(self, scenario: Scenario, manifest: Option<&CheckedManifest>) -> Run {
        let asked = manifest.and_then(|manifest| self.asked(manifest));
        let machine = self.table.office.machine();
        let transcript = machine.transcript();
        let sums = self.plan.enumerated().map(|(id, of)| {
            let sum = transcript.sum(id);
            let outcome = sum.and_then(|sum| sum.outcome()).map(|(_, outcome)| outcome);
            let aborted = match machine.phase(id) {
                Some(Phase::Aborted(reason)) => Some(abort_words(reason, self.plan)),
                Some(Phase::Done) => None,
                Some(_) | None => Some("the campaign ended before it".to_owned()),
            };
            SumPlayed {
                kind: word(of.kind).to_owned(),
                open_scores: self.plan.has_open_scores(id),
                planned_millis: of.opens.as_millis(),
                opened_millis: self.opened.get(&id).map(|at| at.as_millis()),
                closes_millis: of.closes.as_millis(),
                ended_millis: self.ended.get(&id).map(|at| at.as_millis()),
                reports: outcome.map(|outcome| outcome.accepted),
                faulty: self.faulty(id),
                keyholders_lost: sum.map_or(0, |sum| sum.lost().len()),
                sigma_milli: self.plan.published_sigma_milli(id).unwrap_or(0),
                aborted,
            }
        });
        let sums = sums.collect();
        Run {
            scenario,
            members: self.cast.members,
            donors: self.cast.donors,
            steps: self.steps,
            sums,
            enrolled: machine.enrolled(),
            asked,
            refusal: manifest.and_then(refusal),
            report: Report::of(transcript),
        }
    }
}

fn stuck() -> Problem {
    Problem::bug("The rehearsal has come to no end.")
}
