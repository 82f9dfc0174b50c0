//! A member or a donor: learns of a campaign, consents, enrols, reports where its role is concerned, and reads
//! the results.
//!
//! The machine acts on endorsed documents only ([`light`]), sends nothing but the question for the campaign
//! before [`Participant::consent`], and sends a report only after its record is durable. What it says about a
//! person's record comes from a [`Measurer`]; the machine never sees the record.
//!
//! ```text
//! Joining ─► AwaitingConsent ─► Admitting ─► Admitted ─► Enrolling ─► Reporting ─► Done
//!    └────────────┴──► Refused      └──────────────┴─► NotAdmitted       (Alarm from anywhere)
//! ```
//!
//! For each aggregation of its role: opening, report, receipt, outcome. Deadlines are the coordinator's to judge;
//! the clock here only paces. No answer that was not asked for changes anything. Refusals do not say what they
//! refuse, so after a repeated request they are heard only once the earlier copies can have no answer any more.
//!
//! Source: docs/PROTOCOL.md section 8.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod answers;
mod key;
pub mod light;
mod measure;
mod pace;
mod requests;
mod state;

#[cfg(test)]
mod tests;

pub use key::CampaignKey;
pub use measure::{Fault, Measurer, MeasurerError};
pub use pace::Retry;
pub use state::{End, Own, Record, RestoreError};

use super::{Client, Effect, Time};
use crate::{
    aggregation::noise::{Ledger, Rho, Role},
    campaign::{
        CheckedManifest,
        limits::{Limits, Refusal},
    },
    codec,
    ids::{AggregationId, CampaignId, SeatSet},
    invite::InviteSecret,
    keys::{
        sign::{PublicKey, SigningKey},
        token::Blinding,
    },
    messages::{Reject, Request, Response},
    person::Outcomes,
    report::{Report, token_input},
    transcript::Opening,
};
use light::{Alarm, Counted};
use pace::Pacer;
use state::State;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Who takes part, in what, and within which limits. The same after every restart.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// From the invite.
    pub campaign: CampaignId,
    /// Member or donor.
    pub role: Role,
    /// Everything private derives from it.
    pub key: CampaignKey,
    /// What the coordinator's gate asks for.
    pub admission: Admission,
    /// What the person refuses.
    pub limits: Limits,
    /// Keyholders whom the person knows and trusts.
    pub known: SeatSet,
    /// What this record was charged in earlier campaigns.
    pub spent: Rho,
    /// How often requests are repeated.
    pub retry: Retry,
    /// The campaign's manifest, if whoever runs this machine has checked it before.
    pub checked: Option<Arc<CheckedManifest>>,
}

/// By what a person is admitted.
#[derive(Clone, Debug)]
pub enum Admission {
    /// By nothing: anybody may enrol.
    Open,
    /// By a token, which the coordinator issues for this secret of an invite.
    Invited(InviteSecret),
}

/// Where a participant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The campaign is not known yet.
    Joining,
    /// It is known, and nothing is sent until the person consents.
    AwaitingConsent,
    /// A token is asked for with the invite.
    Admitting,
    /// There is a token, and enrolment follows at this time, over a connection of its own: at random in the time of
    /// enrolment, so that it tells nothing about when the token was issued.
    Admitted(Time),
    /// The enrolment is on its way.
    Enrolling,
    /// Aggregations are under way.
    Reporting,
    /// All aggregations have ended.
    Done,
    /// The person's limits do not allow it.
    Refused(Refusal),
    /// The coordinator does not admit this person.
    NotAdmitted(Reject),
    /// The protocol was broken.
    Alarm(Alarm),
}

impl Phase {
    /// Whether nothing more will happen.
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Done | Self::Refused(_) | Self::NotAdmitted(_) | Self::Alarm(_) => true,
            Self::Joining
            | Self::AwaitingConsent
            | Self::Admitting
            | Self::Admitted(_)
            | Self::Enrolling
            | Self::Reporting => false,
        }
    }
}

/// What a participant shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Where it stands.
    pub phase: Phase,
    /// The aggregations of its role and those they depend on, in the plan's order.
    pub aggregations: Vec<AggregationStatus>,
}

