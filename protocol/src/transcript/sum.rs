//! Rules of one aggregation, from its beginning to its outcome.

use super::{
    AbortReason, Author, Entry, FrozenLeaf, Opening, Outcome, Post, Rejection, Transcript,
    Violation, keyholder, merkle, organiser,
};
use crate::{
    aggregation::{AggregateResult, Aggregator, Context, ReleasedShare, Vdaf, noise},
    campaign::CheckedManifest,
    ids::{AggregationId, Blob, Hash, SeatSet},
    keys::{
        seat::{BeaconPart, Seat, SeatKey, VerifyKey, VerifyKeyPart},
        sign::Signature,
        vss::{KeyShare, ShareRoute},
    },
    selection::open_scores::OpenScore,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

mod evidence;
mod loss;
mod open;

pub(crate) use evidence::{exceeds_limit, fitting};

/// Everything public about one aggregation so far.
#[derive(Clone, Debug)]
pub struct Sum {
    id: AggregationId,
    begun: bool,
    beacon: BTreeMap<Seat, [u8; 32]>,
    opening: Option<(Hash, Opening)>,
    leaves: Option<Vec<FrozenLeaf>>,
    freeze: Option<(Hash, Hash)>,
    key_parts: BTreeMap<Seat, VerifyKeyPart>,
    rejections: Option<Vec<Rejection>>,
    scores: Option<Vec<OpenScore>>,
    accepted: Option<(Hash, Hash)>,
    commitments: BTreeMap<Aggregator, Hash>,
    shares: BTreeMap<Aggregator, Blob>,
    outcome: Option<(Hash, Arc<Outcome>)>,
    claims: BTreeMap<Seat, (SeatSet, Signature)>,
    lost: SeatSet,
    recovery: BTreeMap<(Seat, Seat), KeyShare>,
    recovered: BTreeMap<Seat, SeatKey>,
    aborted: Option<AbortReason>,
}

impl Sum {
    pub(super) const fn new(id: AggregationId) -> Self {
        Self {
            id,
            begun: false,
            beacon: BTreeMap::new(),
            opening: None,
            leaves: None,
            freeze: None,
            key_parts: BTreeMap::new(),
            rejections: None,
            scores: None,
            accepted: None,
            commitments: BTreeMap::new(),
            shares: BTreeMap::new(),
            outcome: None,
            claims: BTreeMap::new(),
            lost: SeatSet::EMPTY,
            recovery: BTreeMap::new(),
            recovered: BTreeMap::new(),
            aborted: None,
        }
    }

    /// Which aggregation.
    pub const fn id(&self) -> AggregationId {
        self.id
    }

    /// Whether the keyholders were asked for their parts of the public randomness.
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether a keyholder has revealed its part of the public randomness.
    pub fn has_beacon(&self, seat: Seat) -> bool {
        self.beacon.contains_key(&seat)
    }

    /// All parts of the public randomness so far, by seat.
    pub fn beacon(&self) -> Vec<(Seat, [u8; 32])> {
        self.beacon.iter().map(|(seat, part)| (*seat, *part)).collect()
    }

    /// The opening and its entry.
    pub fn opening(&self) -> Option<(&Hash, &Opening)> {
        self.opening.as_ref().map(|(entry, opening)| (entry, opening))
    }

    /// What shares are bound to.
    pub fn context(&self) -> Option<Context> {
        self.opening.as_ref().map(|(_, opening)| opening.context())
    }

    /// The reports of the freeze.
    pub fn leaves(&self) -> Option<&[FrozenLeaf]> {
        self.leaves.as_deref()
    }

    /// The freeze: its entry and its root.
    pub const fn freeze(&self) -> Option<(Hash, Hash)> {
        self.freeze
    }

    /// Whether a keyholder's part of the verify key is known.
    pub fn has_key_part(&self, seat: Seat) -> bool {
        self.key_parts.contains_key(&seat)
    }

    /// The verify key, once all its parts are known.
    pub fn verify_key(&self, seats: SeatSet) -> Option<VerifyKey> {
        let parts = seats.iter().map(|seat| self.key_parts.get(&seat).cloned());
        Some(VerifyKey::combine(&self.context()?.0, &parts.collect::<Option<Vec<_>>>()?))
    }

    /// The rejected reports, as far as they are posted; all of them once the accepted set stands.
    pub fn rejections(&self) -> Option<&[Rejection]> {
        self.rejections.as_deref()
    }

    /// The scores that were sent in the open, once they are closed.
    pub fn scores(&self) -> Option<&[OpenScore]> {
        self.scores.as_deref()
    }

    /// The accepted set: its entry and its root.
    pub const fn accepted(&self) -> Option<(Hash, Hash)> {
        self.accepted
    }

    /// How many reports are accepted, once the rejections stand.
    pub fn accepted_count(&self) -> Option<u32> {
        let left = self.leaves.as_ref()?.len() - self.rejections.as_ref()?.len();
        u32::try_from(left).ok()
    }

    /// The leaves that were not rejected, in order.
    pub fn accepted_leaves(&self) -> Option<Vec<Hash>> {
        let rejected: BTreeSet<u32> =
            self.rejections.as_ref()?.iter().map(|rejection| rejection.index).collect();
        let leaves = (0..).zip(self.leaves.as_ref()?);
        Some(leaves.filter(|(i, _)| !rejected.contains(i)).map(|(_, leaf)| leaf.leaf).collect())
    }

    /// Whether an aggregator has promised its share.
    pub fn has_commitment(&self, aggregator: Aggregator) -> bool {
        self.commitments.contains_key(&aggregator)
    }

    /// Whether all aggregators have promised their shares.
    pub fn all_committed(&self, seats: SeatSet) -> bool {
        aggregators(seats).all(|aggregator| self.has_commitment(aggregator))
    }

    /// Whether an aggregator has released its share.
    pub fn has_share(&self, aggregator: Aggregator) -> bool {
        self.shares.contains_key(&aggregator)
    }

    /// Whether everything is released.
    pub fn all_released(&self, seats: SeatSet) -> bool {
        aggregators(seats).all(|aggregator| self.has_share(aggregator))
    }

    /// The outcome and its entry.
    pub fn outcome(&self) -> Option<(&Hash, &Arc<Outcome>)> {
        self.outcome.as_ref().map(|(entry, outcome)| (entry, outcome))
    }

    /// The certified lost set.
    pub const fn lost(&self) -> SeatSet {
        self.lost
    }

    /// Whether a keyholder has claimed a loss.
    pub fn claim(&self, seat: Seat) -> Option<SeatSet> {
        self.claims.get(&seat).map(|(lost, _)| *lost)
    }

    /// All claims of losses so far.
    pub fn claims(&self) -> impl Iterator<Item = (Seat, SeatSet)> {
        self.claims.iter().map(|(seat, (lost, _))| (*seat, *lost))
    }

    /// Whether a keyholder has published its share of a lost seat's key.
    pub fn has_recovery_share(&self, lost: Seat, holder: Seat) -> bool {
        self.recovery.contains_key(&(lost, holder))
    }

    /// The key of a lost seat, once recovered: public from then on.
    pub fn recovered(&self, seat: Seat) -> Option<&SeatKey> {
        self.recovered.get(&seat)
    }

    /// Why it ended without a result, if it did.
    pub const fn aborted(&self) -> Option<AbortReason> {
        self.aborted
    }

    /// What the released shares add up to.
    ///
    /// # Errors
    /// [`Violation`] if one is missing or malformed.
    pub fn add_up(&self, vdaf: &Vdaf, seats: SeatSet) -> Result<AggregateResult, Violation> {
        let order = Violation::Order { needs: "the shares of all aggregators" };
        let accepted = self.accepted_count().ok_or_else(|| order.clone())?;
        let shares = aggregators(seats)
            .map(|aggregator| {
                let share = self.shares.get(&aggregator).ok_or_else(|| order.clone())?;
                vdaf.released_share(share.as_slice())
                    .map_err(|_| Violation::Contradiction { what: "a released share" })
            })
            .collect::<Result<Vec<ReleasedShare>, _>>()?;
        let fault = Violation::Contradiction { what: "the sum of the released shares" };
        vdaf.unshard(&shares, accepted).map_err(|_| fault)
    }
}

/// The leader and these helpers.
pub(crate) fn aggregators(seats: SeatSet) -> impl Iterator<Item = Aggregator> {
    std::iter::once(Aggregator::Leader).chain(seats.iter().map(Aggregator::Helper))
}

/// What the rules of one aggregation look up elsewhere.
#[expect(clippy::struct_excessive_bools, reason = "four endorsements, which are independent facts")]
struct Surroundings<'a> {
    manifest: &'a CheckedManifest,
    vdaf: Vdaf,
    /// Every part that must be released: T + 1.
    seats: SeatSet,
    live: SeatSet,
    opening_endorsed: bool,
    freeze_endorsed: bool,
    accepted_endorsed: bool,
    outcome_endorsed: bool,
    /// Results that it depends on.
    earlier: BTreeMap<AggregationId, AggregateResult>,
}

