//! Seats: one key for each keyholder and each aggregation.
//!
//! A keyholder keeps one [`SeatSecret`] for the ceremony and derives from it one [`SeatKey`] per
//! aggregation. A seat key's scalar is what [`super::vss`] shares among the other keyholders, and
//! the seat's parts of the verify key and of the beacon derive from that same scalar: a recovered
//! seat can therefore be replayed completely, and opening one aggregation opens no other.
//!
//! Source: docs/PROTOCOL.md sections 3, 5 and 7.

use super::{Label, derive, digest};
use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The place of a keyholder in the manifest, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seat(u8);

impl Seat {
    /// Seat number `index`, counted from 0.
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// Counted from 0.
    pub const fn index(self) -> u8 {
        self.0
    }

    /// Where this seat evaluates a sharing polynomial: never 0, which is the secret's place.
    pub(super) fn abscissa(self) -> Scalar {
        Scalar::from(u16::from(self.0) + 1)
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seat {}", self.0)
    }
}

/// From which a keyholder derives its keys for all aggregations of one campaign.
///
/// # Security
/// Forget it once the ceremony has dealt every seat key: whoever holds it can make them all again,
/// also those erased after their Result.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SeatSecret([u8; 32]);

impl SeatSecret {
    /// A new secret. `rng` must be the operating system's generator, passed in by the program.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret a keystore has kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For the keystore only.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of `seat` in one aggregation. The same arguments give the same key.
    pub fn key(&self, campaign: &[u8; 32], aggregation: &[u8; 32], seat: Seat) -> SeatKey {
        let wide = derive::<64>(Label::SeatKey, &self.0, &[campaign, aggregation, &[seat.index()]]);
        SeatKey { scalar: Scalar::from_bytes_mod_order_wide(&wide) }
    }
}

impl fmt::Debug for SeatSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatSecret([redacted])")
    }
}

impl ConstantTimeEq for SeatSecret {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// One keyholder's secret in one aggregation; erase it (drop it everywhere) after the Result.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SeatKey {
    scalar: Scalar,
}

impl SeatKey {
    pub(super) const fn from_scalar(scalar: Scalar) -> Self {
        Self { scalar }
    }

    pub(super) const fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    /// The key a keystore has kept; `None` if the bytes are not a reduced, non-zero scalar.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Scalar::from_canonical_bytes(*bytes)
            .into_option()
            .filter(|scalar| !bool::from(scalar.ct_eq(&Scalar::ZERO)))
            .map(Self::from_scalar)
    }

    /// For the keystore only.
    pub const fn expose(&self) -> &[u8; 32] {
        self.scalar.as_bytes()
    }

    /// The key that reports are sealed to.
    pub fn public(&self) -> SeatPublicKey {
        SeatPublicKey::from_point(RistrettoPoint::mul_base(&self.scalar))
    }

    /// This seat's part of the verify key. Release it only after checking the freeze signatures of
    /// all live seats: before that, it would let a client forge a proof.
    pub fn verify_key_part(&self) -> VerifyKeyPart {
        VerifyKeyPart(*derive(Label::VerifyKeyPart, self.scalar.as_bytes(), &[]))
    }

    /// This seat's part of the public randomness of its Opening.
    pub fn beacon_part(&self) -> BeaconPart {
        BeaconPart(*derive(Label::BeaconPart, self.scalar.as_bytes(), &[]))
    }
}

impl fmt::Debug for SeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatKey([redacted])")
    }
}

impl ConstantTimeEq for SeatKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.scalar.ct_eq(&other.scalar)
    }
}

/// The public half of a [`SeatKey`]: a canonical ristretto255 point other than the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatPublicKey {
    point: RistrettoPoint,
    bytes: CompressedRistretto,
}

impl SeatPublicKey {
    pub(super) fn from_point(point: RistrettoPoint) -> Self {
        Self { point, bytes: point.compress() }
    }

    pub(super) const fn point(&self) -> &RistrettoPoint {
        &self.point
    }

    /// `None` unless the bytes are the canonical form of a point other than the identity.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let bytes = CompressedRistretto(bytes);
        let point = bytes.decompress().filter(|point| !point.is_identity())?;
        Some(Self { point, bytes })
    }

    /// The canonical form, as it stands in the manifest.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.bytes.to_bytes()
    }
}

