//! What the organiser posts next, and when the machine must be called again.

use super::{Batch, Coordinator, Record};
use crate::{
    aggregation::Aggregator,
    campaign::CheckedManifest,
    ids::{AggregationId, Blob},
    keys::{Label, stream},
    roles::Time,
    selection::open_scores::OpenScore,
    transcript::{
        AbortReason, FrozenLeaf, Opening, Post, Rejection, Sum, exceeds_limit, fitting, merkle,
        share_commitment,
    },
};
use rand_core::Rng;
use std::sync::Arc;

/// Where an aggregation stands, named by what it awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its time, the roster, or results it depends on.
    Waiting,
    /// Parts of the public randomness.
    Beacon,
    /// Endorsements of the opening.
    Opening,
    /// Reports, until it closes.
    Collecting,
    /// Endorsements of the freeze.
    Freezing,
    /// The verify key, and the keyholders' verifier shares.
    Verifying,
    /// Endorsements of the accepted set.
    Accepting,
    /// The shares of all aggregators; nothing but the outcome where scores are open.
    Releasing,
    /// Endorsements of the outcome.
    Concluding,
    /// Nothing: it has a result.
    Done,
    /// Nothing: it has none.
    Aborted(AbortReason),
}

impl Phase {
    /// Whether nothing more happens.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Aborted(_))
    }

    /// Whether keyholders owe something.
    const fn awaits_keyholders(self) -> bool {
        match self {
            Self::Beacon
            | Self::Opening
            | Self::Freezing
            | Self::Verifying
            | Self::Accepting
            | Self::Releasing
            | Self::Concluding => true,
            Self::Waiting | Self::Collecting | Self::Done | Self::Aborted(_) => false,
        }
    }
}

/// An aggregation ends if its keyholders are silent for so many times their patience: losses that can be
/// certified and cured have been by then.
const PATIENCES: u64 = 4;

impl Coordinator {
    /// Where an aggregation stands; nothing if the plan has none such.
    pub fn phase(&self, id: AggregationId) -> Option<Phase> {
        let sum = self.transcript.sum(id)?;
        let endorsed = |entry| self.transcript.is_endorsed(entry);
        let either = |entry, before, after| if endorsed(entry) { after } else { before };
        Some(if let Some(reason) = sum.aborted() {
            Phase::Aborted(reason)
        } else if let Some((entry, _)) = sum.outcome() {
            either(entry, Phase::Concluding, Phase::Done)
        } else if let Some((entry, _)) = sum.accepted() {
            either(&entry, Phase::Accepting, Phase::Releasing)
        } else if let Some((entry, _)) = sum.freeze() {
            either(&entry, Phase::Freezing, Phase::Verifying)
        } else if sum.scores().is_some() {
            Phase::Releasing
        } else if sum.leaves().is_some() {
            Phase::Freezing
        } else if let Some((entry, _)) = sum.opening() {
            either(entry, Phase::Opening, Phase::Collecting)
        } else if sum.has_begun() {
            Phase::Beacon
        } else {
            Phase::Waiting
        })
    }

    /// Whether the campaign can never begin: somebody complained, or the keyholders were late.
    pub(super) fn is_stillborn(&self, now: Time) -> bool {
        let late = now >= self.transcript.plan().enrolment_closes;
        self.transcript.complaint().is_some() || late && !self.transcript.has_begun()
    }

    /// Whether an opened result lacks endorsements that will not come: it can neither stand nor be aborted.
    pub(super) fn is_stranded(&self, now: Time, id: AggregationId) -> bool {
        self.phase(id) == Some(Phase::Concluding) && self.is_silent(now, id)
    }

    fn silence_ends(&self, id: AggregationId) -> Time {
        let silence = self.transcript.plan().patience_millis.max(1).saturating_mul(PATIENCES);
        self.batch(id).map_or(Time::MAX, |batch| batch.since.after_millis(silence))
    }

    fn is_silent(&self, now: Time, id: AggregationId) -> bool {
        self.phase(id).is_some_and(Phase::awaits_keyholders) && now > self.silence_ends(id)
    }

    /// Posts and decides whatever is due. A post that the transcript refuses is not repeated in this call: the
    /// aggregation ends by silence.
    pub(super) fn advance(&mut self, now: Time, records: &mut Vec<Record>) {
        while let Some(post) = self.due_in_ceremony(now) {
            if self.publish(now, post, records).is_err() {
                break;
            }
        }
        if self.transcript.roster().is_none() {
            self.stillborn = self.is_stillborn(now);
            return;
        }
        let ids: Vec<_> = self.transcript.plan().enumerated().map(|(id, _)| id).collect();
        for id in ids {
            self.decide_chunks(now, id, records);
            while let Some(post) = self.due(now, id) {
                if self.publish(now, post, records).is_err() {
                    break;
                }
            }
        }
        self.forget_ended();
    }