impl Transcript {
    pub(super) fn apply_to_sum(
        &mut self,
        id: AggregationId,
        entry: &Entry,
        hash: Hash,
    ) -> Result<(), Violation> {
        let sum = self.sum(id).ok_or(Violation::Order { needs: "an aggregation of the plan" })?;
        if self.roster.is_none() {
            return Err(Violation::Order { needs: "the roster" });
        }
        if sum.aborted.is_some() {
            return Err(Violation::Order { needs: "an aggregation that was not aborted" });
        }
        let mut sum = std::mem::replace(
            self.sums.get_mut(id.index()).expect("`sum` above has found it"),
            Sum::new(id),
        );
        let verdict = self.judge(&mut sum, entry, hash);
        if let Some(place) = self.sums.get_mut(id.index()) {
            *place = sum;
        }
        if verdict? {
            self.offer(hash, entry, Some(id));
        }
        Ok(())
    }

    /// Applies a post to `sum`; `true` if keyholders are to endorse it. On an error `sum` is unchanged.
    fn judge(&self, sum: &mut Sum, entry: &Entry, hash: Hash) -> Result<bool, Violation> {
        let (_, manifest) =
            self.manifest.as_ref().ok_or(Violation::Order { needs: "the manifest" })?;
        let endorsed = |entry: Option<Hash>| {
            entry.and_then(|entry| self.endorsable.get(&entry)).is_some_and(|endorsable| {
                let by: SeatSet = endorsable.by.keys().copied().collect();
                self.plan.all_seats().without(sum.lost).is_within(by)
            })
        };
        let around = Surroundings {
            manifest,
            vdaf: self.plan.vdaf(sum.id).expect("the plan was checked by building it"),
            seats: self.plan.all_seats(),
            live: self.plan.all_seats().without(sum.lost),
            opening_endorsed: endorsed(sum.opening.as_ref().map(|(entry, _)| *entry)),
            freeze_endorsed: endorsed(sum.freeze.map(|(entry, _)| entry)),
            accepted_endorsed: endorsed(sum.accepted.map(|(entry, _)| entry)),
            outcome_endorsed: endorsed(sum.outcome.as_ref().map(|(entry, _)| *entry)),
            earlier: self.earlier(sum.id),
        };
        let author = entry.signed.author;
        if let Author::Keyholder(seat) = author
            && !around.live.contains(seat)
        {
            return Err(Violation::Author { author });
        }
        self.check_mode(sum.id, &entry.signed.post)?;
        match &entry.signed.post {
            Post::Begin(_) => self.begin(sum, author)?,
            Post::Beacon { part, .. } => sum.beacon_part(&around, keyholder(author)?, *part)?,
            Post::Opening(opening) => self.open(sum, &around, author, opening, hash)?,
            Post::Leaves { leaves, .. } => self.list(sum, &around, author, leaves)?,
            Post::Freeze { root, count, .. } => sum.freeze_at(author, *root, *count, hash)?,
            Post::VerifyKeyPart { part, .. } => sum.key_part(&around, keyholder(author)?, *part)?,
            Post::Rejections { rejections, .. } => sum.reject(&around, author, rejections)?,
            Post::Accepted { root, count, .. } => sum.accept(author, *root, *count, hash)?,
            Post::ShareCommitment { aggregator, commitment, .. } => {
                sum.commit(&around, author, *aggregator, *commitment)?;
            }
            Post::Share { aggregator, share, salt, .. } => {
                sum.release(&around, author, *aggregator, share, salt)?;
            }
            Post::Outcome(outcome) => sum.conclude(&around, author, outcome, hash)?,
            Post::Loss { lost, .. } => {
                sum.claim_loss(&around, keyholder(author)?, *lost, entry.signed.signature)?;
            }
            Post::RecoveryShare { lost, value, .. } => {
                sum.recovery_share(&around, keyholder(author)?, *lost, value)?;
            }
            Post::Abort { reason, .. } => sum.abort(&around, author, *reason)?,
            Post::Scores { scores, .. } => self.list_scores(sum, &around, author, scores)?,
            Post::Plan(_)
            | Post::Keys(_)
            | Post::Deal(_)
            | Post::Complaint { .. }
            | Post::Manifest(_)
            | Post::Roster(_)
            | Post::Endorse { .. } => return Err(Violation::Author { author }),
        }
        Ok(matches!(
            entry.signed.post,
            Post::Opening(_) | Post::Freeze { .. } | Post::Accepted { .. } | Post::Outcome(_)
        ))
    }

