//! What stands between a person's record and the machine, and the report that comes of it.

use super::key::CampaignKey;
use crate::{
    aggregation::{Context, MeasureError, Measurement, Misuse, Nonce, Vdaf, noise::LedgerError},
    campaign::CheckedManifest,
    ids::{AggregationId, Blob, Hash, ReportId},
    keys::{
        seal,
        seat::Seat,
        sign::{Signature, SigningKey},
    },
    person::{Outcomes, PersonError},
    report::{Report, ReportBody, share_hash},
    selection::{open_scores, unit::Unit},
    transcript::Opening,
};
use thiserror::Error;

/// Holds a person's record and measures it; the machine never sees the record itself.
pub trait Measurer {
    /// What this person reports, from verified documents only; nothing if there is nothing to report. The same
    /// arguments must give the same measurement, also after a restart: whatever is random in it derives from the
    /// campaign key and the opening.
    ///
    /// # Errors
    /// [`MeasurerError`]; nothing is then sent to this aggregation.
    fn measure(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Measurement>, MeasurerError>;

    /// The score that a candidate sends where the plan says that scores are open; nothing for everybody else, who
    /// then sends nothing. Repeatable as [`Measurer::measure`] is.
    ///
    /// # Errors
    /// [`MeasurerError`]; nothing is then sent.
    fn open_score(
        &mut self,
        manifest: &CheckedManifest,
        opening: &Opening,
        outcomes: &Outcomes,
    ) -> Result<Option<Unit>, MeasurerError>;
}

/// Why a record cannot be measured.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MeasurerError {
    /// The record, or what it is measured against.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// There is no record, or it does not fit the campaign's schema.
    #[error("there is no record that fits the campaign's schema")]
    Record,
    /// A result that the measurement needs is missing or of another shape.
    #[error("the result of {0} is missing or of another shape")]
    Result(AggregationId),
    /// The values do not fit the circuit.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// Why this machine does not send a report, though the aggregation is open. Nothing has left.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The record.
    #[error(transparent)]
    Measurer(#[from] MeasurerError),
    /// The price.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A report was prepared before a restart, and the record or the key gives another one now.
    #[error(
        "the record gives another report than the one that was prepared before: {expected}, now {got}"
    )]
    Changed {
        /// The leaf in the journal.
        expected: Hash,
        /// The leaf now; all zero if there is nothing to report now.
        got: Hash,
    },
    /// The measurement is one of another circuit.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// No such aggregation, or the campaign is not known yet.
    #[error("there is no such aggregation in the campaign, or the campaign is not known yet")]
    Aggregation,
}

/// What a report is made of besides the measurement.
pub(super) struct Press<'a> {
    pub(super) manifest: &'a CheckedManifest,
    pub(super) opening: &'a Opening,
    pub(super) key: &'a CampaignKey,
    pub(super) signing: &'a SigningKey,
}

impl Press<'_> {
    /// The report of a score in the open; signed, unless the campaign is clear.
    pub(super) fn open(&self, score: Unit, attempt: u32) -> Report {
        let context = self.opening.context();
        let id = self.key.report_id(&context, attempt);
        let mut report = open_scores::report(&context, id, score, self.signing);
        if !self.manifest.is_private() {
            report.signature = Signature::ABSENT;
        }
        report
    }

    /// The report of one attempt: the same measurement gives the same bytes.
    pub(super) fn report(&self, measurement: &Measurement, attempt: u32) -> Result<Report, Fault> {
        let context = self.opening.context();
        let id = self.key.report_id(&context, attempt);
        let vdaf = self.manifest.vdaf(self.opening.aggregation).ok_or(Fault::Aggregation)?;
        if self.manifest.is_private() {
            self.private(&vdaf, &context, id, measurement)
        } else {
            self.clear(&vdaf, &context, id, measurement)
        }
    }

    fn private(
        &self,
        vdaf: &Vdaf,
        context: &Context,
        id: ReportId,
        measurement: &Measurement,
    ) -> Result<Report, Fault> {
        let seats = self.manifest.sealing_keys(self.opening.aggregation);
        let seats = seats.ok_or(Fault::Aggregation)?;
        let nonce = Nonce(id.0);
        let sharded =
            vdaf.shard(context, measurement, &nonce, &mut self.key.sharding(context, id))?;
        let reporter = self.signing.public();
        let leader_share = Blob::from(sharded.leader_share.expose().to_vec());
        let mut body = ReportBody {
            context: Hash(context.0),
            reporter,
            id,
            public_share: Blob::from(sharded.public_share.as_bytes().to_vec()),
            leader_share: share_hash(&leader_share),
            sealed: Vec::new(),
        };
        let mut sealed = Vec::with_capacity(seats.len());
        for ((seat, to), share) in (0..).map(Seat::new).zip(&seats).zip(&sharded.helper_shares) {
            let mut rng = self.key.sealing(context, id, seat);
            let bytes = seal::seal(to, &body.binding(context, seat), share.expose(), &mut rng)
                .expect("a helper's share is a seed, far shorter than what can be sealed");
            sealed.push(Blob::from(bytes));
        }
        body.sealed = sealed.iter().map(share_hash).collect();
        let signature = body.sign(self.signing);
        Ok(Report { body, leader_share, sealed, signature })
    }

    fn clear(
        &self,
        vdaf: &Vdaf,
        context: &Context,
        id: ReportId,
        measurement: &Measurement,
    ) -> Result<Report, Fault> {
        let bytes = vdaf.clear_bytes(measurement);
        vdaf.clear_output(&bytes).map_err(|_| Misuse::Foreign)?;
        let leader_share = Blob::from(bytes);
        let body = ReportBody {
            context: Hash(context.0),
            reporter: self.signing.public(),
            id,
            public_share: Blob::from(Vec::new()),
            leader_share: share_hash(&leader_share),
            sealed: Vec::new(),
        };
        Ok(Report { body, leader_share, sealed: Vec::new(), signature: Signature::ABSENT })
    }
}
