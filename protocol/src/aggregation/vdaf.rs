//! Prio3 in one type: a leader, T helpers, one of four circuits.
//!
//! Parameters are bound: every sharding and verification runs under `H(label, circuit, T)` followed by the
//! caller's context, so that shares made for other parameters, another Opening or another campaign do
//! not verify. Grid and Gram have different algorithm ids besides.
//!
//! The star topology is the caller's: this type computes, and never sends.

use super::{
    circuit::{Circuit, SetupError},
    fast_query::FastQuery,
    gram::{GramCircuit, GramMeasurement, GramSum},
    grid::{Grid, GridMeasurement, GridOneHot, GridSum},
    noise::ShareNoise,
    scheme::{Numbers, Scheme},
    share::{
        AggregateShare, Aggregator, Context, Elements, InputShare, Misuse, Nonce, OutputShare,
        PublicShare, Reject, ReleasedShare, VerifierMessage, VerifierShare, VerifyError,
        VerifyState, WirePart,
    },
};
use crate::keys::{Label, digest, seat::VerifyKey, vss::SEATS_MAX};
use prio::{
    field::Field128,
    flp::{
        FlpError,
        gadgets::{Mul, ParallelSum},
        types::{Histogram, MultihotCountVec},
    },
    vdaf::{VdafError, prio3::optimal_chunk_length},
};
use rand_core::CryptoRng;

/// Algorithm ids: ours are from the draft's private range, the standard ones are the draft's.
const GRID_ID: u32 = 0xFFFF_C001;
const GRAM_ID: u32 = 0xFFFF_C002;
const HISTOGRAM_ID: u32 = 4;
const MULTIHOT_ID: u32 = 5;

/// Proofs of each report. Joint randomness is a hash of the shares, so a forger can try many sharings
/// at home: over Field64 one proof is too few, three are what the draft's analysis asks for at least.
const PROOFS: u8 = 3;
const STANDARD_PROOFS: u8 = 1;

type Wide<G> = ParallelSum<Field128, G>;

#[derive(Clone, Debug)]
enum Schemes {
    Grid(Scheme<FastQuery<GridOneHot>>),
    Gram(Scheme<FastQuery<GramCircuit>>),
    Histogram(Scheme<Histogram<Field128, Wide<Mul>>>),
    Multihot(Scheme<MultihotCountVec<Field128, Wide<Mul>>>),
}

/// The same expression for whichever circuit it is.
macro_rules! with {
    ($vdaf:expr, $scheme:ident => $body:expr) => {
        match &$vdaf.schemes {
            Schemes::Grid($scheme) => $body,
            Schemes::Gram($scheme) => $body,
            Schemes::Histogram($scheme) => $body,
            Schemes::Multihot($scheme) => $body,
        }
    };
}

/// One private aggregation's cryptography.
#[derive(Clone, Debug)]
pub struct Vdaf {
    circuit: Circuit,
    parties: Parties,
    schemes: Schemes,
}

/// Who takes part, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// T: keyholders, each a helper.
    pub helpers: u8,
    /// The most reports that may ever be summed.
    pub reporters_max: u32,
}

/// One person's measurement. Secret.
#[derive(Clone, Debug)]
pub enum Measurement {
    /// For [`Circuit::Grid`] and [`Circuit::StandardGrid`].
    Grid(GridMeasurement),
    /// For [`Circuit::Gram`].
    Gram(GramMeasurement),
}

/// A report's shares.
#[derive(Clone, Debug)]
pub struct Sharded {
    /// For all aggregators.
    pub public_share: PublicShare,
    /// For the coordinator.
    pub leader_share: InputShare,
    /// For each keyholder in seat order, to be sealed.
    pub helper_shares: Vec<InputShare>,
}

/// One aggregator's view of one report.
#[derive(Clone, Copy, Debug)]
pub struct ReportShare<'a> {
    /// The report's id.
    pub nonce: &'a Nonce,
    /// As all see it.
    pub public_share: &'a PublicShare,
    /// As only this aggregator sees it.
    pub input_share: &'a InputShare,
}

