//! Labels, hashes, derived keys and streams: the one place that chooses primitives.
//!
//! SHA-256 for every hash, HKDF-SHA256 for every derived key, `ChaCha20` for every stream of private
//! randomness, ristretto255 for seats. All input is length-prefixed, so two lists of parts that
//! differ never hash alike. This module never draws randomness: generators are arguments.
//!
//! Secrets here are wiped when dropped, print as `[redacted]` and are compared in constant time.
//! Source: docs/PROTOCOL.md sections 3, 5 and 7.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

pub mod locked;
pub mod seal;
pub mod seat;
pub mod sign;
pub mod token;
pub mod vss;

use chacha20::ChaCha20Rng;
use hkdf::Hkdf;
use rand_core::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What a hash, a derived key or a stream is for. No two uses share a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Scalar of a seat, from the seat secret and the aggregation.
    SeatKey,
    /// Coefficients of the polynomial that shares a seat key.
    SeatPolynomial,
    /// One seat's part of the verify key.
    VerifyKeyPart,
    /// One seat's part of the public random beacon.
    BeaconPart,
    /// Commitment to a part, published in the manifest before the part is.
    PartCommitment,
    /// The verify key, from all parts.
    VerifyKey,
    /// Key of one sealed input share, from the Diffie-Hellman point.
    SealedShare,
    /// What a sealed input share is bound to.
    ReportBinding,
    /// Parameters of a circuit, bound into every sharding and verification.
    Circuit,
    /// Seeds of one report's shares.
    Sharding,
    /// Stochastic rounding of one person's values.
    Rounding,
    /// One seat's noise in one aggregation.
    SeatNoise,
    /// A plan's id.
    Plan,
    /// A manifest's id.
    Campaign,
    /// A post on the transcript, and its signature.
    Post,
    /// An entry of the transcript, chained to the one before.
    Entry,
    /// What an aggregation's shares are bound to.
    Context,
    /// A report, and its signature.
    Report,
    /// A leaf of a Merkle tree.
    Leaf,
    /// An inner node of a Merkle tree.
    Node,
    /// A receipt, and its signature.
    Receipt,
    /// An enrolment, and its signature.
    Enrolment,
    /// A withdrawal, and its signature.
    Withdrawal,
    /// The promise of a released share.
    ShareCommitment,
    /// The salt of such a promise.
    ShareSalt,
    /// Public randomness, from all parts.
    Beacon,
    /// What a sealed share of a seat key is bound to.
    KeyShare,
    /// A report's id, from the reporter's key.
    ReportId,
    /// A keyholder's key for what other keyholders send it.
    SealingKey,
    /// A keyholder's signing key.
    Identity,
    /// One member's draw in the lottery of the boundary bin.
    Lottery,
    /// One member's `random` score.
    RandomScore,
    /// Random centres of neighbourhood cells, from public randomness.
    Centres,
    /// The checksum of an invite's code.
    Invite,
    /// What the coordinator keeps of an invite's secret.
    InviteSecret,
    /// What a keyholder shows its invite with, from the invite's secret.
    AccessKey,
    /// A keyholder's greeting on one connection, and its signature.
    Hello,
    /// An issuer's key, from its seed.
    IssuerKey,
    /// The nonce of the proof that an issuer's key made an evaluation.
    TokenProof,
    /// The input of a token: a pseudonym in a campaign.
    TokenInput,
    /// What hides a token's input from the issuer.
    Blinding,
    /// When a person enrols.
    EnrolmentMoment,
}

