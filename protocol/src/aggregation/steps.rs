//! The aggregators' half of a scheme: bytes in, bytes out. The mathematics is prio's.

use super::{
    scheme::Scheme,
    share::{
        Aggregator, Context, Elements, Misuse, OutputShare, Reject, Signed, VerifierMessage,
        VerifierShare, VerifyError, VerifyState, WirePart,
    },
    vdaf::{ReportShare, WireLengths},
};
use crate::keys::seat::VerifyKey;
use prio::{
    codec::{Encode, ParameterizedDecode},
    field::FieldElement,
    flp::Type,
    vdaf::{
        Aggregator as _, VerifyTransition,
        prio3::{
            Prio3InputShare, Prio3PublicShare, Prio3VerifierMessage, Prio3VerifierShare,
            Prio3VerifyState,
        },
    },
};

impl<T: Type<Field: Signed>> Scheme<T> {
    pub(super) fn wire_lengths(&self) -> WireLengths {
        let element = T::Field::ENCODED_SIZE;
        let proofs = self.proofs();
        // All of our circuits use joint randomness: one part for each aggregator.
        WireLengths {
            public_share: 32 * self.aggregators(),
            leader_share: element * (self.circuit.input_len() + proofs * self.circuit.proof_len())
                + 32,
            helper_share: 64,
            verifier_share: element * proofs * self.circuit.verifier_len() + 32,
            verifier_message: 32,
            released_share: element * self.circuit.output_len(),
        }
    }

    pub(super) fn verify_init(
        &self,
        ctx: &Context,
        verify_key: &VerifyKey,
        aggregator: Aggregator,
        report: ReportShare<'_>,
    ) -> Result<(VerifyState, VerifierShare), VerifyError> {
        let lengths = self.wire_lengths();
        let public = checked(WirePart::PublicShare, lengths.public_share, &report.public_share.0)?;
        let expected = match aggregator {
            Aggregator::Leader => lengths.leader_share,
            Aggregator::Helper(_) => lengths.helper_share,
        };
        let input = checked(WirePart::InputShare, expected, &report.input_share.0)?;
        let public = Prio3PublicShare::get_decoded_with_param(&self.prio, public)
            .map_err(|_| Reject::Malformed { part: WirePart::PublicShare })?;
        let input = Prio3InputShare::get_decoded_with_param(&(&self.prio, aggregator.id()), input)
            .map_err(|_| Reject::Malformed { part: WirePart::InputShare })?;
        let (state, share) = self
            .prio
            .verify_init(
                verify_key.expose(),
                &self.application(ctx),
                aggregator.id(),
                &(),
                &report.nonce.0,
                &public,
                &input,
            )
            .map_err(|_| Reject::Unqueryable)?;
        let share = share.get_encoded().map_err(|_| Misuse::Foreign)?;
        Ok((VerifyState(T::Field::wrap_state(state)), VerifierShare(share)))
    }

    pub(super) fn combine(
        &self,
        ctx: &Context,
        shares: &[VerifierShare],
    ) -> Result<VerifierMessage, Reject> {
        let part = WirePart::VerifierShare;
        let expected = self.wire_lengths().verifier_share;
        // prio parses verifier shares by the lengths in a verify state: any helper's will do.
        let state = Prio3VerifyState::get_decoded_with_param(&(&self.prio, 1), &[0; 64])
            .map_err(|_| Reject::Malformed { part })?;
        let shares = shares
            .iter()
            .map(|share| {
                let share = checked(part, expected, &share.0)?;
                Prio3VerifierShare::get_decoded_with_param(&state, share)
                    .map_err(|_| Reject::Malformed { part })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let message = self.prio.verifier_shares_to_message(&self.application(ctx), &(), shares);
        let encoded = message.map_err(|_| Reject::Proof)?.get_encoded();
        encoded.map(VerifierMessage).map_err(|_| Reject::Proof)
    }

    pub(super) fn verify_next(
        &self,
        ctx: &Context,
        state: VerifyState,
        message: &VerifierMessage,
    ) -> Result<OutputShare, VerifyError> {
        let part = WirePart::VerifierMessage;
        let state = T::Field::unwrap_state(state.0).ok_or(Misuse::Foreign)?;
        let message = checked(part, self.wire_lengths().verifier_message, &message.0)?;
        let message = Prio3VerifierMessage::get_decoded_with_param(&state, message)
            .map_err(|_| Reject::Malformed { part })?;
        let next = self.prio.verify_next(&self.application(ctx), state, message);
        match next.map_err(|_| Reject::JointRandomness)? {
            VerifyTransition::Finish(share) => {
                Ok(OutputShare(T::Field::wrap(share.as_ref().to_vec())))
            }
            VerifyTransition::Continue(..) => Err(Misuse::Foreign.into()),
        }
    }

    pub(super) fn zeros(&self) -> Elements {
        T::Field::wrap(vec![T::Field::zero(); self.circuit.output_len()])
    }

    pub(super) fn parse(&self, bytes: &[u8], part: WirePart) -> Result<Elements, Reject> {
        T::Field::parse(bytes, part, self.circuit.output_len()).map(T::Field::wrap)
    }
}

fn checked(part: WirePart, expected: usize, bytes: &[u8]) -> Result<&[u8], Reject> {
    if bytes.len() == expected {
        Ok(bytes)
    } else {
        Err(Reject::Length { part, expected, got: bytes.len() })
    }
}
