//! An entry with the keyholders' endorsements: what people act on without reading the whole transcript.

use super::post::{Author, Entry, Post, SignedPost};
use crate::{
    campaign::CheckedManifest,
    ids::{AggregationId, Hash, SeatSet},
    keys::{seat::Seat, sign::Signature},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An entry, the signatures of all live keyholders, and the certificates of those who are lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endorsed {
    /// The entry.
    pub entry: Entry,
    /// Of [`Post::Endorse`] posts of the entry's hash, ascending by seat.
    pub endorsements: Vec<(Seat, Signature)>,
    /// The lost set of the aggregation; empty if nobody is lost.
    pub lost: SeatSet,
    /// Of [`Post::Loss`] posts that name exactly this set, ascending by seat.
    pub losses: Vec<(Seat, Signature)>,
}

/// Why an endorsed entry is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EndorsementError {
    /// A signature does not hold, or its author may not sign this.
    #[error("a signature on the entry does not hold")]
    Signature,
    /// Not all live keyholders have endorsed it.
    #[error("not endorsed by {missing}")]
    Missing {
        /// Live seats without an endorsement.
        missing: SeatSet,
    },
    /// The lost set is too large, or not certified by enough others.
    #[error("{certifiers} keyholders certify the loss of {lost}; {expected} must")]
    Lost {
        /// As claimed.
        lost: SeatSet,
        /// How many others say so.
        certifiers: u32,
        /// t.
        expected: u8,
    },
}

impl Endorsed {
    /// Checks all signatures. `aggregation` is that of the entry; `None` for the manifest's.
    ///
    /// # Errors
    /// [`EndorsementError`].
    pub fn verify(
        &self,
        manifest: &CheckedManifest,
        aggregation: Option<AggregationId>,
    ) -> Result<&Post, EndorsementError> {
        let plan = manifest.plan_id();
        let signed = &self.entry.signed;
        // Without cryptography, signatures are counted and not checked.
        let holds = !manifest.is_private() || signed.verify(plan, &manifest.organiser.key).is_ok();
        if signed.author != Author::Organiser || !holds {
            return Err(EndorsementError::Signature);
        }
        if !self.lost.is_empty() {
            self.check_lost(manifest, aggregation)?;
        }
        let endorsement = Post::Endorse { entry: self.entry.hash() };
        let endorsers = signers(manifest, &endorsement, &self.endorsements)?;
        let missing = manifest.all_seats().without(self.lost).without(endorsers);
        if missing.is_empty() {
            Ok(&signed.post)
        } else {
            Err(EndorsementError::Missing { missing })
        }
    }

    fn check_lost(
        &self,
        manifest: &CheckedManifest,
        aggregation: Option<AggregationId>,
    ) -> Result<(), EndorsementError> {
        let (lost, expected) = (self.lost, manifest.recovery_threshold);
        let error = |certifiers| EndorsementError::Lost { lost, certifiers, expected };
        let aggregation = aggregation.ok_or_else(|| error(0))?;
        let certificate = Post::Loss { aggregation, lost };
        let others = signers(manifest, &certificate, &self.losses)?.without(lost);
        let certified = expected != 0 && others.len() >= u32::from(expected);
        let allowed =
            lost.is_within(manifest.all_seats()) && lost.len() <= u32::from(manifest.lost_max());
        if certified && allowed { Ok(()) } else { Err(error(others.len())) }
    }

    /// The hash that was endorsed.
    pub fn hash(&self) -> Hash {
        self.entry.hash()
    }
}

/// Who has signed `post`; an invalid signature is an error, not an absence.
fn signers(
    manifest: &CheckedManifest,
    post: &Post,
    signatures: &[(Seat, Signature)],
) -> Result<SeatSet, EndorsementError> {
    let mut set = SeatSet::EMPTY;
    for (seat, signature) in signatures.iter().take(usize::from(manifest.seats())) {
        let entry = manifest.seat(*seat).ok_or(EndorsementError::Signature)?;
        set = set.with(*seat);
        if !manifest.is_private() {
            continue;
        }
        let signed = SignedPost {
            author: Author::Keyholder(*seat),
            post: post.clone(),
            signature: *signature,
        };
        signed
            .verify(manifest.plan_id(), &entry.keys.identity)
            .map_err(|_| EndorsementError::Signature)?;
    }
    Ok(set)
}