/// One aggregation, as a participant sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationStatus {
    /// Which.
    pub id: AggregationId,
    /// What this person does in it.
    pub own: Own,
    /// How it ended, once it has.
    pub end: Option<End>,
}

/// The effects of this machine.
pub type Effects = Vec<Effect<Record, Request>>;

/// The machine of a member or donor.
pub struct Participant<M> {
    configuration: Configuration,
    measurer: M,
    signing: SigningKey,
    state: State,
    /// Whether the campaign was asked for since the last restart.
    fetched: bool,
    refusal: Option<Refusal>,
    rejected: Option<Reject>,
    /// Reports on their way; dropped with the receipt.
    outgoing: BTreeMap<AggregationId, Arc<Report>>,
    pacer: Pacer,
}

impl<M: Measurer> Participant<M> {
    /// A participant that has just been invited.
    pub fn new(configuration: Configuration, measurer: M) -> Self {
        let state = State::new(&configuration);
        Self::with(configuration, measurer, state)
    }

    /// A participant that goes on after a restart.
    ///
    /// # Errors
    /// [`RestoreError`] if the journal is not one of this participant.
    pub fn restore(
        configuration: Configuration,
        measurer: M,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let state = State::restore(&configuration, records)?;
        Ok(Self::with(configuration, measurer, state))
    }

    fn with(configuration: Configuration, measurer: M, state: State) -> Self {
        Self {
            signing: configuration.key.signing_key(configuration.campaign),
            pacer: Pacer::new(configuration.retry),
            configuration,
            measurer,
            state,
            fetched: false,
            refusal: None,
            rejected: None,
            outgoing: BTreeMap::new(),
        }
    }

    /// The person takes part in the campaign that [`Participant::manifest`] shows. Without effect for another
    /// campaign, or before this one is known and within the limits.
    pub fn consent(&mut self, now: Time, campaign: CampaignId) -> Effects {
        let mut effects = Vec::new();
        if self.phase() == Phase::AwaitingConsent && campaign == self.configuration.campaign {
            self.commit(Record::Consented(campaign), &mut effects);
            self.proceed(now, &mut effects);
        }
        effects
    }

    /// The person takes the report to an aggregation back, or does not want to report there. Without effect once
    /// the aggregation has ended.
    pub fn withdraw(&mut self, now: Time, aggregation: AggregationId) -> Effects {
        let mut effects = Vec::new();
        let open = self.state.tracks.get(&aggregation).is_some_and(|track| {
            let settled =
                matches!(track.own, Own::NotConcerned | Own::Withdrawing(_) | Own::Withdrawn);
            track.end.is_none() && !settled
        });
        if open && self.state.consented && !self.phase().is_terminal() {
            self.outgoing.remove(&aggregation);
            self.commit(Record::Withdrawing(aggregation), &mut effects);
            self.proceed(now, &mut effects);
        }
        effects
    }

    /// The person reports after all, under a new id, where a report was taken back.
    pub fn report_again(&mut self, now: Time, aggregation: AggregationId) -> Effects {
        let mut effects = Vec::new();
        let open = self
            .state
            .tracks
            .get(&aggregation)
            .is_some_and(|track| track.end.is_none() && track.own == Own::Withdrawn);
        if open && !self.phase().is_terminal() {
            self.commit(Record::Again(aggregation), &mut effects);
            self.proceed(now, &mut effects);
        }
        effects
    }

