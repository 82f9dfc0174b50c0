//! The one secret of a participant in one campaign, and what derives from it.

use crate::{
    aggregation::Context,
    ids::{CampaignId, ReportId},
    keys::{Label, derive, seat::Seat, sign::SigningKey, stream, token::Blinding},
};
use rand_core::CryptoRng;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// From which everything private of one person in one campaign derives, so that whatever is sent again after a
/// crash is identical.
///
/// # Security
/// Fresh for each campaign: two campaigns with one key would not be linked, but would share its loss.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CampaignKey([u8; 32]);

impl CampaignKey {
    /// A new key. `rng` must be the operating system's generator, passed in by the program.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key a keystore has kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For the keystore only.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What enrolment and reports are signed with: the pseudonym of one campaign.
    pub fn signing_key(&self, campaign: CampaignId) -> SigningKey {
        SigningKey::from_bytes(&derive(Label::Enrolment, &self.0, &[&campaign.0]))
    }

    /// What hides a token's input from its issuer.
    pub(super) fn blinding(&self, campaign: CampaignId, input: [u8; 32]) -> Blinding {
        Blinding::new(input, &mut stream(Label::Blinding, &self.0, &[&campaign.0]))
    }

    /// From which the moment of enrolment follows; uniform in 64 bits.
    pub(super) fn enrolment_draw(&self, campaign: CampaignId) -> u64 {
        u64::from_le_bytes(*derive(Label::EnrolmentMoment, &self.0, &[&campaign.0]))
    }

    /// The id of one attempt to report; a report that was taken back is followed by another attempt.
    pub(super) fn report_id(&self, context: &Context, attempt: u32) -> ReportId {
        let attempt = attempt.to_le_bytes();
        ReportId(*derive(Label::ReportId, &self.0, &[&context.0, &attempt]))
    }

    pub(super) fn sharding(&self, context: &Context, id: ReportId) -> impl CryptoRng + use<> {
        stream(Label::Sharding, &self.0, &[&context.0, &id.0])
    }

    pub(super) fn sealing(
        &self,
        context: &Context,
        id: ReportId,
        seat: Seat,
    ) -> impl CryptoRng + use<> {
        stream(Label::SealedShare, &self.0, &[&context.0, &id.0, &[seat.index()]])
    }
}

impl fmt::Debug for CampaignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CampaignKey([redacted])")
    }
}
