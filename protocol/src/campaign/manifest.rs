//! Plan and ceremony, put together: what everybody takes part in.

use super::{CheckedPlan, Plan, PlanError};
use crate::{
    codec,
    ids::{AggregationId, Blob, CampaignId, PlanId},
    keys::{
        Label, digest,
        seat::{Seat, SeatPublicKey},
        sign::PublicKey,
        vss::Commitments,
    },
};
use serde::{Deserialize, Serialize};
use std::ops::Deref;
use thiserror::Error;

/// What one keyholder promises for one aggregation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatAggregation {
    /// The key that shares are sealed to: a canonical ristretto255 point.
    pub public_key: [u8; 32],
    /// Feldman commitments, `32 t` bytes; empty without recovery.
    pub commitments: Blob,
    /// Of its part of the verify key.
    pub verify_key_part: [u8; 32],
    /// Of its part of the public randomness.
    pub beacon_part: [u8; 32],
}

/// A keyholder's own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatKeys {
    /// Signs everything it publishes; its fingerprint is read aloud.
    pub identity: PublicKey,
    /// What other keyholders seal to: a canonical ristretto255 point.
    pub sealing: [u8; 32],
}

/// What one keyholder brought to the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatEntry {
    /// Its keys.
    pub keys: SeatKeys,
    /// For each aggregation of the plan.
    pub aggregations: Vec<SeatAggregation>,
}

/// A plan with everything the ceremony gave. Its hash is the campaign id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What was planned.
    pub plan: Plan,
    /// In seat order.
    pub seats: Vec<SeatEntry>,
}

/// A manifest that does not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The plan itself.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Not one entry for each seat and aggregation.
    #[error("{seat} does not have one key for each aggregation, or there is no such seat")]
    Seats {
        /// The first one that is wrong.
        seat: Seat,
    },
    /// A key that is no point, or commitments to another key.
    #[error("the keys of {seat} for {aggregation} are malformed or contradict its commitments")]
    Keys {
        /// Who.
        seat: Seat,
        /// Where.
        aggregation: AggregationId,
    },
    /// Two seats share a key: one party would hold both.
    #[error("{seat} has the key of another seat")]
    Repeated {
        /// The second.
        seat: Seat,
    },
}

impl SeatAggregation {
    /// Checks that the keys are points and that the commitments are to this key.
    ///
    /// # Errors
    /// [`ManifestError::Keys`].
    pub fn check(
        &self,
        plan: &Plan,
        seat: Seat,
        aggregation: AggregationId,
    ) -> Result<(), ManifestError> {
        let fault = ManifestError::Keys { seat, aggregation };
        let key = SeatPublicKey::from_bytes(self.public_key).ok_or_else(|| fault.clone())?;
        match self.commitments(plan, seat) {
            Some(commitments) if commitments.public_key() == key => Ok(()),
            None if plan.sharing().is_none() && self.commitments.is_empty() => Ok(()),
            Some(_) | None => Err(fault),
        }
    }

    /// The Feldman commitments, if they parse.
    pub fn commitments(&self, plan: &Plan, seat: Seat) -> Option<Commitments> {
        Commitments::from_bytes(plan.sharing()?, seat, self.commitments.as_slice()).ok()
    }
}

/// A manifest that has been checked, with its ids.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedManifest {
    plan: CheckedPlan,
    seats: Vec<SeatEntry>,
    id: CampaignId,
}

impl Deref for CheckedManifest {
    type Target = CheckedPlan;

    fn deref(&self) -> &CheckedPlan {
        &self.plan
    }
}

impl CheckedManifest {
    /// Checks a manifest.
    ///
    /// # Errors
    /// The first [`ManifestError`].
    pub fn new(manifest: Manifest) -> Result<Self, ManifestError> {
        let id = CampaignId(digest(Label::Campaign, &[&codec::encode(&manifest)]));
        let Manifest { plan, seats } = manifest;
        let plan = CheckedPlan::new(plan)?;
        if seats.len() != plan.keyholders.len() {
            let first = seats.len().min(plan.keyholders.len());
            let seat = Seat::new(u8::try_from(first).unwrap_or(u8::MAX));
            return Err(ManifestError::Seats { seat });
        }
        let mut keys = std::collections::BTreeSet::new();
        for (seat, entry) in (0..).map(Seat::new).zip(&seats) {
            if entry.aggregations.len() != plan.aggregations.len() {
                return Err(ManifestError::Seats { seat });
            }
            if !keys.insert(*entry.keys.identity.as_bytes()) || !keys.insert(entry.keys.sealing) {
                return Err(ManifestError::Repeated { seat });
            }
            for (id, aggregation) in (0..).map(AggregationId).zip(&entry.aggregations) {
                aggregation.check(&plan, seat, id)?;
                if !keys.insert(aggregation.public_key) {
                    return Err(ManifestError::Repeated { seat });
                }
            }
        }
        Ok(Self { plan, seats, id })
    }

    /// Whether this is the checked form of `manifest`.
    pub fn is_of(&self, manifest: &Manifest) -> bool {
        *self.plan == manifest.plan && self.seats == manifest.seats
    }

    /// The campaign id.
    pub const fn campaign(&self) -> CampaignId {
        self.id
    }

    /// The plan's id.
    pub const fn plan_id(&self) -> PlanId {
        self.plan.id()
    }

    /// The plan.
    pub const fn plan(&self) -> &CheckedPlan {
        &self.plan
    }

    /// What a keyholder brought.
    pub fn seat(&self, seat: Seat) -> Option<&SeatEntry> {
        self.seats.get(usize::from(seat.index()))
    }

    /// What a keyholder promised for one aggregation.
    pub fn seat_aggregation(&self, seat: Seat, id: AggregationId) -> Option<&SeatAggregation> {
        self.seat(seat)?.aggregations.get(id.index())
    }

    /// The keys that shares of one aggregation are sealed to, in seat order.
    pub fn sealing_keys(&self, id: AggregationId) -> Option<Vec<SeatPublicKey>> {
        let promises = self.seats.iter().map(|entry| entry.aggregations.get(id.index()));
        promises.map(|promise| SeatPublicKey::from_bytes(promise?.public_key)).collect()
    }

    /// The whole, as it is sent.
    pub fn to_manifest(&self) -> Manifest {
        Manifest { plan: Plan::clone(&self.plan), seats: self.seats.clone() }
    }
}
