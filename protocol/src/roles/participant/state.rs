//! What the journal says: the machine's state is its records, applied in order, and little else.

use super::{
    Configuration,
    light::{self, Alarm, Counted},
    measure::Fault,
};
use crate::{
    aggregation::{Context, noise::Ledger},
    campaign::{CheckedManifest, Manifest},
    ids::{AggregationId, CampaignId, Hash, ReportId},
    keys::token::Token,
    messages::Reject,
    person::Outcomes,
    report::Receipt,
    transcript::{AbortReason, Opening, Outcome},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;

/// One line of a participant's journal. Holds no feature, no label and no key; the token is good for this person's key
/// alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The campaign of the invite, verified.
    Campaign {
        /// Its hash is the campaign id.
        manifest: Arc<Manifest>,
        /// The entry that keyholders have endorsed.
        entry: Hash,
    },
    /// The person takes part.
    Consented(CampaignId),
    /// The token, verified.
    Issued(Token),
    /// The coordinator has taken the enrolment.
    Enrolled,
    /// An opening, verified.
    Opened {
        /// The entry that keyholders have endorsed.
        entry: Hash,
        /// What reports are bound to.
        opening: Box<Opening>,
    },
    /// A report is about to be sent, and charged. A repeat gives the same leaf.
    Prepared {
        /// Where.
        aggregation: AggregationId,
        /// Of its opening.
        context: Hash,
        /// The report's.
        id: ReportId,
        /// Of the whole signed report.
        leaf: Hash,
    },
    /// It is in.
    Received {
        /// Where.
        aggregation: AggregationId,
        /// Verified.
        receipt: Receipt,
    },
    /// The person takes the report back, or will not report here.
    Withdrawing(AggregationId),
    /// The coordinator has taken the report out.
    Withdrawn(AggregationId),
    /// The person reports again after all.
    Again(AggregationId),
    /// A result, verified.
    Result {
        /// The entry that keyholders have endorsed.
        entry: Hash,
        /// What it says.
        outcome: Arc<Outcome>,
        /// What became of the own report.
        counted: Counted,
    },
    /// An aggregation ended without a result.
    Aborted {
        /// Which.
        aggregation: AggregationId,
        /// Why.
        reason: AbortReason,
    },
    /// The protocol was broken towards this person.
    Alarm(Alarm),
}

/// A journal that is not one of this participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Of another campaign than the invite's.
    #[error("the journal is one of another campaign")]
    Campaign,
    /// A record that could not be written at its place.
    #[error("record {index} of the journal cannot stand where it does")]
    Record {
        /// Counted from 0.
        index: usize,
    },
}

/// What this person does in one aggregation.
#[derive(Clone, Debug, PartialEq)]
pub enum Own {
    /// This role does not report here; others depend on the result.
    NotConcerned,
    /// The opening is not known yet.
    Undecided,
    /// There is nothing to report.
    Nothing,
    /// A report is on its way.
    Sending(ReportId),
    /// It is in; there is a receipt.
    Received(ReportId),
    /// The person wants it out.
    Withdrawing(ReportId),
    /// It is out, or was never sent.
    Withdrawn,
    /// It was too late to take it back, or the coordinator refuses to.
    Kept(ReportId, Reject),
    /// The aggregation did not collect reports any more.
    Missed,
    /// The coordinator refuses the report.
    Refused(Reject),
    /// This machine does not send one.
    Faulty(Fault),
}

/// How an aggregation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a result.
    Result {
        /// The entry that keyholders have endorsed.
        entry: Hash,
        /// What became of the own report.
        counted: Counted,
    },
    /// Without one.
    Aborted(AbortReason),
}

/// One report as it was prepared: the newest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) id: ReportId,
    pub(super) leaf: Hash,
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) opening: Option<(Hash, Opening)>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) receipt: Option<Receipt>,
    pub(super) own: Own,
    pub(super) end: Option<End>,
}

impl Track {
    pub(super) fn context(&self) -> Option<Context> {
        self.opening.as_ref().map(|(_, opening)| opening.context())
    }

    pub(super) fn attempt(&self) -> Option<Attempt> {
        self.attempts.last().copied()
    }

    pub(super) fn result(&self) -> Option<Hash> {
        match self.end? {
            End::Result { entry, .. } => Some(entry),
            End::Aborted(_) => None,
        }
    }

    /// The number of the attempt that is made now, or would be next.
    pub(super) fn number(&self) -> u32 {
        let sending = matches!(self.own, Own::Sending(_));
        let made = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        made.saturating_sub(u32::from(sending))
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) manifest: Option<(Hash, Arc<CheckedManifest>)>,
    pub(super) consented: bool,
    pub(super) token: Option<Token>,
    pub(super) enrolled: bool,
    /// Of aggregations that concern this role, and of those they depend on.
    pub(super) tracks: BTreeMap<AggregationId, Track>,
    pub(super) outcomes: Outcomes,
    pub(super) ledger: Ledger,
    pub(super) alarm: Option<Alarm>,
}

impl State {
    pub(super) const fn new(configuration: &Configuration) -> Self {
        Self {
            manifest: None,
            consented: false,
            token: None,
            enrolled: false,
            tracks: BTreeMap::new(),
            outcomes: Outcomes::new(),
            ledger: Ledger::after(configuration.role, configuration.spent),
            alarm: None,
        }
    }