impl Label {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::SeatKey => b"concert/v1/seat-key",
            Self::SeatPolynomial => b"concert/v1/seat-polynomial",
            Self::VerifyKeyPart => b"concert/v1/verify-key-part",
            Self::BeaconPart => b"concert/v1/beacon-part",
            Self::PartCommitment => b"concert/v1/part-commitment",
            Self::VerifyKey => b"concert/v1/verify-key",
            Self::SealedShare => b"concert/v1/sealed-share",
            Self::ReportBinding => b"concert/v1/report-binding",
            Self::Circuit => b"concert/v1/circuit",
            Self::Sharding => b"concert/v1/sharding",
            Self::Rounding => b"concert/v1/rounding",
            Self::SeatNoise => b"concert/v1/seat-noise",
            Self::Plan => b"concert/v1/plan",
            Self::Campaign => b"concert/v1/campaign",
            Self::Post => b"concert/v1/post",
            Self::Entry => b"concert/v1/entry",
            Self::Context => b"concert/v1/context",
            Self::Report => b"concert/v1/report",
            Self::Leaf => b"concert/v1/leaf",
            Self::Node => b"concert/v1/node",
            Self::Receipt => b"concert/v1/receipt",
            Self::Enrolment => b"concert/v1/enrolment",
            Self::Withdrawal => b"concert/v1/withdrawal",
            Self::ShareCommitment => b"concert/v1/share-commitment",
            Self::ShareSalt => b"concert/v1/share-salt",
            Self::Beacon => b"concert/v1/beacon",
            Self::KeyShare => b"concert/v1/key-share",
            Self::ReportId => b"concert/v1/report-id",
            Self::SealingKey => b"concert/v1/sealing-key",
            Self::Identity => b"concert/v1/identity",
            Self::Lottery => b"concert/v1/lottery",
            Self::RandomScore => b"concert/v1/random-score",
            Self::Centres => b"concert/v1/centres",
            Self::Invite => b"concert/v1/invite",
            Self::InviteSecret => b"concert/v1/invite-secret",
            Self::AccessKey => b"concert/v1/access-key",
            Self::Hello => b"concert/v1/hello",
            Self::IssuerKey => b"concert/v1/issuer-key",
            Self::TokenProof => b"concert/v1/token-proof",
            Self::TokenInput => b"concert/v1/token-input",
            Self::Blinding => b"concert/v1/blinding",
            Self::EnrolmentMoment => b"concert/v1/enrolment-moment",
        }
    }
}

/// SHA-256 over the label and the parts, each preceded by its length in bytes (u64, little endian).
pub fn digest(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in std::iter::once(&label.bytes()).chain(parts) {
        hash.update(length(part));
        hash.update(part);
    }
    hash.finalize().into()
}

/// HKDF-SHA256 of `secret`; the info is the label and the context, encoded as for [`digest`].
pub(crate) fn derive<const N: usize>(
    label: Label,
    secret: &[u8],
    context: &[&[u8]],
) -> Zeroizing<[u8; N]> {
    let mut info = Vec::new();
    for part in std::iter::once(&label.bytes()).chain(context) {
        info.extend_from_slice(&length(part));
        info.extend_from_slice(part);
    }
    let mut key = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(&info, &mut *key)
        .expect("callers ask for at most 64 bytes; HKDF-SHA256 gives up to 8,160");
    key
}

/// A repeatable stream of private randomness: the same secret, label and context give the same
/// bytes, so that whatever is sent again after a crash is identical.
pub fn stream(label: Label, secret: &[u8; 32], context: &[&[u8]]) -> impl CryptoRng + use<> {
    ChaCha20Rng::from_seed(*derive::<32>(label, secret, context))
}

fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).expect("a slice's length fits in 64 bits").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    #[test]
    fn parts_that_join_alike_hash_apart() {
        let label = Label::Circuit;
        assert_ne!(digest(label, &[b"ab", b"c"]), digest(label, &[b"a", b"bc"]));
        assert_ne!(digest(label, &[b"abc"]), digest(label, &[b"abc", b""]));
        assert_ne!(digest(Label::Circuit, &[b"abc"]), digest(Label::VerifyKey, &[b"abc"]));
    }

    #[test]
    fn a_stream_repeats_for_its_label_secret_and_context_only() {
        let first =
            |label, secret, context: &[u8]| stream(label, &[secret; 32], &[context]).next_u64();
        let expected = first(Label::Rounding, 1, b"x");
        assert_eq!(expected, first(Label::Rounding, 1, b"x"));
        assert_ne!(expected, first(Label::Sharding, 1, b"x"));
        assert_ne!(expected, first(Label::Rounding, 2, b"x"));
        assert_ne!(expected, first(Label::Rounding, 1, b"y"));
    }
}
