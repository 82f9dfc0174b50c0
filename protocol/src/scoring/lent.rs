//! "(public aggregates, my coordinates) -> score": what donors lend, and what members make of it.
//!
//! [`Lending`] is what a donor is asked for: its measurement, and the circuit it is summed by.
//! [`Lent`] is the opened sum, from which every member scores itself. Both are pure functions of
//! public values and of one's own record; simulations and participants use the same.

use std::num::NonZeroU32;
use std::ops::Range;

use rand_core::CryptoRng;

use super::cells::{CellError, Centres};
use super::method::Method;
use super::ridge::{self, Ridge, RidgeError};
use super::scaling::Scaled;
use super::table::{NeighbourTable, TableError};
use crate::aggregation::{AggregateResult, Circuit, Gram, MeasureError, Measurement};

/// What donors lend.
#[derive(Clone, Debug)]
pub enum Lending {
    /// For `rb-prob`: coordinates, label and all their products.
    Regressor {
        /// The message.
        gram: Gram,
        /// Which columns of the records are indicators of which at most one is 1.
        blocks: Vec<Range<usize>>,
    },
    /// For `rb-label` and `rb-dist`: one's cell and label in each repetition.
    Neighbours(Centres),
}

/// The opened sum of what donors lent.
#[derive(Clone, Debug)]
pub enum Lent {
    /// For `rb-prob`.
    Regressor(Ridge),
    /// For `rb-label` and `rb-dist`.
    Neighbours(NeighbourTable),
}