/// The exact length of everything that travels, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireLengths {
    /// [`PublicShare`].
    pub public_share: usize,
    /// [`InputShare`] of the coordinator.
    pub leader_share: usize,
    /// [`InputShare`] of a keyholder, before sealing.
    pub helper_share: usize,
    /// [`VerifierShare`].
    pub verifier_share: usize,
    /// [`VerifierMessage`].
    pub verifier_message: usize,
    /// [`AggregateShare`] and [`ReleasedShare`].
    pub released_share: usize,
}

/// What all released shares add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AggregateResult {
    /// Of a grid.
    Grid(GridSum),
    /// Of a Gram message.
    Gram(GramSum),
}

impl AggregateResult {
    /// How many reports were accepted.
    pub const fn reporters(&self) -> u32 {
        match self {
            Self::Grid(sum) => sum.reporters(),
            Self::Gram(sum) => sum.reporters(),
        }
    }

    /// The integers as they are published: row by row of a grid; of a Gram, coordinates, then products.
    pub fn values(&self) -> Vec<i64> {
        match self {
            Self::Grid(sum) => sum.counts().iter().copied().collect(),
            Self::Gram(sum) => sum.values().to_vec(),
        }
    }
}

impl Vdaf {
    /// Builds the cryptography of one aggregation.
    ///
    /// # Errors
    /// [`SetupError`] if the plan asks for impossible numbers; parameters of `circuit` itself were
    /// checked when it was made.
    pub fn new(circuit: Circuit, parties: Parties) -> Result<Self, SetupError> {
        Self::with_ids(circuit, parties, |standard| standard)
    }

    /// For tests: `id` changes the algorithm id.
    pub(super) fn with_ids(
        circuit: Circuit,
        parties: Parties,
        id: fn(u32) -> u32,
    ) -> Result<Self, SetupError> {
        if !(3..=SEATS_MAX).contains(&parties.helpers) {
            return Err(SetupError::Helpers { got: parties.helpers });
        }
        circuit.check_overflow(parties.reporters_max)?;
        let binding = digest(Label::Circuit, &[&circuit.parameters(), &[parties.helpers]]);
        let aggregators = parties.helpers + 1;
        let numbers =
            |algorithm, proofs| Numbers { algorithm: id(algorithm), aggregators, proofs, binding };
        let schemes = match &circuit {
            Circuit::Grid(grid) => {
                let circuit = FastQuery(GridOneHot::new(*grid));
                Scheme::new(circuit, numbers(GRID_ID, PROOFS)).map(Schemes::Grid)
            }
            Circuit::Gram(gram) => {
                let circuit = FastQuery(GramCircuit::new(gram));
                Scheme::new(circuit, numbers(GRAM_ID, PROOFS)).map(Schemes::Gram)
            }
            Circuit::StandardGrid(grid) => standard(*grid, numbers),
        };
        let schemes = schemes.map_err(|_| SetupError::Library)?;
        Ok(Self { circuit, parties, schemes })
    }

    /// What is measured.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Who takes part.
    pub const fn parties(&self) -> Parties {
        self.parties
    }

    /// All aggregators, the leader first.
    pub fn aggregators(&self) -> impl Iterator<Item = Aggregator> + use<> {
        let seats = (0..self.parties.helpers).map(crate::keys::seat::Seat::new);
        std::iter::once(Aggregator::Leader).chain(seats.map(Aggregator::Helper))
    }

    /// The exact length of everything that travels, in bytes; a codec's limits.
    pub fn wire_lengths(&self) -> WireLengths {
        with!(self, scheme => scheme.wire_lengths())
    }

