//! One instance of Prio3, and its sharding with given randomness.
//!
//! prio's public client draws from the global generator, so sharding is written out here from the
//! crate's public parts, following draft-irtf-cfrg-vdaf-18 section 7.2.1; everything the aggregators do is
//! the crate's. `shards_like_the_library` compares the bytes with the crate's own deterministic sharding
//! (which it opens to tests only) for all four circuits.
//!
//! Sharding takes the *encoded* measurement: tests shard malformed ones through the same code.

use super::share::{Context, Nonce};
use prio::{
    field::{FieldElement, NttFriendlyFieldElement},
    flp::{FlpError, Type},
    vdaf::{
        VdafError,
        prio3::Prio3,
        xof::{IntoFieldVec, Xof, XofTurboShake128},
    },
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// The draft that prio 0.18 implements, which it binds into every derivation.
const VERSION: u8 = 18;

/// Prio3 with our parameters: `TurboSHAKE128`, seeds of 32 bytes.
pub(super) type Prio<T> = Prio3<T, XofTurboShake128, 32>;

type Seed = [u8; 32];

/// What a derived stream is for: the usages of draft-irtf-cfrg-vdaf-18 section 7.
#[derive(Clone, Copy, Debug)]
enum Usage {
    MeasurementShare,
    ProofShare,
    JointRandomness,
    ProveRandomness,
    JointRandSeed,
    JointRandPart,
}

/// One Prio3, with the parts of it that its own fields hide.
#[derive(Clone, Debug)]
pub(super) struct Scheme<T: Type> {
    pub(super) circuit: T,
    pub(super) prio: Prio<T>,
    algorithm: u32,
    aggregators: u8,
    proofs: u8,
    /// Goes in front of every context: label and parameters, hashed.
    binding: [u8; 32],
}

/// The result of sharding, encoded; the leader's input share stands first.
pub(super) struct Shares {
    pub(super) public: Vec<u8>,
    pub(super) inputs: Vec<Zeroizing<Vec<u8>>>,
}

/// The numbers that make a [`Scheme`] of a circuit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) algorithm: u32,
    pub(super) aggregators: u8,
    pub(super) proofs: u8,
    pub(super) binding: [u8; 32],
}

impl<T: Type> Scheme<T> {
    pub(super) fn new(circuit: T, numbers: Numbers) -> Result<Self, VdafError> {
        let Numbers { algorithm, aggregators, proofs, binding } = numbers;
        let prio = Prio3::new(aggregators, proofs, algorithm, circuit.clone())?;
        Ok(Self { circuit, prio, algorithm, aggregators, proofs, binding })
    }

    pub(super) fn aggregators(&self) -> usize {
        usize::from(self.aggregators)
    }

    pub(super) fn proofs(&self) -> usize {
        usize::from(self.proofs)
    }

    /// The application context of every call into prio.
    pub(super) fn application(&self, ctx: &Context) -> Vec<u8> {
        [self.binding, ctx.0].concat()
    }

    pub(super) fn shard(
        &self,
        ctx: &Context,
        measurement: &T::Measurement,
        nonce: &Nonce,
        rng: &mut impl CryptoRng,
    ) -> Result<Shares, VdafError> {
        let encoded = Zeroizing::new(Elements(self.circuit.encode_measurement(measurement)?));
        self.shard_encoded(&self.application(ctx), &encoded.0, nonce, rng)
    }

