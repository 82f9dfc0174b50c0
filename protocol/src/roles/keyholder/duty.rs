//! What a keyholder owes next: a function of the transcript and of what it has checked.

use super::{Effects, Keyholder, Record, Slot, Time};
use crate::{
    aggregation::{Aggregator, noise::ShareNoise},
    ids::{AggregationId, Blob, Hash, SeatSet},
    keys::{Label, seat::Seat, stream},
    messages::Request,
    roles::Effect,
    transcript::{Post, Sum, Transcript, share_commitment},
};
use rand_core::Rng;

/// Whether nothing more will happen in an aggregation.
pub(super) fn has_ended(transcript: &Transcript, sum: &Sum) -> bool {
    sum.aborted().is_some() || sum.outcome().is_some_and(|(entry, _)| transcript.is_endorsed(entry))
}

/// Whom the others wait for, in seats; empty if they wait for the organiser or for reporters; nothing while
/// reports are verified: then only the coordinator knows.
fn awaited(transcript: &Transcript, sum: &Sum) -> Option<SeatSet> {
    if !sum.has_begun() || has_ended(transcript, sum) {
        return Some(SeatSet::EMPTY);
    }
    let all_keyed = sum.verify_key(transcript.plan().all_seats()).is_some();
    if all_keyed && sum.accepted().is_none() && transcript.plan().is_private() {
        return None;
    }
    Some(awaited_in_public(transcript, sum))
}

fn awaited_in_public(transcript: &Transcript, sum: &Sum) -> SeatSet {
    let live = transcript.live(Some(sum.id()));
    let without = |has: &dyn Fn(Seat) -> bool| live.iter().filter(|seat| !has(*seat)).collect();
    let unendorsed = |entry: &Hash| without(&|seat| transcript.has_endorsed(seat, entry));
    if let Some((entry, _)) = sum.outcome() {
        return unendorsed(entry);
    }
    if sum.all_committed(transcript.plan().all_seats()) {
        return without(&|seat| sum.has_share(Aggregator::Helper(seat)));
    }
    if let Some((entry, _)) = sum.accepted() {
        let missing: SeatSet = unendorsed(&entry);
        return if missing.is_empty() {
            without(&|seat| sum.has_commitment(Aggregator::Helper(seat)))
        } else {
            missing
        };
    }
    if let Some((entry, _)) = sum.freeze() {
        let missing: SeatSet = unendorsed(&entry);
        return if missing.is_empty() { without(&|seat| sum.has_key_part(seat)) } else { missing };
    }
    match sum.opening() {
        Some((entry, _)) => unendorsed(entry),
        None => without(&|seat| sum.has_beacon(seat)),
    }
}

impl Keyholder {
    /// The next request that is due, if any; signs what it holds.
    pub(super) fn due(&mut self, out: &mut Effects) -> Option<Request> {
        let transcript = self.transcript.take()?;
        let request = self.due_in(&transcript, out);
        self.transcript = Some(transcript);
        request
    }

    fn due_in(&mut self, transcript: &Transcript, out: &mut Effects) -> Option<Request> {
        self.settle(transcript.plan(), out);
        self.forget_root(out);
        if !transcript.has_begun() {
            let (slot, post) = self.ceremony_duty(transcript, out)?;
            return self.post(slot, post, out);
        }
        let seat = self.configuration.seat;
        for sum in transcript.sums() {
            let id = sum.id();
            if !sum.has_begun() || has_ended(transcript, sum) || sum.lost().contains(seat) {
                continue;
            }
            if let Some(lost) = self.lost.get(&id)
                && sum.claim(seat).is_none()
            {
                let post = Post::Loss { aggregation: id, lost: *lost };
                return self.post(Slot::Loss(id), post, out);
            }
            if let Some((slot, post)) = self.sum_duty(transcript, sum) {
                return self.post(slot, post, out);
            }
            if let Some(request) = self.verification_duty(transcript, sum) {
                return Some(request);
            }
        }
        None
    }

