//! What stands in the transcript: posts, signed by their authors and chained into entries.

use crate::{
    aggregation::Aggregator,
    aggregation::noise::Role,
    campaign::{Decision, Plan, SeatAggregation, SeatKeys},
    codec,
    ids::{AggregationId, Blob, CampaignId, Hash, PlanId, ReportId, SeatSet},
    keys::{
        Label,
        seat::Seat,
        sign::{BadSignature, PublicKey, Signature, SigningKey},
    },
    report::ReportBody,
    roles::Time,
    selection::open_scores::OpenScore,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Who may post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Author {
    /// The coordinator, with the organiser's key.
    Organiser,
    /// A keyholder.
    Keyholder(Seat),
}

/// As people are told: keyholders are counted from 1.
impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organiser => f.write_str("the organiser"),
            Self::Keyholder(seat) => write!(f, "keyholder {}", seat.index() + 1),
        }
    }
}

/// One public act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Post {
    /// The first entry of every transcript.
    Plan(Box<Plan>),
    /// A keyholder's own keys.
    Keys(SeatKeys),
    /// A keyholder's keys for every aggregation, and their shares for the others.
    Deal(Deal),
    /// A keyholder did not get the share that a dealer has promised: the campaign ends before it began.
    Complaint {
        /// Who dealt it.
        dealer: Seat,
    },
    /// Plan and ceremony are complete and have this id. All keyholders endorse it.
    Manifest(CampaignId),
    /// Everybody enrolled, ascending by key. Closes enrolment.
    Roster(Vec<(PublicKey, Role)>),
    /// Asks the keyholders for their parts of an aggregation's public randomness.
    Begin(AggregationId),
    /// A keyholder's part of it.
    Beacon {
        /// Where.
        aggregation: AggregationId,
        /// As promised in the manifest.
        part: [u8; 32],
    },
    /// What reports of an aggregation are bound to. Endorsed.
    Opening(Opening),
    /// All reports of an aggregation, ascending by id.
    Leaves {
        /// Where.
        aggregation: AggregationId,
        /// One for each report.
        leaves: Vec<FrozenLeaf>,
    },
    /// No report enters or leaves any more. Endorsed.
    Freeze {
        /// Where.
        aggregation: AggregationId,
        /// Of the leaves.
        root: Hash,
        /// How many.
        count: u32,
    },
    /// A keyholder's part of the verify key.
    VerifyKeyPart {
        /// Where.
        aggregation: AggregationId,
        /// As promised in the manifest.
        part: [u8; 32],
    },
    /// Reports that do not count, and why; in several posts if one would be too long.
    Rejections {
        /// Where.
        aggregation: AggregationId,
        /// Ascending by index, also over all posts.
        rejections: Vec<Rejection>,
    },
    /// Which reports count. Endorsed.
    Accepted {
        /// Where.
        aggregation: AggregationId,
        /// Of the leaves that were not rejected.
        root: Hash,
        /// How many.
        count: u32,
    },
    /// The promise of a released share.
    ShareCommitment {
        /// Where.
        aggregation: AggregationId,
        /// Whose share: the author's own, or a recovered seat's by the organiser.
        aggregator: Aggregator,
        /// [`share_commitment`].
        commitment: Hash,
    },
    /// A released share.
    Share {
        /// Where.
        aggregation: AggregationId,
        /// Whose.
        aggregator: Aggregator,
        /// The share with its noise.
        share: Blob,
        /// What makes the promise unguessable.
        salt: [u8; 32],
    },
    /// What was opened, and what follows. Endorsed; people act on nothing else.
    Outcome(Arc<Outcome>),
    /// A keyholder has checked an entry, and with it all entries before.
    Endorse {
        /// The entry's hash.
        entry: Hash,
    },
    /// A keyholder has tried to reach others in vain. At most one for each aggregation.
    Loss {
        /// Where.
        aggregation: AggregationId,
        /// All that are lost.
        lost: SeatSet,
    },
    /// A keyholder's share of a lost seat's key.
    RecoveryShare {
        /// Where.
        aggregation: AggregationId,
        /// Whose key.
        lost: Seat,
        /// The share.
        value: [u8; 32],
    },
    /// An aggregation ends without a result.
    Abort {
        /// Which.
        aggregation: AggregationId,
        /// Why.
        reason: AbortReason,
    },
    /// All scores that were sent in the open, ascending by id.
    Scores {
        /// Where.
        aggregation: AggregationId,
        /// One for each candidate.
        scores: Vec<OpenScore>,
    },
}

/// What a keyholder deals in the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// For each aggregation of the plan.
    pub keys: Vec<SeatAggregation>,
    /// For each aggregation, the sealed shares for the other seats, in seat order; empty without recovery.
    pub shares: Vec<Vec<Blob>>,
}

