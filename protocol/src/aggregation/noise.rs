//! Noise: what each keyholder adds before it releases, and what a person is charged for it.
//!
//! The one place of `protocol` besides `scoring` (and `aggregation`'s `fixed`) where floats are allowed:
//! a standard deviation and an epsilon are real numbers. Floats never reach a share. What is sampled
//! are integers, exactly, from rational standard deviations; what stands in a plan is an integer.
//!
//! Neighbouring data sets differ in one accepted report, *replaced*. Each of T keyholders adds discrete
//! Gaussian noise of standard deviation `sigma / sqrt(h)` to its share, the coordinator none: with `h`
//! honest seats the noise that nobody else knows has standard deviation `sigma`, and what is published
//! has `sigma sqrt(T / h)`.
//!
//! Source: docs/PROTOCOL.md section 10; Canonne, Kamath, Steinke 2020 ("The Discrete Gaussian for
//! Differential Privacy"); Kairouz, Liu, Steinke 2021 ("The Distributed Discrete Gaussian Mechanism").

mod accounting;
mod ledger;

pub use accounting::{DELTA, Rho, epsilon, epsilon_milli, rho_for_epsilon};
pub use ledger::{Charge, Ledger, LedgerError, Limits, Purpose, Role};

use super::Circuit;
use prio::dp::{Rational, distributions::DiscreteGaussian};
use rand::distr::Distribution;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The noise of one aggregation, as it stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// Standard deviation with exactly `honest_seats` honest seats, in thousandths of a person (grid) or
    /// of the centred units' product (Gram).
    pub sigma_milli: u32,
    /// h: seats assumed honest and unopened.
    pub honest_seats: u8,
}

/// Noise that cannot be sampled or does not protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// No seat is assumed honest.
    #[error("no seat is assumed honest")]
    HonestSeats,
    /// Below 1/2 per seat the sum of discrete Gaussians is no discrete Gaussian any more.
    #[error("the noise of one seat is too small: sigma / sqrt(h) must be at least 1/2 step")]
    TooSmall,
    /// Sums could leave the field.
    #[error("the noise of one seat is too large")]
    TooLarge,
    /// No sigma below 2^32 thousandths is enough.
    #[error("no noise reaches this epsilon")]
    Unreachable,
}

/// Denominator of a seat's standard deviation, which is rounded up to a multiple of `1 / STEPS`.
const STEPS: u32 = 1 << 16;

/// Largest standard deviation of a seat, in integer steps: 2^40, so that 15 seats at 2^10 standard
/// deviations stay below 2^54, far inside the field.
const SEAT_SIGMA_MAX: f64 = 1_099_511_627_776.0;

impl Noise {
    /// Samples one seat's noise for one aggregation. `rng` should be a [`crate::keys::stream`] of the seat
    /// secret: after a crash the same noise must come again, or the two releases average it out.
    ///
    /// # Errors
    /// [`NoiseError`] if the plan's numbers are impossible for this circuit.
    pub fn sample(
        self,
        circuit: &Circuit,
        rng: &mut impl CryptoRng,
    ) -> Result<ShareNoise, NoiseError> {
        let seat_sigma = self.seat_sigma()?;
        let values = circuit
            .units()
            .map(|unit| {
                let Some(unit) = unit else { return Ok(0) };
                let sampler = sampler(seat_sigma / unit)?;
                i64::try_from(sampler.sample(rng)).map_err(|_| NoiseError::TooLarge)
            })
            .collect::<Result<_, _>>()?;
        Ok(ShareNoise { values })
    }

    /// zCDP of one person in one aggregation if `honest` seats are honest, those of the plan or fewer.
    ///
    /// > Theorem (Kairouz, Liu, Steinke): the sum of `n` discrete Gaussians of `s >= 1/2` in each of `d`
    /// > coordinates satisfies `e^2 / 2`-concentrated differential privacy for
    /// > `e = min(sqrt(D^2 / (n s^2) + t d / 2), D / (sqrt(n) s) + t sqrt(d))`,
    /// > `t = 10 sum over k < n of exp(-2 pi^2 s^2 k / (k + 1))`.
    ///
    /// In each coordinate `s` is counted in its own integer steps; `t` takes the smallest.
    ///
    /// # Errors
    /// [`NoiseError`] if the plan's numbers are impossible for this circuit.
    pub fn rho(self, circuit: &Circuit, honest: u8) -> Result<Rho, NoiseError> {
        if honest == 0 {
            return Err(NoiseError::HonestSeats);
        }
        let seat_sigma = self.seat_sigma()?;
        let (mut steps_min, mut dimensions) = (f64::INFINITY, 0.0);
        for unit in circuit.units().flatten() {
            let steps = in_steps(seat_sigma / unit)?;
            steps_min = steps_min.min(f64::from(STEPS).recip() * steps);
            dimensions += 1.0;
        }
        let gap: f64 = (1..honest)
            .map(|k| f64::from(k) / f64::from(k + 1))
            .map(|share| -2.0 * std::f64::consts::PI.powi(2) * steps_min.powi(2) * share)
            .map(|exponent| 10.0 * exponent.exp())
            .sum();
        let ratio = circuit.sensitivity() / (f64::from(honest).sqrt() * seat_sigma);
        let root = (ratio * ratio + gap * dimensions / 2.0).sqrt();
        let linear = ratio + gap * dimensions.sqrt();
        let e = root.min(linear);
        Ok(Rho::new(e * e / 2.0))
    }