    fn begin(&self, sum: &mut Sum, author: Author) -> Result<(), Violation> {
        organiser(author)?;
        if sum.begun {
            return Err(Violation::Repeated { author });
        }
        self.results_of(sum.id).ok_or(Violation::Order { needs: "the outcomes it depends on" })?;
        if self.too_many_members(sum.id).is_some() {
            return Err(Violation::Order { needs: "fewer than 12 members, as scores are open" });
        }
        sum.begun = true;
        Ok(())
    }

    /// The endorsed outcomes that an aggregation depends on, in the plan's order, once all stand.
    pub fn results_of(&self, id: AggregationId) -> Option<Vec<Hash>> {
        let on = &self.plan.aggregation(id)?.depends_on;
        on.iter()
            .map(|on| {
                let (entry, _) = self.sum(*on)?.outcome()?;
                self.is_endorsed(entry).then_some(*entry)
            })
            .collect()
    }

    /// What an aggregation has given, once its outcome stands.
    pub fn opened(&self, id: AggregationId) -> Option<AggregateResult> {
        let (_, outcome) = self.sum(id)?.outcome()?;
        self.plan.vdaf(id)?.result(outcome.values.clone(), outcome.accepted).ok()
    }

    fn earlier(&self, id: AggregationId) -> BTreeMap<AggregationId, AggregateResult> {
        let on = self.plan.aggregation(id).map_or(&[][..], |of| &of.depends_on);
        on.iter().filter_map(|on| Some((*on, self.opened(*on)?))).collect()
    }

