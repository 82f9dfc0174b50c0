//! One private aggregation, whatever is measured: circuits, sharding, verification, sums and noise.
//!
//! A reporter turns its measurement into a public share and one input share per aggregator
//! ([`Vdaf::shard`]); the coordinator (leader) and the keyholders (helpers) check the shares together
//! without seeing the measurement, add up what they accepted, and release noisy sums
//! ([`Vdaf::release`]) that only together give the aggregate ([`Vdaf::unshard`]).
//!
//! ```text
//! reporter      shard ──────────────► public share, leader share, T helper shares
//! aggregator    verify_init ────────► state (kept), verifier share (to the leader)
//! leader        verifier_shares_to_message ──► message (to all) | reject
//! aggregator    verify_next ────────► output share ──► accumulate ──► aggregate share
//! aggregator    release ────────────► released share (centred, with this seat's noise)
//! anyone        unshard ────────────► aggregate result
//! ```
//!
//! One report, three keyholders, no noise:
//!
//! ```
//! use protocol::{aggregation::*, aggregation::noise::ShareNoise, keys};
//! use protocol::keys::seat::{Seat, SeatSecret, VerifyKey};
//!
//! let grid = Grid::try_from(GridSpec { rows: 2, cells: 3 })?;
//! let vdaf = Vdaf::new(Circuit::Grid(grid), Parties { helpers: 3, reporters_max: 100 })?;
//! let (ctx, nonce) = (Context([1; 32]), Nonce([2; 16]));
//! let mut rng = keys::stream(keys::Label::Sharding, &[0; 32], &[&nonce.0]);
//! let marks = Measurement::Grid(grid.measure(&[0, 2])?);
//! let sharded = vdaf.shard(&ctx, &marks, &nonce, &mut rng)?;
//!
//! let seat_key = |seat| SeatSecret::from_bytes([3; 32]).key(&[4; 32], &[5; 32], Seat::new(seat));
//! let parts: Vec<_> = (0..3).map(|seat| seat_key(seat).verify_key_part()).collect();
//! let key = VerifyKey::combine(&ctx.0, &parts);
//! let (mut states, mut shares) = (vec![], vec![]);
//! let inputs = std::iter::once(&sharded.leader_share).chain(&sharded.helper_shares);
//! for (aggregator, input_share) in vdaf.aggregators().zip(inputs) {
//!     let public_share = &sharded.public_share;
//!     let report = ReportShare { nonce: &nonce, public_share, input_share };
//!     let (state, share) = vdaf.verify_init(&ctx, &key, aggregator, report)?;
//!     states.push(state);
//!     shares.push(share);
//! }
//! let message = vdaf.verifier_shares_to_message(&ctx, &shares)?;
//! let mut released = vec![];
//! for (aggregator, state) in vdaf.aggregators().zip(states) {
//!     let sum = vdaf.aggregate(&[vdaf.verify_next(&ctx, state, &message)?])?;
//!     let noise = ShareNoise::none(vdaf.circuit());
//!     released.push(vdaf.release(&sum, aggregator, 1, &noise)?);
//! }
//! let AggregateResult::Grid(sum) = vdaf.unshard(&released, 1)? else { unreachable!() };
//! assert_eq!(sum.counts().row(0).to_vec(), [1, 0, 0]);
//! assert_eq!(sum.counts().row(1).to_vec(), [0, 0, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The mathematics is Prio3 of the crate `prio` (draft-irtf-cfrg-vdaf-18) with two circuits of our own
//! ([`Circuit`]); its types stay in here. This module draws no randomness, keeps no clock and logs
//! nothing. It keeps floats to two files: `fixed`, where a person's reals become integers and sums
//! become reals again, and `noise`. The circuits, shares and sums are integers throughout.
//!
//! Source: docs/PROTOCOL.md section 6.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod circuit;
mod clear;
mod fast_query;
mod fixed;
mod gates;
mod gram;
mod grid;
pub mod noise;
mod plain_sum;
mod scheme;
mod share;
mod steps;
mod vdaf;

#[cfg(test)]
mod tests;

pub use circuit::{Circuit, SetupError};
pub use fixed::MeasureError;
pub use gram::{Coordinate, Gram, GramMeasurement, GramSpec, GramSum};
pub use grid::{Grid, GridMeasurement, GridSpec, GridSum};
pub use plain_sum::{ClearError, sum_in_the_clear};
pub use share::{
    AggregateShare, Aggregator, Context, InputShare, Misuse, Nonce, OutputShare, PublicShare,
    Reject, ReleasedShare, VerifierMessage, VerifierShare, VerifyError, VerifyState, WirePart,
};
pub use vdaf::{AggregateResult, Measurement, Parties, ReportShare, Sharded, Vdaf, WireLengths};