    /// The least noise with which one aggregation costs at most `rho` at `honest_seats` honest seats.
    ///
    /// # Errors
    /// [`NoiseError::HonestSeats`], or [`NoiseError::Unreachable`] for a rho near 0.
    pub fn for_rho(circuit: &Circuit, rho: Rho, honest_seats: u8) -> Result<Self, NoiseError> {
        if honest_seats == 0 {
            return Err(NoiseError::HonestSeats);
        }
        let noise = |sigma_milli| Self { sigma_milli, honest_seats };
        let enough = |sigma_milli: u32| match noise(sigma_milli).rho(circuit, honest_seats) {
            Ok(cost) => cost <= rho,
            Err(NoiseError::TooLarge) => true,
            Err(NoiseError::HonestSeats | NoiseError::TooSmall | NoiseError::Unreachable) => false,
        };
        let (mut low, mut high) = (0, u32::MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            if enough(middle) { high = middle } else { low = middle + 1 }
        }
        let found = noise(high);
        let cost = found.rho(circuit, honest_seats).map_err(|_| NoiseError::Unreachable)?;
        if cost <= rho { Ok(found) } else { Err(NoiseError::Unreachable) }
    }

    /// What a person is charged for one aggregation with this noise.
    ///
    /// # Errors
    /// [`NoiseError`] if the plan's numbers are impossible for this circuit.
    pub fn charge(self, circuit: &Circuit, purpose: Purpose) -> Result<Charge, NoiseError> {
        let as_planned = self.rho(circuit, self.honest_seats)?;
        Ok(Charge { purpose, as_planned, at_one_seat: self.rho(circuit, 1)? })
    }

    /// Standard deviation of what is published if all `seats` keyholders add their part, in centred units:
    /// `sigma sqrt(T / h)`.
    pub fn published_sigma(self, seats: u8) -> f64 {
        let share = f64::from(seats) / f64::from(self.honest_seats.max(1));
        f64::from(self.sigma_milli) / 1_000.0 * share.sqrt()
    }

    /// `sigma / sqrt(h)` in centred units.
    fn seat_sigma(self) -> Result<f64, NoiseError> {
        if self.honest_seats == 0 {
            return Err(NoiseError::HonestSeats);
        }
        Ok(f64::from(self.sigma_milli) / 1_000.0 / f64::from(self.honest_seats).sqrt())
    }
}

impl Circuit {
    /// L2 sensitivity to the replacement of one report, in centred units.
    ///
    /// Grid: R cells lose one and R gain one, `sqrt(2 R)`. Gram: `sqrt(C'^4 + Q^2)` for records of norm at most C',
    /// which honest clients keep to; Q is C'^2 without the constant and the squares of signs.
    pub fn sensitivity(&self) -> f64 {
        match self {
            Self::Grid(grid) | Self::StandardGrid(grid) => (2.0 * f64::from(grid.rows())).sqrt(),
            Self::Gram(gram) => gram.sensitivity(),
        }
    }

    /// What one step of each released integer is worth, in centred units; none for a sum that follows from the
    /// number of reports alone, which needs no noise.
    fn units(&self) -> Box<dyn Iterator<Item = Option<f64>> + '_> {
        match self {
            Self::Grid(grid) | Self::StandardGrid(grid) => {
                Box::new(std::iter::repeat_n(Some(1.0), grid.len()))
            }
            Self::Gram(gram) => {
                let each = gram.coordinates();
                let products = gram.products().map(|(i, j)| {
                    let (left, right) = (each.get(i)?, each.get(j)?);
                    let constant = i == j && left.has_constant_square();
                    (!constant).then(|| left.unit() * right.unit())
                });
                Box::new(each.iter().map(|of| Some(of.unit())).chain(products))
            }
        }
    }
}

