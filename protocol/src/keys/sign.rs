//! Signatures: Ed25519 (RFC 8032) over labelled hashes, checked strictly.

use super::{Label, digest};
use ed25519_dalek::{Signer, SigningKey as Ed25519Key, VerifyingKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// What a person, an organiser or a keyholder signs with. Secret; wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(Ed25519Key);

impl SigningKey {
    /// A new key. `rng` must be the operating system's generator, or a stream of a secret of its own.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_bytes(&seed)
    }

    /// The key a keystore has kept.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(Ed25519Key::from_bytes(seed))
    }

    /// For the keystore only.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs the hash of labelled parts. Deterministic: a repeat gives the same bytes.
    pub fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        Signature(self.0.sign(&digest(label, parts)).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

impl ConstantTimeEq for SigningKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_bytes().ct_eq(other.0.as_bytes())
    }
}

/// The public half of a [`SigningKey`]: a pseudonym, or the identity of a keyholder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// As received; bytes that are no key verify nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The canonical form.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature over labelled parts: canonical, and by a key of full order.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn verify(
        &self,
        label: Label,
        parts: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(&digest(label, parts), &signature.0.into()))
            .map_err(|_| BadSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:.8})", self.to_string())
    }
}

/// A signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Stands where a campaign without cryptography checks no signature; verifies for no key.
    pub const ABSENT: Self = Self([0; 64]);

    /// As received.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// As sent.
    pub const fn to_bytes(self) -> [u8; 64] {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (r, s) = self.0.split_at(32);
        (fixed(r), fixed(s)).serialize(serializer)
    }
}

fn fixed(half: &[u8]) -> [u8; 32] {
    half.try_into().expect("half of 64 bytes")
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let halves = <[[u8; 32]; 2]>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(halves.as_flattened()) {
            *to = *from;
        }
        Ok(Self(bytes))
    }
}

/// The signature is not one of this key over these bytes. No more is said, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test stops where it is wrong")]
mod tests {
    use super::*;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    #[test]
    fn a_signature_holds_for_its_key_label_and_parts_only() {
        let parts: [&[u8]; 2] = [b"a", b"b"];
        let signature = key(1).sign(Label::Post, &parts);
        assert_eq!(key(1).public().verify(Label::Post, &parts, &signature), Ok(()));
        assert!(key(2).public().verify(Label::Post, &parts, &signature).is_err());
        assert!(key(1).public().verify(Label::Report, &parts, &signature).is_err());
        assert!(key(1).public().verify(Label::Post, &[b"ab"], &signature).is_err());
        for bit in 0..512 {
            let mut bytes = signature.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = Signature::from_bytes(bytes);
            assert!(key(1).public().verify(Label::Post, &parts, &forged).is_err());
        }
    }

    #[test]
    fn nothing_verifies_under_keys_of_small_order_or_without_a_signature() {
        let identity = PublicKey::from_bytes({
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        });
        let mut forged = [0; 64];
        forged[0] = 1;
        assert!(identity.verify(Label::Post, &[], &Signature::from_bytes(forged)).is_err());
        assert!(key(1).public().verify(Label::Post, &[], &Signature::ABSENT).is_err());
    }

    #[test]
    fn keys_do_not_print_and_signatures_survive_the_wire() {
        assert_eq!(format!("{:?}", key(1)), "SigningKey([redacted])");
        let signature = key(1).sign(Label::Post, &[b"x"]);
        let bytes = crate::codec::encode(&signature);
        assert_eq!(bytes, signature.to_bytes());
        assert_eq!(crate::codec::decode::<Signature, 64>(&bytes), Ok(signature));
    }
}
