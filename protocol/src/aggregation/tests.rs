//! Whole aggregations: every gate's refusal, exact sums, and what a report is bound to.

#![allow(clippy::indexing_slicing, reason = "an index out of range fails the test, as it should")]

mod binding;
mod gates;
mod sums;
mod vectors;

use super::*;
use crate::keys::{
    self, Label,
    seat::{VerifyKey, VerifyKeyPart},
};
use prio::{
    field::FieldElement,
    vdaf::xof::{IntoFieldVec, Xof, XofTurboShake128},
};
use rand_core::CryptoRng;

pub(super) fn grid(rows: u16, cells: u16) -> Grid {
    Grid::try_from(GridSpec { rows, cells }).unwrap()
}

/// Coordinates: binary, 4 bits, 3 bits, binary.
pub(super) fn gram() -> Gram {
    let coordinates = vec![
        Coordinate::Binary,
        Coordinate::Fixed { bits: 4, bound_milli: 3_000 },
        Coordinate::Fixed { bits: 3, bound_milli: 3_000 },
        Coordinate::Binary,
    ];
    Gram::try_from(GramSpec { coordinates, norm_milli: 3_000 }).unwrap()
}

/// The same, the last a sign.
pub(super) fn signed_gram() -> Gram {
    let mut spec = GramSpec::from(gram());
    spec.coordinates[3] = Coordinate::Sign { bound_milli: 2_000 };
    Gram::try_from(spec).unwrap()
}

/// A stream named after what it is for.
pub(super) fn stream(name: &str) -> impl CryptoRng + use<> {
    keys::stream(Label::Sharding, &[0; 32], &[name.as_bytes()])
}

pub(super) fn field_stream<F: FieldElement>(name: &str) -> impl Iterator<Item = F> + use<F> {
    let seed = keys::digest(Label::Sharding, &[name.as_bytes()]);
    let elements: Vec<F> = XofTurboShake128::seed_stream(&seed, &[], &[]).into_field_vec(20_000);
    elements.into_iter()
}

pub(super) const CTX: Context = Context([1; 32]);
pub(super) const NONCE: Nonce = Nonce([2; 16]);

pub(super) fn verify_key() -> VerifyKey {
    VerifyKey::combine(&CTX.0, &[VerifyKeyPart::from_bytes([3; 32])])
}

pub(super) fn vdaf(circuit: Circuit, helpers: u8) -> Vdaf {
    Vdaf::new(circuit, Parties { helpers, reporters_max: 1_000 }).unwrap()
}

/// Input shares of all aggregators, the leader's first.
pub(super) fn inputs(sharded: &Sharded) -> Vec<InputShare> {
    std::iter::once(&sharded.leader_share).chain(&sharded.helper_shares).cloned().collect()
}

/// All aggregators verify one report; `None` if it is refused at any step.
pub(super) fn verify(vdaf: &Vdaf, sharded: &Sharded, nonce: &Nonce) -> Option<Vec<OutputShare>> {
    let views = vdaf.aggregators().zip(inputs(sharded));
    let started: Option<Vec<_>> = views
        .map(|(aggregator, input_share)| {
            let report = ReportShare {
                nonce,
                public_share: &sharded.public_share,
                input_share: &input_share,
            };
            vdaf.verify_init(&CTX, &verify_key(), aggregator, report).ok()
        })
        .collect();
    let (states, shares): (Vec<_>, Vec<_>) = started?.into_iter().unzip();
    let message = vdaf.verifier_shares_to_message(&CTX, &shares).ok()?;
    states.into_iter().map(|state| vdaf.verify_next(&CTX, state, &message).ok()).collect()
}

/// As [`verify`], for a scheme made by a test.
pub(super) fn accepts_shares<T: prio::flp::Type<Field: share::Signed>>(
    scheme: &scheme::Scheme<T>,
    sharded: &Sharded,
) -> bool {
    let ids = std::iter::once(Aggregator::Leader)
        .chain((0..).map(|seat| Aggregator::Helper(keys::seat::Seat::new(seat))));
    let (states, shares): (Vec<_>, Vec<_>) = ids
        .zip(inputs(sharded))
        .map(|(aggregator, input_share)| {
            let public_share = &sharded.public_share;
            let report = ReportShare { nonce: &NONCE, public_share, input_share: &input_share };
            scheme.verify_init(&CTX, &verify_key(), aggregator, report).unwrap()
        })
        .unzip();
    match scheme.combine(&CTX, &shares) {
        Ok(message) => {
            states.into_iter().all(|state| scheme.verify_next(&CTX, state, &message).is_ok())
        }
        Err(reject) => {
            assert_eq!(reject, Reject::Proof);
            false
        }
    }
}