    /// When [`super::Server::wake`] is due again: at the plan's times, and once in the time that silence is given.
    pub(super) fn next_wake(&self, now: Time) -> Time {
        if self.is_over() {
            return Time::MAX;
        }
        let plan = self.transcript.plan();
        let mut times = vec![plan.enrolment_closes];
        for (id, aggregation) in plan.enumerated() {
            if self.phase(id).is_some_and(Phase::is_end) {
                continue;
            }
            times.extend([aggregation.opens, aggregation.closes]);
            if self.transcript.roster().is_some() {
                times.push(self.silence_ends(id).after_millis(1));
                // Silence that begins after this call ends no earlier.
                let silence = plan.patience_millis.max(1).saturating_mul(PATIENCES);
                times.push(now.after_millis(silence));
            }
        }
        times.into_iter().filter(|time| *time > now).min().unwrap_or(Time::MAX)
    }

    pub(super) fn forget_ended(&mut self) {
        let ids: Vec<_> = self.transcript.plan().enumerated().map(|(id, _)| id).collect();
        for id in ids {
            let over = self.phase(id).is_some_and(Phase::is_end);
            if let Some(batch) = self.batch_mut(id)
                && over
            {
                batch.forget();
            }
        }
    }

    fn due_in_ceremony(&self, now: Time) -> Option<Post> {
        let transcript = &self.transcript;
        if transcript.manifest().is_none() {
            let manifest = CheckedManifest::new(transcript.assemble()?).ok()?;
            return Some(Post::Manifest(manifest.campaign()));
        }
        let closed = now >= transcript.plan().enrolment_closes;
        if !transcript.has_begun() || transcript.roster().is_some() || !closed {
            return None;
        }
        let roster = self.enrolments.values().map(|enrolment| (enrolment.reporter, enrolment.role));
        Some(Post::Roster(roster.collect()))
    }

    fn due(&mut self, now: Time, id: AggregationId) -> Option<Post> {
        if self.is_silent(now, id) && !self.is_stranded(now, id) {
            return Some(abort(id, AbortReason::KeyholdersLost));
        }
        match self.phase(id)? {
            Phase::Waiting => self.due_before(now, id),
            Phase::Beacon => self.due_opening(id),
            Phase::Collecting => self.due_at_close(now, id),
            Phase::Freezing => self.due_freeze(id),
            Phase::Verifying => self.due_verdict(id),
            Phase::Releasing => self.due_release(id),
            Phase::Opening
            | Phase::Accepting
            | Phase::Concluding
            | Phase::Done
            | Phase::Aborted(_) => None,
        }
    }

    fn due_before(&self, now: Time, id: AggregationId) -> Option<Post> {
        let aggregation = self.transcript.plan().aggregation(id)?;
        let fails = |on: &&AggregationId| {
            let aborted = matches!(self.phase(**on), Some(Phase::Aborted(_)));
            aborted || self.is_stranded(now, **on)
        };
        if let Some(on) = aggregation.depends_on.iter().find(fails) {
            return Some(abort(id, AbortReason::Dependency(*on)));
        }
        if now >= aggregation.closes {
            return Some(abort(id, AbortReason::TooFewReports { got: 0 }));
        }
        if let Some(got) = self.transcript.too_many_members(id) {
            return Some(abort(id, AbortReason::TooManyMembers { got }));
        }
        let ready = now >= aggregation.opens && self.transcript.results_of(id).is_some();
        ready.then_some(Post::Begin(id))
    }

    fn due_opening(&self, id: AggregationId) -> Option<Post> {
        let transcript = &self.transcript;
        let sum = transcript.sum(id)?;
        if !transcript.live(Some(id)).iter().all(|seat| sum.has_beacon(seat)) {
            return None;
        }
        let (_, manifest) = transcript.manifest()?;
        Some(Post::Opening(Opening {
            aggregation: id,
            campaign: manifest.campaign(),
            results: transcript.results_of(id)?,
            beacon: sum.beacon(),
            closes: manifest.aggregation(id)?.closes,
        }))
    }

    fn due_at_close(&self, now: Time, id: AggregationId) -> Option<Post> {
        let plan = self.transcript.plan();
        if now < plan.aggregation(id)?.closes {
            return None;
        }
        let batch = self.batch(id)?;
        if plan.has_open_scores(id) {
            let scores = batch.reports.values().filter_map(|report| OpenScore::of(report));
            return Some(Post::Scores { aggregation: id, scores: scores.collect() });
        }
        let got = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        if got < plan.cohort_min {
            return Some(abort(id, AbortReason::TooFewReports { got }));
        }
        let leaves = batch.reports.values().map(|report| {
            let body = &report.body;
            FrozenLeaf { id: body.id, reporter: body.reporter, leaf: report.leaf() }
        });
        Some(Post::Leaves { aggregation: id, leaves: leaves.collect() })
    }

    fn due_freeze(&self, id: AggregationId) -> Option<Post> {
        let sum = self.transcript.sum(id)?;
        if sum.freeze().is_some() {
            return None;
        }
        let leaves: Vec<_> = sum.leaves()?.iter().map(|leaf| leaf.leaf).collect();
        let count = u32::try_from(leaves.len()).ok()?;
        Some(Post::Freeze { aggregation: id, root: merkle::root(&leaves), count })
    }

