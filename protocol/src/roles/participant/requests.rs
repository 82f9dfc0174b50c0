//! What the machine asks for, and when; and how a report comes to be sent.

use super::{
    Admission, Configuration, Effects, Measurer, Participant, Phase,
    measure::{Fault, Press},
    pace::{Next, Task},
    state::{Own, Record, Track},
};
use crate::{
    aggregation::noise,
    ids::{AggregationId, Blob, Hash},
    messages::Request,
    report::{Enrolment, Report, Withdrawal},
    roles::{Effect, Time},
    transcript::Opening,
};
use std::{collections::BTreeSet, sync::Arc};

impl<M: Measurer> Participant<M> {
    /// Measures and makes the report that is due, or would be.
    pub(super) fn build(&mut self, opening: &Opening) -> Result<Option<Report>, Fault> {
        let (_, manifest) = self.state.manifest.as_ref().ok_or(Fault::Aggregation)?;
        let track = self.state.tracks.get(&opening.aggregation).ok_or(Fault::Aggregation)?;
        let key = &self.configuration.key;
        let press = Press { manifest, opening, key, signing: &self.signing };
        let outcomes = &self.state.outcomes;
        if manifest.has_open_scores(opening.aggregation) {
            let score = self.measurer.open_score(manifest, opening, outcomes)?;
            return Ok(score.map(|score| press.open(score, track.number())));
        }
        let measurement = self.measurer.measure(manifest, opening, outcomes)?;
        measurement.map(|measurement| press.report(&measurement, track.number())).transpose()
    }

    /// Measures, charges and prepares the report to an aggregation whose opening is verified.
    pub(super) fn prepare(&mut self, opening: &Opening, effects: &mut Effects) {
        let aggregation = opening.aggregation;
        let report = self.build(opening).and_then(|report| {
            if report.is_some() {
                self.charge(opening)?;
            }
            Ok(report)
        });
        match report {
            Ok(Some(report)) => {
                let (context, id, leaf) = (report.body.context, report.body.id, report.leaf());
                self.commit(Record::Prepared { aggregation, context, id, leaf }, effects);
                self.outgoing.insert(aggregation, Arc::new(report));
            }
            Ok(None) => self.settle(aggregation, Own::Nothing),
            Err(fault) => self.settle(aggregation, Own::Faulty(fault)),
        }
    }

    fn charge(&mut self, opening: &Opening) -> Result<(), Fault> {
        let planned = self.manifest().and_then(|of| of.aggregation(opening.aggregation));
        let planned = planned.ok_or(Fault::Aggregation)?;
        let Some(noise) = planned.noise else { return Ok(()) };
        let charge = noise
            .charge(&planned.circuit, planned.kind.purpose())
            .map_err(|_| Fault::Aggregation)?;
        let limits = noise::Limits::from_milli(self.configuration.limits.epsilon_max_milli);
        Ok(self.state.ledger.charge(opening.context().0, charge, limits)?)
    }

    /// Notes what was decided here and is decided alike after a restart.
    pub(super) fn settle(&mut self, aggregation: AggregationId, own: Own) {
        self.outgoing.remove(&aggregation);
        if let Some(track) = self.state.tracks.get_mut(&aggregation) {
            track.own = own;
        }
    }

    /// Asks for what is due, or says when something will be.
    pub(super) fn proceed(&mut self, now: Time, effects: &mut Effects) {
        loop {
            match self.pacer.next(now, &self.wanted(now)) {
                Next::Nothing => {
                    if let Phase::Admitted(moment) = self.phase() {
                        effects.push(Effect::Wake(moment));
                    }
                    return;
                }
                Next::WakeAt(time) => {
                    effects.push(Effect::Wake(time));
                    return;
                }
                Next::Ask(task, deadline) => match self.request(task) {
                    Ok(request) => {
                        effects.extend([Effect::Send(request), Effect::Wake(deadline)]);
                        return;
                    }
                    Err((aggregation, fault)) => {
                        self.pacer.forget(now);
                        self.settle(aggregation, Own::Faulty(fault));
                    }
                },
            }
        }
    }

