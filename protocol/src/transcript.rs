//! The transcript: everything public about a campaign, in one hash-chained list, and the rules of what may
//! follow what.
//!
//! The coordinator appends; keyholders follow, check every entry by [`Transcript::apply`] and endorse some of
//! them by their hash, which binds the whole list so far: two keyholders that were shown different lists do not
//! both endorse, and nothing goes on. Coordinator, keyholders and offline verification share these rules.
//!
//! ```mermaid
//! stateDiagram-v2
//!   [*] --> Ceremony: Plan
//!   Ceremony --> Manifest: Keys, Deal of all seats
//!   Manifest --> Enrolled: endorsed by all, Roster
//!   Enrolled --> Beacon: Begin
//!   Beacon --> Opened: Opening, endorsed
//!   Opened --> Frozen: Leaves, Freeze, endorsed
//!   Frozen --> Keyed: VerifyKeyPart of all seats
//!   Keyed --> Accepted: Rejections, Accepted, endorsed
//!   Accepted --> Committed: ShareCommitment of all aggregators
//!   Committed --> Released: Share of all aggregators
//!   Released --> Done: Outcome, endorsed
//!   Opened --> Done: Scores, Outcome, endorsed (open scores)
//!   Beacon --> Aborted: Abort, from any state before Released
//! ```

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod ceremony;
mod endorsed;
pub mod file;
pub mod merkle;
mod post;
mod sum;

pub use endorsed::{Endorsed, EndorsementError};
pub use post::{
    AbortReason, Author, Deal, Entry, Evidence, FrozenLeaf, Opening, Outcome, Post, Rejection,
    SignedPost, share_commitment,
};
pub use sum::Sum;
pub(crate) use sum::{exceeds_limit, fitting};

use crate::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, CheckedPlan, ManifestError, PlanError, SeatKeys},
    ids::{AggregationId, Hash, SeatSet},
    keys::{
        seat::Seat,
        sign::{PublicKey, Signature},
    },
};
use std::collections::BTreeMap;
use thiserror::Error;

/// An entry that may not stand where it stands. Whoever appended it has broken the protocol; nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// It does not follow the last entry: a gap, or another list.
    #[error("the entry does not follow the last one: expected {expected}, got {got}")]
    Chain {
        /// The hash of the last entry.
        expected: Hash,
        /// What the entry names.
        got: Hash,
    },
    /// Its signature does not hold.
    #[error("the signature of {author} does not hold")]
    Signature {
        /// As claimed.
        author: Author,
    },
    /// Not this author's to post.
    #[error("{author} may not post this")]
    Author {
        /// Who did.
        author: Author,
    },
    /// Too early or too late.
    #[error("this may not be posted now: {needs}")]
    Order {
        /// What must be true first, or is already.
        needs: &'static str,
    },
    /// Posted before, in this or another form.
    #[error("{author} has posted this before")]
    Repeated {
        /// Who.
        author: Author,
    },
    /// Contradicts what was promised, or what everybody can compute.
    #[error("{what} contradicts what stands in the transcript")]
    Contradiction {
        /// What does.
        what: &'static str,
    },
    /// The plan itself.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The ceremony.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A lost set that cannot be.
    #[error("{lost} cannot be lost together; at most {max} others can")]
    Loss {
        /// As claimed.
        lost: SeatSet,
        /// T - t.
        max: u8,
    },
}

/// Who has endorsed an entry.
#[derive(Clone, Debug)]
struct Endorsable {
    aggregation: Option<AggregationId>,
    entry: Entry,
    by: BTreeMap<Seat, Signature>,
}

/// Everything that follows from the entries so far.
#[derive(Clone, Debug)]
pub struct Transcript {
    plan: CheckedPlan,
    head: Hash,
    len: u64,
    keys: BTreeMap<Seat, SeatKeys>,
    deals: BTreeMap<Seat, Deal>,
    complaint: Option<(Seat, Seat)>,
    manifest: Option<(Hash, CheckedManifest)>,
    roster: Option<BTreeMap<PublicKey, Role>>,
    endorsable: BTreeMap<Hash, Endorsable>,
    sums: Vec<Sum>,
}

