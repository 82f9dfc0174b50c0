//! Which reports are rejected, and whether the reasons hold.

use super::{Sum, Surroundings};
use crate::{
    aggregation::{Aggregator, Context, PublicShare, Vdaf, VerifierShare, VerifyError},
    campaign::REJECTED_PERCENT_MAX,
    codec, report,
    transcript::{Author, Evidence, FrozenLeaf, Rejection, Violation, organiser},
};

impl Sum {
    pub(super) fn reject(
        &mut self,
        around: &Surroundings<'_>,
        author: Author,
        rejections: &[Rejection],
    ) -> Result<(), Violation> {
        organiser(author)?;
        if self.accepted.is_some() {
            return Err(Violation::Repeated { author });
        }
        let needs = "the whole verify key";
        let order = Violation::Order { needs };
        self.verify_key(around.seats).ok_or_else(|| order.clone())?;
        let context = self.context().ok_or_else(|| order.clone())?;
        let leaves = self.leaves.as_ref().ok_or(order)?;
        let before = self.rejections.as_deref().unwrap_or_default();
        let indices = || before.last().into_iter().chain(rejections).map(|of| of.index);
        // A second post goes on where the first has ended; an empty one says that there are none.
        let more = self.rejections.is_none() || !rejections.is_empty();
        if !more || !indices().is_sorted_by(|left, right| left < right) {
            return Err(Violation::Contradiction { what: "the order of the rejections" });
        }
        for rejection in rejections {
            let leaf = usize::try_from(rejection.index).ok().and_then(|index| leaves.get(index));
            if !leaf.is_some_and(|leaf| rejection.evidence.holds(around, &context, leaf)) {
                return Err(Violation::Contradiction { what: "a rejection" });
            }
        }
        let (rejected, frozen) = (before.len() + rejections.len(), leaves.len());
        let accepted = u32::try_from(frozen.saturating_sub(rejected)).unwrap_or(0);
        if exceeds_limit(rejected, frozen) || accepted < around.manifest.cohort_min {
            return Err(Violation::Order {
                needs: "few rejections, and a cohort that is accepted",
            });
        }
        self.rejections.get_or_insert_default().extend_from_slice(rejections);
        Ok(())
    }
}

/// The first of these rejections that fit into one post, at least one.
pub(crate) fn fitting(rejections: Vec<Rejection>) -> Vec<Rejection> {
    let mut bytes = 0_usize;
    let within = |of: &Rejection| {
        let fits = bytes < REJECTIONS_BYTES;
        bytes = bytes.saturating_add(codec::encode(of).len());
        fits
    };
    rejections.into_iter().take_while(within).collect()
}

/// Bytes of evidence after which a post is full; a single rejection has far less than a message. Campaigns in tests
/// are small, and take several posts as well.
const REJECTIONS_BYTES: usize = if cfg!(test) { 1 << 10 } else { 4 << 20 };

/// Whether so many were rejected that the aggregation must end unopened.
pub(crate) fn exceeds_limit(rejected: usize, frozen: usize) -> bool {
    let [rejected, frozen] = [rejected, frozen].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
    rejected.saturating_mul(100) > frozen.saturating_mul(REJECTED_PERCENT_MAX)
}

impl Evidence {
    fn holds(&self, around: &Surroundings<'_>, context: &Context, leaf: &FrozenLeaf) -> bool {
        match self {
            Self::Unusable(Aggregator::Leader) => true,
            Self::Unusable(Aggregator::Helper(seat)) => {
                around.manifest.is_private() && around.seats.contains(*seat)
            }
            Self::Verification { body, signature, verifier_shares } => {
                let public_share = PublicShare::from_bytes(body.public_share.as_slice().to_vec());
                let shares: Vec<_> = verifier_shares
                    .iter()
                    .map(|share| VerifierShare::from_bytes(share.as_slice().to_vec()))
                    .collect();
                report::leaf(body, signature) == leaf.leaf
                    && fails(&around.vdaf, context, &public_share, &shares)
            }
        }
    }
}

/// Whether a report with these shares is rejected. `false` as well if shares are missing: that proves nothing.
pub(crate) fn fails(
    vdaf: &Vdaf,
    context: &Context,
    public_share: &PublicShare,
    shares: &[VerifierShare],
) -> bool {
    if shares.len() != vdaf.aggregators().count() {
        return false;
    }
    let combined = vdaf.verifier_shares_to_message(context, shares);
    matches!(combined, Err(VerifyError::Reject(_)))
        || vdaf.check_joint_randomness(public_share, shares).is_err()
}
