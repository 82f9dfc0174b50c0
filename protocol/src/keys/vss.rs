//! Feldman's verifiable sharing of a seat key among the other keyholders, and its recovery.
//!
//! > The dealer chooses `f(x) = a_0 + a_1 x + ... + a_(t-1) x^(t-1)` with `a_0` the secret, sends
//! > `f(i)` to holder `i` and publishes `A_k = a_k G`. Holder `i` checks `f(i) G = sum A_k i^k`.
//!
//! Any `t` checked shares give the key back; fewer say nothing about it beyond its public key. Who is
//! at fault is known in both directions: a share that contradicts the dealer's commitments names the
//! dealer when it is dealt, and its holder when it is published for a recovery (the holder has
//! accepted it before).
//!
//! Source: Feldman 1987; docs/PROTOCOL.md section 7.

use super::seat::{Seat, SeatKey, SeatPublicKey};
use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::{Identity, IsIdentity},
};
use rand_core::CryptoRng;
use std::{collections::BTreeSet, fmt};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The fewest seats a campaign can have.
pub const SEATS_MIN: u8 = 3;

/// The most seats a campaign can have.
pub const SEATS_MAX: u8 = 15;

/// How many seats there are, and how many of the others recover a lost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    seats: u8,
    threshold: u8,
}

impl Sharing {
    /// `threshold` of the `seats - 1` others recover a seat.
    ///
    /// # Errors
    /// [`SharingError`] unless `3 <= seats <= 15` and `2 <= threshold <= seats - 1`. (At threshold 1
    /// every share would be the key itself.)
    pub fn new(counts: SeatCounts) -> Result<Self, SharingError> {
        let SeatCounts { seats, threshold } = counts;
        if !(SEATS_MIN..=SEATS_MAX).contains(&seats) || !(2..seats).contains(&threshold) {
            return Err(SharingError { seats, threshold });
        }
        Ok(Self { seats, threshold })
    }

    /// T.
    pub const fn seats(self) -> u8 {
        self.seats
    }

    /// t.
    pub const fn threshold(self) -> u8 {
        self.threshold
    }

    fn holders(self, dealer: Seat) -> impl Iterator<Item = Seat> {
        (0..self.seats).map(Seat::new).filter(move |seat| *seat != dealer)
    }
}

/// The two numbers of a [`Sharing`], by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatCounts {
    /// T, all keyholders.
    pub seats: u8,
    /// t, how many of the other `T - 1` recover a lost seat.
    pub threshold: u8,
}

/// Impossible numbers of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{threshold} of {seats} - 1 seats cannot share a key")]
pub struct SharingError {
    /// T as given.
    pub seats: u8,
    /// t as given.
    pub threshold: u8,
}

/// What a dealer hands out for one seat key.
#[derive(Debug)]
pub struct Dealing {
    /// Published in the manifest.
    pub commitments: Commitments,
    /// One for each other seat, to be sealed to its holder.
    pub shares: Vec<KeyShare>,
}

/// Shares `key` of `dealer`. `rng` may be a [`super::stream`], so that a repeat deals the same.
///
/// # Errors
/// [`UnknownSeat`] if `dealer` is not among the seats.
pub fn deal(
    sharing: Sharing,
    dealer: Seat,
    key: &SeatKey,
    rng: &mut impl CryptoRng,
) -> Result<Dealing, UnknownSeat> {
    if dealer.index() >= sharing.seats {
        return Err(UnknownSeat(dealer));
    }
    let mut coefficients = Zeroizing::new(vec![*key.scalar()]);
    for _ in 1..sharing.threshold {
        let mut wide = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *wide);
        coefficients.push(Scalar::from_bytes_mod_order_wide(&wide));
    }
    let shares = sharing
        .holders(dealer)
        .map(|holder| {
            let x = holder.abscissa();
            let value = coefficients.iter().rev().fold(Scalar::ZERO, |sum, a| sum * x + a);
            KeyShare { dealer, holder, value }
        })
        .collect();
    let points = coefficients.iter().map(RistrettoPoint::mul_base).collect();
    Ok(Dealing { commitments: Commitments { dealer, sharing, key: key.public(), points }, shares })
}

/// A seat outside the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no {0}")]
pub struct UnknownSeat(pub Seat);

