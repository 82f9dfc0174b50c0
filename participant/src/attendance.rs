//! One person's machine: the protocol's [`Participant`] with the record that it measures, and what the person says
//! later.
//!
//! Sans-IO like the machine inside: it consents, withdraws and reports by orders that wait until they can be carried
//! out. What it adds to the journal is what a report said that the record alone does not give (whether the person has
//! flipped, and how the firm has decided since), so that a report is the same to the byte after a restart, and the
//! message that has raised an alarm. The record itself is never in the journal.

mod measure;

pub use measure::{Own, Statement, Statements};

use protocol::{
    campaign::{CheckedManifest, Kind, limits::Refusal},
    codec,
    ids::{AggregationId, Blob, CampaignId, Hash},
    messages::{Request, Response},
    person::{PersonError, View},
    roles::{
        Client, Effect, Time,
        participant::{
            Configuration, Fault, Own as Standing, Participant, Phase, Record, RestoreError, Status,
        },
    },
    transcript::Opening,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::record;

#[cfg(test)]
mod tests;

/// One line of a person's journal. Holds no feature and no label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Line {
    /// Of the machine.
    Machine(Box<Record>),
    /// What the next report to this aggregation says besides the record.
    Said(AggregationId, Statement),
    /// The coordinator's message that raised the alarm, as it came.
    Evidence(Blob),
}

/// What the person wants done as soon as it is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take part in this campaign, once it is verified.
    Consent(CampaignId),
    /// Take everything back that can be taken back, and report nothing more.
    Leave,
    /// Report to one aggregation again, where the report was taken back.
    Again(AggregationId),
}

/// What the selection asks of this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// To report the positive label.
    Flip,
    /// Nothing.
    Keep,
}

/// The effects of this machine.
pub type Effects = Vec<Effect<Line, Request>>;

/// One person in one campaign.
#[derive(Debug)]
pub struct Attendance<S> {
    machine: Participant<Own<S>>,
    orders: Vec<Order>,
    /// Leaves of reports with a verified receipt.
    receipts: BTreeMap<AggregationId, Hash>,
}

impl<S: Statements> Attendance<S> {
    /// From the journal, which may be empty. Without a record, whatever needs one is reported as faulty and nothing
    /// is sent there.
    ///
    /// # Errors
    /// [`RestoreError`] if the journal is not one of this person.
    pub fn restore(
        configuration: Configuration,
        record: Option<&record::Record>,
        statements: S,
        lines: impl IntoIterator<Item = Line>,
    ) -> Result<Self, RestoreError> {
        let own = Own::new(&configuration, record, statements);
        let (mut records, mut receipts) = (Vec::new(), BTreeMap::new());
        for line in lines {
            match line {
                Line::Machine(record) => {
                    if let Record::Again(id) = *record {
                        own.forget(id);
                    }
                    note_receipt(&mut receipts, &record);
                    records.push(*record);
                }
                Line::Said(id, statement) => {
                    own.fix(id, statement);
                }
                Line::Evidence(_) => {}
            }
        }
        let machine = Participant::restore(configuration, own, records)?;
        Ok(Self { machine, orders: Vec::new(), receipts })
    }

    /// The machine inside.
    pub const fn machine(&self) -> &Participant<Own<S>> {
        &self.machine
    }

