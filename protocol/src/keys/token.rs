//! Blind tokens: what lets a pseudonym enrol without saying which invite it was given for.
//!
//! A verifiable oblivious pseudorandom function, ristretto255-SHA512 in the mode VOPRF of RFC 9497. The input is a
//! pseudonym, so that a token is good for one key alone and nothing has to be kept about used ones:
//!
//! ```text
//! person                                  issuer
//!   blinded input, with an invite   ─►
//!                                   ◄─    evaluation, and a proof that the published key made it
//!   token = unblinded and hashed
//!   pseudonym, token                ─►    the same token, computed from the pseudonym
//! ```
//!
//! The issuer sees two things that nobody can link by computing: a blinded input is uniformly random whatever the
//! pseudonym is. The proof keeps the issuer from marking people with keys of their own. Nothing here limits how many
//! tokens a dishonest issuer makes for pseudonyms it invents.

use super::{Label, stream};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de};
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use voprf::{
    BlindedElement, EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of a [`Token`] in bytes.
pub const TOKEN_BYTES: usize = 64;

/// What tokens are made with. Secret; wiped when dropped.
#[derive(Clone)]
pub struct IssuerKey {
    seed: IssuerSeed,
    server: VoprfServer<Ristretto255>,
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct IssuerSeed([u8; 32]);

/// The public half of an [`IssuerKey`], as the plan names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerPublicKey([u8; 32]);

/// What a person sends instead of the input: uniformly random, whatever the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blinded([u8; 32]);

/// What the issuer makes of a [`Blinded`] input, and the proof that its published key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    element: [u8; 32],
    challenge: [u8; 32],
    response: [u8; 32],
}

/// What admits one input. Whoever has seen the input can use it, and nobody for another.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; TOKEN_BYTES]);

/// A person's side of one evaluation. Secret: it links the token to what was sent for it.
pub struct Blinding {
    input: [u8; 32],
    client: VoprfClient<Ristretto255>,
    blinded: Blinded,
}

/// Bytes that are no element of the group, or its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the blinded input is not an element of the group")]
pub struct NoElement;

/// The evaluation is not one of this input under the issuer's published key. No more is said, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the evaluation was not made with the issuer's published key")]
pub struct Unproven;

impl IssuerKey {
    /// A new key. `rng` must be the operating system's generator, passed in by the program.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(*seed)
    }

    /// The key a keystore has kept.
    ///
    /// # Panics
    /// Never, but with a chance below 2^-250: a seed that hashes to zero has no key.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let info = Label::IssuerKey.bytes();
        let server = VoprfServer::new_from_seed(&seed, info).expect("one seed in 2^250 has no key");
        Self { seed: IssuerSeed(seed), server }
    }

    /// For the keystore only.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.seed.0
    }

    /// The public half.
    pub fn public(&self) -> IssuerPublicKey {
        IssuerPublicKey(
            <Ristretto255 as Group>::serialize_elem(self.server.get_public_key()).into(),
        )
    }

    /// Evaluates a blinded input. A repeat gives the same bytes: the proof's nonce derives from key and input.
    ///
    /// # Errors
    /// [`NoElement`].
    pub fn evaluate(&self, blinded: &Blinded) -> Result<Evaluation, NoElement> {
        evaluate(&self.server, blinded, &mut stream(Label::TokenProof, &self.seed.0, &[&blinded.0]))
    }

    /// Whether a token is the one of this input; compared in constant time.
    pub fn verify(&self, input: &[u8; 32], token: &[u8]) -> bool {
        let Ok(expected) = self.server.evaluate(input) else { return false };
        AsRef::<[u8]>::as_ref(&expected).ct_eq(token).into()
    }
}

fn evaluate(
    server: &VoprfServer<Ristretto255>,
    blinded: &Blinded,
    rng: &mut impl CryptoRng,
) -> Result<Evaluation, NoElement> {
    let element = BlindedElement::deserialize(&blinded.0).map_err(|_| NoElement)?;
    let evaluated = server.blind_evaluate(&mut Given(rng), &element);
    let proof = evaluated.proof.serialize();
    let (challenge, response) = proof.split_at(32);
    Ok(Evaluation {
        element: evaluated.message.serialize().into(),
        challenge: challenge.try_into().expect("a proof is two scalars of 32 bytes"),
        response: response.try_into().expect("a proof is two scalars of 32 bytes"),
    })
}

