//! What an issuer has heard fits every pseudonym that enrols, in the library's own steps.
//!
//! One thing is changed: an input is hashed to an element whose logarithm the test knows, where the real hash leaves it
//! unknown. No step uses it; with it the blind can be computed by which one person's blinded input would have been another's.

#![expect(deprecated, reason = "a type in the signatures of the library's trait")]

use super::{Given, Label, stream, tests::Fixed};
use crate::keys::digest;
use std::collections::BTreeSet;
use voprf::{CipherSuite, Error, Group, InternalError, Ristretto255, VoprfClient, VoprfServer};
use voprf_digest::{
    FixedOutput, HashMarker,
    core_api::BlockSizeUser,
    generic_array::{
        GenericArray,
        typenum::{IsLess, IsLessOrEqual, U256},
    },
};

const PEOPLE: u8 = 20;

/// A pseudonym in a campaign.
fn input(number: u8) -> [u8; 32] {
    digest(Label::TokenInput, &[&[number]])
}

/// The real group, with elements of known logarithms as its hash.
#[derive(Clone, Copy)]
struct Known;

type Hash = <Ristretto255 as CipherSuite>::Hash;
type Scalar = <Ristretto255 as Group>::Scalar;

impl Known {
    fn logarithm(input: &[u8]) -> Scalar {
        Ristretto255::hash_to_scalar::<Hash>(&[input], &[b"known"]).unwrap()
    }
}

impl CipherSuite for Known {
    const ID: &'static str = <Ristretto255 as CipherSuite>::ID;
    type Group = Self;
    type Hash = Hash;
}

impl Group for Known {
    type Elem = <Ristretto255 as Group>::Elem;
    type ElemLen = <Ristretto255 as Group>::ElemLen;
    type Scalar = Scalar;
    type ScalarLen = <Ristretto255 as Group>::ScalarLen;

    fn hash_to_curve<H>(input: &[&[u8]], _: &[&[u8]]) -> Result<Self::Elem, InternalError>
    where
        H: BlockSizeUser + Default + FixedOutput + HashMarker,
        H::OutputSize: IsLess<U256> + IsLessOrEqual<H::BlockSize>,
    {
        Ok(Self::base_elem() * Self::logarithm(&input.concat()))
    }

    fn hash_to_scalar<H>(input: &[&[u8]], dst: &[&[u8]]) -> Result<Scalar, InternalError>
    where
        H: BlockSizeUser + Default + FixedOutput + HashMarker,
        H::OutputSize: IsLess<U256> + IsLessOrEqual<H::BlockSize>,
    {
        Ristretto255::hash_to_scalar::<H>(input, dst)
    }

    fn base_elem() -> Self::Elem {
        Ristretto255::base_elem()
    }

    fn identity_elem() -> Self::Elem {
        Ristretto255::identity_elem()
    }

    fn serialize_elem(elem: Self::Elem) -> GenericArray<u8, Self::ElemLen> {
        Ristretto255::serialize_elem(elem)
    }

    fn deserialize_elem(bytes: &[u8]) -> Result<Self::Elem, Error> {
        Ristretto255::deserialize_elem(bytes)
    }

    fn random_scalar<R: voprf_rand_core::RngCore + voprf_rand_core::CryptoRng>(
        rng: &mut R,
    ) -> Scalar {
        Ristretto255::random_scalar(rng)
    }

    fn invert_scalar(scalar: Scalar) -> Scalar {
        Ristretto255::invert_scalar(scalar)
    }

    fn is_zero_scalar(scalar: Scalar) -> subtle::Choice {
        Ristretto255::is_zero_scalar(scalar)
    }

    fn serialize_scalar(scalar: Scalar) -> GenericArray<u8, Self::ScalarLen> {
        Ristretto255::serialize_scalar(scalar)
    }

    fn deserialize_scalar(bytes: &[u8]) -> Result<Scalar, Error> {
        Ristretto255::deserialize_scalar(bytes)
    }
}

/// Everything the issuer has of one issue, and everything it has of one enrolment, belong together by some blind, whoever
/// they are of; and by one alone, so that a uniform blind makes every pairing equally probable.
#[test]
fn every_issue_fits_every_token() {
    let server = VoprfServer::<Known>::new_from_seed(&[7; 32], b"blindness").unwrap();
    for sender in 0..PEOPLE {
        let blind_stream = || stream(Label::Blinding, &[sender; 32], &[]);
        let issued = VoprfClient::<Known>::blind(&input(sender), &mut Given(&mut blind_stream()));
        let sent = issued.unwrap().message;
        let proof_stream = &mut stream(Label::TokenProof, &[sender; 32], &[]);
        let evaluated = server.blind_evaluate(&mut Given(proof_stream), &sent);
        let own = Known::random_scalar(&mut Given(&mut blind_stream()));
        let logarithm = own * Known::logarithm(&input(sender));
        let mut blinds = BTreeSet::new();
        for enrolled in 0..PEOPLE {
            let other = Known::invert_scalar(Known::logarithm(&input(enrolled)));
            let blind = Known::serialize_scalar(logarithm * other).to_vec();
            let drawn = &mut Fixed(blind.clone());
            let explained = VoprfClient::<Known>::blind(&input(enrolled), &mut Given(drawn));
            let explained = explained.unwrap();
            assert_eq!(explained.message.serialize(), sent.serialize(), "the same was sent");
            let (message, proof) = (&evaluated.message, &evaluated.proof);
            let public = server.get_public_key();
            let token = explained.state.finalize(&input(enrolled), message, proof, public);
            let shown = server.evaluate(&input(enrolled)).unwrap();
            assert_eq!(token.unwrap(), shown, "the answer gives the token that is shown later");
            assert_eq!(enrolled == sender, blind == Known::serialize_scalar(own).to_vec());
            blinds.insert(blind);
        }
        assert_eq!(blinds.len(), usize::from(PEOPLE), "another blind for each");
    }
}

/// What would link: a blind that follows from the input alone fits that input only.
#[test]
fn a_blind_that_others_can_compute_links() {
    let guessed = |number: u8| {
        let input = input(number);
        let rng = &mut stream(Label::Blinding, &input, &[]);
        VoprfClient::<Known>::blind(&input, &mut Given(rng)).unwrap().message.serialize()
    };
    let sent: Vec<_> = (0..PEOPLE).map(guessed).collect();
    let fits = |enrolled: u8| sent.iter().filter(|sent| **sent == guessed(enrolled)).count();
    assert!((0..PEOPLE).all(|enrolled| fits(enrolled) == 1), "the issuer finds everybody");
}
