//! Sealing: what only one seat can read, bound to the report it belongs to.
//!
//! > `E = e G`, `S = e P`, key = HKDF-SHA256(`S`; label, `E`, `P`); sealed = `E`, then
//! > ChaCha20-Poly1305 of the plaintext under that key, nonce zero and the binding as AAD.
//!
//! The key is used once, so the nonce may be constant. The binding holds context, reporter,
//! report id, hash of the public share, hash of the leader share, seat. A share lifted out of its
//! report, its aggregation or its seat does not open.
//!
//! Source: docs/PROTOCOL.md section 3.

use super::{
    Label, derive, digest,
    seat::{Seat, SeatKey, SeatPublicKey},
};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// What sealing adds: the ephemeral point and the tag.
pub const OVERHEAD_BYTES: usize = 32 + 16;

/// The longest plaintext, in bytes; a helper's input share has 64, a key share 32.
pub const PLAINTEXT_BYTES_MAX: usize = 4096;

/// What a sealed input share belongs to.
#[derive(Clone, Copy, Debug)]
pub struct ReportBinding<'a> {
    /// Context of the aggregation.
    pub ctx: &'a [u8; 32],
    /// Public key that signs the report.
    pub reporter: &'a [u8; 32],
    /// The report's id, which is also the nonce of its proof.
    pub report: &'a [u8; 16],
    /// Public share, as sent.
    pub public_share: &'a [u8],
    /// Hash of the leader's input share, as the report names it: keyholders do not see the share itself.
    pub leader_share: &'a [u8; 32],
    /// Who may open it.
    pub seat: Seat,
}

impl ReportBinding<'_> {
    /// `H(ctx, reporter key, report id, H(public share), H(leader share), seat)`.
    pub fn digest(&self) -> [u8; 32] {
        let label = Label::ReportBinding;
        digest(
            label,
            &[
                self.ctx,
                self.reporter,
                self.report,
                &digest(label, &[self.public_share]),
                self.leader_share,
                &[self.seat.index()],
            ],
        )
    }
}

/// The sealed bytes cannot be opened with this key for this binding. No more is said, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the sealed share cannot be opened")]
pub struct Unopenable;

/// The plaintext is longer than [`PLAINTEXT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{got} bytes to seal; at most {PLAINTEXT_BYTES_MAX}")]
pub struct TooLong {
    /// Length in bytes.
    pub got: usize,
}

/// Seals `plaintext` to a seat. `rng` gives the ephemeral scalar: the same stream seals to the same
/// bytes, and must not be used for another plaintext.
///
/// # Errors
/// [`TooLong`].
pub fn seal(
    recipient: &SeatPublicKey,
    binding: &[u8; 32],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, TooLong> {
    if plaintext.len() > PLAINTEXT_BYTES_MAX {
        return Err(TooLong { got: plaintext.len() });
    }
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *wide);
    let ephemeral = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
    let point = RistrettoPoint::mul_base(&ephemeral).compress();
    let cipher = cipher(&(recipient.point() * *ephemeral), &point, recipient);
    let body = cipher
        .encrypt(&Nonce::from([0; 12]), Payload { msg: plaintext, aad: binding })
        .map_err(|_| TooLong { got: plaintext.len() })?;
    Ok([point.as_bytes().as_slice(), &body].concat())
}

/// Opens what [`seal`] made for the public half of `key`.
///
/// # Errors
/// [`Unopenable`], whatever the reason.
pub fn open(
    key: &SeatKey,
    binding: &[u8; 32],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
    if sealed.len() > PLAINTEXT_BYTES_MAX + OVERHEAD_BYTES {
        return Err(Unopenable);
    }
    let (point, body) = sealed.split_first_chunk::<32>().ok_or(Unopenable)?;
    let point = CompressedRistretto(*point);
    let ephemeral = point.decompress().filter(|point| !point.is_identity()).ok_or(Unopenable)?;
    cipher(&(ephemeral * key.scalar()), &point, &key.public())
        .decrypt(&Nonce::from([0; 12]), Payload { msg: body, aad: binding })
        .map(Zeroizing::new)
        .map_err(|_| Unopenable)
}

fn cipher(
    shared: &RistrettoPoint,
    ephemeral: &CompressedRistretto,
    recipient: &SeatPublicKey,
) -> ChaCha20Poly1305 {
    let shared = Zeroizing::new(shared.compress().to_bytes());
    let context: [&[u8]; 2] = [ephemeral.as_bytes(), &recipient.to_bytes()];
    let key = derive::<32>(Label::SealedShare, &*shared, &context);
    ChaCha20Poly1305::new((&*key).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{seat::SeatSecret, stream};
    use proptest::prelude::*;

    fn key(n: u8) -> SeatKey {
        SeatSecret::from_bytes([n; 32]).key(&[0; 32], &[1; 32], Seat::new(0))
    }

    fn sealed(plaintext: &[u8]) -> Vec<u8> {
        let mut rng = stream(Label::SealedShare, &[5; 32], &[b"test"]);
        seal(&key(1).public(), &[9; 32], plaintext, &mut rng).unwrap()
    }

    proptest! {
        #[test]
        fn opens_to_what_was_sealed(plaintext in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = sealed(&plaintext);
            prop_assert_eq!(bytes.len(), plaintext.len() + OVERHEAD_BYTES);
            let opened = open(&key(1), &[9; 32], &bytes);
            prop_assert_eq!(opened.as_deref(), Ok(&plaintext));
        }

        #[test]
        fn garbage_never_opens(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(open(&key(1), &[9; 32], &bytes), Err(Unopenable));
        }
    }

    #[test]
    fn any_flipped_bit_of_ciphertext_or_binding_fails() {
        let bytes = sealed(&[42; 64]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            *flipped.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            assert_eq!(open(&key(1), &[9; 32], &flipped), Err(Unopenable), "bit {bit}");
        }
        for bit in 0..256_usize {
            let mut binding = [9; 32];
            *binding.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            assert_eq!(open(&key(1), &binding, &bytes), Err(Unopenable), "bit {bit}");
        }
    }

    #[test]
    fn truncated_extended_or_for_another_seat_fails() {
        let bytes = sealed(&[42; 64]);
        for len in 0..bytes.len() {
            assert_eq!(open(&key(1), &[9; 32], bytes.get(..len).unwrap()), Err(Unopenable));
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(open(&key(1), &[9; 32], &longer), Err(Unopenable));
        assert_eq!(open(&key(2), &[9; 32], &bytes), Err(Unopenable));
        let huge = vec![1; PLAINTEXT_BYTES_MAX + 1];
        let mut rng = stream(Label::SealedShare, &[5; 32], &[b"test"]);
        assert_eq!(
            seal(&key(1).public(), &[9; 32], &huge, &mut rng),
            Err(TooLong { got: huge.len() })
        );
    }

    #[test]
    fn every_field_of_the_report_changes_the_binding() {
        let base = ReportBinding {
            ctx: &[1; 32],
            reporter: &[2; 32],
            report: &[3; 16],
            public_share: b"public",
            leader_share: &[6; 32],
            seat: Seat::new(0),
        };
        let others = [
            ReportBinding { ctx: &[0; 32], ..base },
            ReportBinding { reporter: &[0; 32], ..base },
            ReportBinding { report: &[0; 16], ..base },
            ReportBinding { public_share: b"publix", ..base },
            ReportBinding { leader_share: &[7; 32], ..base },
            ReportBinding { public_share: &[6; 32], ..base },
            ReportBinding { seat: Seat::new(1), ..base },
        ];
        for other in others {
            assert_ne!(base.digest(), other.digest(), "{other:?}");
        }
    }
}
