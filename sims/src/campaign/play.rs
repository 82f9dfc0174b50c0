//! Runs a campaign to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use protocol::aggregation::AggregateResult;
use protocol::campaign::Kind;
use protocol::ids::AggregationId;
use protocol::person::Outcomes;
use protocol::roles::coordinator::Coordinator;
use protocol::selection::open_scores::OPEN_SCORES_BELOW;
use protocol::transcript::{AbortReason, Entry, Transcript};
use serde::Serialize;

use super::adversary::Mischief;
use super::cast::{Cast, organiser};
use super::crowd::Crowd;
use super::invariants::{Breach, Watch};
use super::plan::{COLLECTING_MILLIS, ENROLMENT_MILLIS, Script, ScriptError};
use crate::network::{
    Chances, ClientId, Dropout, Ended, Faults, Misfit, Moment, Setting, Simulation, Span, Violation,
};

/// A network as people have it: delays, losses and repeats; nothing is lost for ever.
pub fn ordinary(clients: u32) -> Setting {
    let mut setting = Setting::calm(clients);
    setting.arrivals = Span { min_millis: 0, max_millis: ENROLMENT_MILLIS / 2 };
    setting.faults = Faults {
        delay: Span { min_millis: 5, max_millis: 250 },
        copy_delay: Span { min_millis: 10, max_millis: 5_000 },
        chances: Chances {
            request_loss: 0.02,
            response_loss: 0.02,
            duplication: 0.02,
            ..Chances::default()
        },
        ..Faults::default()
    };
    setting.limits.millis_max = VIRTUAL_MILLIS_MAX;
    setting.limits.events_max = u64::MAX;
    setting
}

/// The same with crashes of everybody and a tenth of the people leaving for ever.
pub fn rough(clients: u32) -> Setting {
    let mut setting = ordinary(clients);
    setting.faults.downtime = Span { min_millis: 1_000, max_millis: 30_000 };
    setting.faults.chances.client_crash = 0.002;
    setting.faults.chances.server_crash = 0.000_2;
    setting.faults.dropout = Some(Dropout {
        share: 0.1,
        first: ClientId(15),
        at: Span { min_millis: ENROLMENT_MILLIS / 2, max_millis: 10 * COLLECTING_MILLIS },
    });
    setting
}

/// A campaign takes hours of virtual time; no deadline and grace together reach a day.
const VIRTUAL_MILLIS_MAX: u64 = 36 * COLLECTING_MILLIS * 4;

/// Why a campaign cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The script is no campaign.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The setting is impossible.
    #[error(transparent)]
    Setting(#[from] Misfit),
    /// An aggregation that is needed ended without a result.
    #[error(
        "{aggregation} ({kind:?}) ended without a result: {}; nothing was opened",
        .reason.map_or_else(|| "the run ended first".to_owned(), why)
    )]
    Aborted {
        /// Which.
        aggregation: AggregationId,
        /// What it was for.
        kind: Kind,
        /// Why; none if the run ended first.
        reason: Option<AbortReason>,
    },
}

/// In words, why an aggregation has no result.
pub fn why(reason: AbortReason) -> String {
    match reason {
        AbortReason::TooFewReports { got } => format!("only {got} reports"),
        AbortReason::TooManyRejected { rejected, frozen } => {
            format!("{rejected} of {frozen} reports were rejected")
        }
        AbortReason::KeyholdersLost => "too many keyholders are silent".to_owned(),
        AbortReason::Implausible => "the shares add up to no possible sum".to_owned(),
        AbortReason::Dependency(on) => format!("{on} has no result"),
        AbortReason::Stopped => "the organiser stopped it".to_owned(),
        AbortReason::TooManyMembers { got } => format!(
            "{got} members; open scores are for fewer than {OPEN_SCORES_BELOW}, so use the private histogram"
        ),
    }
}

/// What came of a campaign.
#[derive(Debug)]
pub struct Played {
    /// How the run ended.
    pub ended: Ended,
    /// Verified outcomes, by aggregation.
    pub outcomes: Outcomes,
    /// Aggregations that ended without one.
    pub aborted: BTreeMap<AggregationId, AbortReason>,
    /// The transcript, entry by entry.
    pub entries: Vec<Arc<Entry>>,
    /// Who was asked, by number.
    pub asked: BTreeSet<usize>,
    /// Who was asked and complied.
    pub flipped: BTreeSet<usize>,
    /// What it cost.
    pub cost: Cost,
}

/// What a campaign cost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Cost {
    /// Events of the simulation.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Virtual time from the start to the end.
    pub virtual_millis: u64,
}

impl Played {
    /// What an aggregation has opened.
    ///
    /// # Errors
    /// [`PlayError::Aborted`].
    pub fn result(
        &self,
        transcript: &Transcript,
        kind: Kind,
    ) -> Result<AggregateResult, PlayError> {
        let opened = transcript.plan().of_kind(kind).and_then(|id| transcript.opened(id));
        opened.ok_or_else(|| self.missing(transcript, kind))
    }

    /// That an aggregation has ended with a result, be it a sum or a ranking.
    ///
    /// # Errors
    /// [`PlayError::Aborted`].
    pub fn require(&self, transcript: &Transcript, kind: Kind) -> Result<(), PlayError> {
        let there = transcript.plan().of_kind(kind).filter(|id| self.outcomes.contains_key(id));
        there.map(|_| ()).ok_or_else(|| self.missing(transcript, kind))
    }