macro_rules! part {
    ($(#[$text:meta])* $name:ident, $kind:literal) => {
        $(#[$text])*
        ///
        /// Secret until released; its commitment stands in the manifest.
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A part as received; compare its [`commitment`](Self::commitment) before use.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes to publish.
            pub const fn reveal(&self) -> [u8; 32] {
                self.0
            }

            /// What the manifest says about this part.
            pub fn commitment(&self) -> [u8; 32] {
                digest(Label::PartCommitment, &[$kind, &self.0])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

part! {
    /// One seat's part of the verify key of one aggregation.
    VerifyKeyPart, b"verify-key"
}
part! {
    /// One seat's part of the public randomness of one aggregation.
    BeaconPart, b"beacon"
}

/// The key with which all aggregators of one aggregation check the reports.
///
/// # Security
/// Unknown to every reporter until the reports are frozen, and never used for a second aggregation:
/// a reporter who knows it can forge a proof.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct VerifyKey([u8; 32]);

impl VerifyKey {
    /// The hash of the context and of all parts in seat order.
    pub fn combine(ctx: &[u8; 32], parts: &[VerifyKeyPart]) -> Self {
        let parts: Zeroizing<Vec<u8>> =
            Zeroizing::new(parts.iter().flat_map(VerifyKeyPart::reveal).collect());
        Self(digest(Label::VerifyKey, &[ctx, &parts]))
    }

    /// For the aggregators that check with it, and for what they persist.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyKey([redacted])")
    }
}

impl ConstantTimeEq for VerifyKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> SeatSecret {
        SeatSecret::from_bytes([7; 32])
    }

    #[test]
    fn every_campaign_aggregation_and_seat_has_its_own_key() {
        let key = secret().key(&[1; 32], &[2; 32], Seat::new(0));
        assert!(bool::from(key.ct_eq(&secret().key(&[1; 32], &[2; 32], Seat::new(0)))));
        for other in [
            secret().key(&[9; 32], &[2; 32], Seat::new(0)),
            secret().key(&[1; 32], &[9; 32], Seat::new(0)),
            secret().key(&[1; 32], &[2; 32], Seat::new(1)),
            SeatSecret::from_bytes([8; 32]).key(&[1; 32], &[2; 32], Seat::new(0)),
        ] {
            assert!(!bool::from(key.ct_eq(&other)));
            assert_ne!(key.public(), other.public());
            assert_ne!(key.verify_key_part().reveal(), other.verify_key_part().reveal());
        }
    }

    #[test]
    fn parts_and_their_commitments_are_domain_separated() {
        let key = secret().key(&[1; 32], &[2; 32], Seat::new(0));
        assert_ne!(key.verify_key_part().reveal(), key.beacon_part().reveal());
        assert_ne!(
            VerifyKeyPart::from_bytes([3; 32]).commitment(),
            BeaconPart::from_bytes([3; 32]).commitment()
        );
    }

    #[test]
    fn the_verify_key_depends_on_context_parts_and_their_order() {
        let part = |n| VerifyKeyPart::from_bytes([n; 32]);
        let key = VerifyKey::combine(&[0; 32], &[part(1), part(2)]);
        for other in [
            VerifyKey::combine(&[1; 32], &[part(1), part(2)]),
            VerifyKey::combine(&[0; 32], &[part(2), part(1)]),
            VerifyKey::combine(&[0; 32], &[part(1)]),
        ] {
            assert!(!bool::from(key.ct_eq(&other)));
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let key = secret().key(&[1; 32], &[2; 32], Seat::new(0));
        for text in [
            format!("{:?}", secret()),
            format!("{key:?}"),
            format!("{:?}", key.verify_key_part()),
            format!("{:?}", VerifyKey::combine(&[0; 32], &[])),
        ] {
            assert!(text.ends_with("([redacted])"), "{text}");
        }
    }

    #[test]
    fn refuses_the_identity_and_non_canonical_points_and_scalars() {
        assert_eq!(SeatPublicKey::from_bytes([0; 32]), None);
        assert_eq!(SeatPublicKey::from_bytes([0xff; 32]), None);
        assert!(SeatKey::from_bytes(&[0; 32]).is_none());
        assert!(SeatKey::from_bytes(&[0xff; 32]).is_none());
        let key = secret().key(&[1; 32], &[2; 32], Seat::new(0));
        let again = SeatKey::from_bytes(key.expose()).unwrap();
        assert!(bool::from(key.ct_eq(&again)));
        assert_eq!(SeatPublicKey::from_bytes(key.public().to_bytes()), Some(key.public()));
    }
}
