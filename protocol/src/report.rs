//! What people send: enrolments, reports, withdrawals; and the receipts they get.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

use crate::{
    aggregation::{Context, InputShare, noise::Role},
    codec,
    ids::{AggregationId, Blob, CampaignId, Hash, ReportId},
    keys::{
        Label, digest, seal,
        seat::{Seat, SeatKey},
        sign::{BadSignature, PublicKey, Signature, SigningKey},
    },
};
use serde::{Deserialize, Serialize};

/// The longest token of an enrolment, in bytes.
pub const TOKEN_BYTES_MAX: usize = 512;

/// The input of the token that admits this pseudonym to this campaign.
pub fn token_input(campaign: CampaignId, reporter: &PublicKey) -> [u8; 32] {
    digest(Label::TokenInput, &[&campaign.0, reporter.as_bytes()])
}

/// A fresh key and a role, admitted by a token that is not linked to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The pseudonym: what reports are signed with.
    pub reporter: PublicKey,
    /// Member or donor, and hence the group.
    pub role: Role,
    /// What the coordinator's gate asks for; at most [`TOKEN_BYTES_MAX`] bytes.
    pub token: Blob,
    /// Over all of it and the campaign id.
    pub signature: Signature,
}

impl Enrolment {
    /// Signs an enrolment.
    pub fn new(campaign: CampaignId, key: &SigningKey, role: Role, token: Blob) -> Self {
        let mut enrolment =
            Self { reporter: key.public(), role, token, signature: Signature::ABSENT };
        enrolment.signature = key.sign(Label::Enrolment, &[&campaign.0, &enrolment.signed_bytes()]);
        enrolment
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, campaign: CampaignId) -> Result<(), BadSignature> {
        let parts: [&[u8]; 2] = [&campaign.0, &self.signed_bytes()];
        self.reporter.verify(Label::Enrolment, &parts, &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        codec::encode(&(self.reporter, self.role, &self.token))
    }
}

/// What a reporter signs: shares by their hashes, but for the public one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBody {
    /// The aggregation's [`Context`].
    pub context: Hash,
    /// Who reports.
    pub reporter: PublicKey,
    /// Unique in the aggregation; nonce of the proof.
    pub id: ReportId,
    /// What all aggregators see; empty without cryptography.
    pub public_share: Blob,
    /// Of the leader's share.
    pub leader_share: Hash,
    /// Of the sealed shares, in seat order; empty without cryptography.
    pub sealed: Vec<Hash>,
}

/// One person's report, as it is uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What is signed.
    pub body: ReportBody,
    /// For the coordinator.
    pub leader_share: Blob,
    /// For the keyholders, sealed, in seat order.
    pub sealed: Vec<Blob>,
    /// Of the body.
    pub signature: Signature,
}

/// A report as one keyholder gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenReport {
    /// What was signed.
    pub body: ReportBody,
    /// This keyholder's sealed share; empty without cryptography.
    pub sealed: Blob,
    /// Of the body.
    pub signature: Signature,
}

/// The hash of bytes that a report names: a leader share or a sealed share.
pub fn share_hash(share: &Blob) -> Hash {
    Hash::of(Label::Report, &[share.as_slice()])
}

/// The leaf of a whole signed report in the Merkle tree of a freeze.
pub fn leaf(body: &ReportBody, signature: &Signature) -> Hash {
    Hash::of(Label::Leaf, &[&codec::encode(body), &signature.to_bytes()])
}

impl ReportBody {
    /// What the sealed share of a seat is bound to; does not depend on the sealed shares themselves.
    pub fn binding(&self, context: &Context, seat: Seat) -> [u8; 32] {
        let binding = seal::ReportBinding {
            ctx: &context.0,
            reporter: self.reporter.as_bytes(),
            report: &self.id.0,
            public_share: self.public_share.as_slice(),
            leader_share: &self.leader_share.0,
            seat,
        };
        binding.digest()
    }

    /// Signs the body.
    pub fn sign(&self, key: &SigningKey) -> Signature {
        key.sign(Label::Report, &[&codec::encode(self)])
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, signature: &Signature) -> Result<(), BadSignature> {
        self.reporter.verify(Label::Report, &[&codec::encode(self)], signature)
    }
}

impl Report {
    /// Whether the shares are those that the body names.
    pub fn is_whole(&self) -> bool {
        let hashes = self.sealed.iter().map(share_hash);
        share_hash(&self.leader_share) == self.body.leader_share
            && hashes.eq(self.body.sealed.iter().copied())
    }

    /// The leaf of this report.
    pub fn leaf(&self) -> Hash {
        leaf(&self.body, &self.signature)
    }
}

impl FrozenReport {
    /// The leaf of this report.
    pub fn leaf(&self) -> Hash {
        leaf(&self.body, &self.signature)
    }

    /// Opens a seat's share; nothing if it cannot be opened.
    pub fn open(&self, key: &SeatKey, context: &Context, seat: Seat) -> Option<InputShare> {
        let binding = self.body.binding(context, seat);
        seal::open(key, &binding, self.sealed.as_slice()).ok().map(InputShare::from_bytes)
    }
}

/// The coordinator's promise that a report will be in the freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The report's leaf.
    pub leaf: Hash,
    /// By the organiser.
    pub signature: Signature,
}

impl Receipt {
    /// Signs a receipt.
    pub fn new(organiser: &SigningKey, context: &Context, leaf: Hash) -> Self {
        Self { leaf, signature: organiser.sign(Label::Receipt, &[&context.0, &leaf.0]) }
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, organiser: &PublicKey, context: &Context) -> Result<(), BadSignature> {
        organiser.verify(Label::Receipt, &[&context.0, &self.leaf.0], &self.signature)
    }
}

/// A wish to take a report back, possible until the freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Where.
    pub aggregation: AggregationId,
    /// Who.
    pub reporter: PublicKey,
    /// Which; this id is banned from then on.
    pub id: ReportId,
    /// Over all of it and the campaign id.
    pub signature: Signature,
}

impl Withdrawal {
    /// Signs a withdrawal.
    pub fn new(
        campaign: CampaignId,
        key: &SigningKey,
        aggregation: AggregationId,
        id: ReportId,
    ) -> Self {
        let mut withdrawal =
            Self { aggregation, reporter: key.public(), id, signature: Signature::ABSENT };
        withdrawal.signature =
            key.sign(Label::Withdrawal, &[&campaign.0, &withdrawal.signed_bytes()]);
        withdrawal
    }

    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, campaign: CampaignId) -> Result<(), BadSignature> {
        let parts: [&[u8]; 2] = [&campaign.0, &self.signed_bytes()];
        self.reporter.verify(Label::Withdrawal, &parts, &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        codec::encode(&(self.aggregation, self.reporter, self.id))
    }
}