    fn missing(&self, transcript: &Transcript, kind: Kind) -> PlayError {
        let plan = transcript.plan();
        let aggregation = plan.of_kind(kind).unwrap_or(AggregationId(u16::MAX));
        let mut reason = self.aborted.get(&aggregation).copied();
        let (mut aggregation, mut kind) = (aggregation, kind);
        // What matters is where it began.
        while let Some(AbortReason::Dependency(on)) = reason {
            aggregation = on;
            kind = plan.aggregation(on).map_or(kind, |of| of.kind);
            reason = self.aborted.get(&on).copied();
        }
        PlayError::Aborted { aggregation, kind, reason }
    }
}

/// Plays a campaign of `crowd`; `observe` is shown every event and can stop it.
///
/// # Errors
/// [`PlayError`], or what `observe` found.
pub fn play<'a, V>(
    script: &Script,
    crowd: &Rc<Crowd<'a>>,
    seed: u64,
    mischief: Mischief,
    setting: impl FnOnce(u32) -> Setting,
    observe: impl FnMut(&Moment<'_, Cast<'a>>) -> Result<(), V>,
) -> Result<Result<(Played, Transcript), Violation<V>>, PlayError> {
    let plan = script.plan(&organiser(seed))?;
    let cast = Cast::new(plan, Rc::clone(crowd), seed, mischief);
    let clients = cast.clients();
    let mut simulation = Simulation::new(cast, setting(clients), seed)?;
    let ended = match simulation.run(observe) {
        Ok(ended) => ended,
        Err(violation) => return Ok(Err(violation)),
    };
    let Some(office) = simulation.world().server() else {
        let plan = script.plan(&organiser(seed))?;
        let kind = plan.aggregations[0].kind;
        return Err(PlayError::Aborted { aggregation: AggregationId(0), kind, reason: None });
    };
    let coordinator = office.coordinator();
    let transcript = coordinator.transcript().clone();
    let played = conclude(ended, coordinator, simulation.world(), crowd);
    Ok(Ok((played, transcript)))
}

/// What a watched run has shown.
#[derive(Debug, thiserror::Error)]
pub enum Shown {
    /// After an event.
    #[error(transparent)]
    During(#[from] Violation<Breach>),
    /// At the end.
    #[error("seed {seed}, at the end: {breach}")]
    AtEnd {
        /// Of the run.
        seed: u64,
        /// What does not hold.
        breach: Breach,
    },
}

/// Plays a campaign under the eyes of a [`Watch`].
///
/// # Errors
/// [`PlayError`], or what the watch has seen.
pub fn watched(
    script: &Script,
    crowd: &Rc<Crowd<'_>>,
    seed: u64,
    mischief: Mischief,
    setting: impl FnOnce(u32) -> Setting,
) -> Result<Result<(Played, Watch), Shown>, PlayError> {
    let plan = script.plan(&organiser(seed))?;
    let mut watch = Watch::new(plan.seats(), seed, mischief);
    let cast = Cast::new(plan, Rc::clone(crowd), seed, mischief);
    let clients = cast.clients();
    let mut simulation = Simulation::new(cast, setting(clients), seed)?;
    let ended = match simulation.run(|moment| watch.see(moment)) {
        Ok(ended) => ended,
        Err(violation) => return Ok(Err(violation.into())),
    };
    let world = simulation.world();
    if let Err(breach) = watch.end(&ended, world) {
        return Ok(Err(Shown::AtEnd { seed, breach }));
    }
    let Some(office) = world.server() else {
        return Ok(Err(Shown::AtEnd { seed, breach: Breach::Endless }));
    };
    Ok(Ok((conclude(ended, office.coordinator(), world, crowd), watch)))
}

fn conclude<'a>(
    ended: Ended,
    coordinator: &Coordinator,
    world: &crate::network::World<Cast<'a>>,
    crowd: &Crowd<'a>,
) -> Played {
    let transcript = coordinator.transcript();
    let mut outcomes = Outcomes::new();
    let mut aborted = BTreeMap::new();
    for sum in transcript.sums() {
        if let Some(reason) = sum.aborted() {
            aborted.insert(sum.id(), reason);
        } else if let Some((entry, outcome)) = sum.outcome()
            && transcript.is_endorsed(entry)
        {
            outcomes.insert(sum.id(), outcome.clone());
        }
    }
    let asked = asked(transcript, world, crowd);
    let cost = Cost {
        events: ended.events,
        messages: ended.messages,
        virtual_millis: ended.at.as_millis() - crate::network::START.as_millis(),
    };
    Played {
        ended,
        outcomes,
        aborted,
        entries: coordinator.entries().to_vec(),
        asked,
        flipped: crowd.flipped(),
        cost,
    }
}

/// Everybody decides by what its own machine has verified.
fn asked<'a>(
    transcript: &Transcript,
    world: &crate::network::World<Cast<'a>>,
    crowd: &Crowd<'a>,
) -> BTreeSet<usize> {
    let selects = transcript.plan().of_kind(Kind::Selection).is_some();
    let Some((_, manifest)) = transcript.manifest().filter(|_| selects) else {
        return BTreeSet::new();
    };
    let seats = u32::from(manifest.seats());
    let decide = |id: ClientId| {
        let machine = world.client(id)?.participant()?;
        let number = usize::try_from(id.0 - seats).ok()?;
        let asked = crowd.decide(manifest, machine.outcomes(), number).ok()?;
        asked.then_some(number)
    };
    world.ids().filter_map(decide).collect()
}