/// A standard deviation that stands in a plan in thousandths, as a real number.
pub fn from_milli(milli: u32) -> f64 {
    f64::from(milli) / 1_000.0
}

/// How far a row of a grid may sum from the number of accepted reports, in standard deviations of its noise.
const ROW_SUM_SIGMAS: f64 = 6.0;

/// Whether an opened sum can be one over honest shares: every row of a grid sums to the number of accepted
/// reports, within six standard deviations of the row's noise, exactly without noise; so does the square of a Gram's
/// sign, always exactly.
///
/// `seats` is T, so that the bound also holds if no keyholder was lost.
pub fn is_plausible(result: &super::AggregateResult, noise: Option<Noise>, seats: u8) -> bool {
    let sum = match result {
        super::AggregateResult::Grid(sum) => sum,
        super::AggregateResult::Gram(sum) => return sum.signs_fit(),
    };
    let sigma = noise.map_or(0.0, |noise| noise.published_sigma(seats));
    sum.counts().rows().into_iter().all(|row| {
        let cells = u32::try_from(row.len()).map_or(f64::INFINITY, f64::from);
        let total = row.iter().fold(0_i64, |total, count| total.saturating_add(*count));
        let off = total.abs_diff(i64::from(sum.reporters()));
        let bound = ROW_SUM_SIGMAS * sigma * cells.sqrt();
        off <= to_u64(bound)
    })
}

/// Noise of one aggregator in one aggregation. Secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ShareNoise {
    values: Vec<i64>,
}

impl ShareNoise {
    /// For the coordinator, for a recovered seat, and for a plan without noise.
    pub fn none(circuit: &Circuit) -> Self {
        Self { values: vec![0; circuit.output_len()] }
    }

    pub(super) fn values(&self) -> &[i64] {
        &self.values
    }
}

impl fmt::Debug for ShareNoise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShareNoise([redacted])")
    }
}

/// `sigma` in multiples of `1 / STEPS`, rounded up: never less noise than planned.
fn in_steps(sigma: f64) -> Result<f64, NoiseError> {
    if sigma < 0.5 {
        return Err(NoiseError::TooSmall);
    }
    if sigma.is_nan() || sigma > SEAT_SIGMA_MAX {
        return Err(NoiseError::TooLarge);
    }
    Ok((sigma * f64::from(STEPS)).ceil())
}

fn sampler(sigma: f64) -> Result<DiscreteGaussian, NoiseError> {
    let steps = to_u64(in_steps(sigma)?);
    Rational::from_unsigned(steps, u64::from(STEPS))
        .and_then(DiscreteGaussian::new)
        .map_err(|_| NoiseError::TooLarge)
}