    /// Everything that is to be asked at some time; what is due first is asked first.
    fn wanted(&self, now: Time) -> BTreeSet<Task> {
        let phase = self.phase();
        if phase.is_terminal() {
            return BTreeSet::new();
        }
        if !self.fetched {
            return BTreeSet::from([Task::Campaign]);
        }
        if phase == Phase::AwaitingConsent {
            return BTreeSet::new();
        }
        if !self.state.enrolled {
            let task = match phase {
                Phase::Admitting => Some(Task::Issue),
                Phase::Admitted(moment) if now < moment => None,
                Phase::Admitted(_) | Phase::Enrolling => Some(Task::Enrol),
                Phase::Joining
                | Phase::AwaitingConsent
                | Phase::Reporting
                | Phase::Done
                | Phase::Refused(_)
                | Phase::NotAdmitted(_)
                | Phase::Alarm(_) => None,
            };
            return task.into_iter().collect();
        }
        let tracks = self.state.tracks.iter().filter(|(_, track)| track.end.is_none());
        tracks.filter_map(|(id, track)| self.task(*id, track)).collect()
    }

    fn task(&self, id: AggregationId, track: &Track) -> Option<Task> {
        match &track.own {
            Own::Withdrawing(_) => Some(Task::Withdraw(id)),
            Own::Sending(_) => Some(Task::Report(id)),
            // Before the results it depends on are verified, an opening could not be checked.
            Own::Undecided => self.results_of(id).map(|_| Task::Opening(id)),
            Own::NotConcerned
            | Own::Nothing
            | Own::Received(_)
            | Own::Withdrawn
            | Own::Kept(..)
            | Own::Missed
            | Own::Refused(_)
            | Own::Faulty(_) => Some(Task::Outcome(id)),
        }
    }

    /// The entries of the outcomes an aggregation depends on, in the plan's order, once all are verified.
    pub(super) fn results_of(&self, id: AggregationId) -> Option<Vec<Hash>> {
        let on = &self.manifest()?.aggregation(id)?.depends_on;
        on.iter().map(|on| self.state.tracks.get(on)?.result()).collect()
    }

    fn request(&mut self, task: Task) -> Result<Request, (AggregationId, Fault)> {
        let Configuration { campaign, role, .. } = self.configuration;
        Ok(match task {
            Task::Campaign => Request::Campaign,
            Task::Issue => {
                let Admission::Invited(secret) = &self.configuration.admission else {
                    unreachable!("only who is invited asks for a token")
                };
                Request::Issue { secret: secret.clone(), blinded: self.blinding().blinded() }
            }
            Task::Enrol => {
                let token = self.state.token.as_ref().map_or(&[][..], |token| token.as_bytes());
                let token = Blob::from(token.to_vec());
                Request::Enrol(Box::new(Enrolment::new(campaign, &self.signing, role, token)))
            }
            Task::Opening(id) => Request::Opening(id),
            Task::Report(aggregation) => {
                let report = self.report(aggregation).map_err(|fault| (aggregation, fault))?;
                Request::Report { aggregation, report }
            }
            Task::Withdraw(id) => {
                let attempt = self.state.tracks.get(&id).and_then(Track::attempt);
                let attempt = attempt.ok_or((id, Fault::Aggregation))?;
                let withdrawal = Withdrawal::new(campaign, &self.signing, id, attempt.id);
                Request::Withdraw(Box::new(withdrawal))
            }
            Task::Outcome(aggregation) => {
                let attempt = self.state.tracks.get(&aggregation).and_then(Track::attempt);
                Request::Outcome { aggregation, report: attempt.map(|attempt| attempt.id) }
            }
        })
    }

    /// The report on its way; made again after a restart, and then the same to the byte.
    fn report(&mut self, aggregation: AggregationId) -> Result<Arc<Report>, Fault> {
        if let Some(report) = self.outgoing.get(&aggregation) {
            return Ok(Arc::clone(report));
        }
        let track = self.state.tracks.get(&aggregation).ok_or(Fault::Aggregation)?;
        let expected = track.attempt().ok_or(Fault::Aggregation)?.leaf;
        let (_, opening) = track.opening.clone().ok_or(Fault::Aggregation)?;
        let report = self.build(&opening)?;
        let got = report.as_ref().map_or(Hash([0; 32]), Report::leaf);
        match report {
            Some(report) if got == expected => {
                let report = Arc::new(report);
                self.outgoing.insert(aggregation, Arc::clone(&report));
                Ok(report)
            }
            Some(_) | None => Err(Fault::Changed { expected, got }),
        }
    }
}