    fn post(&mut self, slot: Slot, post: Post, out: &mut Effects) -> Option<Request> {
        let signed = self.sign(slot, post, out)?;
        self.forget_root(out);
        Some(Request::Post(Box::new(signed)))
    }

    fn ceremony_duty(
        &mut self,
        transcript: &Transcript,
        out: &mut Effects,
    ) -> Option<(Slot, Post)> {
        let seat = self.configuration.seat;
        let seats = transcript.plan().all_seats();
        if transcript.complaint().is_some() {
            return None;
        }
        if transcript.seat_keys(seat).is_none() {
            return Some((Slot::Keys, self.keys()?));
        }
        if !seats.iter().all(|seat| transcript.seat_keys(seat).is_some()) {
            return None;
        }
        if transcript.deal(seat).is_none() {
            return Some((Slot::Deal, self.deal(transcript)?));
        }
        if !seats.iter().all(|seat| transcript.deal(seat).is_some()) {
            return None;
        }
        if let Err(dealer) = self.collect(transcript, out) {
            return Some((Slot::Complaint, Post::Complaint { dealer }));
        }
        let (entry, _) = transcript.manifest()?;
        if transcript.has_endorsed(seat, entry) || !self.check_own_keys(transcript) {
            return None;
        }
        Some((Slot::Manifest, Post::Endorse { entry: *entry }))
    }

    fn sum_duty(&self, transcript: &Transcript, sum: &Sum) -> Option<(Slot, Post)> {
        let (id, seat) = (sum.id(), self.configuration.seat);
        let key = self.secrets.as_ref()?.of(id)?.key()?;
        let own = |entry: &Hash| transcript.has_endorsed(seat, entry);
        let endorse = |entry: &Hash| Post::Endorse { entry: *entry };
        if let Some((entry, _)) = sum.outcome() {
            return (!own(entry)).then(|| (Slot::Outcome(id), endorse(entry)));
        }
        let frozen = sum.freeze().is_some_and(|(entry, _)| transcript.is_endorsed(&entry));
        if frozen && let Some(duty) = self.recovery_duty(sum) {
            return Some(duty);
        }
        if let Some((entry, _)) = sum.accepted() {
            if own(&entry) {
                return self.release_duty(transcript, sum);
            }
            return self.agrees(transcript, sum).then(|| (Slot::Accepted(id), endorse(&entry)));
        }
        if let Some((entry, _)) = sum.freeze() {
            if frozen && !sum.has_key_part(seat) {
                let part = key.verify_key_part().reveal();
                let post = Post::VerifyKeyPart { aggregation: id, part };
                return Some((Slot::VerifyKeyPart(id), post));
            }
            let ready = !own(&entry) && self.holds_all(transcript, sum);
            return ready.then(|| (Slot::Freeze(id), endorse(&entry)));
        }
        match sum.opening() {
            Some((entry, _)) => (!own(entry)).then(|| (Slot::Opening(id), endorse(entry))),
            None => (!sum.has_beacon(seat)).then(|| {
                let part = key.beacon_part().reveal();
                (Slot::Beacon(id), Post::Beacon { aggregation: id, part })
            }),
        }
    }

    /// Publishes its share of a lost seat's key, after the freeze.
    fn recovery_duty(&self, sum: &Sum) -> Option<(Slot, Post)> {
        let (id, seat) = (sum.id(), self.configuration.seat);
        let missing =
            |lost: &Seat| sum.recovered(*lost).is_none() && !sum.has_recovery_share(*lost, seat);
        let lost = sum.lost().iter().find(missing)?;
        let shares = &self.secrets.as_ref()?.of(id)?.shares;
        let value = (*shares.get(usize::from(lost.index()))?)?;
        let post = Post::RecoveryShare { aggregation: id, lost, value };
        Some((Slot::RecoveryShare(id, lost), post))
    }