    /// Splits a measurement into shares. Implements `Vdaf.shard` of the draft.
    ///
    /// `rng` should be a [`crate::keys::stream`] of this report's id: the same stream gives the same
    /// bytes, and no other report may use it.
    ///
    /// # Errors
    /// [`Misuse::Foreign`] if the measurement was made for another circuit.
    pub fn shard(
        &self,
        ctx: &Context,
        measurement: &Measurement,
        nonce: &Nonce,
        rng: &mut impl CryptoRng,
    ) -> Result<Sharded, Misuse> {
        let shares = match (&self.schemes, measurement) {
            (Schemes::Grid(scheme), Measurement::Grid(marks)) => {
                scheme.shard(ctx, marks, nonce, rng)
            }
            (Schemes::Gram(scheme), Measurement::Gram(values)) => {
                scheme.shard(ctx, values, nonce, rng)
            }
            (Schemes::Histogram(scheme), Measurement::Grid(marks)) => {
                self.own(marks)?;
                let cell = marks.marks().iter().position(|mark| *mark).ok_or(Misuse::Foreign)?;
                scheme.shard(ctx, &cell, nonce, rng)
            }
            (Schemes::Multihot(scheme), Measurement::Grid(marks)) => {
                self.own(marks)?;
                scheme.shard(ctx, &marks.marks(), nonce, rng)
            }
            (
                Schemes::Grid(_) | Schemes::Histogram(_) | Schemes::Multihot(_),
                Measurement::Gram(_),
            )
            | (Schemes::Gram(_), Measurement::Grid(_)) => return Err(Misuse::Foreign),
        };
        // The one way a circuit refuses to encode is a measurement of another circuit.
        Ok(shares.map_err(|_| Misuse::Foreign)?.into())
    }

    /// For tests: shards an encoding of any content, as a lying reporter would.
    #[cfg(test)]
    pub(super) fn shard_encoded(
        &self,
        ctx: &Context,
        encoded: &[prio::field::Field64],
        nonce: &Nonce,
        rng: &mut impl CryptoRng,
    ) -> Option<Sharded> {
        let shares = match &self.schemes {
            Schemes::Grid(scheme) => {
                scheme.shard_encoded(&scheme.application(ctx), encoded, nonce, rng)
            }
            Schemes::Gram(scheme) => {
                scheme.shard_encoded(&scheme.application(ctx), encoded, nonce, rng)
            }
            Schemes::Histogram(_) | Schemes::Multihot(_) => return None,
        };
        shares.ok().map(Into::into)
    }

    fn own(&self, marks: &GridMeasurement) -> Result<(), Misuse> {
        let own = matches!(&self.circuit, Circuit::StandardGrid(grid) if *grid == marks.grid());
        own.then_some(()).ok_or(Misuse::Foreign)
    }

    /// An aggregator's first step. Implements `Vdaf.verify_init` of the draft.
    ///
    /// # Errors
    /// [`VerifyError::Reject`] if the shares do not parse, [`VerifyError::Misuse`] for an unknown seat.
    pub fn verify_init(
        &self,
        ctx: &Context,
        verify_key: &VerifyKey,
        aggregator: Aggregator,
        report: ReportShare<'_>,
    ) -> Result<(VerifyState, VerifierShare), VerifyError> {
        if aggregator.id() > usize::from(self.parties.helpers) {
            return Err(Misuse::Aggregator.into());
        }
        with!(self, scheme => scheme.verify_init(ctx, verify_key, aggregator, report))
    }

    /// The leader's step: decides about one report from the verifier shares of all aggregators, the
    /// leader's first, then in seat order. Implements `Vdaf.verifier_shares_to_message` of the draft.
    ///
    /// # Errors
    /// [`VerifyError::Reject`] if a share does not parse or the proof does not hold,
    /// [`VerifyError::Misuse`] unless there is one share of each aggregator.
    pub fn verifier_shares_to_message(
        &self,
        ctx: &Context,
        shares: &[VerifierShare],
    ) -> Result<VerifierMessage, VerifyError> {
        let expected = usize::from(self.parties.helpers) + 1;
        if shares.len() != expected {
            return Err(Misuse::Shares { expected, got: shares.len() }.into());
        }
        Ok(with!(self, scheme => scheme.combine(ctx, shares))?)
    }

