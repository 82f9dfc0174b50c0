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
//! The mathematics is Prio3 of the crate `prio` (draft-irtf-cfrg-vdaf-18) with two circuits of our own
//! ([`Circuit`]); its types stay in here. This module draws no randomness, keeps no clock and logs
//! nothing. It keeps floats to two files: `fixed`, where a person's reals become integers and sums
//! become reals again, and `noise`. The circuits, shares and sums are integers throughout.
//!
//! Source: DESIGN.md section 4.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

mod circuit;
mod fast_query;
mod fixed;
mod gates;
mod gram;
mod grid;
pub mod noise;
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
pub use share::{
    AggregateShare, Aggregator, Context, InputShare, Misuse, Nonce, OutputShare, PublicShare,
    Reject, ReleasedShare, VerifierMessage, VerifierShare, VerifyError, VerifyState, WirePart,
};
pub use vdaf::{AggregateResult, Measurement, Parties, ReportShare, Sharded, Vdaf, WireLengths};