    /// Promises its share, then releases it.
    fn release_duty(&self, transcript: &Transcript, sum: &Sum) -> Option<(Slot, Post)> {
        let (id, seat) = (sum.id(), self.configuration.seat);
        let own = Aggregator::Helper(seat);
        let (entry, _) = sum.accepted()?;
        let promised = sum.has_commitment(own);
        let open = promised && sum.all_committed(transcript.plan().all_seats());
        if sum.has_share(own) || !transcript.is_endorsed(&entry) || promised && !open {
            return None;
        }
        let (share, salt) = self.released(transcript, sum)?;
        if open {
            let post = Post::Share { aggregation: id, aggregator: own, share, salt };
            return Some((Slot::Share(id), post));
        }
        let commitment = share_commitment(&sum.context()?, own, &share, &salt);
        let post = Post::ShareCommitment { aggregation: id, aggregator: own, commitment };
        Some((Slot::ShareCommitment(id), post))
    }

    /// Its share with its noise. Both derive from the aggregation's secret and context: the same every time.
    fn released(&self, transcript: &Transcript, sum: &Sum) -> Option<(Blob, [u8; 32])> {
        let (plan, id) = (transcript.plan(), sum.id());
        let (vdaf, context) = (plan.vdaf(id)?, sum.context()?);
        let secret = &self.secrets.as_ref()?.of(id)?.noise;
        let noise = match plan.aggregation(id)?.noise {
            Some(noise) => {
                let mut rng = stream(Label::SeatNoise, secret, &[&context.0]);
                noise.sample(vdaf.circuit(), &mut rng).ok()?
            }
            None => ShareNoise::none(vdaf.circuit()),
        };
        let total = if plan.is_private() {
            self.verification.get(&id)?.sum()?.clone()
        } else {
            vdaf.aggregate_init()
        };
        let own = Aggregator::Helper(self.configuration.seat);
        let released = vdaf.release(&total, own, sum.accepted_count()?, &noise).ok()?;
        let mut salt = [0; 32];
        stream(Label::ShareSalt, secret, &[&context.0]).fill_bytes(&mut salt);
        Some((released.to_bytes().into(), salt))
    }

    /// Erases the secrets of aggregations that have ended.
    pub(super) fn forget(&mut self, out: &mut Effects) {
        let Some(transcript) = &self.transcript else { return };
        let ended: Vec<AggregationId> = transcript
            .sums()
            .iter()
            .filter(|sum| has_ended(transcript, sum))
            .map(Sum::id)
            .collect();
        let Some(secrets) = &mut self.secrets else { return };
        let mut erased = false;
        for id in ended {
            self.verification.remove(&id);
            self.waiting.remove(&id);
            erased |= secrets.erase(id);
        }
        if erased {
            out.push(Effect::Persist(Record::Secrets(Box::new(secrets.clone()))));
        }
    }

    /// Whether no secret of an ended aggregation is left.
    pub(super) fn is_clean(&self) -> bool {
        self.secrets.as_ref().is_none_or(|secrets| secrets.aggregations.iter().all(Option::is_none))
    }

    /// Notes for whom the coordinator says that verification waits.
    pub(super) fn note_waiting(&mut self, now: Time, id: AggregationId, seats: SeatSet) {
        let others = seats.without([self.configuration.seat].into_iter().collect());
        let since = self.waiting.entry(id).or_insert((others, now));
        if since.0 != others {
            *since = (others, now);
        }
    }

    /// Notes for whom each aggregation waits, and since when.
    pub(super) fn note_silence(&mut self, now: Time) {
        let Some(transcript) = &self.transcript else { return };
        // Whatever is new shows that somebody is there: patience begins again.
        for sum in transcript.sums() {
            if let Some(seats) = awaited(transcript, sum) {
                self.waiting.insert(sum.id(), (seats, now));
            }
        }
    }
}
