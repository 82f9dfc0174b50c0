//! Multiplication gates in chunks: what both circuits are made of.
//!
//! All gates of a circuit go through one gadget, a sum of `chunk` products, called `calls` times. One
//! call costs two field elements of proof, one slot of a chunk costs two of proof and two of every
//! verifier share; [`Gates::fit`] weighs them.

use prio::{
    field::{Field64, FieldElement},
    flp::{
        FlpError, Gadget,
        gadgets::{Mul, ParallelSum, ParallelSumGadget},
    },
};

/// Size of the one gadget of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    chunk: usize,
    calls: usize,
}

/// How many verifier shares travel for one leader share: one per keyholder of the default five.
const VERIFIER_WEIGHT: usize = 5;

impl Gates {
    /// The cheapest size for groups of `lens` gates, each group starting a call of its own.
    ///
    /// Calls fill `2^k - 1` as far as they can: the polynomials have `2^k` points, one of which
    /// blinds. The proof and verifier lengths that result put `chunk` and `calls` near the root of the
    /// number of gates, which verification in prio 0.18.1 wants.
    pub(super) fn fit(lens: &[usize]) -> Self {
        let total: usize = lens.iter().sum();
        let calls = |chunk: usize| lens.iter().map(|len| len.div_ceil(chunk)).sum::<usize>();
        (1..=total.max(1).ilog2() + 1)
            .map(|k| {
                let calls_max = (1 << k) - 1;
                let fewest = total.div_ceil(calls_max).max(1);
                // Rounding each group up may take a few calls too many: at most one per group.
                let chunk = (fewest..=total.max(1)).find(|chunk| calls(*chunk) <= calls_max);
                let chunk = chunk.unwrap_or_else(|| total.max(1));
                Self { chunk, calls: calls(chunk) }
            })
            .min_by_key(|gates| gates.proof_len() + VERIFIER_WEIGHT * gates.verifier_len())
            .unwrap_or(Self { chunk: 1, calls: 1 })
    }

    #[cfg(test)]
    pub(super) const fn new(chunk: usize, calls: usize) -> Self {
        Self { chunk, calls }
    }

    /// How many calls a group of `len` gates takes.
    pub(super) const fn calls_for(self, len: usize) -> usize {
        len.div_ceil(self.chunk)
    }

    pub(super) fn gadgets(self) -> Vec<Box<dyn Gadget<Field64>>> {
        vec![Box::new(ParallelSum::new(Mul::new(self.calls), self.chunk))]
    }

    /// `2 chunk` wire seeds, then the gadget polynomial at all but one of its points.
    pub(super) const fn proof_len(self) -> usize {
        2 * self.chunk + 2 * (1 + self.calls).next_power_of_two() - 1
    }

    /// The circuit's output, `2 chunk` wires and the gadget polynomial at the query point.
    pub(super) const fn verifier_len(self) -> usize {
        2 + 2 * self.chunk
    }

    pub(super) const fn prove_rand_len(self) -> usize {
        2 * self.chunk
    }

    pub(super) const fn joint_rand_len(self) -> usize {
        self.calls
    }

    /// A random weight for each gate: the powers `r, r^2, ..., r^chunk` of each call's `r`. Without
    /// them two broken gates could cancel.
    pub(super) fn weights(self, joint_rand: &[Field64]) -> impl Iterator<Item = Field64> {
        joint_rand.iter().flat_map(move |r| {
            std::iter::successors(Some(*r), move |power| Some(*power * *r)).take(self.chunk)
        })
    }

    /// The sum of all products, in as many calls as the pairs need; unused slots hold zeros.
    pub(super) fn sum(
        self,
        gadgets: &mut [Box<dyn Gadget<Field64>>],
        mut pairs: impl Iterator<Item = (Field64, Field64)>,
    ) -> Result<Field64, FlpError> {
        let [gadget] = gadgets else {
            return Err(FlpError::Valid("one gadget expected".into()));
        };
        let zero = Field64::zero();
        let mut wires = vec![zero; 2 * self.chunk];
        let mut sum = zero;
        let mut next = pairs.next();
        while next.is_some() {
            for slot in wires.as_chunks_mut::<2>().0 {
                let (left, right) = next.unwrap_or((zero, zero));
                *slot = [left, right];
                next = if next.is_some() { pairs.next() } else { None };
            }
            sum += gadget.eval(&wires)?;
        }
        Ok(sum)
    }
}

/// `1 / num_shares`: each aggregator's share of the constant one.
pub(super) fn share_of_one(num_shares: usize) -> Result<Field64, FlpError> {
    let shares = u64::try_from(num_shares).ok().filter(|shares| *shares > 0);
    let shares = shares.ok_or_else(|| FlpError::Valid("at least one share".into()))?;
    Ok(Field64::from(shares).inv())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_root_and_waste_no_points() {
        // length -> (chunk, calls); the first two are promised in docs/BENCHMARKS.md.
        for (len, chunk, calls) in [(1024, 17, 61), (4096, 33, 125), (16_384, 65, 253), (1, 1, 1)] {
            assert_eq!(Gates::fit(&[len]), Gates { chunk, calls }, "length {len}");
        }
        for len in 1..600 {
            let gates = Gates::fit(&[len, 2 * len]);
            // A smaller chunk would need more calls than the polynomials have points for.
            let shorter = gates.chunk - 1;
            let calls = |chunk: usize| len.div_ceil(chunk) + (2 * len).div_ceil(chunk);
            let calls_max = (1 + gates.calls).next_power_of_two() - 1;
            assert!(shorter == 0 || calls(shorter) > calls_max, "{len}: {gates:?}");
            assert!(gates.calls_for(len) + gates.calls_for(2 * len) == gates.calls);
        }
    }
}