impl Blinding {
    /// Blinds an input. `rng` gives the blind: the same stream blinds the same input to the same bytes.
    ///
    /// # Panics
    /// Never, but with a chance below 2^-250: an input that hashes to the identity cannot be blinded.
    pub fn new(input: [u8; 32], rng: &mut impl CryptoRng) -> Self {
        let (client, blinded) = blind(&input, rng);
        Self { input, client, blinded }
    }

    /// What is sent.
    pub const fn blinded(&self) -> Blinded {
        self.blinded
    }

    /// The token of the input, once the proof holds.
    ///
    /// # Errors
    /// [`Unproven`].
    pub fn finish(
        &self,
        evaluation: &Evaluation,
        issuer: &IssuerPublicKey,
    ) -> Result<Token, Unproven> {
        finish(&self.client, &self.input, evaluation, issuer)
    }
}

fn blind(input: &[u8], rng: &mut impl CryptoRng) -> (VoprfClient<Ristretto255>, Blinded) {
    let result = VoprfClient::blind(input, &mut Given(rng))
        .expect("one input in 2^250 hashes to the identity");
    (result.state, Blinded(result.message.serialize().into()))
}

fn finish(
    client: &VoprfClient<Ristretto255>,
    input: &[u8],
    evaluation: &Evaluation,
    issuer: &IssuerPublicKey,
) -> Result<Token, Unproven> {
    let Evaluation { element, challenge, response } = evaluation;
    let element = EvaluationElement::deserialize(element).map_err(|_| Unproven)?;
    let proof = Proof::deserialize(&[*challenge, *response].concat()).map_err(|_| Unproven)?;
    let issuer = <Ristretto255 as Group>::deserialize_elem(&issuer.0).map_err(|_| Unproven)?;
    let token = client.finalize(input, &element, &proof, issuer).map_err(|_| Unproven)?;
    Ok(Token(token.into()))
}

impl IssuerPublicKey {
    /// The canonical form.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As received; bytes that are no key prove nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether tokens can be made under it at all.
    pub fn is_element(&self) -> bool {
        <Ristretto255 as Group>::deserialize_elem(&self.0).is_ok()
    }
}

impl Blinded {
    /// As sent.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Token {
    /// As it is sent, beside its input.
    pub const fn as_bytes(&self) -> &[u8; TOKEN_BYTES] {
        &self.0
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerKey([redacted])")
    }
}

impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding([redacted])")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

impl Serialize for Token {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = crate::ids::Blob::deserialize(deserializer)?;
        let bytes = bytes.as_slice().try_into();
        bytes.map(Self).map_err(|_| de::Error::custom("a token has 64 bytes"))
    }
}

/// A generator of ours for the library, which wants one of an earlier version of the trait.
struct Given<'a, R>(&'a mut R);

impl<R: CryptoRng> voprf_rand_core::RngCore for Given<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), voprf_rand_core::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<R: CryptoRng> voprf_rand_core::CryptoRng for Given<'_, R> {}

