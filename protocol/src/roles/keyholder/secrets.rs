//! What a keyholder must keep to itself, and when it forgets it.

use crate::{
    ids::{AggregationId, PlanId},
    keys::{
        Label, digest,
        seat::{Seat, SeatKey, SeatSecret},
        sign::SigningKey,
    },
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Everything secret of one keyholder. Each version replaces the one before, which the store must delete.
///
/// # Security
/// The root goes once every seat key is dealt, an aggregation's secrets go after its outcome or its end: what
/// is erased cannot be asked for later.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secrets {
    pub(super) identity: [u8; 32],
    pub(super) sealing: [u8; 32],
    pub(super) root: Option<[u8; 32]>,
    pub(super) aggregations: Vec<Option<SeatSecrets>>,
}

/// Secrets of one aggregation.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct SeatSecrets {
    pub(super) key: [u8; 32],
    /// Noise and salt derive from it; it is never shared, so that a recovered seat has no noise to repeat.
    pub(super) noise: [u8; 32],
    /// Shares of the other seats' keys, by dealer; empty until they are dealt.
    pub(super) shares: Vec<Option<[u8; 32]>>,
}

impl Secrets {
    /// Derives everything from one root, which comes from the operating system's generator.
    pub(super) fn new(root: &[u8; 32], plan: PlanId, seat: Seat, aggregations: u16) -> Self {
        let secret = SeatSecret::from_bytes(*root);
        let own = |label, id: u16| {
            let purpose = digest(label, &[&id.to_le_bytes()]);
            *secret.key(&plan.0, &purpose, seat).expose()
        };
        let aggregations = (0..aggregations).map(|id| {
            Some(SeatSecrets {
                key: own(Label::SeatKey, id),
                noise: own(Label::SeatNoise, id),
                shares: Vec::new(),
            })
        });
        Self {
            identity: own(Label::Identity, 0),
            sealing: own(Label::SealingKey, 0),
            root: Some(*root),
            aggregations: aggregations.collect(),
        }
    }

    pub(super) fn identity(&self) -> SigningKey {
        SigningKey::from_bytes(&self.identity)
    }

    pub(super) fn sealing(&self) -> Option<SeatKey> {
        SeatKey::from_bytes(&self.sealing)
    }

    pub(super) fn of(&self, id: AggregationId) -> Option<&SeatSecrets> {
        self.aggregations.get(id.index())?.as_ref()
    }

    /// Erases one aggregation's secrets; whether there were any.
    pub(super) fn erase(&mut self, id: AggregationId) -> bool {
        self.aggregations.get_mut(id.index()).and_then(Option::take).is_some()
    }
}

impl SeatSecrets {
    pub(super) fn key(&self) -> Option<SeatKey> {
        SeatKey::from_bytes(&self.key)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets([redacted])")
    }
}

impl fmt::Debug for SeatSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatSecrets([redacted])")
    }
}