    fn due_verdict(&self, id: AggregationId) -> Option<Post> {
        let sum = self.transcript.sum(id)?;
        let mut rejections = self.rejections(id)?;
        let posted = sum.rejections().map(<[Rejection]>::len);
        if posted == Some(rejections.len()) {
            let (root, count) = (merkle::root(&sum.accepted_leaves()?), sum.accepted_count()?);
            return Some(Post::Accepted { aggregation: id, root, count });
        }
        let (rejected, frozen) = (rejections.len(), sum.leaves()?.len());
        let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
        if exceeds_limit(rejected, frozen) {
            let (rejected, frozen) = (count(rejected), count(frozen));
            return Some(abort(id, AbortReason::TooManyRejected { rejected, frozen }));
        }
        let got = count(frozen.saturating_sub(rejected));
        if got < self.transcript.plan().cohort_min {
            return Some(abort(id, AbortReason::TooFewReports { got }));
        }
        let rest = rejections.split_off(posted.unwrap_or(0).min(rejected));
        Some(Post::Rejections { aggregation: id, rejections: fitting(rest) })
    }

    /// All rejections, once every report is decided.
    fn rejections(&self, id: AggregationId) -> Option<Vec<Rejection>> {
        let (transcript, batch) = (&self.transcript, self.batch(id)?);
        let sum = transcript.sum(id)?;
        sum.verify_key(transcript.plan().all_seats())?;
        if !transcript.plan().is_private() {
            return Some(self.clear_rejections(id));
        }
        let frozen = sum.leaves()?.len();
        let decided = batch.messages.values().map(Vec::len).sum::<usize>();
        (decided == frozen).then(|| batch.rejections.values().cloned().collect())
    }

    fn due_release(&mut self, id: AggregationId) -> Option<Post> {
        let seats = self.transcript.plan().all_seats();
        let sum = self.transcript.sum(id)?;
        if sum.scores().is_some() || sum.all_released(seats) {
            return Some(self.due_outcome(id));
        }
        let open = sum.all_committed(seats);
        let recovered = seats.iter().filter(|seat| sum.recovered(*seat).is_some());
        let mut own = std::iter::once(Aggregator::Leader).chain(recovered.map(Aggregator::Helper));
        let aggregator =
            own.find(|of| if open { !sum.has_share(*of) } else { !sum.has_commitment(*of) })?;
        let Some((share, salt)) = self.released(id, aggregator) else {
            // A recovered seat cannot replay what its keyholder has vouched for: nobody can add it up.
            return Some(abort(id, AbortReason::KeyholdersLost));
        };
        if open {
            return Some(Post::Share { aggregation: id, aggregator, share, salt });
        }
        let context = self.transcript.sum(id).and_then(Sum::context)?;
        let commitment = share_commitment(&context, aggregator, &share, &salt);
        Some(Post::ShareCommitment { aggregation: id, aggregator, commitment })
    }

    fn due_outcome(&self, id: AggregationId) -> Post {
        let derived = self.transcript.derive_outcome(id);
        derived.map_or_else(|_| abort(id, AbortReason::Implausible), |of| Post::Outcome(of.into()))
    }

    /// What an aggregator that is the coordinator's releases, and the salt of its promise: the same every time.
    fn released(&mut self, id: AggregationId, aggregator: Aggregator) -> Option<(Blob, [u8; 32])> {
        let context = self.transcript.sum(id)?.context()?;
        if !self.batch(id)?.released.contains_key(&aggregator) {
            let share = self.release(id, aggregator)?;
            self.batch_mut(id)?.released.insert(aggregator, share);
        }
        let share = self.batch(id)?.released.get(&aggregator)?.clone();
        let of = crate::codec::encode(&aggregator);
        let mut salt = [0; 32];
        stream(Label::ShareSalt, &self.secret, &[&context.0, &of]).fill_bytes(&mut salt);
        Some((share, salt))
    }

    /// The trees of freeze and accepted set, hashed once.
    pub(super) fn trees(&mut self, id: AggregationId) -> Option<Arc<super::batch::Trees>> {
        if self.batch(id)?.trees.is_none() {
            let sum = self.transcript.sum(id)?;
            let trees = super::batch::Trees {
                frozen: merkle::Tree::new(sum.leaves()?.iter().map(|leaf| leaf.leaf).collect()),
                accepted: merkle::Tree::new(sum.accepted_leaves()?),
            };
            self.batch_mut(id)?.trees = Some(Arc::new(trees));
        }
        self.batch(id)?.trees.clone()
    }
}

impl Batch {
    pub(super) fn report_at(&self, leaf: &FrozenLeaf) -> Option<&crate::report::Report> {
        self.reports.get(&leaf.id).map(|report| &**report)
    }
}

const fn abort(aggregation: AggregationId, reason: AbortReason) -> Post {
    Post::Abort { aggregation, reason }
}