#[cfg(test)]
mod blindness;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_core::{Infallible, TryCryptoRng, TryRng};

    /// Gives these bytes, then zeros: a scalar below the group's order when 64 bytes are drawn for it.
    pub(super) struct Fixed(pub(super) Vec<u8>);

    impl TryRng for Fixed {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("scalars are drawn as bytes")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("scalars are drawn as bytes")
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            assert_eq!(bytes.len(), 64);
            let (scalar, rest) = bytes.split_at_mut(self.0.len());
            scalar.copy_from_slice(&self.0);
            rest.fill(0);
            Ok(())
        }
    }

    impl TryCryptoRng for Fixed {}

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    fn array(text: &str) -> [u8; 32] {
        hex(text).try_into().unwrap()
    }

    const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
    const NONCE: &str = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e";

    /// Input, blinded element, evaluation element, proof, output: RFC 9497, appendix A.1.2, vectors 1 and 2.
    const VECTORS: [[&str; 5]; 2] = [
        [
            "00",
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
        ],
        [
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
            "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    ];

    #[test]
    fn agrees_with_the_vectors_of_rfc_9497() {
        let server = VoprfServer::new_from_seed(&[0xa3; 32], b"test key").unwrap();
        let issuer = <Ristretto255 as Group>::serialize_elem(server.get_public_key());
        let published = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e";
        let issuer = IssuerPublicKey(issuer.into());
        assert_eq!(issuer.0, array(published));
        for [input, blinded, element, proof, output] in VECTORS {
            let input = hex(input);
            let (client, sent) = blind(&input, &mut Fixed(hex(BLIND)));
            assert_eq!(sent.0, array(blinded));
            let evaluation = evaluate(&server, &sent, &mut Fixed(hex(NONCE))).unwrap();
            assert_eq!(evaluation.element, array(element));
            assert_eq!([evaluation.challenge, evaluation.response].concat(), hex(proof));
            let token = finish(&client, &input, &evaluation, &issuer).unwrap();
            assert_eq!(token.0.to_vec(), hex(output));
            assert_eq!(server.evaluate(&input).unwrap().to_vec(), hex(output));
        }
    }

    fn issuer(n: u8) -> IssuerKey {
        IssuerKey::from_seed([n; 32])
    }

    fn blinding(input: u8, secret: u8) -> Blinding {
        Blinding::new([input; 32], &mut stream(Label::Blinding, &[secret; 32], &[]))
    }

    #[test]
    fn a_token_is_good_for_its_input_and_issuer_alone() {
        let blinding = blinding(1, 2);
        let evaluation = issuer(3).evaluate(&blinding.blinded()).unwrap();
        let token = blinding.finish(&evaluation, &issuer(3).public()).unwrap();
        assert!(issuer(3).verify(&[1; 32], token.as_bytes()));
        assert!(!issuer(3).verify(&[2; 32], token.as_bytes()));
        assert!(!issuer(4).verify(&[1; 32], token.as_bytes()));
        assert!(!issuer(3).verify(&[1; 32], &[]));
        assert!(!issuer(3).verify(&[1; 32], &[7; TOKEN_BYTES]));
        let bytes = crate::codec::encode(&token);
        assert_eq!(crate::codec::decode::<Token, 100>(&bytes), Ok(token));
    }

    #[test]
    fn an_evaluation_by_another_key_or_of_another_input_proves_nothing() {
        let mine = blinding(1, 2);
        let evaluation = issuer(3).evaluate(&mine.blinded()).unwrap();
        let marked = issuer(4).evaluate(&mine.blinded()).unwrap();
        let others = issuer(3).evaluate(&blinding(9, 2).blinded()).unwrap();
        let published = issuer(3).public();
        assert!(mine.finish(&evaluation, &published).is_ok());
        assert_eq!(mine.finish(&marked, &published), Err(Unproven));
        assert_eq!(mine.finish(&others, &published), Err(Unproven));
        assert_eq!(mine.finish(&evaluation, &IssuerPublicKey([255; 32])), Err(Unproven));
        let swapped = Evaluation { element: marked.element, ..evaluation };
        assert_eq!(mine.finish(&swapped, &published), Err(Unproven));
        let torn = Evaluation { response: marked.response, ..evaluation };
        assert_eq!(mine.finish(&torn, &published), Err(Unproven));
    }

    #[test]
    fn what_is_no_element_is_not_evaluated() {
        for bytes in [[0; 32], [255; 32]] {
            assert_eq!(issuer(1).evaluate(&Blinded(bytes)), Err(NoElement));
            assert!(!IssuerPublicKey(bytes).is_element());
        }
        assert!(issuer(1).public().is_element());
    }

    #[test]
    fn keys_and_tokens_do_not_print() {
        let blinding = blinding(1, 2);
        let evaluation = issuer(3).evaluate(&blinding.blinded()).unwrap();
        let token = blinding.finish(&evaluation, &issuer(3).public()).unwrap();
        let printed = format!("{:?} {blinding:?} {token:?}", issuer(3));
        assert_eq!(printed, "IssuerKey([redacted]) Blinding([redacted]) Token([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Neither a repeat nor the token shows more than its own bytes; what was sent fits every pseudonym: `blindness`.
        #[test]
        fn a_repeat_is_identical_and_the_token_does_not_depend_on_the_blind(
            input in any::<u8>(), first in any::<u8>(), second in any::<u8>(), seed in any::<u8>(),
        ) {
            let issuer = issuer(seed);
            let token = |blind| {
                let blinding = blinding(input, blind);
                let evaluation = issuer.evaluate(&blinding.blinded()).unwrap();
                prop_assert_eq!(issuer.evaluate(&blinding.blinded()), Ok(evaluation));
                Ok((blinding.blinded(), blinding.finish(&evaluation, &issuer.public()).unwrap()))
            };
            let ((sent, one), (sent_again, other)) = (token(first)?, token(second)?);
            prop_assert_eq!(sent == sent_again, first == second);
            prop_assert_eq!(one, other);
        }
    }
}