    /// The outcome that follows from the released shares of an aggregation.
    ///
    /// # Errors
    /// [`Violation`] if something is missing or the shares do not add up to a possible sum.
    ///
    /// # Panics
    /// Never: the plan was checked by building its circuits.
    pub fn derive_outcome(&self, id: AggregationId) -> Result<Outcome, Violation> {
        let needs = "the manifest";
        let (_, manifest) = self.manifest.as_ref().ok_or(Violation::Order { needs })?;
        let sum = self.sum(id).ok_or(Violation::Order { needs: "an aggregation of the plan" })?;
        let vdaf = self.plan.vdaf(id).expect("the plan was checked by building it");
        sum.derive_outcome(manifest, &vdaf, &self.earlier(id))
    }

    fn open(
        &self,
        sum: &mut Sum,
        around: &Surroundings<'_>,
        author: Author,
        opening: &Opening,
        hash: Hash,
    ) -> Result<(), Violation> {
        organiser(author)?;
        if sum.opening.is_some() {
            return Err(Violation::Repeated { author });
        }
        let all = around.live.iter().all(|seat| sum.has_beacon(seat));
        if !sum.begun || !all {
            return Err(Violation::Order { needs: "the public randomness of all live keyholders" });
        }
        let expected = Opening {
            aggregation: sum.id,
            campaign: around.manifest.campaign(),
            results: self.results_of(sum.id).unwrap_or_default(),
            beacon: sum.beacon(),
            closes: self.plan.aggregation(sum.id).map(|of| of.closes).unwrap_or_default(),
        };
        if *opening != expected {
            return Err(Violation::Contradiction { what: "the opening" });
        }
        sum.opening = Some((hash, expected));
        Ok(())
    }

