//! Binomial tails by `+ - * /` alone, which IEEE 754 rounds alike on every machine.

/// Weights below this share of the greatest are left out; all of them together are far below what
/// [`exceeds`] sets aside for rounding.
const NEGLIGIBLE: f64 = 1e-30;
/// Room for rounding: a million operations lose less than 1e-9 of a sum of positive terms.
const ROUNDING: f64 = 1e-6;

/// Whether `P(X > limit)`, X binomial of `people` and `chance / 2^32`, is above `level`, or too close
/// to it to tell.
///
/// Weights relative to the mode's follow from one another by
/// `w(k + 1) = w(k) (n - k) / (k + 1) p / (1 - p)`; no power, factorial or logarithm is needed.
pub(super) fn exceeds(people: u64, chance: u32, limit: u64, level: f64) -> bool {
    if limit >= people || chance == 0 {
        return false;
    }
    let odds = f64::from(chance) / (4_294_967_296.0 - f64::from(chance));
    let mode = u64::try_from(((u128::from(people) + 1) * u128::from(chance)) >> 32)
        .expect("at most people + 1")
        .min(people);
    let (mut above, mut below) = if mode > limit { (1.0, 0.0) } else { (0.0, 1.0) };
    let mut add = |k: u64, weight: f64| {
        if k > limit { above += weight } else { below += weight }
    };
    let mut weight = 1.0;
    for k in mode..people {
        weight *= real(people - k) / real(k + 1) * odds;
        if weight < NEGLIGIBLE {
            break;
        }
        add(k + 1, weight);
    }
    weight = 1.0;
    for k in (1..=mode).rev() {
        weight *= real(k) / real(people - k + 1) / odds;
        if weight < NEGLIGIBLE {
            break;
        }
        add(k - 1, weight);
    }
    above > level * (1.0 - ROUNDING) * (above + below)
}

/// The greatest chance at which a lottery of `people` passes `limit` with probability at most `level`.
pub(super) fn greatest_chance(people: u64, limit: u64, level: f64) -> u32 {
    let (mut low, mut high) = (0_u32, u32::MAX - 1);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if exceeds(people, middle, limit, level) { high = middle - 1 } else { low = middle }
    }
    low
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, in another way: all of Pascal's row.
    fn tail(people: u64, chance: u32, limit: u64) -> f64 {
        let p = f64::from(chance) / 4_294_967_296.0;
        let mut row = vec![1.0];
        for _ in 0..people {
            let mut next = vec![0.0; row.len() + 1];
            for (k, mass) in row.iter().enumerate() {
                next[k] += mass * (1.0 - p);
                next[k + 1] += mass * p;
            }
            row = next;
        }
        row.iter().skip(usize::try_from(limit).unwrap() + 1).sum()
    }

    #[test]
    fn agrees_with_the_definition() {
        for (people, limit) in [(1, 0), (10, 3), (10, 9), (200, 20), (500, 400), (700, 0)] {
            for chance in [1, 1 << 20, 1 << 29, 1 << 31, 3 << 30, u32::MAX - 1] {
                let tail = tail(people, chance, limit);
                assert!(!exceeds(people, chance, limit, tail * 1.000_01 + 1e-25));
                assert!(tail < 1e-25 || exceeds(people, chance, limit, tail * 0.999_99));
            }
        }
    }

    #[test]
    fn the_greatest_chance_is_the_greatest() {
        for (people, limit) in [(10, 3), (300, 40), (100_000, 500), (5, 4), (1_000_000, 500_000)] {
            let chance = greatest_chance(people, limit, 0.001);
            assert!(!exceeds(people, chance, limit, 0.001), "{people}");
            assert!(exceeds(people, chance + 1, limit, 0.001), "{people}");
        }
        assert_eq!(greatest_chance(4, 4, 0.001), u32::MAX - 1);
    }
}
