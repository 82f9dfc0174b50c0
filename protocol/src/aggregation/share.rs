//! What travels and what is kept: shares, messages, and the reasons for refusing them.
//!
//! Everything that arrives is bytes of one exact length, known from the circuit before anything is
//! allocated ([`super::Vdaf::wire_lengths`]); other lengths and field elements out of range are refused.
//! Input, output and aggregate shares are secrets and print as `[redacted]`. prio does not wipe what it
//! holds while it computes; our own buffers are wiped.

use crate::keys::seat::Seat;
use prio::{
    field::{Field64, Field128, FieldElement, FieldElementWithInteger, NttFriendlyFieldElement},
    vdaf::prio3::Prio3VerifyState,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// `H("concert/v1", campaign id, aggregation id, H(Opening))`: what a report is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(pub [u8; 32]);

/// The report's id, unique among the reports of an aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 16]);

/// One of the T + 1 parties that check and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Aggregator {
    /// The coordinator.
    Leader,
    /// A keyholder.
    Helper(Seat),
}

impl Aggregator {
    /// The draft's aggregator id: 0 for the leader.
    pub(super) fn id(self) -> usize {
        match self {
            Self::Leader => 0,
            Self::Helper(seat) => usize::from(seat.index()) + 1,
        }
    }
}

macro_rules! wire {
    ($(#[$text:meta])* $name:ident) => {
        $(#[$text])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(pub(super) Vec<u8>);

        impl $name {
            /// As received; the length is checked when it is used.
            pub const fn from_bytes(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// As sent.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

wire! {
    /// The part of a report that all aggregators see.
    PublicShare
}
wire! {
    /// One aggregator's statement about one report. Sent to the leader; published for rejected reports.
    VerifierShare
}
wire! {
    /// The leader's summary of all verifier shares of one accepted report.
    VerifierMessage
}

/// One aggregator's part of one report. Secret: all of them together are the measurement.
#[derive(Clone)]
pub struct InputShare(pub(super) Zeroizing<Vec<u8>>);

impl InputShare {
    /// As received or opened; the length is checked when it is used.
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// For sealing to a helper or sending to the leader.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for InputShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputShare([redacted])")
    }
}

/// What an aggregator keeps between its verifier share and the message.
#[derive(Clone)]
pub struct VerifyState(pub(super) State);

#[derive(Clone)]
pub(super) enum State {
    Narrow(Prio3VerifyState<Field64, 32>),
    Wide(Prio3VerifyState<Field128, 32>),
}

impl fmt::Debug for VerifyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyState([redacted])")
    }
}

/// Additive shares of integers, in the field of the circuit.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Elements {
    Narrow(Vec<Field64>),
    Wide(Vec<Field128>),
}

impl Elements {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Narrow(elements) => elements.len(),
            Self::Wide(elements) => elements.len(),
        }
    }

    fn add(&mut self, other: &Self) -> Result<(), Misuse> {
        match (self, other) {
            (Self::Narrow(sum), Self::Narrow(more)) => add(sum, more),
            (Self::Wide(sum), Self::Wide(more)) => add(sum, more),
            (Self::Narrow(_), Self::Wide(_)) | (Self::Wide(_), Self::Narrow(_)) => {
                Err(Misuse::Foreign)
            }
        }
    }

    /// Adds signed integers, decoded modulo the field.
    pub(super) fn shift(&mut self, by: &[i64]) -> Result<(), Misuse> {
        match self {
            Self::Narrow(sum) => add(sum, &lift(by)),
            Self::Wide(sum) => add(sum, &lift(by)),
        }
    }

    pub(super) fn signed(self) -> Result<Vec<i64>, Misuse> {
        let values: Option<Vec<i64>> = match self {
            Self::Narrow(elements) => elements.into_iter().map(Signed::to_signed).collect(),
            Self::Wide(elements) => elements.into_iter().map(Signed::to_signed).collect(),
        };
        values.ok_or(Misuse::Unreadable)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Narrow(elements) => encode(elements),
            Self::Wide(elements) => encode(elements),
        }
    }
}

fn add<F: FieldElement>(sum: &mut [F], more: &[F]) -> Result<(), Misuse> {
    if sum.len() != more.len() {
        return Err(Misuse::Foreign);
    }
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += *more;
    }
    Ok(())
}

fn lift<F: Signed>(values: &[i64]) -> Vec<F> {
    values.iter().copied().map(F::from_signed).collect()
}

fn encode<F: FieldElement>(elements: &[F]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(elements.len() * F::ENCODED_SIZE);
    for element in elements {
        element.encode(&mut bytes).expect("a field element always has its encoding");
    }
    bytes
}

/// The fields of our circuits: which variant they are, and integers below half the field as signed.
pub(super) trait Signed: NttFriendlyFieldElement {
    fn from_signed(value: i64) -> Self;
    fn to_signed(self) -> Option<i64>;
    fn wrap(elements: Vec<Self>) -> Elements;
    fn wrap_state(state: Prio3VerifyState<Self, 32>) -> State;
    fn unwrap_state(state: State) -> Option<Prio3VerifyState<Self, 32>>;