    fn list(
        &self,
        sum: &mut Sum,
        around: &Surroundings<'_>,
        author: Author,
        leaves: &[FrozenLeaf],
    ) -> Result<(), Violation> {
        organiser(author)?;
        if sum.leaves.is_some() {
            return Err(Violation::Repeated { author });
        }
        if !around.opening_endorsed {
            return Err(Violation::Order { needs: "an opening that all live keyholders endorse" });
        }
        let aggregation =
            self.plan.aggregation(sum.id).expect("the sum is one of the plan's aggregations");
        let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        if count < self.plan.cohort_min || count > aggregation.reporters_max {
            return Err(Violation::Contradiction { what: "the number of reports" });
        }
        let ascending = leaves.is_sorted_by(|left, right| left.id < right.id);
        let reporters: BTreeSet<_> = leaves.iter().map(|leaf| leaf.reporter).collect();
        if !ascending || reporters.len() != leaves.len() {
            return Err(Violation::Contradiction { what: "a report that counts twice" });
        }
        let invited = |leaf: &FrozenLeaf| {
            let role = self.roster.as_ref().and_then(|roster| roster.get(&leaf.reporter));
            role.is_some_and(|role| aggregation.kind.concerns(*role))
        };
        if !leaves.iter().all(invited) {
            return Err(Violation::Contradiction { what: "a report of somebody not concerned" });
        }
        sum.leaves = Some(leaves.to_vec());
        Ok(())
    }
}

impl Sum {
    fn beacon_part(
        &mut self,
        around: &Surroundings<'_>,
        seat: Seat,
        part: [u8; 32],
    ) -> Result<(), Violation> {
        if self.has_beacon(seat) {
            return Err(Violation::Repeated { author: Author::Keyholder(seat) });
        }
        if !self.begun || self.opening.is_some() {
            return Err(Violation::Order { needs: "an aggregation that has begun and not opened" });
        }
        let promise = around.manifest.seat_aggregation(seat, self.id);
        let kept =
            promise.is_some_and(|of| BeaconPart::from_bytes(part).commitment() == of.beacon_part);
        if !kept {
            return Err(Violation::Contradiction { what: "a part of the public randomness" });
        }
        self.beacon.insert(seat, part);
        Ok(())
    }

    fn freeze_at(
        &mut self,
        author: Author,
        root: Hash,
        count: u32,
        hash: Hash,
    ) -> Result<(), Violation> {
        organiser(author)?;
        if self.freeze.is_some() {
            return Err(Violation::Repeated { author });
        }
        let leaves =
            self.leaves.as_ref().ok_or(Violation::Order { needs: "the list of leaves" })?;
        let leaves: Vec<Hash> = leaves.iter().map(|leaf| leaf.leaf).collect();
        if u32::try_from(leaves.len()) != Ok(count) || merkle::root(&leaves) != root {
            return Err(Violation::Contradiction { what: "the root of the freeze" });
        }
        self.freeze = Some((hash, root));
        Ok(())
    }

    fn key_part(
        &mut self,
        around: &Surroundings<'_>,
        seat: Seat,
        part: [u8; 32],
    ) -> Result<(), Violation> {
        if self.has_key_part(seat) {
            return Err(Violation::Repeated { author: Author::Keyholder(seat) });
        }
        if !around.freeze_endorsed {
            return Err(Violation::Order { needs: "a freeze that all live keyholders endorse" });
        }
        let part = VerifyKeyPart::from_bytes(part);
        let promise = around.manifest.seat_aggregation(seat, self.id);
        if promise.is_none_or(|of| part.commitment() != of.verify_key_part) {
            return Err(Violation::Contradiction { what: "a part of the verify key" });
        }
        self.key_parts.insert(seat, part);
        Ok(())
    }

    fn accept(
        &mut self,
        author: Author,
        root: Hash,
        count: u32,
        hash: Hash,
    ) -> Result<(), Violation> {
        organiser(author)?;
        if self.accepted.is_some() {
            return Err(Violation::Repeated { author });
        }
        let leaves = self.accepted_leaves().ok_or(Violation::Order { needs: "the rejections" })?;
        if self.accepted_count() != Some(count) || merkle::root(&leaves) != root {
            return Err(Violation::Contradiction { what: "the root of the accepted set" });
        }
        self.accepted = Some((hash, root));
        Ok(())
    }

    fn commit(
        &mut self,
        around: &Surroundings<'_>,
        author: Author,
        aggregator: Aggregator,
        commitment: Hash,
    ) -> Result<(), Violation> {
        self.owns(author, aggregator)?;
        if self.has_commitment(aggregator) {
            return Err(Violation::Repeated { author });
        }
        if !around.accepted_endorsed {
            return Err(Violation::Order {
                needs: "an accepted set that all live keyholders endorse",
            });
        }
        self.commitments.insert(aggregator, commitment);
        Ok(())
    }