impl Transcript {
    /// Starts with the first entry, which holds the plan; its id is not checked here.
    ///
    /// # Errors
    /// [`Violation`] if it is no plan, is not signed by its own organiser, or is no good.
    pub fn new(first: &Entry) -> Result<Self, Violation> {
        let expected = Hash([0; 32]);
        if first.previous != expected {
            return Err(Violation::Chain { expected, got: first.previous });
        }
        let (Author::Organiser, Post::Plan(plan)) = (first.signed.author, &first.signed.post)
        else {
            return Err(Violation::Order { needs: "a plan first" });
        };
        let plan = CheckedPlan::new(Clone::clone(plan))?;
        first
            .signed
            .verify(plan.id(), &plan.organiser.key)
            .map_err(|_| Violation::Signature { author: Author::Organiser })?;
        let sums = plan.enumerated().map(|(id, _)| Sum::new(id)).collect();
        Ok(Self {
            plan,
            head: first.hash(),
            len: 1,
            keys: BTreeMap::new(),
            deals: BTreeMap::new(),
            complaint: None,
            manifest: None,
            roster: None,
            endorsable: BTreeMap::new(),
            sums,
        })
    }

    /// Checks and takes the next entry.
    ///
    /// # Errors
    /// [`Violation`]; nothing is changed.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Violation> {
        if entry.previous != self.head {
            return Err(Violation::Chain { expected: self.head, got: entry.previous });
        }
        self.check_signature(&entry.signed)?;
        let hash = entry.hash();
        self.dispatch(entry, hash)?;
        self.head = hash;
        self.len += 1;
        Ok(())
    }

    /// Whether `signed` could be the next entry; what [`Transcript::apply`] would say.
    ///
    /// # Errors
    /// [`Violation`].
    pub fn follow(&mut self, signed: SignedPost) -> Result<Entry, Violation> {
        let entry = Entry { previous: self.head, signed };
        self.apply(&entry)?;
        Ok(entry)
    }

    fn check_signature(&self, signed: &SignedPost) -> Result<(), Violation> {
        let author = signed.author;
        let fault = Violation::Signature { author };
        let key = match (author, &signed.post) {
            (Author::Organiser, _) => self.plan.organiser.key,
            (Author::Keyholder(_), Post::Keys(keys)) => keys.identity,
            (Author::Keyholder(seat), _) => {
                self.keys.get(&seat).ok_or_else(|| fault.clone())?.identity
            }
        };
        signed.verify(self.plan.id(), &key).map_err(|_| fault)
    }

    fn dispatch(&mut self, entry: &Entry, hash: Hash) -> Result<(), Violation> {
        let author = entry.signed.author;
        match &entry.signed.post {
            Post::Plan(_) => Err(Violation::Repeated { author }),
            Post::Keys(keys) => self.apply_keys(keyholder(author)?, *keys),
            Post::Deal(deal) => self.apply_deal(keyholder(author)?, deal),
            Post::Complaint { dealer } => self.apply_complaint(keyholder(author)?, *dealer),
            Post::Manifest(id) => {
                organiser(author)?;
                self.apply_manifest(entry, hash, *id)
            }
            Post::Roster(roster) => {
                organiser(author)?;
                self.apply_roster(roster)
            }
            Post::Endorse { entry: target } => {
                self.apply_endorsement(keyholder(author)?, target, entry.signed.signature)
            }
            Post::Begin(id)
            | Post::Opening(Opening { aggregation: id, .. })
            | Post::Beacon { aggregation: id, .. }
            | Post::Leaves { aggregation: id, .. }
            | Post::Freeze { aggregation: id, .. }
            | Post::VerifyKeyPart { aggregation: id, .. }
            | Post::Rejections { aggregation: id, .. }
            | Post::Accepted { aggregation: id, .. }
            | Post::ShareCommitment { aggregation: id, .. }
            | Post::Share { aggregation: id, .. }
            | Post::Loss { aggregation: id, .. }
            | Post::RecoveryShare { aggregation: id, .. }
            | Post::Abort { aggregation: id, .. }
            | Post::Scores { aggregation: id, .. } => self.apply_to_sum(*id, entry, hash),
            Post::Outcome(outcome) => self.apply_to_sum(outcome.aggregation, entry, hash),
        }
    }

    fn apply_endorsement(
        &mut self,
        seat: Seat,
        target: &Hash,
        signature: Signature,
    ) -> Result<(), Violation> {
        let needs = "an entry that keyholders endorse";
        let endorsable = self.endorsable.get(target).ok_or(Violation::Order { needs })?;
        let author = Author::Keyholder(seat);
        if endorsable.by.contains_key(&seat) {
            return Err(Violation::Repeated { author });
        }
        if !self.live(endorsable.aggregation).contains(seat) {
            return Err(Violation::Author { author });
        }
        if let Some(endorsable) = self.endorsable.get_mut(target) {
            endorsable.by.insert(seat, signature);
        }
        Ok(())
    }

    /// Keyholders that are not certified as lost in this aggregation; all for `None`.
    pub fn live(&self, aggregation: Option<AggregationId>) -> SeatSet {
        let lost = aggregation.and_then(|id| self.sum(id)).map_or(SeatSet::EMPTY, Sum::lost);
        self.plan.all_seats().without(lost)
    }

    /// Whether all live keyholders have endorsed an entry.
    pub fn is_endorsed(&self, entry: &Hash) -> bool {
        self.endorsable.get(entry).is_some_and(|endorsable| {
            let by: SeatSet = endorsable.by.keys().copied().collect();
            self.live(endorsable.aggregation).is_within(by)
        })
    }

    /// Whether a keyholder has endorsed an entry.
    pub fn has_endorsed(&self, seat: Seat, entry: &Hash) -> bool {
        self.endorsable.get(entry).is_some_and(|endorsable| endorsable.by.contains_key(&seat))
    }

    /// An entry with everything that makes people believe it, once all live keyholders have endorsed it.
    pub fn endorsed(&self, entry: &Hash) -> Option<Endorsed> {
        if !self.is_endorsed(entry) {
            return None;
        }
        let endorsable = self.endorsable.get(entry)?;
        let sum = endorsable.aggregation.and_then(|id| self.sum(id));
        let lost = sum.map_or(SeatSet::EMPTY, Sum::lost);
        let live = self.live(endorsable.aggregation);
        let by = endorsable.by.iter().filter(|(seat, _)| live.contains(**seat));
        Some(Endorsed {
            entry: endorsable.entry.clone(),
            endorsements: by.map(|(seat, signature)| (*seat, *signature)).collect(),
            lost,
            losses: sum.map_or_else(Vec::new, Sum::certificate),
        })
    }

    /// The plan.
    pub const fn plan(&self) -> &CheckedPlan {
        &self.plan
    }

    /// The hash of the last entry.
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// How many entries there are.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Never: the plan is the first entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A keyholder's keys, once posted.
    pub fn seat_keys(&self, seat: Seat) -> Option<&SeatKeys> {
        self.keys.get(&seat)
    }

    /// What a keyholder has dealt.
    pub fn deal(&self, seat: Seat) -> Option<&Deal> {
        self.deals.get(&seat)
    }

    /// Who complained about whom, if anybody did: the campaign is over.
    pub const fn complaint(&self) -> Option<(Seat, Seat)> {
        self.complaint
    }

    /// The manifest and its entry, once posted.
    pub fn manifest(&self) -> Option<(&Hash, &CheckedManifest)> {
        self.manifest.as_ref().map(|(entry, manifest)| (entry, manifest))
    }

    /// Whether all keyholders have endorsed the manifest.
    pub fn has_begun(&self) -> bool {
        self.manifest.as_ref().is_some_and(|(entry, _)| self.is_endorsed(entry))
    }

    /// Everybody enrolled, once posted.
    pub const fn roster(&self) -> Option<&BTreeMap<PublicKey, Role>> {
        self.roster.as_ref()
    }

    /// One aggregation.
    pub fn sum(&self, id: AggregationId) -> Option<&Sum> {
        self.sums.get(id.index())
    }

    /// All aggregations, in the plan's order.
    pub fn sums(&self) -> &[Sum] {
        &self.sums
    }
}

fn keyholder(author: Author) -> Result<Seat, Violation> {
    match author {
        Author::Keyholder(seat) => Ok(seat),
        Author::Organiser => Err(Violation::Author { author }),
    }
}

fn organiser(author: Author) -> Result<(), Violation> {
    match author {
        Author::Organiser => Ok(()),
        Author::Keyholder(_) => Err(Violation::Author { author }),
    }
}
