//! What an answer changes. Each arm first asks whether this is what was asked, then verifies, then acts.

use super::{
    Effects, Measurer, Participant,
    light::{self, Alarm, Counted, Document},
    pace::Task,
    state::{Own, Record, Track},
};
use crate::{
    campaign::Manifest,
    ids::{AggregationId, ReportId},
    keys::token::{Evaluation, Unproven},
    messages::{Inclusion, Reject, Response},
    report::Receipt,
    roles::Time,
    transcript::{AbortReason, Endorsed, Post},
};
use std::sync::Arc;

impl<M: Measurer> Participant<M> {
    /// Takes an answer; `false` if it is none to what was asked, and nothing has changed.
    pub(super) fn answer(&mut self, now: Time, response: Response, effects: &mut Effects) -> bool {
        let Some(task) = self.pacer.pending() else { return false };
        let taken = match response {
            Response::Later(until) => {
                self.pacer.answered(now, until);
                return true;
            }
            Response::Refused(reject) => {
                if self.pacer.is_ambiguous(now) {
                    return false;
                }
                self.pacer.refused(now);
                self.refused(task, reject);
                return true;
            }
            Response::Campaign { manifest, endorsed } => {
                task == Task::Campaign && self.campaign(&manifest, &endorsed, effects)
            }
            Response::Issued(evaluation) => {
                task == Task::Issue && self.issued(&evaluation, effects)
            }
            Response::Enrolled(key) => {
                let own = task == Task::Enrol && key == self.signing.public();
                if own {
                    self.commit(Record::Enrolled, effects);
                }
                own
            }
            Response::Opening(endorsed) => self.opened(task, &endorsed, effects),
            Response::Receipt { aggregation, receipt } => {
                task == Task::Report(aggregation) && self.received(aggregation, receipt, effects)
            }
            Response::Withdrawn { aggregation, id } => {
                task == Task::Withdraw(aggregation) && self.withdrawn(aggregation, id, effects)
            }
            Response::Outcome { endorsed, inclusion } => {
                self.concluded(task, &endorsed, inclusion.as_ref(), effects)
            }
            Response::Aborted { aggregation, reason } => {
                let own = task.aggregation() == Some(aggregation);
                if own {
                    self.aborted(aggregation, reason, effects);
                }
                own
            }
            Response::Entries { .. }
            | Response::Waiting { .. }
            | Response::Posted(_)
            | Response::Frozen { .. }
            | Response::Verdicts { .. } => false,
        };
        if taken {
            self.pacer.answered(now, now);
        }
        taken
    }

    fn issued(&mut self, evaluation: &Evaluation, effects: &mut Effects) -> bool {
        let Some(issue) = self.manifest().and_then(|manifest| manifest.issue) else { return false };
        match self.blinding().finish(evaluation, &issue.key) {
            Ok(token) => self.commit(Record::Issued(token), effects),
            Err(Unproven) => self.alarm(Alarm::Issuer, effects),
        }
        true
    }

    fn alarm(&mut self, alarm: Alarm, effects: &mut Effects) {
        self.outgoing.clear();
        self.commit(Record::Alarm(alarm), effects);
    }

    fn campaign(
        &mut self,
        manifest: &Arc<Manifest>,
        endorsed: &Endorsed,
        effects: &mut Effects,
    ) -> bool {
        let (expected, held) = (self.configuration.campaign, self.configuration.checked.as_ref());
        let checked = match light::campaign(manifest, endorsed, expected, held) {
            Ok(checked) => checked,
            Err(alarm) => {
                self.alarm(alarm, effects);
                return true;
            }
        };
        let super::Configuration { limits, role, known, spent, .. } = &self.configuration;
        self.refusal = limits.check(&checked, *role, *known, *spent).err();
        self.fetched = true;
        let entry = endorsed.hash();
        match &self.state.manifest {
            Some((known, _)) if *known == entry => {}
            Some(_) => {
                self.alarm(Alarm::Equivocation { document: Document::Manifest }, effects);
            }
            None => {
                self.state.join(entry, checked);
                let record = Record::Campaign { manifest: Arc::clone(manifest), entry };
                effects.push(super::Effect::Persist(record));
            }
        }
        true
    }

    fn opened(&mut self, task: Task, endorsed: &Endorsed, effects: &mut Effects) -> bool {
        let Post::Opening(claimed) = &endorsed.entry.signed.post else { return false };
        let id = claimed.aggregation;
        if task != Task::Opening(id) {
            return false;
        }
        let (Some(results), Some(manifest)) = (self.results_of(id), self.manifest()) else {
            return false;
        };
        let opening = match light::opening(manifest, id, endorsed, &results) {
            Ok(opening) => opening,
            Err(alarm) => {
                self.alarm(alarm, effects);
                return true;
            }
        };
        let entry = endorsed.hash();
        let before = self.state.tracks.get(&id).and_then(|track| track.opening.as_ref());
        match before {
            Some((before, _)) if *before != entry => {
                self.alarm(Alarm::Equivocation { document: Document::Opening(id) }, effects);
                return true;
            }
            Some(_) => {}
            None => {
                let opening = Box::new(opening.clone());
                self.commit(Record::Opened { entry, opening }, effects);
            }
        }
        self.prepare(opening, effects);
        true
    }

