//! Rules up to the first aggregation: keys, dealings, manifest, roster.

use super::{Author, Deal, Endorsable, Entry, Transcript, Violation};
use crate::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, Manifest, Plan, SeatEntry, SeatKeys},
    ids::{AggregationId, CampaignId, Hash},
    keys::{
        seal::OVERHEAD_BYTES,
        seat::{Seat, SeatPublicKey},
        sign::PublicKey,
    },
};
use std::collections::BTreeMap;

/// A sealed share of a seat key: a scalar and what sealing adds.
const SEALED_SHARE_BYTES: usize = 32 + OVERHEAD_BYTES;

impl Transcript {
    pub(super) fn apply_keys(&mut self, seat: Seat, keys: SeatKeys) -> Result<(), Violation> {
        let author = Author::Keyholder(seat);
        if !self.plan.all_seats().contains(seat) {
            return Err(Violation::Author { author });
        }
        if self.keys.contains_key(&seat) {
            return Err(Violation::Repeated { author });
        }
        let taken =
            |other: &SeatKeys| other.identity == keys.identity || other.sealing == keys.sealing;
        let malformed = SeatPublicKey::from_bytes(keys.sealing).is_none();
        if malformed || self.keys.values().any(taken) || keys.identity == self.plan.organiser.key {
            return Err(Violation::Contradiction { what: "a keyholder's key" });
        }
        self.keys.insert(seat, keys);
        Ok(())
    }

    pub(super) fn apply_deal(&mut self, seat: Seat, deal: &Deal) -> Result<(), Violation> {
        let author = Author::Keyholder(seat);
        if self.deals.contains_key(&seat) {
            return Err(Violation::Repeated { author });
        }
        if self.keys.len() < self.plan.keyholders.len() {
            return Err(Violation::Order { needs: "the keys of all keyholders" });
        }
        let sharing = self.plan.sharing();
        let holders = sharing.map_or(0, |_| self.plan.keyholders.len() - 1);
        let sealed = |shares: &Vec<_>| {
            shares.len() == holders
                && shares.iter().all(|share: &crate::ids::Blob| share.len() == SEALED_SHARE_BYTES)
        };
        let aggregations = self.plan.aggregations.len();
        if deal.keys.len() != aggregations
            || deal.shares.len() != aggregations
            || !deal.shares.iter().all(sealed)
        {
            return Err(Violation::Contradiction { what: "a dealing" });
        }
        for (id, keys) in (0..).map(AggregationId).zip(&deal.keys) {
            keys.check(&self.plan, seat, id)?;
        }
        self.deals.insert(seat, deal.clone());
        Ok(())
    }

    pub(super) fn apply_complaint(&mut self, seat: Seat, dealer: Seat) -> Result<(), Violation> {
        if self.manifest.is_some() || !self.deals.contains_key(&dealer) || dealer == seat {
            return Err(Violation::Order { needs: "a dealing, and no manifest" });
        }
        self.complaint.get_or_insert((seat, dealer));
        Ok(())
    }

    /// The manifest that follows from the ceremony, once all have dealt and nobody complains.
    pub fn assemble(&self) -> Option<Manifest> {
        if self.complaint.is_some() {
            return None;
        }
        let seats = self.plan.all_seats().iter().map(|seat| {
            let keys = *self.keys.get(&seat)?;
            Some(SeatEntry { keys, aggregations: self.deals.get(&seat)?.keys.clone() })
        });
        Some(Manifest { plan: Plan::clone(&self.plan), seats: seats.collect::<Option<_>>()? })
    }

    pub(super) fn apply_manifest(
        &mut self,
        entry: &Entry,
        hash: Hash,
        id: CampaignId,
    ) -> Result<(), Violation> {
        if self.manifest.is_some() {
            return Err(Violation::Repeated { author: Author::Organiser });
        }
        let needs = "the dealings of all keyholders, and no complaint";
        let manifest = CheckedManifest::new(self.assemble().ok_or(Violation::Order { needs })?)?;
        if manifest.campaign() != id {
            return Err(Violation::Contradiction { what: "the campaign id" });
        }
        self.manifest = Some((hash, manifest));
        self.offer(hash, entry, None);
        Ok(())
    }

    pub(super) fn apply_roster(&mut self, roster: &[(PublicKey, Role)]) -> Result<(), Violation> {
        if self.roster.is_some() {
            return Err(Violation::Repeated { author: Author::Organiser });
        }
        if !self.has_begun() {
            return Err(Violation::Order { needs: "a manifest that all keyholders endorse" });
        }
        if !roster.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(Violation::Contradiction { what: "the order of the roster" });
        }
        self.roster = Some(roster.iter().copied().collect::<BTreeMap<_, _>>());
        Ok(())
    }

    /// Lets keyholders endorse an entry.
    pub(super) fn offer(&mut self, hash: Hash, entry: &Entry, aggregation: Option<AggregationId>) {
        let endorsable = Endorsable { aggregation, entry: entry.clone(), by: BTreeMap::new() };
        self.endorsable.insert(hash, endorsable);
    }
}