    /// Implements `Prio3.shard` from draft-irtf-cfrg-vdaf-18 section 7.2.1.2. Seeds are drawn in the draft's order:
    /// for each helper its share seed and its blind, then the leader's blind, then the prover's seed.
    pub(super) fn shard_encoded(
        &self,
        application: &[u8],
        encoded: &[T::Field],
        nonce: &Nonce,
        rng: &mut impl CryptoRng,
    ) -> Result<Shares, VdafError> {
        let mut seed = || {
            let mut seed = Zeroizing::new(Seed::default());
            rng.fill_bytes(&mut *seed);
            seed
        };
        let blinded = self.circuit.joint_rand_len() > 0;
        let mut leader = encoded.to_vec();
        let mut helpers = Vec::with_capacity(self.aggregators.into());
        let mut parts = vec![Seed::default()];
        for helper in 1..self.aggregators {
            let share = seed();
            let blind = blinded.then(&mut seed);
            let stream = self.stream(Usage::MeasurementShare, application, &share, &[&[helper]]);
            let elements: Vec<T::Field> = stream.into_field_vec(encoded.len());
            subtract(&mut leader, &elements);
            if let Some(blind) = &blind {
                parts.push(self.joint_rand_part(application, blind, helper, nonce, &elements)?);
            }
            helpers.push((share, blind));
        }
        let leader_blind = blinded.then(&mut seed);
        if let (Some(blind), Some(part)) = (&leader_blind, parts.first_mut()) {
            *part = self.joint_rand_part(application, blind, 0, nonce, &leader)?;
        }
        let parts = if blinded { parts } else { Vec::new() };

        let joint_rands = self.joint_rands(application, &parts);
        let prover_seed = seed();
        let prove_rands: Vec<T::Field> = self
            .stream(Usage::ProveRandomness, application, &prover_seed, &[&[self.proofs]])
            .into_field_vec(self.circuit.prove_rand_len() * usize::from(self.proofs));
        let mut proofs = Vec::with_capacity(self.circuit.proof_len() * usize::from(self.proofs));
        for proof in 0..usize::from(self.proofs) {
            let prove_rand = part_of(&prove_rands, self.circuit.prove_rand_len(), proof)?;
            let joint_rand = part_of(&joint_rands, self.circuit.joint_rand_len(), proof)?;
            proofs.append(&mut self.circuit.prove(encoded, prove_rand, joint_rand)?);
        }
        for (helper, (share, _)) in (1..self.aggregators).zip(&helpers) {
            let binder: &[&[u8]] = &[&[self.proofs, helper]];
            let stream = self.stream(Usage::ProofShare, application, share, binder);
            let elements = stream.into_field_vec(proofs.len());
            subtract(&mut proofs, &elements);
        }

        let mut inputs = Vec::with_capacity(self.aggregators.into());
        let mut leader_bytes = encode(leader.iter().chain(&proofs))?;
        leader_bytes.extend(leader_blind.iter().flat_map(|blind| blind.iter()));
        inputs.push(Zeroizing::new(leader_bytes));
        inputs.extend(helpers.into_iter().map(|(share, blind)| {
            let blind = blind.iter().flat_map(|blind| blind.iter());
            Zeroizing::new(share.iter().chain(blind).copied().collect())
        }));
        Ok(Shares { public: parts.concat(), inputs })
    }

    /// Implements `Prio3.joint_rand_part`: binds an aggregator's share, and thereby the whole input,
    /// before the joint randomness is known.
    fn joint_rand_part(
        &self,
        application: &[u8],
        blind: &Seed,
        aggregator: u8,
        nonce: &Nonce,
        share: &[T::Field],
    ) -> Result<Seed, VdafError> {
        let elements = Zeroizing::new(encode(share.iter())?);
        let binder: &[&[u8]] = &[&[aggregator], &nonce.0, &elements];
        Ok(self.seed(Usage::JointRandPart, application, blind, binder))
    }

    fn joint_rands(&self, application: &[u8], parts: &[Seed]) -> Vec<T::Field> {
        let binder: Vec<&[u8]> = parts.iter().map(<[u8; 32]>::as_slice).collect();
        let seed = self.seed(Usage::JointRandSeed, application, &Seed::default(), &binder);
        self.stream(Usage::JointRandomness, application, &seed, &[&[self.proofs]])
            .into_field_vec(self.circuit.joint_rand_len() * usize::from(self.proofs))
    }

    fn seed(&self, usage: Usage, application: &[u8], seed: &Seed, binder: &[&[u8]]) -> Seed {
        let mut xof = XofTurboShake128::init(seed, &[&self.tag(usage), application]);
        for part in binder {
            xof.update(part);
        }
        *xof.into_seed().as_ref()
    }

    fn stream(
        &self,
        usage: Usage,
        application: &[u8],
        seed: &Seed,
        binder: &[&[u8]],
    ) -> impl IntoFieldVec + use<T> {
        XofTurboShake128::seed_stream(seed, &[&self.tag(usage), application], binder)
    }