    fn release(
        &mut self,
        around: &Surroundings<'_>,
        author: Author,
        aggregator: Aggregator,
        share: &Blob,
        salt: &[u8; 32],
    ) -> Result<(), Violation> {
        self.owns(author, aggregator)?;
        if self.has_share(aggregator) {
            return Err(Violation::Repeated { author });
        }
        let needs = "the promises of all aggregators";
        let context = self.context().ok_or(Violation::Order { needs })?;
        if !self.all_committed(around.seats) {
            return Err(Violation::Order { needs });
        }
        let commitment = super::share_commitment(&context, aggregator, share, salt);
        let parses = around.vdaf.released_share(share.as_slice()).is_ok();
        if !parses || self.commitments.get(&aggregator) != Some(&commitment) {
            return Err(Violation::Contradiction { what: "a released share" });
        }
        self.shares.insert(aggregator, share.clone());
        Ok(())
    }

    /// Keyholders release for themselves; the organiser for the leader and for recovered seats.
    fn owns(&self, author: Author, aggregator: Aggregator) -> Result<(), Violation> {
        let owns = match (author, aggregator) {
            (Author::Organiser, Aggregator::Leader) => true,
            (Author::Organiser, Aggregator::Helper(seat)) => self.recovered.contains_key(&seat),
            (Author::Keyholder(own), Aggregator::Helper(seat)) => own == seat,
            (Author::Keyholder(_), Aggregator::Leader) => false,
        };
        if owns { Ok(()) } else { Err(Violation::Author { author }) }
    }

    fn derive_outcome(
        &self,
        manifest: &CheckedManifest,
        vdaf: &Vdaf,
        earlier: &BTreeMap<AggregationId, AggregateResult>,
    ) -> Result<Outcome, Violation> {
        if manifest.has_open_scores(self.id) {
            return self.ranked(manifest);
        }
        let needs = "the shares of all aggregators";
        let sum = self.add_up(vdaf, manifest.all_seats())?;
        let noise = manifest.aggregation(self.id).and_then(|of| of.noise);
        if !noise::is_plausible(&sum, noise, manifest.seats()) {
            return Err(Violation::Contradiction { what: "a sum that no honest shares add up to" });
        }
        let undecidable = |_| Violation::Contradiction { what: "a sum that decides nothing" };
        let decision = manifest.decide(self.id, &sum, earlier).map_err(undecidable)?;
        let (_, frozen_root) = self.freeze.ok_or(Violation::Order { needs })?;
        let (_, accepted_root) = self.accepted.ok_or(Violation::Order { needs })?;
        let context = self.context().ok_or(Violation::Order { needs })?;
        let frozen = self.leaves.as_ref().map_or(0, Vec::len);
        Ok(Outcome {
            aggregation: self.id,
            context: Hash(context.0),
            seed: self.opening.as_ref().map_or([0; 32], |(_, opening)| opening.seed()),
            frozen_root,
            frozen: u32::try_from(frozen).unwrap_or(u32::MAX),
            accepted_root,
            accepted: sum.reporters(),
            values: sum.values(),
            decision,
        })
    }

    fn conclude(
        &mut self,
        around: &Surroundings<'_>,
        author: Author,
        outcome: &Arc<Outcome>,
        hash: Hash,
    ) -> Result<(), Violation> {
        organiser(author)?;
        if self.outcome.is_some() {
            return Err(Violation::Repeated { author });
        }
        if **outcome != self.derive_outcome(around.manifest, &around.vdaf, &around.earlier)? {
            return Err(Violation::Contradiction { what: "the outcome" });
        }
        self.outcome = Some((hash, Arc::clone(outcome)));
        Ok(())
    }

    fn abort(
        &mut self,
        around: &Surroundings<'_>,
        author: Author,
        reason: AbortReason,
    ) -> Result<(), Violation> {
        organiser(author)?;
        let complete = self.scores.is_some() || self.all_released(around.seats);
        let opened =
            complete && self.derive_outcome(around.manifest, &around.vdaf, &around.earlier).is_ok();
        if opened {
            return Err(Violation::Order { needs: "an aggregation that was not opened" });
        }
        self.aborted = Some(reason);
        Ok(())
    }
}
