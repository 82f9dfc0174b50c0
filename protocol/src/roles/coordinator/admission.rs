//! Who takes part and what they send: enrolments, reports, withdrawals.

use super::{Batch, Coordinator, Phase, Record};
use crate::{
    aggregation::{Context, Reject as Malformed},
    ids::{AggregationId, Blob, Hash},
    keys::{Label, seal::OVERHEAD_BYTES},
    messages::{Reject, Response},
    report::{Enrolment, Receipt, Report, TOKEN_BYTES_MAX, Withdrawal},
    roles::Time,
    selection::open_scores::OpenScore,
};
use std::{collections::BTreeSet, sync::Arc};

/// The most people that can enrol in one campaign.
pub const ENROLMENTS_MAX: usize = 100_000;

/// The most reports that one key can take back in one aggregation.
pub const WITHDRAWALS_MAX: usize = 8;

/// Who may enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Anybody, with any token; for studies on data at hand.
    Open,
    /// Who holds one of these tokens, by [`Gate::hash`]; each admits one key.
    Tokens(BTreeSet<Hash>),
}

impl Gate {
    /// What stands for a token, so that a stolen list admits nobody.
    pub fn hash(token: &Blob) -> Hash {
        Hash::of(Label::Enrolment, &[token.as_slice()])
    }
}

impl Coordinator {
    pub(super) fn enrol(
        &mut self,
        now: Time,
        enrolment: Enrolment,
        records: &mut Vec<Record>,
    ) -> Response {
        match self.check_enrolment(now, &enrolment) {
            Ok(true) => {
                let reporter = enrolment.reporter;
                records.push(Record::Enrolled(Box::new(enrolment.clone())));
                self.keep_enrolment(enrolment);
                Response::Enrolled(reporter)
            }
            Ok(false) => Response::Enrolled(enrolment.reporter),
            Err(refusal) => *refusal,
        }
    }

    /// Whether the enrolment is new.
    fn check_enrolment(&self, now: Time, enrolment: &Enrolment) -> Result<bool, Box<Response>> {
        let refused = |reject| Box::new(Response::Refused(reject));
        if let Some(before) = self.enrolments.get(&enrolment.reporter) {
            let same = before == enrolment;
            return if same { Ok(false) } else { Err(refused(Reject::Contradiction)) };
        }
        if self.transcript.roster().is_some() || self.is_stillborn(now) {
            return Err(refused(Reject::EnrolmentClosed));
        }
        let (true, Some((_, manifest))) = (self.transcript.has_begun(), self.transcript.manifest())
        else {
            return Err(Box::new(self.later(now, Time::default())));
        };
        if enrolment.token.len() > TOKEN_BYTES_MAX {
            return Err(refused(Reject::Token));
        }
        if manifest.is_private() && enrolment.verify(manifest.campaign()).is_err() {
            return Err(refused(Reject::Signature));
        }
        if let Gate::Tokens(admitted) = &self.gate {
            let token = Gate::hash(&enrolment.token);
            if !admitted.contains(&token) || self.tokens.contains_key(&token) {
                return Err(refused(Reject::Token));
            }
        }
        if self.enrolments.len() >= ENROLMENTS_MAX {
            return Err(refused(Reject::Full));
        }
        Ok(true)
    }

    pub(super) fn keep_enrolment(&mut self, enrolment: Enrolment) {
        if let Gate::Tokens(_) = self.gate {
            self.tokens.insert(Gate::hash(&enrolment.token), enrolment.reporter);
        }
        self.enrolments.insert(enrolment.reporter, enrolment);
    }

    pub(super) fn report(
        &mut self,
        aggregation: AggregationId,
        report: Arc<Report>,
        records: &mut Vec<Record>,
    ) -> Response {
        let context = self.transcript.sum(aggregation).and_then(crate::transcript::Sum::context);
        let new = match self.check_report(aggregation, context.as_ref(), &report) {
            Ok(new) => new,
            Err(reject) => return Response::Refused(reject),
        };
        let (Some(context), Some(batch)) = (context, self.batch_mut(aggregation)) else {
            return Response::Refused(Reject::NotCollecting);
        };
        let leaf = report.leaf();
        if new {
            batch.keep(Arc::clone(&report));
            records.push(Record::Report { aggregation, report });
        }
        Response::Receipt { aggregation, receipt: Receipt::new(&self.key, &context, leaf) }
    }

