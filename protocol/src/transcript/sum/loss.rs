//! Lost keyholders: certificates, and the recovery of their keys.

use super::{KeyShare, Seat, SeatSet, ShareRoute, Signature, Sum, Surroundings};
use crate::{
    aggregation::Aggregator,
    keys::vss::RecoverError,
    transcript::{Author, Violation},
};

impl Sum {
    /// The certificate of the lost set: who has signed for exactly it.
    pub fn certificate(&self) -> Vec<(Seat, Signature)> {
        if self.lost.is_empty() {
            return Vec::new();
        }
        let same = self.claims.iter().filter(|(_, (lost, _))| *lost == self.lost);
        same.map(|(seat, (_, signature))| (*seat, *signature)).collect()
    }

    pub(super) fn claim_loss(
        &mut self,
        around: &Surroundings<'_>,
        seat: Seat,
        lost: SeatSet,
        signature: Signature,
    ) -> Result<(), Violation> {
        let author = Author::Keyholder(seat);
        if self.claims.contains_key(&seat) {
            return Err(Violation::Repeated { author });
        }
        if !self.begun || around.outcome_endorsed {
            return Err(Violation::Order { needs: "an aggregation that is under way" });
        }
        let max = around.manifest.lost_max();
        let possible = lost.len() <= u32::from(max) && lost.is_within(around.seats);
        if lost.is_empty() || !possible || lost.contains(seat) {
            return Err(Violation::Loss { lost, max });
        }
        self.claims.insert(seat, (lost, signature));
        let agreeing =
            self.claims.iter().filter(|(by, (set, _))| *set == lost && !lost.contains(**by));
        let threshold = usize::from(around.manifest.recovery_threshold);
        if self.lost.is_empty() && threshold > 0 && agreeing.count() >= threshold {
            self.lost = lost;
            // A promise that was not kept is void: the seat is replayed. A share that was released stands.
            let shares = &self.shares;
            self.commitments.retain(|aggregator, _| match aggregator {
                Aggregator::Helper(gone) => {
                    !lost.contains(*gone) || shares.contains_key(aggregator)
                }
                Aggregator::Leader => true,
            });
        }
        Ok(())
    }

    pub(super) fn recovery_share(
        &mut self,
        around: &Surroundings<'_>,
        holder: Seat,
        lost: Seat,
        value: &[u8; 32],
    ) -> Result<(), Violation> {
        let author = Author::Keyholder(holder);
        if self.has_recovery_share(lost, holder) {
            return Err(Violation::Repeated { author });
        }
        if !self.lost.contains(lost) || !around.freeze_endorsed {
            return Err(Violation::Order { needs: "a certified loss, and an endorsed freeze" });
        }
        let wrong = Violation::Contradiction { what: "a share of a lost keyholder's key" };
        let promise = around.manifest.seat_aggregation(lost, self.id);
        let commitments = promise.and_then(|of| of.commitments(around.manifest.plan(), lost));
        let commitments = commitments.ok_or_else(|| wrong.clone())?;
        let share = KeyShare::from_bytes(ShareRoute { dealer: lost, holder }, value);
        let share = share.ok_or_else(|| wrong.clone())?;
        commitments.accept(share.clone()).map_err(|_| wrong.clone())?;
        self.recovery.insert((lost, holder), share);
        let shares: Vec<KeyShare> = self
            .recovery
            .iter()
            .filter(|((of, _), _)| *of == lost)
            .map(|(_, share)| share.clone())
            .collect();
        match commitments.recover(&shares) {
            Ok(key) => {
                self.key_parts.entry(lost).or_insert_with(|| key.verify_key_part());
                self.recovered.insert(lost, key);
                Ok(())
            }
            Err(RecoverError::TooFew { .. }) => Ok(()),
            Err(_) => Err(wrong),
        }
    }
}
