//! Names of things: campaigns, aggregations, reports, people, and hashes of bytes.
//!
//! Each is a type of its own, so that one is never passed for another. All are public; none is secret.

use crate::keys::{Label, digest};
use serde::{Deserialize, Serialize, de};
use std::{fmt, sync::Arc};

macro_rules! id {
    ($(#[$text:meta])* $name:ident, $len:literal) => {
        $(#[$text])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:.8})"), self.to_string())
            }
        }
    };
}

id! {
    /// A hash of canonical bytes.
    Hash, 32
}
id! {
    /// The hash of a plan: what keyholders are invited to.
    PlanId, 32
}
id! {
    /// The hash of a manifest's body: what members and donors are invited to.
    CampaignId, 32
}
id! {
    /// A report's id, chosen by its reporter; also the nonce of its proof.
    ReportId, 16
}

impl Hash {
    /// Of labelled parts, each preceded by its length.
    pub fn of(label: Label, parts: &[&[u8]]) -> Self {
        Self(digest(label, parts))
    }
}

/// The place of an aggregation in the plan, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AggregationId(pub u16);

impl AggregationId {
    /// As an index into the plan's list.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for AggregationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aggregation {}", self.0)
    }
}

/// Bytes that are carried and hashed, shared instead of copied. Prints its length only: it may hold shares.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(Arc<[u8]>);

impl Blob {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.into()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A set of seats.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct SeatSet(u16);

impl SeatSet {
    /// No seat.
    pub const EMPTY: Self = Self(0);

    /// Seats 0 to `seats - 1`.
    pub fn all(seats: u8) -> Self {
        (0..seats).map(crate::keys::seat::Seat::new).collect()
    }

    /// Whether `seat` is one of them.
    pub fn contains(self, seat: crate::keys::seat::Seat) -> bool {
        self.0 >> seat.index() & 1 == 1
    }

    /// With `seat`, which is below 16 in every checked plan; a greater one changes nothing.
    #[must_use]
    pub fn with(self, seat: crate::keys::seat::Seat) -> Self {
        Self(self.0 | 1_u16.checked_shl(seat.index().into()).unwrap_or(0))
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all are among `other`.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// How many.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Ascending.
    pub fn iter(self) -> impl Iterator<Item = crate::keys::seat::Seat> {
        (0..16).map(crate::keys::seat::Seat::new).filter(move |seat| self.contains(*seat))
    }
}

impl FromIterator<crate::keys::seat::Seat> for SeatSet {
    fn from_iter<I: IntoIterator<Item = crate::keys::seat::Seat>>(seats: I) -> Self {
        seats.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for SeatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, seat) in self.iter().enumerate() {
            write!(f, "{}{seat}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::seat::Seat;

    #[test]
    fn sets_of_seats_are_sets() {
        let set: SeatSet = [3, 1, 3].map(Seat::new).into_iter().collect();
        assert_eq!(set.len(), 2);
        assert_eq!(set.iter().map(Seat::index).collect::<Vec<_>>(), [1, 3]);
        assert!(set.is_within(SeatSet::all(4)) && !set.is_within(SeatSet::all(3)));
        assert_eq!(SeatSet::all(4).without(set).to_string(), "seat 0, seat 2");
        assert_eq!(set.with(Seat::new(200)), set);
        assert!(!set.contains(Seat::new(15)));
    }

    #[test]
    fn ids_print_as_hexadecimal() {
        assert_eq!(ReportId([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!(format!("{:?}", Hash([1; 32])), "Hash(01010101)");
        assert_eq!(format!("{:?}", Blob::from(vec![1, 2])), "Blob(2 bytes)");
    }
}