    /// Whether the report is new.
    fn check_report(
        &self,
        id: AggregationId,
        context: Option<&Context>,
        report: &Report,
    ) -> Result<bool, Reject> {
        let batch = self.batch(id).ok_or(Reject::Unknown)?;
        let body = &report.body;
        if let Some((_, leaf)) = batch.reporters.get(&body.reporter) {
            // The leaf binds the body, and the body the shares by their hashes.
            let same = *leaf == report.leaf() && report.is_whole();
            return if same { Ok(false) } else { Err(Reject::Duplicate) };
        }
        let (Some(Phase::Collecting), Some(context)) = (self.phase(id), context) else {
            return Err(Reject::NotCollecting);
        };
        let aggregation = self.transcript.plan().aggregation(id).ok_or(Reject::Unknown)?;
        let role = self.transcript.roster().and_then(|roster| roster.get(&body.reporter));
        if !role.is_some_and(|role| aggregation.kind.concerns(*role)) {
            return Err(Reject::NotConcerned);
        }
        let private = self.transcript.plan().is_private();
        let fits = if self.transcript.plan().has_open_scores(id) {
            OpenScore::of(report).is_some()
        } else if private {
            batch.fits_private(report)
        } else {
            batch.fits_clear(report)
        };
        if body.context.0 != context.0 || !fits || !report.is_whole() {
            return Err(Reject::Malformed);
        }
        if batch.has_id(&body.id) {
            return Err(Reject::ReportId);
        }
        if u32::try_from(batch.len()).is_ok_and(|got| got >= aggregation.reporters_max) {
            return Err(Reject::Full);
        }
        if private && body.verify(&report.signature).is_err() {
            return Err(Reject::Signature);
        }
        Ok(true)
    }

    pub(super) fn withdraw(
        &mut self,
        withdrawal: Withdrawal,
        records: &mut Vec<Record>,
    ) -> Response {
        let Withdrawal { aggregation, id, .. } = withdrawal;
        match self.check_withdrawal(&withdrawal) {
            Err(reject) => return Response::Refused(reject),
            Ok(false) => {}
            Ok(true) => {
                if let Some(batch) = self.batch_mut(aggregation) {
                    batch.withdraw(&withdrawal);
                    records.push(Record::Withdrawn(Box::new(withdrawal)));
                }
            }
        }
        Response::Withdrawn { aggregation, id }
    }

    /// Whether the withdrawal is new. The report may be one that is still on its way: its id is banned as well.
    fn check_withdrawal(&self, withdrawal: &Withdrawal) -> Result<bool, Reject> {
        let Withdrawal { aggregation, reporter, id, .. } = withdrawal;
        let batch = self.batch(*aggregation).ok_or(Reject::Unknown)?;
        if batch.has_withdrawn(reporter, id) {
            return Ok(false);
        }
        let (Some(Phase::Collecting), Some((_, manifest))) =
            (self.phase(*aggregation), self.transcript.manifest())
        else {
            return Err(Reject::NotCollecting);
        };
        if !self.transcript.roster().is_some_and(|roster| roster.contains_key(reporter)) {
            return Err(Reject::NotConcerned);
        }
        if batch.reports.get(id).is_some_and(|report| report.body.reporter != *reporter) {
            return Err(Reject::Unknown);
        }
        if batch.withdrawals_of(reporter) >= WITHDRAWALS_MAX {
            return Err(Reject::Full);
        }
        if manifest.is_private() && withdrawal.verify(manifest.campaign()).is_err() {
            return Err(Reject::Signature);
        }
        Ok(true)
    }
}

impl Batch {
    fn fits_private(&self, report: &Report) -> bool {
        let sealed = self.lengths.helper_share + OVERHEAD_BYTES;
        report.body.public_share.len() == self.lengths.public_share
            && report.leader_share.len() == self.lengths.leader_share
            && report.sealed.len() == usize::from(self.vdaf.parties().helpers)
            && report.sealed.iter().all(|share| share.len() == sealed)
    }

    /// Only the length counts here: what it holds is judged after the freeze, as in private.
    fn fits_clear(&self, report: &Report) -> bool {
        let output = self.vdaf.clear_output(report.leader_share.as_slice());
        report.body.public_share.is_empty()
            && report.sealed.is_empty()
            && !matches!(output, Err(Malformed::Length { .. }))
    }
}
