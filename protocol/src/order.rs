//! Published pseudo-random orders: anyone with the seed recomputes them.
//!
//! They decide splits, who belongs to a simulated collective, the `random` score and ties. They are
//! not secret and protect nobody; private randomness never comes from here.

/// What an order is for; each purpose has an order of its own under one seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Purpose {
    /// Splitting rows into test and train.
    Split,
    /// Who joins a simulated collective.
    Collective,
    /// The `random` score.
    RandomScore,
    /// Ties between equal scores.
    Ties,
    /// Setting validation rows apart from the train rows.
    Validation,
    /// Which majority people lend their records in a simulation.
    Donors,
}

impl Purpose {
    const fn number(self) -> u64 {
        match self {
            Self::Split => 1,
            Self::Collective => 2,
            Self::RandomScore => 3,
            Self::Ties => 4,
            Self::Validation => 5,
            Self::Donors => 6,
        }
    }
}

/// The finaliser of `SplitMix64` after one step of its counter.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub const fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The sort key of row `row` under `seed`.
pub const fn key(seed: u64, purpose: Purpose, row: u64) -> u64 {
    splitmix64(splitmix64((seed << 8) | purpose.number()) ^ row)
}

/// The sort key of a row of a table in memory.
pub fn row_key(seed: u64, purpose: Purpose, row: usize) -> u64 {
    key(seed, purpose, row as u64)
}

/// `rows` sorted by ([`key`], row number), ascending.
pub fn order(seed: u64, purpose: Purpose, rows: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut keyed: Vec<(u64, usize)> =
        rows.into_iter().map(|row| (row_key(seed, purpose, row), row)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// A number in (0, 1], which is 1 with probability 2^-53, for draw `counter` of repetition `repetition` under `seed`.
pub fn unit(seed: u64, repetition: u64, counter: u64) -> f64 {
    let bits = splitmix64(splitmix64((seed << 32).wrapping_add(repetition)) ^ counter) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit the mantissa")]
    let integer = bits as f64;
    (integer + 0.5) / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(
            [splitmix64(0), splitmix64(1), splitmix64(2)],
            [0xe220_a839_7b1d_cdaf, 0x910a_2dec_8902_5cc1, 0x9758_35de_1c97_56ce]
        );
        assert_eq!(
            [0, 1, 2].map(|row| key(7, Purpose::Split, row)),
            [0x5f1e_f97c_0d67_d724, 0x61b0_5fe7_f66f_967b, 0xaabe_066e_aac1_8cf6]
        );
        assert_eq!(order(7, Purpose::Split, 0..10), [7, 5, 3, 8, 0, 1, 2, 6, 4, 9]);
        assert_eq!(unit(7, 3, 0).to_bits(), 0.907_338_745_401_845_6_f64.to_bits());
    }

    #[test]
    fn purposes_have_orders_of_their_own() {
        let split = order(1, Purpose::Split, 0..100);
        assert_ne!(split, order(1, Purpose::Collective, 0..100));
        assert_ne!(split, order(2, Purpose::Split, 0..100));
    }
}