    pub(super) fn restore(
        configuration: &Configuration,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let mut state = Self::new(configuration);
        for (index, record) in records.into_iter().enumerate() {
            let fits = match &record {
                Record::Campaign { .. } if state.manifest.is_some() => None,
                Record::Campaign { manifest, entry } => {
                    let manifest = light::checked(manifest, configuration.checked.as_ref());
                    let manifest = manifest.ok_or(RestoreError::Record { index })?;
                    if manifest.campaign() != configuration.campaign {
                        return Err(RestoreError::Campaign);
                    }
                    state.join(*entry, manifest);
                    Some(())
                }
                Record::Consented(campaign) if *campaign != configuration.campaign => {
                    return Err(RestoreError::Campaign);
                }
                Record::Consented(_)
                | Record::Issued(_)
                | Record::Enrolled
                | Record::Opened { .. }
                | Record::Prepared { .. }
                | Record::Received { .. }
                | Record::Withdrawing(_)
                | Record::Withdrawn(_)
                | Record::Again(_)
                | Record::Result { .. }
                | Record::Aborted { .. }
                | Record::Alarm(_) => state.apply(&record),
            };
            fits.ok_or(RestoreError::Record { index })?;
        }
        Ok(state)
    }

    /// Takes a verified manifest.
    pub(super) fn join(&mut self, entry: Hash, manifest: Arc<CheckedManifest>) {
        let role = self.ledger.role();
        let planned: Vec<_> = manifest.enumerated().collect();
        for (id, aggregation) in planned.into_iter().rev() {
            let concerned = aggregation.kind.concerns(role);
            if concerned || self.tracks.contains_key(&id) {
                let own = if concerned { Own::Undecided } else { Own::NotConcerned };
                self.tracks.insert(id, Track::new(own));
                for on in &aggregation.depends_on {
                    self.tracks.entry(*on).or_insert_with(|| Track::new(Own::NotConcerned));
                }
            }
        }
        self.manifest = Some((entry, manifest));
    }

    /// Applies any record but a campaign; `None` if it cannot be one of this state.
    pub(super) fn apply(&mut self, record: &Record) -> Option<()> {
        match record {
            Record::Campaign { .. } => return None,
            Record::Consented(_) => self.consented = true,
            Record::Issued(token) => self.token = Some(token.clone()),
            Record::Enrolled => self.enrolled = true,
            Record::Opened { entry, opening } => {
                let opened = (*entry, Opening::clone(opening));
                self.tracks.get_mut(&opening.aggregation)?.opening = Some(opened);
            }
            Record::Prepared { aggregation, context, id, leaf } => {
                self.prepare(*aggregation, *context, Attempt { id: *id, leaf: *leaf })?;
            }
            Record::Received { aggregation, receipt } => {
                let track = self.tracks.get_mut(aggregation)?;
                let Attempt { id, .. } = track.attempt()?;
                track.receipt = Some(*receipt);
                track.own = Own::Received(id);
            }
            Record::Withdrawing(aggregation) => {
                let track = self.tracks.get_mut(aggregation)?;
                track.own = track
                    .attempt()
                    .map_or(Own::Withdrawn, |Attempt { id, .. }| Own::Withdrawing(id));
            }
            Record::Withdrawn(aggregation) => {
                let track = self.tracks.get_mut(aggregation)?;
                track.own = Own::Withdrawn;
                track.receipt = None;
            }
            Record::Again(aggregation) => {
                self.tracks.get_mut(aggregation)?.own = Own::Undecided;
            }
            Record::Result { entry, outcome, counted } => {
                let (_, manifest) = self.manifest.as_ref()?;
                light::fits(manifest, outcome).then_some(())?;
                let track = self.tracks.get_mut(&outcome.aggregation)?;
                track.end = Some(End::Result { entry: *entry, counted: *counted });
                self.outcomes.insert(outcome.aggregation, Arc::clone(outcome));
            }
            Record::Aborted { aggregation, reason } => self.abort(*aggregation, *reason)?,
            Record::Alarm(alarm) => self.alarm = Some(*alarm),
        }
        Some(())
    }

    /// Whatever depends on an aggregation without a result has none either. That follows from the record of the
    /// first, so that a crash cannot part them.
    fn abort(&mut self, id: AggregationId, reason: AbortReason) -> Option<()> {
        let (_, manifest) = self.manifest.as_ref()?;
        self.tracks.get_mut(&id)?.end.get_or_insert(End::Aborted(reason));
        let later: Vec<AggregationId> = self.tracks.range(id..).map(|(later, _)| *later).collect();
        for dependent in later {
            let on = &manifest.aggregation(dependent)?.depends_on;
            let missing = on.iter().copied().find(|on| {
                let track = self.tracks.get(on);
                track.is_some_and(|track| track.end.is_some() && track.result().is_none())
            });
            if let Some(missing) = missing {
                let end = End::Aborted(AbortReason::Dependency(missing));
                self.tracks.get_mut(&dependent)?.end.get_or_insert(end);
            }
        }
        Some(())
    }

    fn prepare(
        &mut self,
        aggregation: AggregationId,
        context: Hash,
        attempt: Attempt,
    ) -> Option<()> {
        let (_, manifest) = self.manifest.as_ref()?;
        let planned = manifest.aggregation(aggregation)?;
        let track = self.tracks.get_mut(&aggregation)?;
        if track.context()?.0 != context.0 {
            return None;
        }
        if let Some(noise) = planned.noise {
            let charge = noise.charge(&planned.circuit, planned.kind.purpose()).ok()?;
            self.ledger.restore(context.0, charge);
        }
        track.own = Own::Sending(attempt.id);
        track.attempts.push(attempt);
        Some(())
    }
}

impl Track {
    const fn new(own: Own) -> Self {
        Self { opening: None, attempts: Vec::new(), receipt: None, own, end: None }
    }
}