/// The dealer's public promise: `A_0, ..., A_(t-1)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitments {
    dealer: Seat,
    sharing: Sharing,
    key: SeatPublicKey,
    points: Vec<RistrettoPoint>,
}

impl Commitments {
    /// Parses `t` canonical points of 32 bytes.
    ///
    /// # Errors
    /// [`DealerFault`], which names the dealer: a wrong number of points, bytes that are no point, or
    /// an identity in front (a key of zero).
    pub fn from_bytes(sharing: Sharing, dealer: Seat, bytes: &[u8]) -> Result<Self, DealerFault> {
        let fault = DealerFault { dealer };
        let (points, rest) = bytes.as_chunks::<32>();
        if points.len() != usize::from(sharing.threshold) || !rest.is_empty() {
            return Err(fault);
        }
        let points = points
            .iter()
            .map(|point| CompressedRistretto(*point).decompress())
            .collect::<Option<Vec<_>>>()
            .ok_or(fault)?;
        let key = points.first().filter(|point| !point.is_identity()).ok_or(fault)?;
        Ok(Self { dealer, sharing, key: SeatPublicKey::from_point(*key), points })
    }

    /// `32 t` bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.points.iter().flat_map(|point| point.compress().to_bytes()).collect()
    }

    /// The public key of the shared seat key, `A_0`.
    pub const fn public_key(&self) -> SeatPublicKey {
        self.key
    }

    /// The dealer's seat.
    pub const fn dealer(&self) -> Seat {
        self.dealer
    }

    /// Checks a share as its holder receives it.
    ///
    /// # Errors
    /// [`DealerFault`] if the share is not the dealer's promise to this holder.
    pub fn accept(&self, share: KeyShare) -> Result<CheckedShare, DealerFault> {
        if self.fits(&share) {
            Ok(CheckedShare(share))
        } else {
            Err(DealerFault { dealer: self.dealer })
        }
    }

    /// > `f(i) G = sum A_k i^k`
    fn fits(&self, share: &KeyShare) -> bool {
        let known = self.sharing.holders(self.dealer).any(|seat| seat == share.holder);
        let x = share.holder.abscissa();
        let promised =
            self.points.iter().rev().fold(RistrettoPoint::identity(), |sum, point| sum * x + point);
        known
            && share.dealer == self.dealer
            && bool::from(promised.ct_eq(&RistrettoPoint::mul_base(&share.value)))
    }

    /// Gives the key back from shares published after a loss certificate.
    ///
    /// # Errors
    /// [`RecoverError::WrongShare`] names the first holder whose share contradicts the commitments;
    /// [`RecoverError::Repeated`] one who gave two; [`RecoverError::TooFew`] counts what there is.
    pub fn recover(&self, shares: &[KeyShare]) -> Result<SeatKey, RecoverError> {
        let mut holders = BTreeSet::new();
        for share in shares {
            if !self.fits(share) {
                return Err(RecoverError::WrongShare { holder: share.holder });
            }
            if !holders.insert(share.holder) {
                return Err(RecoverError::Repeated { holder: share.holder });
            }
        }
        let needed = usize::from(self.sharing.threshold);
        let Some(shares) = shares.get(..needed) else {
            return Err(RecoverError::TooFew { expected: needed, got: shares.len() });
        };
        // > f(0) = sum over i of f(i) * product over j != i of j / (j - i)
        let mut secret = Zeroizing::new(Scalar::ZERO);
        for share in shares {
            let x = share.holder.abscissa();
            let weight = shares
                .iter()
                .map(|other| other.holder.abscissa())
                .filter(|other| *other != x)
                .fold(Scalar::ONE, |product, other| product * other * (other - x).invert());
            *secret += weight * share.value;
        }
        Ok(SeatKey::from_scalar(*secret))
    }
}

/// The dealer of a seat key has broken the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{dealer} dealt a key that contradicts its commitments")]
pub struct DealerFault {
    /// Who.
    pub dealer: Seat,
}

/// Why a seat key could not be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The share contradicts the commitments that its holder accepted.
    #[error("{holder} published a share that contradicts the commitments")]
    WrongShare {
        /// Who.
        holder: Seat,
    },
    /// Two shares of one holder.
    #[error("{holder} published two shares")]
    Repeated {
        /// Who.
        holder: Seat,
    },
    /// Fewer than t shares.
    #[error("{got} shares, {expected} needed")]
    TooFew {
        /// t.
        expected: usize,
        /// How many there are.
        got: usize,
    },
}