    /// Notes what the person wants; it is done at the next start, answer or wake at which it can be.
    pub fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.machine.status()
    }

    /// The campaign, once it is verified.
    pub fn manifest(&self) -> Option<&CheckedManifest> {
        self.machine.manifest()
    }

    /// The hash of the report to an aggregation for which there is a verified receipt.
    pub fn receipt(&self, id: AggregationId) -> Option<Hash> {
        self.receipts.get(&id).copied()
    }

    /// The receipt of the first report that is in.
    pub fn first_receipt(&self) -> Option<Hash> {
        self.receipts.values().next().copied()
    }

    /// Why the person's limits do not allow the campaign, if they do not.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.machine.phase() {
            Phase::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What the selection asks of this person, once it has decided; nothing of a donor, and nothing without a record.
    ///
    /// # Errors
    /// [`PersonError`] if nothing follows from what was opened.
    pub fn asked(&self) -> Result<Option<Asked>, PersonError> {
        let (Some(manifest), Some(person)) = (self.manifest(), self.machine.measurer().person())
        else {
            return Ok(None);
        };
        let outcomes = self.machine.outcomes();
        let decided = manifest
            .of_kind(Kind::Selection)
            .is_some_and(|id| outcomes.get(&id).is_some_and(|outcome| outcome.decision.is_some()));
        if !decided || !Kind::Selection.concerns(person.role) {
            return Ok(None);
        }
        let view = View::of_decision(manifest, manifest.campaign(), outcomes)?;
        Ok(Some(if person.is_asked(manifest, &view)? { Asked::Flip } else { Asked::Keep }))
    }

    /// The exact bytes of the report that an opening gets next, without sending it.
    ///
    /// # Errors
    /// As for [`Participant::preview`].
    pub fn preview(&mut self, opening: &Opening) -> Result<Option<Vec<u8>>, Fault> {
        self.machine.preview(opening)
    }

    /// Whether everything that can be taken back is out, and nothing more will be reported.
    pub fn has_left(&self) -> bool {
        let out = |own: &Standing| match own {
            Standing::NotConcerned | Standing::Withdrawn | Standing::Kept(..) => true,
            Standing::Undecided
            | Standing::Nothing
            | Standing::Sending(_)
            | Standing::Received(_)
            | Standing::Withdrawing(_)
            | Standing::Missed
            | Standing::Refused(_)
            | Standing::Faulty(_) => false,
        };
        let aggregations = self.machine.status().aggregations;
        aggregations.iter().all(|of| of.end.is_some() || out(&of.own))
    }

    /// Carries out the orders that can be, and adds what the journal needs besides.
    fn act(&mut self, now: Time, effects: Vec<Effect<Record, Request>>) -> Effects {
        let mut out = self.lines(effects);
        for order in std::mem::take(&mut self.orders) {
            let phase = self.machine.phase();
            let effects = match order {
                _ if phase.is_terminal() => Vec::new(),
                Order::Consent(campaign) if phase == Phase::AwaitingConsent => {
                    self.machine.consent(now, campaign)
                }
                Order::Leave | Order::Again(_) if !self.has_begun() => {
                    self.orders.push(order);
                    continue;
                }
                Order::Leave => self.leave(now),
                Order::Again(id) => {
                    self.machine.measurer().forget(id);
                    self.machine.report_again(now, id)
                }
                Order::Consent(_) => {
                    if phase == Phase::Joining {
                        self.orders.push(order);
                    }
                    continue;
                }
            };
            out.extend(self.lines(effects));
        }
        out
    }

    /// Whether consent is given and the campaign was verified again since the start.
    fn has_begun(&self) -> bool {
        !matches!(self.machine.phase(), Phase::Joining | Phase::AwaitingConsent)
    }

    fn leave(&mut self, now: Time) -> Vec<Effect<Record, Request>> {
        let concerned: Vec<AggregationId> =
            self.machine.status().aggregations.iter().map(|of| of.id).collect();
        concerned.into_iter().flat_map(|id| self.machine.withdraw(now, id)).collect()
    }

    fn lines(&mut self, effects: Vec<Effect<Record, Request>>) -> Effects {
        let mut lines = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Persist(record) => {
                    let own = self.machine.measurer();
                    if let Record::Prepared { aggregation, .. } = record
                        && let Some(said) = own.used(aggregation)
                        && own.fix(aggregation, said)
                    {
                        lines.push(Effect::Persist(Line::Said(aggregation, said)));
                    }
                    note_receipt(&mut self.receipts, &record);
                    lines.push(Effect::Persist(Line::Machine(Box::new(record))));
                }
                Effect::Send(request) => lines.push(Effect::Send(request)),
                Effect::Wake(time) => lines.push(Effect::Wake(time)),
            }
        }
        lines
    }
}

/// A journal up to the last report that was prepared for `id`; nothing if none was. The machine that is restored from
/// it previews that very report, to the byte, whatever has happened since.
pub fn until_prepared(mut lines: Vec<Line>, id: AggregationId) -> Option<Vec<Line>> {
    let prepared = |line: &Line| {
        matches!(line, Line::Machine(record)
            if matches!(**record, Record::Prepared { aggregation, .. } if aggregation == id))
    };
    let last = lines.iter().rposition(prepared)?;
    lines.truncate(last + 1);
    Some(lines)
}

fn note_receipt(receipts: &mut BTreeMap<AggregationId, Hash>, record: &Record) {
    match record {
        Record::Received { aggregation, receipt } => {
            receipts.insert(*aggregation, receipt.leaf);
        }
        Record::Withdrawn(aggregation) => {
            receipts.remove(aggregation);
        }
        _ => {}
    }
}

/// Whether the machine holds that the protocol was broken.
fn is_alarmed(phase: &Phase) -> bool {
    matches!(phase, Phase::Alarm(_))
}

impl<S: Statements> Client for Attendance<S> {
    type Record = Line;

    fn start(&mut self, now: Time) -> Effects {
        let effects = self.machine.start(now);
        self.act(now, effects)
    }

    fn receive(&mut self, now: Time, response: Response) -> Effects {
        let alarmed = is_alarmed(&self.machine.phase());
        // Documents are shared, not copied: this is a few pointers.
        let heard = response.clone();
        let effects = self.machine.receive(now, response);
        let mut out = self.act(now, effects);
        if !alarmed && is_alarmed(&self.machine.phase()) {
            let evidence = Blob::from(codec::encode(&heard));
            out.insert(0, Effect::Persist(Line::Evidence(evidence)));
        }
        out
    }

    fn wake(&mut self, now: Time) -> Effects {
        let effects = self.machine.wake(now);
        self.act(now, effects)
    }
}
