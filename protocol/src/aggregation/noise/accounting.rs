//! Zero-concentrated differential privacy, and what it says about epsilon and delta.
//!
//! > Corollary (Canonne, Kamath, Steinke): a rho-zCDP mechanism is (epsilon, delta)-differentially
//! > private for `delta = inf over a > 1 of exp((a - 1)(a rho - epsilon)) / (a - 1) * (1 - 1/a)^a`.
//!
//! Any `a` gives a valid delta, so an inexact minimum errs on the safe side.

use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum, ops::Add};

/// A zCDP budget, in billionths, rounded up: sums are exact and equal on every machine.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Rho {
    nano: u64,
}

impl Rho {
    /// Nothing charged.
    pub const ZERO: Self = Self { nano: 0 };

    /// The next billionth above; what is negative or not a number counts as unlimited.
    pub fn new(rho: f64) -> Self {
        // The factor keeps a product that is exact on paper from rounding up by its last bit.
        let nano = if rho >= 0.0 { (rho * 1e9 * (1.0 - 1e-12)).ceil() } else { f64::INFINITY };
        Self { nano: super::to_u64(nano) }
    }

    /// As a real number.
    pub fn get(self) -> f64 {
        let [high, low] = [self.nano >> 32, self.nano & u64::from(u32::MAX)]
            .map(|half| u32::try_from(half).map_or(0.0, f64::from));
        (high * f64::from(1 << 16) * f64::from(1 << 16) + low) / 1e9
    }

    /// So many 64ths of it, a millionth less, so that parts never add up to more than the whole by rounding.
    #[must_use]
    pub fn sixty_fourths(self, count: u8) -> Self {
        Self::new(self.get() * (f64::from(count) / 64.0) * (1.0 - 1e-6))
    }
}

impl Add for Rho {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { nano: self.nano.saturating_add(other.nano) }
    }
}

impl Sum for Rho {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Rho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// Halvings of a search interval: more than the bits of a float.
const HALVINGS: u32 = 80;

/// The least delta of the corollary, at most 1.
fn delta(rho: f64, epsilon: f64) -> f64 {
    if rho <= 0.0 {
        return 0.0;
    }
    // The logarithm's derivative in `a` is `(2 a - 1) rho - epsilon + ln(1 - 1/a)`, increasing; below 1.01
    // it would be numerically unstable, and any `a` is valid.
    let (mut low, mut high) = (1.01, (epsilon + 1.0) / (2.0 * rho) + 2.0);
    for _ in 0..HALVINGS {
        let a = f64::midpoint(low, high);
        let slope = (2.0 * a - 1.0) * rho - epsilon + (-1.0 / a).ln_1p();
        if slope < 0.0 { low = a } else { high = a }
    }
    let a = f64::midpoint(low, high);
    let log = (a - 1.0) * (a * rho - epsilon) + a * (-1.0 / a).ln_1p() - (a - 1.0).ln();
    log.exp().min(1.0)
}

/// The epsilon, at this delta, of a person who has been charged `rho`.
pub fn epsilon(rho: Rho, delta_max: f64) -> f64 {
    let rho = rho.get();
    if rho <= 0.0 || delta_max >= 1.0 {
        return 0.0;
    }
    // > rho-zCDP implies epsilon = rho + 2 sqrt(rho ln(1 / delta)) (Bun, Steinke): an upper bound.
    let (mut low, mut high) = (0.0, rho + 2.0 * (rho * delta_max.recip().ln()).sqrt());
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if delta(rho, middle) <= delta_max { high = middle } else { low = middle }
    }
    high
}

/// The delta that goes with every epsilon a person is shown: one in a million.
pub const DELTA: f64 = 1e-6;

/// The [`epsilon`] at [`DELTA`] in thousandths, rounded up: what plans, limits and screens count in.
pub fn epsilon_milli(rho: Rho) -> u32 {
    let milli = (epsilon(rho, DELTA) * 1_000.0).ceil();
    u32::try_from(super::to_u64(milli)).unwrap_or(u32::MAX)
}

/// The greatest rho whose [`epsilon`] is at most `target`.
pub fn rho_for_epsilon(target: f64, delta_max: f64) -> Rho {
    // As epsilon >= rho at any delta of use, rho <= target; delta near 1 only makes this cautious.
    let (mut low, mut high) = (0, Rho::new(target.max(0.0)).nano);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if epsilon(Rho { nano: middle }, delta_max) <= target {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Rho { nano: low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The budgets of the 2020 census redistricting data, published as rho 2.56 and 0.07 with epsilon
    /// 17.14 and 2.47 at delta 1e-10. Half a unit in the last digit of rho moves epsilon by the tolerance.
    #[test]
    fn agrees_with_the_published_census_budgets() {
        assert!((epsilon(Rho::new(2.56), 1e-10) - 17.14).abs() < 0.025);
        assert!((epsilon(Rho::new(0.07), 1e-10) - 2.47).abs() < 0.09);
    }

    /// From an independent scan of two million values of `a`, each solved for epsilon.
    #[test]
    fn agrees_with_a_brute_force_scan() {
        for (rho, delta_max, expected) in [
            (0.01, 1e-6, 0.621_692_654_6),
            (0.07, 1e-10, 2.387_275_176_7),
            (0.1, 1e-6, 2.141_938_928_4),
            (0.36, 1e-6, 4.340_260_447_2),
            (0.5, 1e-6, 5.221_534_444_5),
            (1.0, 1e-5, 7.077_196_695_8),
            (2.56, 1e-10, 17.158_308_712_1),
        ] {
            let got = epsilon(Rho::new(rho), delta_max);
            assert!((got - expected).abs() < 1e-6, "rho {rho}: {got}, expected {expected}");
        }
    }

    proptest! {
        #[test]
        fn epsilon_grows_with_rho_and_falls_with_delta(rho in 1e-4..5.0_f64, more in 1e-3..1.0_f64) {
            prop_assert!(epsilon(Rho::new(rho + more), 1e-6) > epsilon(Rho::new(rho), 1e-6));
            prop_assert!(epsilon(Rho::new(rho), 1e-8) > epsilon(Rho::new(rho), 1e-6));
        }

        #[test]
        fn the_tight_conversion_is_below_the_simple_one(rho in 1e-4..5.0_f64) {
            let simple = rho + 2.0 * (rho * 1e6_f64.ln()).sqrt();
            prop_assert!(epsilon(Rho::new(rho), 1e-6) < simple);
        }

        #[test]
        fn the_greatest_rho_for_an_epsilon_is_found(target in 0.05..10.0_f64) {
            let rho = rho_for_epsilon(target, 1e-6);
            prop_assert!(epsilon(rho, 1e-6) <= target);
            let more = Rho { nano: rho.nano + 1 };
            prop_assert!(epsilon(more, 1e-6) > target);
        }
    }

    #[test]
    fn nothing_charged_costs_nothing() {
        assert!(epsilon(Rho::default(), 1e-6).abs() < f64::MIN_POSITIVE);
        assert_eq!(Rho::new(f64::NAN).nano, u64::MAX);
        assert_eq!(Rho::new(-1.0).nano, u64::MAX);
        assert_eq!([Rho::new(0.1), Rho::new(0.2)].into_iter().sum::<Rho>(), Rho::new(0.3));
    }
}