    /// Whether every aggregator used the joint randomness that the public share promises the others. A report
    /// for which this fails, or [`Vdaf::verifier_shares_to_message`], is rejected, and whoever has its public
    /// share and verifier shares can see why; for all others, [`Vdaf::verify_next`] succeeds everywhere.
    ///
    /// # Errors
    /// [`Reject::Length`] or [`Reject::JointRandomness`].
    pub fn check_joint_randomness(
        &self,
        public_share: &PublicShare,
        shares: &[VerifierShare],
    ) -> Result<(), Reject> {
        let lengths = self.wire_lengths();
        let got = public_share.0.len();
        if got != lengths.public_share {
            let part = WirePart::PublicShare;
            return Err(Reject::Length { part, expected: lengths.public_share, got });
        }
        // Both end in 32-byte parts: the public share is one of each aggregator, a verifier share its own.
        let (promised, _) = public_share.0.as_chunks::<32>();
        for (share, promised) in shares.iter().zip(promised) {
            let got = share.0.len();
            if got != lengths.verifier_share {
                let part = WirePart::VerifierShare;
                return Err(Reject::Length { part, expected: lengths.verifier_share, got });
            }
            if !share.0.ends_with(promised) {
                return Err(Reject::JointRandomness);
            }
        }
        Ok(())
    }

    /// An aggregator's last step. Implements `Vdaf.verify_next` of the draft.
    ///
    /// # Errors
    /// [`Reject::JointRandomness`] if a share was changed on its way, [`Reject::Length`] for a message of
    /// another length, [`Misuse::Foreign`] for a state of another circuit.
    pub fn verify_next(
        &self,
        ctx: &Context,
        state: VerifyState,
        message: &VerifierMessage,
    ) -> Result<OutputShare, VerifyError> {
        with!(self, scheme => scheme.verify_next(ctx, state, message))
    }

    /// The sum over no reports.
    pub fn aggregate_init(&self) -> AggregateShare {
        AggregateShare(with!(self, scheme => scheme.zeros()))
    }

