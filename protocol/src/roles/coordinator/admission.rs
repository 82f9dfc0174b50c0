//! Who takes part and what they send: enrolments, reports, withdrawals.

use super::{Batch, Coordinator, Misuse, Phase, Record};
use crate::{
    aggregation::{Context, Reject as Malformed},
    campaign::Plan,
    ids::{AggregationId, Hash},
    invite::InviteSecret,
    keys::{
        seal::OVERHEAD_BYTES,
        token::{Blinded, IssuerKey},
    },
    messages::{Reject, Response},
    report::{Enrolment, Receipt, Report, TOKEN_BYTES_MAX, Withdrawal, token_input},
    roles::Time,
    selection::open_scores::OpenScore,
};
use std::{collections::BTreeMap, sync::Arc};

/// The most people that can enrol in one campaign.
pub const ENROLMENTS_MAX: usize = 100_000;

/// The most reports that one key can take back in one aggregation.
pub const WITHDRAWALS_MAX: usize = 8;

/// The most invites of one campaign.
pub const INVITES_MAX: usize = 100_000;

/// Who may enrol.
#[derive(Clone, Debug)]
pub enum Gate {
    /// Anybody, with any token; for studies on data at hand.
    Open,
    /// Who has been invited: an invite is good for one token, a token for one key.
    Invited {
        /// The issuer's key, whose public half stands in the plan.
        issuer: Box<IssuerKey>,
        /// Invites by [`crate::invite::InviteSecret::hash`], and until when each is good.
        invites: BTreeMap<Hash, Time>,
    },
}

impl Gate {
    /// Whether this is the gate that a plan announces.
    pub(super) fn fits(&self, plan: &Plan) -> bool {
        match (self, plan.issue) {
            (Self::Open, None) => true,
            (Self::Invited { issuer, .. }, Some(issue)) => issuer.public() == issue.key,
            (Self::Open, Some(_)) | (Self::Invited { .. }, None) => false,
        }
    }
}

impl Coordinator {
    /// More people are invited: invites by [`crate::invite::InviteSecret::hash`], and until when each is good. The
    /// caller keeps them; of one that is known already the new time counts.
    ///
    /// # Errors
    /// [`Misuse::Gate`] if anybody may enrol, [`Misuse::Invites`] beyond [`INVITES_MAX`]; then none is admitted.
    pub fn admit(&mut self, new: &BTreeMap<Hash, Time>) -> Result<(), Misuse> {
        let Gate::Invited { invites, .. } = &mut self.gate else { return Err(Misuse::Gate) };
        let added = new.keys().filter(|hash| !invites.contains_key(hash)).count();
        let got = invites.len().saturating_add(added);
        if got > INVITES_MAX {
            return Err(Misuse::Invites { got });
        }
        invites.extend(new);
        Ok(())
    }

    /// How many invites have got a token.
    pub fn issued(&self) -> usize {
        self.issued.len()
    }

    /// Issues a token for an invite. Wrong secrets leave no trace, so that nobody can fill memory or lock others out
    /// by guessing.
    pub(super) fn issue(
        &mut self,
        now: Time,
        secret: &InviteSecret,
        blinded: Blinded,
        records: &mut Vec<Record>,
    ) -> Response {
        let invite = secret.hash();
        let new = match self.check_issue(now, &invite, &blinded) {
            Ok(new) => new,
            Err(refusal) => return *refusal,
        };
        let Gate::Invited { issuer, .. } = &self.gate else {
            return Response::Refused(Reject::NotYours);
        };
        let Ok(evaluation) = issuer.evaluate(&blinded) else {
            return Response::Refused(Reject::Malformed);
        };
        if new {
            records.push(Record::Issued { invite, blinded });
            self.issued.insert(invite, blinded);
        }
        Response::Issued(Box::new(evaluation))
    }

    /// Whether the invite is used for the first time.
    fn check_issue(
        &self,
        now: Time,
        invite: &Hash,
        blinded: &Blinded,
    ) -> Result<bool, Box<Response>> {
        let refused = |reject| Box::new(Response::Refused(reject));
        let (Gate::Invited { invites, .. }, Some(issue)) =
            (&self.gate, self.transcript.plan().issue)
        else {
            return Err(refused(Reject::NotYours));
        };
        if let Some(before) = self.issued.get(invite) {
            return if before == blinded { Ok(false) } else { Err(refused(Reject::InviteUsed)) };
        }
        let Some(expires) = invites.get(invite) else { return Err(refused(Reject::Invite)) };
        if now >= issue.closes || self.is_stillborn(now) {
            return Err(refused(Reject::IssueClosed));
        }
        if now >= *expires {
            return Err(refused(Reject::InviteExpired { at: *expires }));
        }
        if !self.transcript.has_begun() {
            return Err(Box::new(self.later(now, Time::default())));
        }
        Ok(true)
    }

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
        let opens = self.transcript.plan().enrolment_opens;
        if now < opens {
            return Err(Box::new(self.later(now, opens)));
        }
        if enrolment.token.len() > TOKEN_BYTES_MAX {
            return Err(refused(Reject::Token));
        }
        if manifest.is_private() && enrolment.verify(manifest.campaign()).is_err() {
            return Err(refused(Reject::Signature));
        }
        if let Gate::Invited { issuer, .. } = &self.gate {
            let input = token_input(manifest.campaign(), &enrolment.reporter);
            if !issuer.verify(&input, enrolment.token.as_slice()) {
                return Err(refused(Reject::Token));
            }
        }
        if self.enrolments.len() >= ENROLMENTS_MAX {
            return Err(refused(Reject::Full));
        }
        Ok(true)
    }

    pub(super) fn keep_enrolment(&mut self, enrolment: Enrolment) {
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