impl RecoverError {
    /// Whose fault it is, if it is one's.
    pub const fn culprit(&self) -> Option<Seat> {
        match self {
            Self::WrongShare { holder } | Self::Repeated { holder } => Some(*holder),
            Self::TooFew { .. } => None,
        }
    }
}

/// One holder's share of one seat key.
///
/// # Security
/// Sealed to its holder in the ceremony; published only together with a loss certificate.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyShare {
    #[zeroize(skip)]
    dealer: Seat,
    #[zeroize(skip)]
    holder: Seat,
    value: Scalar,
}

/// Who gave a share to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareRoute {
    /// Whose key it is.
    pub dealer: Seat,
    /// Who keeps the share.
    pub holder: Seat,
}

impl KeyShare {
    /// `None` if the bytes are not a reduced scalar.
    pub fn from_bytes(route: ShareRoute, bytes: &[u8; 32]) -> Option<Self> {
        let ShareRoute { dealer, holder } = route;
        let value = Scalar::from_canonical_bytes(*bytes).into_option()?;
        Some(Self { dealer, holder, value })
    }

    /// The scalar, for sealing or, after a loss certificate, for publishing.
    pub const fn expose(&self) -> &[u8; 32] {
        self.value.as_bytes()
    }

    /// Who gave it to whom.
    pub const fn route(&self) -> ShareRoute {
        ShareRoute { dealer: self.dealer, holder: self.holder }
    }
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyShare")
            .field("dealer", &self.dealer)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl ConstantTimeEq for KeyShare {
    fn ct_eq(&self, other: &Self) -> Choice {
        Choice::from(u8::from(self.route() == other.route())) & self.value.ct_eq(&other.value)
    }
}

/// A share that its holder has checked against the commitments; made by [`Commitments::accept`] only.
#[derive(Clone, Debug)]
pub struct CheckedShare(KeyShare);

impl CheckedShare {
    /// The share, to keep or, after a loss certificate, to publish.
    pub const fn share(&self) -> &KeyShare {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Label, seat::SeatSecret, stream};
    use proptest::{prelude::*, sample::subsequence};

    fn sharing(seats: u8, threshold: u8) -> Sharing {
        Sharing::new(SeatCounts { seats, threshold }).unwrap()
    }

    fn key(n: u8) -> SeatKey {
        SeatSecret::from_bytes([n; 32]).key(&[0; 32], &[1; 32], Seat::new(0))
    }

    fn dealing(sharing: Sharing, dealer: u8, n: u8) -> Dealing {
        let mut rng = stream(Label::SeatPolynomial, &[n; 32], &[b"test"]);
        deal(sharing, Seat::new(dealer), &key(n), &mut rng).unwrap()
    }

    fn counts() -> impl Strategy<Value = (u8, u8, u8)> {
        (3..=9_u8).prop_flat_map(|seats| (Just(seats), 2..seats, 0..seats))
    }