/// What reports of one aggregation are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Which.
    pub aggregation: AggregationId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The entries of the outcomes it depends on, in the plan's order.
    pub results: Vec<Hash>,
    /// Public randomness: the parts that were revealed, by seat.
    pub beacon: Vec<(Seat, [u8; 32])>,
    /// When the reports are frozen, as planned.
    pub closes: Time,
}

impl Opening {
    /// `H("concert/v1", campaign id, aggregation, H(Opening))`.
    pub fn context(&self) -> crate::aggregation::Context {
        let opening = Hash::of(Label::Context, &[&codec::encode(self)]);
        let parts: [&[u8]; 3] = [&self.campaign.0, &self.aggregation.0.to_le_bytes(), &opening.0];
        crate::aggregation::Context(crate::keys::digest(Label::Context, &parts))
    }

    /// The seed of everything public that is random in this aggregation.
    pub fn seed(&self) -> [u8; 32] {
        let parts = codec::encode(&self.beacon);
        let aggregation = self.aggregation.0.to_le_bytes();
        crate::keys::digest(Label::Beacon, &[&self.campaign.0, &aggregation, &parts])
    }
}

/// One report in a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenLeaf {
    /// Its id.
    pub id: ReportId,
    /// Its reporter.
    pub reporter: PublicKey,
    /// The hash of the whole signed report.
    pub leaf: Hash,
}

/// One report that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Its place among the leaves.
    pub index: u32,
    /// Why.
    pub evidence: Evidence,
}

/// Why a report does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// An aggregator could not open or parse its share. Its own word: whoever endorses the accepted set has seen
    /// that it says so of its own share.
    Unusable(Aggregator),
    /// The proof does not hold; everybody can recompute that.
    Verification {
        /// What was signed; holds the public share.
        body: Box<ReportBody>,
        /// Of the body: both give the leaf.
        signature: Signature,
        /// Of all aggregators, the leader's first, then in seat order.
        verifier_shares: Vec<Blob>,
    },
}

/// What an aggregation has given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub aggregation: AggregationId,
    /// Its context, and hence its opening.
    pub context: Hash,
    /// The opening's public randomness: what cells, lottery and `random` scores are drawn from.
    pub seed: [u8; 32],
    /// Root of the freeze.
    pub frozen_root: Hash,
    /// Reports in the freeze.
    pub frozen: u32,
    /// Root of the accepted set.
    pub accepted_root: Hash,
    /// Reports in the sum.
    pub accepted: u32,
    /// The sum, as [`crate::aggregation::AggregateResult::values`].
    pub values: Vec<i64>,
    /// What follows from it.
    pub decision: Option<Decision>,
}

/// Why an aggregation ended without a result. Nothing was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbortReason {
    /// Fewer reports than the cohort.
    TooFewReports {
        /// Accepted or frozen.
        got: u32,
    },
    /// More were rejected than is allowed.
    TooManyRejected {
        /// Of them.
        rejected: u32,
        /// Among these.
        frozen: u32,
    },
    /// More keyholders are silent than can be lost.
    KeyholdersLost,
    /// The shares do not add up to a possible sum.
    Implausible,
    /// An aggregation it depends on has no result.
    Dependency(AggregationId),
    /// The organiser stopped it.
    Stopped,
    /// Scores are open, and there are enough members for a private sum.
    TooManyMembers {
        /// Enrolled.
        got: u32,
    },
}

/// A post with its author and signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedPost {
    /// Who.
    pub author: Author,
    /// What.
    pub post: Post,
    /// Over plan id, author and post.
    pub signature: Signature,
}

impl SignedPost {
    /// Signs a post. The same post gives the same bytes.
    pub fn new(plan: PlanId, author: Author, post: Post, key: &SigningKey) -> Self {
        let body = codec::encode(&(author, &post));
        let signature = key.sign(Label::Post, &[&plan.0, &body]);
        Self { author, post, signature }
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, plan: PlanId, key: &PublicKey) -> Result<(), BadSignature> {
        let body = codec::encode(&(self.author, &self.post));
        key.verify(Label::Post, &[&plan.0, &body], &self.signature)
    }
}

/// A signed post in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The hash of the entry before; all zero for the first.
    pub previous: Hash,
    /// What was posted.
    pub signed: SignedPost,
}

impl Entry {
    /// What the next entry and endorsements name: it binds the whole transcript so far.
    pub fn hash(&self) -> Hash {
        Hash::of(Label::Entry, &[&self.previous.0, &codec::encode(&self.signed)])
    }
}

/// The promise of a released share.
pub fn share_commitment(
    context: &crate::aggregation::Context,
    aggregator: Aggregator,
    share: &Blob,
    salt: &[u8; 32],
) -> Hash {
    let aggregator = codec::encode(&aggregator);
    Hash::of(Label::ShareCommitment, &[&context.0, &aggregator, share.as_slice(), salt])
}
