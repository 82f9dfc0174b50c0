//! The plaintext sum: what an aggregation opens, computed by one who sees every measurement.
//!
//! For simulations, and as the plain model that the shares must agree with. Nobody in a real campaign
//! holds the measurements, so no party calls this.

use super::{
    circuit::Circuit,
    gram::GramSum,
    grid::GridSum,
    noise::ShareNoise,
    vdaf::{AggregateResult, Measurement},
};
use thiserror::Error;

/// Measurements or noise that belong to another circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClearError {
    /// A measurement of another circuit.
    #[error("measurement {index} is of another circuit")]
    Foreign {
        /// Which one, from 0.
        index: usize,
    },
    /// Noise of another circuit.
    #[error("noise for another circuit: {got} values, {expected} expected")]
    Noise {
        /// Values of the circuit's output.
        expected: usize,
        /// Values of the noise.
        got: usize,
    },
    /// More reports, or greater sums, than an aggregation can hold.
    #[error("the sum leaves its range")]
    Overflow,
}

/// Adds up measurements and every seat's noise: the same result as sharding, verifying, releasing
/// and unsharding them, whose measurements are all honest.
///
/// # Errors
/// Every [`ClearError`].
pub fn sum_in_the_clear(
    circuit: &Circuit,
    measurements: impl IntoIterator<Item = Measurement>,
    noise: &[ShareNoise],
) -> Result<AggregateResult, ClearError> {
    let mut values = vec![0_i64; circuit.output_len()];
    for share in noise {
        let got = share.values().len();
        if got != values.len() {
            return Err(ClearError::Noise { expected: values.len(), got });
        }
        add(&mut values, share.values().iter().copied())?;
    }
    let mut reporters = 0_u32;
    for (index, measurement) in measurements.into_iter().enumerate() {
        match (circuit, &measurement) {
            (Circuit::Grid(grid) | Circuit::StandardGrid(grid), Measurement::Grid(marks))
                if marks.grid() == *grid =>
            {
                for place in marks.places() {
                    let count = values.get_mut(place).ok_or(ClearError::Overflow)?;
                    *count = count.checked_add(1).ok_or(ClearError::Overflow)?;
                }
            }
            (Circuit::Gram(gram), Measurement::Gram(person)) if person.gram() == gram => {
                add(&mut values, person.centred().into_iter())?;
            }
            (Circuit::Grid(_) | Circuit::StandardGrid(_) | Circuit::Gram(_), _) => {
                return Err(ClearError::Foreign { index });
            }
        }
        reporters = reporters.checked_add(1).ok_or(ClearError::Overflow)?;
    }
    result(circuit, reporters, values).ok_or(ClearError::Overflow)
}

fn result(circuit: &Circuit, reporters: u32, values: Vec<i64>) -> Option<AggregateResult> {
    match circuit {
        Circuit::Grid(grid) | Circuit::StandardGrid(grid) => {
            GridSum::new(*grid, reporters, values).map(AggregateResult::Grid)
        }
        Circuit::Gram(gram) => GramSum::new(gram, reporters, values).map(AggregateResult::Gram),
    }
}

fn add(sums: &mut [i64], values: impl Iterator<Item = i64>) -> Result<(), ClearError> {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.checked_add(value).ok_or(ClearError::Overflow)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::tests::{gram, grid};

    #[test]
    fn another_circuits_measurement_is_refused() {
        let marks = Measurement::Grid(grid(2, 3).measure(&[0, 2]).unwrap());
        for circuit in [Circuit::Grid(grid(2, 4)), Circuit::Gram(gram())] {
            let refused = sum_in_the_clear(&circuit, [marks.clone()], &[]);
            assert_eq!(refused, Err(ClearError::Foreign { index: 0 }));
        }
        let circuit = Circuit::Grid(grid(2, 3));
        let noise = ShareNoise::none(&Circuit::Grid(grid(1, 3)));
        assert_eq!(
            sum_in_the_clear(&circuit, [marks], &[noise]),
            Err(ClearError::Noise { expected: 6, got: 3 })
        );
    }
}