    proptest! {
        #[test]
        fn any_t_shares_recover_and_fewer_do_not(
            ((seats, threshold, dealer), pick) in counts().prop_flat_map(|(seats, threshold, dealer)| {
                let others: Vec<usize> = (0..usize::from(seats) - 1).collect();
                (Just((seats, threshold, dealer)), subsequence(others, usize::from(threshold)).prop_shuffle())
            }),
            n in any::<u8>(),
        ) {
            let dealt = dealing(sharing(seats, threshold), dealer, n);
            prop_assert_eq!(dealt.commitments.public_key(), key(n).public());
            for share in &dealt.shares {
                prop_assert!(dealt.commitments.accept(share.clone()).is_ok());
            }
            let mut shares: Vec<KeyShare> =
                pick.iter().map(|i| dealt.shares.get(*i).unwrap().clone()).collect();
            let recovered = dealt.commitments.recover(&shares).unwrap();
            prop_assert!(bool::from(recovered.ct_eq(&key(n))));
            shares.pop();
            prop_assert_eq!(
                dealt.commitments.recover(&shares).unwrap_err(),
                RecoverError::TooFew { expected: usize::from(threshold), got: shares.len() }
            );
        }

        /// With t - 1 shares every key is still possible: some polynomial meets them all.
        #[test]
        fn t_minus_one_shares_interpolate_to_something_else((seats, threshold, dealer) in counts(), n in any::<u8>()) {
            prop_assume!(threshold > 2);
            let dealt = dealing(sharing(seats, threshold), dealer, n);
            let short = Commitments {
                sharing: sharing(seats, threshold - 1),
                ..dealt.commitments.clone()
            };
            let shares = dealt.shares.get(..usize::from(threshold) - 1).unwrap();
            let guess = short.recover(shares).unwrap();
            prop_assert!(!bool::from(guess.ct_eq(&key(n))));
        }

        #[test]
        fn a_changed_share_names_the_dealer_or_the_holder((seats, threshold, dealer) in counts(), bit in 0..250_usize) {
            let dealt = dealing(sharing(seats, threshold), dealer, 1);
            let honest = dealt.shares.first().unwrap();
            let mut bytes = *honest.expose();
            *bytes.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            let route = honest.route();
            if let Some(wrong) = KeyShare::from_bytes(route, &bytes) {
                let mut shares = dealt.shares.clone();
                *shares.first_mut().unwrap() = wrong.clone();
                prop_assert_eq!(
                    dealt.commitments.accept(wrong).unwrap_err(),
                    DealerFault { dealer: Seat::new(dealer) }
                );
                let error = dealt.commitments.recover(&shares).unwrap_err();
                prop_assert_eq!(&error, &RecoverError::WrongShare { holder: route.holder });
                prop_assert_eq!(error.culprit(), Some(route.holder));
            }
        }
    }

    #[test]
    fn commitments_travel_as_bytes_and_nothing_else_parses() {
        let dealt = dealing(sharing(5, 4), 2, 3);
        let bytes = dealt.commitments.to_bytes();
        let parse = |bytes: &[u8]| Commitments::from_bytes(sharing(5, 4), Seat::new(2), bytes);
        let fault = DealerFault { dealer: Seat::new(2) };
        assert_eq!(parse(&bytes), Ok(dealt.commitments));
        for len in 0..bytes.len() {
            assert_eq!(parse(bytes.get(..len).unwrap()), Err(fault));
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(parse(&longer), Err(fault));
        let mut identity = bytes;
        identity.get_mut(..32).unwrap().fill(0);
        assert_eq!(parse(&identity), Err(fault));
    }

    #[test]
    fn a_share_of_another_dealer_or_for_a_stranger_is_refused() {
        let dealt = dealing(sharing(5, 4), 2, 3);
        let share = dealt.shares.first().unwrap();
        for route in [
            ShareRoute { dealer: Seat::new(1), holder: share.route().holder },
            ShareRoute { dealer: Seat::new(2), holder: Seat::new(2) },
            ShareRoute { dealer: Seat::new(2), holder: Seat::new(5) },
        ] {
            let moved = KeyShare::from_bytes(route, share.expose()).unwrap();
            assert!(dealt.commitments.accept(moved).is_err());
        }
        // On the polynomial, but of a seat that holds no share: a stranger, or the dealer itself.
        let coefficients = || stream(Label::SeatPolynomial, &[3; 32], &[b"test"]);
        let wider = deal(sharing(6, 4), Seat::new(2), &key(3), &mut coefficients()).unwrap();
        let elsewhere = deal(sharing(5, 4), Seat::new(0), &key(3), &mut coefficients()).unwrap();
        for (of, holder) in [(wider, 5), (elsewhere, 2)] {
            let holder = Seat::new(holder);
            let share = of.shares.iter().find(|share| share.route().holder == holder).unwrap();
            let route = ShareRoute { dealer: Seat::new(2), holder };
            let extra = KeyShare::from_bytes(route, share.expose()).unwrap();
            assert!(dealt.commitments.accept(extra).is_err(), "{holder}");
        }
        let twice = [share.clone(), share.clone()];
        assert_eq!(
            dealt.commitments.recover(&twice).unwrap_err(),
            RecoverError::Repeated { holder: share.route().holder }
        );
    }

    #[test]
    fn impossible_counts_are_refused() {
        for (seats, threshold) in [(2, 1), (2, 2), (3, 1), (3, 3), (16, 4), (5, 0)] {
            assert_eq!(
                Sharing::new(SeatCounts { seats, threshold }),
                Err(SharingError { seats, threshold })
            );
        }
    }
}