    /// The sum of output shares of one aggregator.
    ///
    /// # Errors
    /// [`Misuse::Foreign`] if one belongs to another circuit.
    pub fn aggregate<'a>(
        &self,
        shares: impl IntoIterator<Item = &'a OutputShare>,
    ) -> Result<AggregateShare, Misuse> {
        let mut sum = self.aggregate_init();
        for share in shares {
            sum.accumulate(share)?;
        }
        Ok(sum)
    }

    /// An aggregate share back from the store.
    ///
    /// # Errors
    /// [`Reject::Length`] or [`Reject::Malformed`].
    pub fn aggregate_share(&self, bytes: &[u8]) -> Result<AggregateShare, Reject> {
        Ok(AggregateShare(with!(self, scheme => scheme.parse(bytes, WirePart::AggregateShare))?))
    }

    /// Another aggregator's released share, as published.
    ///
    /// # Errors
    /// [`Reject::Length`] or [`Reject::Malformed`].
    pub fn released_share(&self, bytes: &[u8]) -> Result<ReleasedShare, Reject> {
        Ok(ReleasedShare(with!(self, scheme => scheme.parse(bytes, WirePart::ReleasedShare))?))
    }

    /// What one aggregator publishes: its aggregate share, centred, plus its noise. The leader and a
    /// recovered seat add [`ShareNoise::none`].
    ///
    /// # Errors
    /// [`Misuse`] if share or noise are of another circuit, or for more reports than planned.
    ///
    /// # Security
    /// Call it once for each aggregation and persist the result: two releases with different noise, or
    /// over different reports, undo the protection.
    pub fn release(
        &self,
        share: &AggregateShare,
        aggregator: Aggregator,
        accepted: u32,
        noise: &ShareNoise,
    ) -> Result<ReleasedShare, Misuse> {
        self.check_accepted(accepted)?;
        let mut released = match (&self.circuit, &share.0) {
            (Circuit::Gram(gram), Elements::Narrow(elements)) => {
                let constants = if aggregator == Aggregator::Leader { accepted } else { 0 };
                Elements::Narrow(gram.centre(elements, constants).ok_or(Misuse::Foreign)?)
            }
            (Circuit::Gram(_), Elements::Wide(_)) => return Err(Misuse::Foreign),
            (Circuit::Grid(_) | Circuit::StandardGrid(_), elements) => elements.clone(),
        };
        if released.len() != self.circuit.output_len() {
            return Err(Misuse::Foreign);
        }
        released.shift(noise.values())?;
        Ok(ReleasedShare(released))
    }

    /// Adds up the released shares of all aggregators. Implements `Vdaf.unshard` of the draft.
    ///
    /// # Errors
    /// [`Misuse`] unless there is one share of each aggregator and of this circuit.
    pub fn unshard(
        &self,
        shares: &[ReleasedShare],
        accepted: u32,
    ) -> Result<AggregateResult, Misuse> {
        self.check_accepted(accepted)?;
        let expected = usize::from(self.parties.helpers) + 1;
        if shares.len() != expected {
            return Err(Misuse::Shares { expected, got: shares.len() });
        }
        let mut sum = ReleasedShare(self.aggregate_init().0);
        shares.iter().try_for_each(|share| sum.merge(share))?;
        self.result(sum.0.signed()?, accepted)
    }

    /// An aggregate as it was published.
    ///
    /// # Errors
    /// [`Misuse`] for another number of values than the circuit's, or of reports than planned.
    pub fn result(&self, values: Vec<i64>, accepted: u32) -> Result<AggregateResult, Misuse> {
        self.check_accepted(accepted)?;
        match &self.circuit {
            Circuit::Grid(grid) | Circuit::StandardGrid(grid) => {
                GridSum::new(*grid, accepted, values).map(AggregateResult::Grid)
            }
            Circuit::Gram(gram) => GramSum::new(gram, accepted, values).map(AggregateResult::Gram),
        }
        .ok_or(Misuse::Foreign)
    }

    fn check_accepted(&self, accepted: u32) -> Result<(), Misuse> {
        let max = self.parties.reporters_max;
        if (1..=max).contains(&accepted) {
            Ok(())
        } else {
            Err(Misuse::Reporters { max, got: accepted })
        }
    }
}

fn standard(grid: Grid, numbers: impl Fn(u32, u8) -> Numbers) -> Result<Schemes, VdafError> {
    let len = grid.len();
    if grid.rows() == 1 {
        let circuit = Histogram::new(len, optimal_chunk_length(len))?;
        return Scheme::new(circuit, numbers(HISTOGRAM_ID, STANDARD_PROOFS))
            .map(Schemes::Histogram);
    }
    let rows = usize::from(grid.rows());
    let weight_bits = usize::try_from(rows.ilog2() + 1)
        .map_err(|_| FlpError::InvalidParameter("too many rows".into()))?;
    let circuit = MultihotCountVec::new(len, rows, optimal_chunk_length(len + weight_bits))?;
    Scheme::new(circuit, numbers(MULTIHOT_ID, STANDARD_PROOFS)).map(Schemes::Multihot)
}

impl From<super::scheme::Shares> for Sharded {
    fn from(shares: super::scheme::Shares) -> Self {
        let mut inputs = shares.inputs.into_iter().map(InputShare);
        let leader_share = inputs.next().unwrap_or_else(|| InputShare(Vec::new().into()));
        Self {
            public_share: PublicShare(shares.public),
            leader_share,
            helper_shares: inputs.collect(),
        }
    }
}
