//! The same sums without cryptography: a measurement as plain bytes, and as the leader's whole output.
//!
//! For studies on data at hand. The leader's output share is the measurement itself and every helper's is
//! zero, so that accumulation, noise, release and the sum are those of the private form, to the integer.

use super::{
    Circuit,
    share::{Elements, OutputShare, Reject, Signed, WirePart},
    vdaf::{Measurement, Vdaf},
};
use prio::field::{Field64, Field128};

impl Vdaf {
    /// One person's measurement in the clear: a `u16` for each row of a grid, a `u32` for each coordinate of a
    /// Gram, little endian.
    pub fn clear_bytes(&self, measurement: &Measurement) -> Vec<u8> {
        match measurement {
            Measurement::Grid(marks) => {
                marks.cells().iter().flat_map(|cell| cell.to_le_bytes()).collect()
            }
            Measurement::Gram(gram) => {
                gram.values().iter().flat_map(|value| value.to_le_bytes()).collect()
            }
        }
    }

    /// The leader's output share of a measurement in the clear.
    ///
    /// # Errors
    /// [`Reject::Length`], or [`Reject::Malformed`] for a measurement that the circuit would not accept.
    pub fn clear_output(&self, bytes: &[u8]) -> Result<OutputShare, Reject> {
        let part = WirePart::InputShare;
        let length = |expected| Reject::Length { part, expected, got: bytes.len() };
        let malformed = Reject::Malformed { part };
        let values = match self.circuit() {
            Circuit::Grid(grid) | Circuit::StandardGrid(grid) => {
                let (cells, rest) = bytes.as_chunks::<2>();
                if cells.len() != usize::from(grid.rows()) || !rest.is_empty() {
                    return Err(length(2 * usize::from(grid.rows())));
                }
                let cells: Vec<u16> = cells.iter().map(|cell| u16::from_le_bytes(*cell)).collect();
                let marks = grid.measure(&cells).map_err(|_| malformed)?.marks();
                marks.into_iter().map(u64::from).collect::<Vec<_>>()
            }
            Circuit::Gram(gram) => {
                let (values, rest) = bytes.as_chunks::<4>();
                if values.len() != gram.coordinates().len() || !rest.is_empty() {
                    return Err(length(4 * gram.coordinates().len()));
                }
                let values: Vec<u32> = values.iter().map(|v| u32::from_le_bytes(*v)).collect();
                gram.measurement(&values).map_err(|_| malformed)?;
                let place = |i: usize| values.get(i).copied().map_or(0, u64::from);
                let products = gram.products().map(|(i, j)| place(i) * place(j));
                values.iter().copied().map(u64::from).chain(products).collect()
            }
        };
        Ok(OutputShare(match self.aggregate_init().0 {
            Elements::Narrow(_) => Field64::wrap(values.into_iter().map(Field64::from).collect()),
            Elements::Wide(_) => {
                Field128::wrap(values.into_iter().map(|v| Field128::from(u128::from(v))).collect())
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{
        AggregateResult, Parties,
        noise::ShareNoise,
        tests::{gram, grid},
    };

    fn vdaf(circuit: Circuit) -> Vdaf {
        Vdaf::new(circuit, Parties { helpers: 3, reporters_max: 10 }).unwrap()
    }

    #[test]
    fn a_clear_sum_is_the_plaintext_sum() {
        for circuit in [Circuit::Grid(grid(2, 3)), Circuit::StandardGrid(grid(2, 3))] {
            let vdaf = vdaf(circuit);
            let outputs = [[0, 2], [0, 1]].map(|cells| {
                let marks = Measurement::Grid(grid(2, 3).measure(&cells).unwrap());
                vdaf.clear_output(&vdaf.clear_bytes(&marks)).unwrap()
            });
            let mut released = Vec::new();
            for aggregator in vdaf.aggregators() {
                let leads = aggregator == crate::aggregation::Aggregator::Leader;
                let sum = vdaf.aggregate(outputs.iter().filter(|_| leads)).unwrap();
                let noise = ShareNoise::none(vdaf.circuit());
                released.push(vdaf.release(&sum, aggregator, 2, &noise).unwrap());
            }
            let result = vdaf.unshard(&released, 2).unwrap();
            assert_eq!(result.values(), [2, 0, 0, 0, 1, 1]);
            assert!(crate::aggregation::noise::is_plausible(&result, None, 3));
            assert_eq!(vdaf.result(result.values(), 2), Ok(result));
            let off = vdaf.result(vec![2, 0, 0, 0, 2, 1], 2).unwrap();
            assert!(!crate::aggregation::noise::is_plausible(&off, None, 3));
        }
    }

    #[test]
    fn what_no_honest_person_sends_is_refused() {
        let part = WirePart::InputShare;
        let table = vdaf(Circuit::Grid(grid(2, 3)));
        let length = Reject::Length { part, expected: 4, got: 3 };
        assert_eq!(table.clear_output(&[0; 3]), Err(length));
        assert_eq!(table.clear_output(&[0, 0, 3, 0]), Err(Reject::Malformed { part }));
        let moments = vdaf(Circuit::Gram(gram()));
        assert!(moments.clear_output(&[255; 4]).is_err());
        let wide = vec![255; 4 * gram().coordinates().len()];
        assert_eq!(moments.clear_output(&wide), Err(Reject::Malformed { part }));
    }

    #[test]
    fn a_clear_gram_is_centred_like_a_private_one() {
        let vdaf = vdaf(Circuit::Gram(gram()));
        let m = gram().coordinates().len();
        let values: Vec<u32> = gram().coordinates().iter().map(|of| of.offset() + 1).collect();
        let one = Measurement::Gram(gram().measurement(&values).unwrap());
        let output = vdaf.clear_output(&vdaf.clear_bytes(&one)).unwrap();
        let none = ShareNoise::none(vdaf.circuit());
        let released: Vec<_> = vdaf
            .aggregators()
            .map(|of| {
                let leads = of == crate::aggregation::Aggregator::Leader;
                let sum = vdaf.aggregate(leads.then_some(&output)).unwrap();
                vdaf.release(&sum, of, 1, &none).unwrap()
            })
            .collect();
        let AggregateResult::Gram(sum) = vdaf.unshard(&released, 1).unwrap() else {
            panic!("a Gram gives a Gram")
        };
        assert_eq!(sum.sum_z(), vec![1; m + 1]);
        assert!(sum.sum_zz().iter().all(|product| *product == 1));
    }
}