    /// Parses exactly `len` elements.
    fn parse(bytes: &[u8], part: WirePart, len: usize) -> Result<Vec<Self>, Reject> {
        let expected = len * Self::ENCODED_SIZE;
        if bytes.len() != expected {
            return Err(Reject::Length { part, expected, got: bytes.len() });
        }
        bytes
            .chunks_exact(Self::ENCODED_SIZE)
            .map(|element| Self::get_decoded(element).map_err(|_| Reject::Malformed { part }))
            .collect()
    }
}

macro_rules! signed {
    ($field:ty, $integer:ty, $variant:ident) => {
        impl Signed for $field {
            fn from_signed(value: i64) -> Self {
                let magnitude = Self::from(<$integer>::from(value.unsigned_abs()));
                if value < 0 { -magnitude } else { magnitude }
            }

            fn to_signed(self) -> Option<i64> {
                let value = <$integer>::from(self);
                let negative = Self::modulus() - value;
                if value <= negative {
                    i64::try_from(value).ok()
                } else {
                    i64::try_from(negative).ok().map(|magnitude| -magnitude)
                }
            }

            fn wrap(elements: Vec<Self>) -> Elements {
                Elements::$variant(elements)
            }

            fn wrap_state(state: Prio3VerifyState<Self, 32>) -> State {
                State::$variant(state)
            }

            fn unwrap_state(state: State) -> Option<Prio3VerifyState<Self, 32>> {
                if let State::$variant(state) = state { Some(state) } else { None }
            }
        }
    };
}

signed!(Field64, u64, Narrow);
signed!(Field128, u128, Wide);

macro_rules! elements {
    ($(#[$text:meta])* $name:ident) => {
        $(#[$text])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(pub(super) Elements);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} elements)"), self.0.len())
            }
        }
    };
}

elements! {
    /// One aggregator's share of one accepted measurement. Secret.
    OutputShare
}
elements! {
    /// One aggregator's share of the sum over accepted reports. Secret until it is released with noise.
    AggregateShare
}
elements! {
    /// An aggregate share as it is published: centred, with this aggregator's noise.
    ReleasedShare
}

impl AggregateShare {
    /// Adds one more report's output share.
    ///
    /// # Errors
    /// [`Misuse::Foreign`] if it belongs to another circuit.
    pub fn accumulate(&mut self, share: &OutputShare) -> Result<(), Misuse> {
        self.0.add(&share.0)
    }

    /// Adds the share of the same aggregator over other reports.
    ///
    /// # Errors
    /// [`Misuse::Foreign`] if it belongs to another circuit.
    pub fn merge(&mut self, other: &Self) -> Result<(), Misuse> {
        self.0.add(&other.0)
    }

    /// For the store, between reports: as secret as the share itself.
    pub fn expose(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_bytes())
    }
}

impl ReleasedShare {
    /// As published.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Misuse> {
        self.0.add(&other.0)
    }
}

/// Which message did not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WirePart {
    /// [`PublicShare`].
    PublicShare,
    /// [`InputShare`].
    InputShare,
    /// [`VerifierShare`].
    VerifierShare,
    /// [`VerifierMessage`].
    VerifierMessage,
    /// [`AggregateShare`] from a store.
    AggregateShare,
    /// [`ReleasedShare`].
    ReleasedShare,
}

impl fmt::Display for WirePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicShare => "public share",
            Self::InputShare => "input share",
            Self::VerifierShare => "verifier share",
            Self::VerifierMessage => "verifier message",
            Self::AggregateShare => "aggregate share",
            Self::ReleasedShare => "released share",
        })
    }
}

/// This message, or this report, is refused; the aggregation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reject {
    /// Not the one length that this circuit has.
    #[error("the {part} has {got} bytes, {expected} expected")]
    Length {
        /// What.
        part: WirePart,
        /// Bytes of this circuit.
        expected: usize,
        /// Bytes received.
        got: usize,
    },
    /// Holds an integer that is no field element.
    #[error("the {part} holds no field elements")]
    Malformed {
        /// What.
        part: WirePart,
    },
    /// The report's query point is a root of unity; all aggregators see the same. Of honest reports
    /// fewer than one in 2^40.
    #[error("the report cannot be queried")]
    Unqueryable,
    /// The proof is wrong: the measurement is not valid, or a share was changed.
    #[error("the proof does not hold")]
    Proof,
    /// The aggregators used different joint randomness: the public share or an input share was changed.
    #[error("the joint randomness differs")]
    JointRandomness,
}

/// Our caller has mixed things up: a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A share, state or measurement of another circuit.
    #[error("belongs to another circuit")]
    Foreign,
    /// No such seat in this aggregation.
    #[error("no such aggregator")]
    Aggregator,
    /// Not one share of each aggregator.
    #[error("{got} shares, {expected} expected")]
    Shares {
        /// T + 1.
        expected: usize,
        /// Shares given.
        got: usize,
    },
    /// More reports than the overflow check allowed for, or none.
    #[error("{got} reports; 1 to {max} were planned")]
    Reporters {
        /// As planned.
        max: u32,
        /// As given.
        got: u32,
    },
    /// A sum beyond 63 bits: shares of different reports were added, or the noise is out of bounds.
    #[error("the sum is out of range")]
    Unreadable,
}

/// Why a step of verification failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The report is refused.
    #[error(transparent)]
    Reject(#[from] Reject),
    /// The caller is wrong.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}