/// Why nothing can be lent or scored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LentError {
    /// The method has another reference.
    #[error("{method} cannot be scored from {what}")]
    Method {
        /// As asked.
        method: Method,
        /// What was lent.
        what: &'static str,
    },
    /// The opened sum is of another circuit.
    #[error("the opened sum is of another circuit")]
    Circuit,
    /// A record cannot be measured.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// Cells cannot be found.
    #[error(transparent)]
    Cells(#[from] CellError),
    /// The opened counts cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The opened moments cannot be read.
    #[error(transparent)]
    Ridge(#[from] RidgeError),
}

impl Lending {
    /// By which circuit measurements are proved and summed.
    pub fn circuit(&self) -> Circuit {
        match self {
            Self::Regressor { gram, .. } => Circuit::Gram(gram.clone()),
            Self::Neighbours(centres) => Circuit::Grid(centres.grid()),
        }
    }

    /// One measurement per donor; a donor gives its own record alone and gets the same.
    ///
    /// `rounding(donor)` is the donor's private stream ([`crate::keys::Label::Rounding`]); cells need
    /// none.
    ///
    /// # Errors
    /// [`LentError::Measure`], [`LentError::Cells`].
    ///
    /// # Panics
    /// If there is not one label per record.
    pub fn measure<R: CryptoRng>(
        &self,
        records: &Scaled,
        labels: &[bool],
        mut rounding: impl FnMut(usize) -> R,
    ) -> Result<Vec<Measurement>, LentError> {
        match self {
            Self::Regressor { gram, .. } => {
                let rows = ridge::centred(gram, records, labels);
                let rows = rows.outer_iter().enumerate();
                rows.map(|(donor, row)| {
                    Ok(Measurement::Gram(gram.measure(&row.to_vec(), &mut rounding(donor))?))
                })
                .collect()
            }
            Self::Neighbours(centres) => {
                let marks = centres.marks(records, labels)?;
                let grid = centres.grid();
                let rows = marks.outer_iter();
                rows.map(|row| Ok(Measurement::Grid(grid.measure(&row.to_vec())?))).collect()
            }
        }
    }

    /// Reads the opened sum. `sigma` is the standard deviation of its *published* noise, 0 without
    /// noise: in persons for counts, in centred units for moments.
    ///
    /// # Errors
    /// [`LentError::Circuit`], [`LentError::Table`], [`LentError::Ridge`].
    pub fn open(self, opened: &AggregateResult, sigma: f64) -> Result<Lent, LentError> {
        match (self, opened) {
            (Self::Regressor { gram, blocks }, AggregateResult::Gram(sum))
                if *sum.gram() == gram =>
            {
                Ok(Lent::Regressor(Ridge::from_sum(sum, &blocks, sigma)?))
            }
            (Self::Neighbours(centres), AggregateResult::Grid(sum)) => {
                Ok(Lent::Neighbours(NeighbourTable::new(centres, sum, sigma)?))
            }
            (Self::Regressor { .. } | Self::Neighbours(_), _) => Err(LentError::Circuit),
        }
    }
}

impl Lent {
    /// One finite score per record; greater is asked sooner.
    ///
    /// `rb-prob` is near a chance, `rb-label` a share from 0 to 1, `rb-dist` minus a distance in units
    /// of the scaling. A record's score does not depend on the others, but for the last bits of a
    /// matrix product. `k` is for `rb-label` and `rb-dist`.
    ///
    /// # Errors
    /// [`LentError::Method`]; [`LentError::Table`], [`LentError::Ridge`] for records of another schema.
    pub fn score(
        &self,
        method: Method,
        k: NonZeroU32,
        records: &Scaled,
    ) -> Result<Vec<f64>, LentError> {
        match (self, method) {
            (Self::Regressor(ridge), Method::RbProb) => Ok(ridge.score(records)?),
            (Self::Neighbours(table), Method::RbLabel) => Ok(table.label(records, k.get())?),
            (Self::Neighbours(table), Method::RbDist) => Ok(table.distance(records, k.get())?),
            (Self::Regressor(_), Method::RbLabel | Method::RbDist | Method::Random) => {
                Err(LentError::Method { method, what: "moments" })
            }
            (Self::Neighbours(_), Method::RbProb | Method::Random) => {
                Err(LentError::Method { method, what: "counts" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::CellShape;
    use super::super::cells::tests::{centres, people, scaling};
    use super::super::design::tests::schema;
    use super::super::ridge::Protected;
    use super::*;
    use crate::aggregation::sum_in_the_clear;
    use crate::keys::{self, Label};

    const K: NonZeroU32 = NonZeroU32::new(7).unwrap();

    fn regressor(protected: Protected) -> Lending {
        let blocks = schema().blocks();
        Lending::Regressor { gram: ridge::gram(&scaling(), &blocks, protected).unwrap(), blocks }
    }

    fn lendings() -> [Lending; 2] {
        let shape = CellShape { repetitions: 4, cells: 32 };
        [regressor(Protected::No), Lending::Neighbours(centres(shape, 2))]
    }

    fn open(lending: &Lending) -> Lent {
        let donors = people(400);
        let labels: Vec<bool> = donors.to_dense().column(0).iter().map(|&age| age > 0.0).collect();
        let stream =
            |donor: usize| keys::stream(Label::Rounding, &[1; 32], &[&donor.to_le_bytes()]);
        let measured = lending.measure(&donors, &labels, stream).unwrap();
        let sum = sum_in_the_clear(&lending.circuit(), measured, &[]).unwrap();
        lending.clone().open(&sum, 0.0).unwrap()
    }

    #[test]
    fn scores_find_whom_the_donors_favour() {
        let [regressor, neighbours] = lendings().map(|lending| open(&lending));
        let people = people(60);
        let old: Vec<bool> = people.to_dense().column(0).iter().map(|&age| age > 0.0).collect();
        for (lent, method) in [
            (&regressor, Method::RbProb),
            (&neighbours, Method::RbLabel),
            (&neighbours, Method::RbDist),
        ] {
            let scores = lent.score(method, K, &people).unwrap();
            let mean = |wanted: bool| {
                let own = scores.iter().zip(&old).filter(|(_, old)| **old == wanted);
                let own: Vec<f64> = own.map(|(score, _)| *score).collect();
                own.iter().sum::<f64>() / f64::from(u32::try_from(own.len()).unwrap())
            };
            assert!(mean(true) > mean(false) + 0.2, "{method}: {} {}", mean(true), mean(false));
        }
    }

    #[test]
    fn a_member_alone_scores_as_among_others() {
        let people = people(30);
        for lending in lendings() {
            let lent = open(&lending);
            let method = match lent {
                Lent::Regressor(_) => Method::RbProb,
                Lent::Neighbours(_) => Method::RbLabel,
            };
            let together = lent.score(method, K, &people).unwrap();
            for (row, together) in together.iter().enumerate() {
                let alone = lent.score(method, K, &people.select(row)).unwrap()[0];
                assert!((alone - together).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_method_needs_its_own_reference() {
        let [regressor, neighbours] = lendings();
        for (lent, methods) in [
            (open(&regressor), [Method::RbLabel, Method::RbDist, Method::Random].as_slice()),
            (open(&neighbours), [Method::RbProb, Method::Random].as_slice()),
        ] {
            for &method in methods {
                let refused = lent.score(method, K, &people(1));
                assert!(matches!(refused, Err(LentError::Method { .. })), "{method}");
            }
        }
        let nobody = sum_in_the_clear(&regressor.circuit(), [], &[]).unwrap();
        assert!(matches!(neighbours.open(&nobody, 0.0), Err(LentError::Circuit)));
        assert!(matches!(regressor.open(&nobody, 0.0), Err(LentError::Ridge(RidgeError::Empty))));
    }
}