    /// Implements `domain_separation_tag`: version, class, algorithm, usage.
    fn tag(&self, usage: Usage) -> [u8; 8] {
        let usage = match usage {
            Usage::MeasurementShare => 1,
            Usage::ProofShare => 2,
            Usage::JointRandomness => 3,
            Usage::ProveRandomness => 4,
            Usage::JointRandSeed => 6,
            Usage::JointRandPart => 7,
        };
        let [a, b, c, d] = self.algorithm.to_be_bytes();
        [VERSION, 0, a, b, c, d, 0, usage]
    }
}

/// Field elements of one person, overwritten when dropped.
struct Elements<F: FieldElement>(Vec<F>);

impl<F: FieldElement> zeroize::Zeroize for Elements<F> {
    fn zeroize(&mut self) {
        self.0.fill(F::zero());
        // Without a use the compiler may drop the writes; this is as far as safe code goes.
        std::hint::black_box(&self.0);
    }
}

fn subtract<F: FieldElement>(from: &mut [F], what: &[F]) {
    for (left, right) in from.iter_mut().zip(what) {
        *left -= *right;
    }
}

fn part_of<F>(all: &[F], len: usize, index: usize) -> Result<&[F], FlpError> {
    all.get(index * len..(index + 1) * len)
        .ok_or_else(|| FlpError::Prove("derived randomness is too short".into()))
}

fn encode<'a, F: NttFriendlyFieldElement>(
    elements: impl Iterator<Item = &'a F>,
) -> Result<Vec<u8>, VdafError> {
    let mut bytes = Vec::with_capacity(elements.size_hint().0 * F::ENCODED_SIZE);
    for element in elements {
        element.encode(&mut bytes).map_err(|error| VdafError::Other(Box::new(error)))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{
        fast_query::FastQuery,
        gram::GramCircuit,
        grid::GridOneHot,
        tests::{gram, grid, stream},
    };
    use prio::codec::Encode;
    use prio::{
        field::Field128,
        flp::{
            gadgets::{Mul, ParallelSum},
            types::{Count, Histogram, MultihotCountVec},
        },
        vdaf::test_utils::TestVectorClient,
    };
    use rand_core::Rng;

    fn compare<T: Type>(circuit: &T, measurement: &T::Measurement) {
        for (aggregators, proofs) in [(2, 1), (4, 3), (8, 3)] {
            let numbers = Numbers { algorithm: 0xFFFF_1234, aggregators, proofs, binding: [9; 32] };
            let scheme = Scheme::new(circuit.clone(), numbers).unwrap();
            let (ctx, nonce) = (Context([1; 32]), Nonce([2; 16]));
            let seeds = if circuit.joint_rand_len() > 0 { 2 } else { 1 };
            let mut random = vec![0; seeds * usize::from(aggregators) * 32];
            stream("library").fill_bytes(&mut random);
            let (public, inputs) = scheme
                .prio
                .shard_with_random(&scheme.application(&ctx), measurement, &nonce.0, &random)
                .unwrap();
            let ours = scheme.shard(&ctx, measurement, &nonce, &mut stream("library")).unwrap();
            assert_eq!(public.get_encoded().unwrap(), ours.public);
            assert_eq!(inputs.len(), ours.inputs.len());
            for (theirs, ours) in inputs.iter().zip(&ours.inputs) {
                assert_eq!(&theirs.get_encoded().unwrap(), &**ours);
            }
        }
    }

    #[test]
    fn shards_like_the_library() {
        let marks = grid(3, 8).measure(&[0, 7, 3]).unwrap();
        compare(&FastQuery(GridOneHot::new(grid(3, 8))), &marks);
        let values = gram().measurement(&[1, 9, 3, 0]).unwrap();
        compare(&FastQuery(GramCircuit::new(&gram())), &values);
        compare(&Histogram::<Field128, ParallelSum<Field128, Mul>>::new(20, 5).unwrap(), &3);
        let marks = grid(2, 4).measure(&[1, 2]).unwrap().marks();
        let multihot = MultihotCountVec::<Field128, ParallelSum<Field128, Mul>>::new(8, 2, 3);
        compare(&multihot.unwrap(), &marks);
        compare(&Count::<prio::field::Field64>::new(), &true);
    }
}
