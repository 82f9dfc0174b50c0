//! The journal, and the machine back from it.

use super::{Configuration, Coordinator, batch::Batch};
use crate::{
    ids::{AggregationId, Blob, Hash},
    keys::{seat::Seat, token::Blinded},
    messages::VerifierChunk,
    report::{Enrolment, Report, Withdrawal},
    roles::Time,
    transcript::{Entry, Rejection, Violation},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// One line of the coordinator's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The next entry of the transcript.
    Entry(Arc<Entry>),
    /// A token was issued for an invite. Its answer follows from the blinded input.
    Issued {
        /// The hash of its secret.
        invite: Hash,
        /// As it was sent; says nothing about who will enrol with it.
        blinded: Blinded,
    },
    /// Somebody enrolled.
    Enrolled(Box<Enrolment>),
    /// A report came in. Holds the leader's share.
    Report {
        /// Where.
        aggregation: AggregationId,
        /// As it was sent.
        report: Arc<Report>,
    },
    /// A report went out.
    Withdrawn(Box<Withdrawal>),
    /// A keyholder's verifier shares came in: it may forget them.
    Verifier {
        /// Whose.
        seat: Seat,
        /// As they were sent.
        chunk: Arc<VerifierChunk>,
    },
    /// A chunk was decided.
    Verdicts {
        /// Where.
        aggregation: AggregationId,
        /// Which.
        chunk: u32,
        /// The verifier message of each report, or nothing.
        messages: Vec<Option<Blob>>,
        /// Why some have none.
        rejections: Vec<Rejection>,
    },
}

/// Records that are not a coordinator's, or not in their order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A journal begins with the plan.
    #[error("the journal does not begin with an entry of the transcript")]
    NoPlan,
    /// An entry that may not stand there, or a plan of another organiser.
    #[error("entry {place} of the journal is refused: {violation}")]
    Entry {
        /// Counted from 0, among the records.
        place: usize,
        /// Why.
        violation: Violation,
    },
    /// Who may enrol is not what the plan says.
    #[error("the plan of the journal announces another gate, or tokens of another key")]
    Gate,
    /// Something of an aggregation that the plan does not have.
    #[error("record {place} of the journal is of {aggregation}, which the plan does not have")]
    Aggregation {
        /// Counted from 0, among the records.
        place: usize,
        /// As recorded.
        aggregation: AggregationId,
    },
}

impl Coordinator {
    /// The machine back from its journal, or from any prefix of it. What was not recorded was not answered.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(
        records: &[Record],
        configuration: Configuration,
        now: Time,
    ) -> Result<Self, RestoreError> {
        let mut records = records.iter().enumerate();
        let Some((place, Record::Entry(first))) = records.next() else {
            return Err(RestoreError::NoPlan);
        };
        let mut coordinator = Self::begin(Arc::clone(first), configuration, now)
            .map_err(|violation| RestoreError::Entry { place, violation })?;
        if !coordinator.gate.fits(coordinator.transcript.plan()) {
            return Err(RestoreError::Gate);
        }
        for (place, record) in records {
            coordinator.replay(place, record, now)?;
        }
        coordinator.forget_ended();
        Ok(coordinator)
    }

    fn replay(&mut self, place: usize, record: &Record, now: Time) -> Result<(), RestoreError> {
        match record {
            Record::Entry(entry) => {
                self.transcript
                    .apply(entry)
                    .map_err(|violation| RestoreError::Entry { place, violation })?;
                self.note(now, Arc::clone(entry));
            }
            Record::Issued { invite, blinded } => {
                self.issued.insert(*invite, *blinded);
            }
            Record::Enrolled(enrolment) => self.keep_enrolment(Enrolment::clone(enrolment)),
            Record::Report { aggregation, report } => {
                self.recorded(place, *aggregation)?.keep(Arc::clone(report));
            }
            Record::Withdrawn(withdrawal) => {
                self.recorded(place, withdrawal.aggregation)?.withdraw(withdrawal);
            }
            Record::Verifier { seat, chunk } => {
                self.recorded(place, chunk.aggregation)?.receive(*seat, Arc::clone(chunk));
            }
            Record::Verdicts { aggregation, chunk, messages, rejections } => {
                let batch = self.recorded(place, *aggregation)?;
                batch.decided(*chunk, messages.clone(), rejections.clone());
                // Added up again when it is needed.
                batch.leader_sum = None;
            }
        }
        Ok(())
    }

    fn recorded(&mut self, place: usize, id: AggregationId) -> Result<&mut Batch, RestoreError> {
        self.batch_mut(id).ok_or(RestoreError::Aggregation { place, aggregation: id })
    }
}