/// The integer part of a non-negative number below `2^64`.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the standard library has no other conversion; `as` truncates and saturates"
)]
pub(super) fn to_u64(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::{
        Coordinate, Gram, GramSpec,
        tests::{gram, grid, signed_gram, stream},
    };
    use proptest::prelude::*;

    fn table(rows: u16, cells: u16) -> Circuit {
        Circuit::Grid(grid(rows, cells))
    }

    #[test]
    fn sensitivities_are_those_of_the_design() {
        assert!((table(8, 3).sensitivity() - 4.0).abs() < 1e-12);
        let fixed = Coordinate::Fixed { bits: 12, bound_milli: 3_000 };
        for (label, constant) in
            [(Coordinate::Binary, 0.0), (Coordinate::Sign { bound_milli: 2_000 }, 4.0)]
        {
            let spec = GramSpec { coordinates: vec![fixed, label], norm_milli: 3_000 };
            let gram = Circuit::Gram(Gram::try_from(spec).unwrap());
            let whole = (3.0_f64 + 3.0 / 2047.0).powi(2);
            let expected = (whole.powi(2) + (whole - 1.0 - constant).powi(2)).sqrt();
            assert!((gram.sensitivity() - expected).abs() < 1e-6);
        }
    }

    /// All that is released of one record `(1, z)`: the coordinates, and each product once.
    fn released(z: &[f64]) -> Vec<f64> {
        let products = z
            .iter()
            .enumerate()
            .flat_map(|(i, left)| z.iter().skip(i).map(move |right| left * right));
        z.iter().copied().chain(products).collect()
    }

    fn distance(z: &[f64], w: &[f64]) -> f64 {
        let pairs = released(z).into_iter().zip(released(w));
        pairs.map(|(left, right)| (left - right).powi(2)).sum::<f64>().sqrt()
    }

    /// The bound is met: numbers at right angles, and labels whose product cancels that of the constant.
    #[test]
    fn the_gram_sensitivity_is_reached_by_orthogonal_records() {
        let q = 5.0_f64;
        let (z, w) = ([q.sqrt(), 0.0, 1.0], [0.0, q.sqrt(), -1.0]);
        assert!((distance(&z, &w) - ((q + 2.0).powi(2) + q * q).sqrt()).abs() < 1e-9);
    }

    proptest! {
        /// Records of two numbers, a bit and a sign, scaled as clients scale them.
        #[test]
        fn no_two_records_are_further_apart_than_the_sensitivity(
            numbers in prop::array::uniform4(-3.0..3.0_f64),
            bits in prop::array::uniform4(any::<bool>()),
            norm_milli in 2_100..6_000_u32,
            bound_milli in 500..1_500_u32,
        ) {
            let fixed = Coordinate::Fixed { bits: 12, bound_milli: 3_000 };
            let sign = Coordinate::Sign { bound_milli };
            let coordinates = vec![fixed, fixed, Coordinate::Binary, sign];
            let gram = Gram::try_from(GramSpec { coordinates, norm_milli }).unwrap();
            let [a, b, c, d] = numbers;
            let [e, f, g, h] = bits;
            let real = |[x, y]: [f64; 2], bit: bool, label: bool| -> Vec<f64> {
                let record = [x, y, f64::from(u8::from(bit)), sign.side(label)];
                let measured = gram.measure(&record, &mut stream("pair")).unwrap();
                let pairs = measured.values().iter().zip(gram.coordinates());
                let integer = |u: u32, of: &Coordinate| i32::try_from(of.centre(u)).unwrap();
                pairs.map(|(u, of)| f64::from(integer(*u, of)) * of.unit()).collect()
            };
            let apart = distance(&real([a, b], e, g), &real([c, d], f, h));
            prop_assert!(apart <= Circuit::Gram(gram.clone()).sensitivity(), "{apart}");
        }
    }

    #[test]
    fn all_shares_together_have_the_planned_variance() {
        let circuit = table(1, 8_192);
        let noise = Noise { sigma_milli: 6_000, honest_seats: 2 };
        let mut sums = vec![0_i64; circuit.output_len()];
        for seat in 0..5 {
            let share = noise.sample(&circuit, &mut stream(&format!("seat {seat}"))).unwrap();
            for (sum, value) in sums.iter_mut().zip(share.values()) {
                *sum += value;
            }
        }
        let n = 8_192.0;
        let real: Vec<f64> = sums.iter().map(|x| f64::from(i32::try_from(*x).unwrap())).collect();
        let mean = real.iter().sum::<f64>() / n;
        let variance = real.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let expected = 36.0 * 5.0 / 2.0;
        // Standard errors: of the mean 0.105, of the variance 1.4.
        assert!(mean.abs() < 0.4, "mean {mean}");
        assert!((variance - expected).abs() < 5.0, "variance {variance}, expected {expected}");
    }

    #[test]
    fn gram_noise_is_isotropic_in_real_units() {
        let circuit = Circuit::Gram(signed_gram());
        let noise = Noise { sigma_milli: 40_000, honest_seats: 1 };
        let mut rng = stream("isotropic");
        let mut units: Vec<Option<f64>> = circuit.units().collect();
        assert_eq!(units.pop(), Some(None), "the square of the sign");
        let units: Vec<f64> = units.into_iter().flatten().collect();
        let mut squares = vec![0.0; units.len()];
        let n = 2_000;
        for _ in 0..n {
            let share = noise.sample(&circuit, &mut rng).unwrap();
            assert_eq!(share.values().last(), Some(&0));
            for ((square, value), unit) in squares.iter_mut().zip(share.values()).zip(&units) {
                *square += (f64::from(i32::try_from(*value).unwrap()) * unit).powi(2);
            }
        }
        for square in squares {
            let sigma = (square / f64::from(n)).sqrt();
            assert!((sigma - 40.0).abs() < 3.0, "sigma {sigma}");
        }
    }

    #[test]
    fn the_same_stream_gives_the_same_noise() {
        let noise = Noise { sigma_milli: 6_000, honest_seats: 2 };
        let sample =
            |seed| noise.sample(&table(2, 20), &mut stream(seed)).unwrap().values().to_vec();
        assert_eq!(sample("a"), sample("a"));
        assert_ne!(sample("a"), sample("b"));
    }

    #[test]
    fn fewer_honest_seats_cost_more_and_more_noise_costs_less() {
        let circuit = table(8, 32);
        let rho = |sigma_milli, honest| {
            Noise { sigma_milli, honest_seats: 2 }.rho(&circuit, honest).unwrap()
        };
        assert!(rho(9_000, 1) > rho(9_000, 2));
        assert!(rho(9_000, 2) > rho(10_000, 2));
        // Well above 1/2 per seat the gap to one discrete Gaussian vanishes: rho = D^2 / (2 sigma^2).
        assert_eq!(rho(10_000, 2), Rho::new(16.0 / 200.0));
        assert_eq!(rho(10_000, 1), Rho::new(2.0 * 16.0 / 200.0));
    }

    #[test]
    fn small_noise_is_charged_for_not_being_gaussian() {
        let circuit = table(1, 64);
        let noise = Noise { sigma_milli: 1_000, honest_seats: 2 };
        assert!(noise.rho(&circuit, 2).unwrap() > Rho::new(2.0 / 2.0));
        let smaller = Noise { sigma_milli: 700, honest_seats: 2 };
        assert_eq!(smaller.rho(&circuit, 2), Err(NoiseError::TooSmall));
        assert_eq!(smaller.sample(&circuit, &mut stream("x")).unwrap_err(), NoiseError::TooSmall);
    }

    /// Renyi divergence of order `a` between the sum of `n` discrete Gaussians and the same moved by one.
    fn divergence(sigma: f64, n: u8, a: f64) -> f64 {
        let mass = |x: i32| (-f64::from(x * x) / (2.0 * sigma * sigma)).exp();
        let total: f64 = (-30..=30).map(mass).sum();
        let one: Vec<f64> = (-30..=30).map(|x| mass(x) / total).collect();
        let mut sum = one.clone();
        for _ in 1..n {
            let mut next = vec![0.0; sum.len() + one.len() - 1];
            for (i, p) in sum.iter().enumerate() {
                for (j, q) in one.iter().enumerate() {
                    *next.get_mut(i + j).unwrap() += p * q;
                }
            }
            sum = next;
        }
        let ratios =
            sum.iter().zip(sum.iter().skip(1)).filter(|(p, q)| **p > 1e-60 && **q > 1e-200);
        ratios.map(|(p, q)| (a * p.ln() + (1.0 - a) * q.ln()).exp()).sum::<f64>().ln() / (a - 1.0)
    }

    /// Replacing a report moves two cells of a row by one each. The charge must cover the divergence at
    /// every order, and where noise is small `D^2 / (2 sigma^2)` alone would not.
    #[test]
    fn the_charge_covers_the_true_divergence_of_summed_noise() {
        let circuit = table(1, 2);
        let mut short = 0;
        for (seat_sigma_milli, honest) in [(500, 2), (500, 3), (700, 2), (1_000, 2), (600, 4)] {
            let seat_sigma = f64::from(seat_sigma_milli) / 1_000.0;
            let sigma = seat_sigma * f64::from(honest).sqrt();
            let sigma_milli = u32::try_from(to_u64((sigma * 1_000.0).ceil())).unwrap();
            let charged =
                Noise { sigma_milli, honest_seats: honest }.rho(&circuit, honest).unwrap().get();
            for a in [1.01, 1.5, 2.0, 3.0, 4.0] {
                let needed = 2.0 * divergence(seat_sigma, honest, a) / a;
                assert!(charged >= needed * 0.998, "{seat_sigma}, {honest}: {charged} < {needed}");
                short += u8::from(1.0 / (sigma * sigma) < needed * 0.99);
            }
        }
        assert!(short > 5, "the plain charge should be seen to fall short");
    }

    #[test]
    fn the_least_noise_for_a_target_is_found() {
        for circuit in [table(8, 32), table(1, 256), Circuit::Gram(gram())] {
            for target in [0.01, 0.1, 0.4] {
                let target = Rho::new(target);
                let noise = Noise::for_rho(&circuit, target, 2).unwrap();
                assert!(noise.rho(&circuit, 2).unwrap() <= target);
                let less = Noise { sigma_milli: noise.sigma_milli - 1, ..noise };
                assert!(less.rho(&circuit, 2).is_ok_and(|rho| rho > target));
            }
        }
        assert_eq!(Noise::for_rho(&table(8, 32), Rho::new(0.0), 2), Err(NoiseError::Unreachable));
        assert_eq!(Noise::for_rho(&table(8, 32), Rho::new(1.0), 0), Err(NoiseError::HonestSeats));
    }
}