    fn received(&mut self, id: AggregationId, receipt: Receipt, effects: &mut Effects) -> bool {
        let (Some(manifest), Some(track)) = (self.manifest(), self.state.tracks.get(&id)) else {
            return false;
        };
        let (Some(context), Some(attempt)) = (track.context(), track.attempt()) else {
            return false;
        };
        let (key, private) = (manifest.organiser.key, manifest.is_private());
        let forged = private && receipt.verify(&key, &context).is_err();
        if forged || receipt.leaf != attempt.leaf {
            let earlier = track.attempts.iter().any(|of| of.leaf == receipt.leaf);
            if earlier && !forged {
                // Of a report that was taken back since.
                return false;
            }
            self.alarm(Alarm::Receipt { aggregation: id }, effects);
            return true;
        }
        self.outgoing.remove(&id);
        self.commit(Record::Received { aggregation: id, receipt }, effects);
        true
    }

    fn withdrawn(&mut self, id: AggregationId, report: ReportId, effects: &mut Effects) -> bool {
        let attempt = self.state.tracks.get(&id).and_then(Track::attempt);
        let own = attempt.is_some_and(|attempt| attempt.id == report);
        if own {
            self.commit(Record::Withdrawn(id), effects);
        }
        own
    }

    fn concluded(
        &mut self,
        task: Task,
        endorsed: &Endorsed,
        inclusion: Option<&Inclusion>,
        effects: &mut Effects,
    ) -> bool {
        let Post::Outcome(claimed) = &endorsed.entry.signed.post else { return false };
        let id = claimed.aggregation;
        if task != Task::Outcome(id) {
            return false;
        }
        match self.judge(id, endorsed, inclusion) {
            Ok(record) => self.commit(record, effects),
            Err(alarm) => self.alarm(alarm, effects),
        }
        true
    }

    /// Verifies an outcome, and that it keeps what was promised about the own report.
    fn judge(
        &self,
        id: AggregationId,
        endorsed: &Endorsed,
        inclusion: Option<&Inclusion>,
    ) -> Result<Record, Alarm> {
        let contradiction = Alarm::Contradiction { document: Document::Outcome(id) };
        let (Some(manifest), Some(track)) = (self.manifest(), self.state.tracks.get(&id)) else {
            return Err(contradiction);
        };
        let context = track.context();
        let outcome = light::outcome(manifest, id, endorsed, context.as_ref())?;
        let counted = track
            .attempt()
            .map_or(Counted::Absent, |attempt| light::counted(outcome, attempt.leaf, inclusion));
        let out = track.own == Own::Withdrawn;
        match counted {
            Counted::Absent if track.receipt.is_some() => {
                Err(Alarm::NotIncluded { aggregation: id })
            }
            Counted::Accepted | Counted::Rejected if out => {
                Err(Alarm::Withdrawn { aggregation: id })
            }
            Counted::Absent | Counted::Accepted | Counted::Rejected => {
                let outcome = Arc::clone(outcome);
                Ok(Record::Result { entry: endorsed.hash(), outcome, counted })
            }
        }
    }

    /// Ends an aggregation without a result, and by the one record all that depend on it. Nobody endorses an end
    /// without a result: nothing follows from it but that nothing more is sent here.
    fn aborted(&mut self, aggregation: AggregationId, reason: AbortReason, effects: &mut Effects) {
        let open = self.state.tracks.get(&aggregation).is_some_and(|track| track.end.is_none());
        if open {
            self.outgoing.remove(&aggregation);
            self.commit(Record::Aborted { aggregation, reason }, effects);
        }
    }

    fn refused(&mut self, task: Task, reject: Reject) {
        match task {
            // There will be none.
            Task::Campaign if reject == Reject::EnrolmentClosed => self.rejected = Some(reject),
            // Asked again, ever less often.
            Task::Campaign | Task::Outcome(_) => {}
            Task::Issue | Task::Enrol => self.rejected = Some(reject),
            Task::Opening(id) | Task::Report(id) => {
                let own = if reject == Reject::NotCollecting {
                    Own::Missed
                } else {
                    Own::Refused(reject)
                };
                self.settle(id, own);
            }
            Task::Withdraw(id) => {
                let attempt = self.state.tracks.get(&id).and_then(Track::attempt);
                if let Some(attempt) = attempt {
                    self.settle(id, Own::Kept(attempt.id, reject));
                }
            }
        }
    }
}