    /// The exact bytes of the report that this opening gets, without sending it; nothing if there is nothing to
    /// report. Any opening of the campaign can be tried, also before consent.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn preview(&mut self, opening: &Opening) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.build(opening)?.map(|report| codec::encode(&report)))
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        let tracks = self.state.tracks.iter();
        let aggregations = tracks
            .map(|(id, track)| AggregationStatus {
                id: *id,
                own: track.own.clone(),
                end: track.end,
            })
            .collect();
        Status { phase: self.phase(), aggregations }
    }

    /// Where it stands, in one word.
    pub fn phase(&self) -> Phase {
        let state = &self.state;
        if let Some(alarm) = state.alarm {
            return Phase::Alarm(alarm);
        }
        if let Some(refusal) = self.refusal {
            return Phase::Refused(refusal);
        }
        if let Some(reject) = &self.rejected {
            return Phase::NotAdmitted(reject.clone());
        }
        let ended = state.tracks.values().all(|track| track.end.is_some());
        match (state.consented, state.enrolled) {
            (false, _) if self.fetched => Phase::AwaitingConsent,
            (false, _) => Phase::Joining,
            (true, false) => self.admission(),
            (true, true) if ended => Phase::Done,
            (true, true) => Phase::Reporting,
        }
    }

    /// Where it stands between consent and enrolment.
    fn admission(&self) -> Phase {
        match (&self.configuration.admission, self.enrolment_moment()) {
            (Admission::Invited(_), Some(_)) if self.state.token.is_none() => Phase::Admitting,
            (Admission::Invited(_), Some(moment)) => Phase::Admitted(moment),
            (Admission::Invited(_), None) | (Admission::Open, _) => Phase::Enrolling,
        }
    }

    /// When it enrols, if it does so with a token: at random, but not in the last quarter of the time for it, so that
    /// there is time for repeats.
    fn enrolment_moment(&self) -> Option<Time> {
        let manifest = self.manifest()?;
        manifest.issue?;
        let (opens, closes) =
            (manifest.enrolment_opens.as_millis(), manifest.enrolment_closes.as_millis());
        let span = closes.saturating_sub(opens) / 4 * 3;
        let draw = self.configuration.key.enrolment_draw(self.configuration.campaign);
        Some(manifest.enrolment_opens.after_millis(draw % span.max(1)))
    }

    /// What hides the pseudonym while a token is issued; the same after a restart.
    fn blinding(&self) -> Blinding {
        let Configuration { campaign, key, .. } = &self.configuration;
        key.blinding(*campaign, token_input(*campaign, &self.signing.public()))
    }

    /// Verified outcomes by aggregation: what the person's decision rests on.
    pub const fn outcomes(&self) -> &Outcomes {
        &self.state.outcomes
    }

    /// What became of the person's own report to an aggregation that has a result.
    pub fn counted(&self, aggregation: AggregationId) -> Option<Counted> {
        match self.state.tracks.get(&aggregation)?.end? {
            End::Result { counted, .. } => Some(counted),
            End::Aborted(_) => None,
        }
    }

    /// The campaign, once it is verified.
    pub fn manifest(&self) -> Option<&CheckedManifest> {
        self.state.manifest.as_ref().map(|(_, manifest)| &**manifest)
    }

    /// A verified opening of an aggregation that concerns this role.
    pub fn opening(&self, aggregation: AggregationId) -> Option<&Opening> {
        let (_, opening) = self.state.tracks.get(&aggregation)?.opening.as_ref()?;
        Some(opening)
    }

    /// What this person was charged.
    pub const fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// The pseudonym.
    pub fn reporter(&self) -> PublicKey {
        self.signing.public()
    }

    /// What measures the record.
    pub const fn measurer(&self) -> &M {
        &self.measurer
    }

    /// Makes a record durable before anything later is sent.
    fn commit(&mut self, record: Record, effects: &mut Effects) {
        self.state.apply(&record).expect("a record is made of this very state");
        effects.push(Effect::Persist(record));
    }
}

/// Without the measurer, which holds the record.
impl<M> fmt::Debug for Participant<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("campaign", &self.configuration.campaign)
            .field("role", &self.configuration.role)
            .field("tracks", &self.state.tracks)
            .finish_non_exhaustive()
    }
}

impl<M: Measurer> Client for Participant<M> {
    type Record = Record;

    fn start(&mut self, now: Time) -> Effects {
        self.wake(now)
    }

    fn receive(&mut self, now: Time, response: Response) -> Effects {
        let mut effects = Vec::new();
        if self.answer(now, response, &mut effects) {
            self.proceed(now, &mut effects);
        }
        effects
    }

    fn wake(&mut self, now: Time) -> Effects {
        let mut effects = Vec::new();
        self.proceed(now, &mut effects);
        effects
    }
}
