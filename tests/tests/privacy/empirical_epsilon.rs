//! Many releases over two data sets that differ in one replaced report: no test tells them apart better than the
//! claimed epsilon allows, and the same test finds out noise that is too small.

use protocol::aggregation::noise::{DELTA, Noise, ShareNoise, rho_for_epsilon};
use protocol::aggregation::{AggregateResult, Circuit, Grid, GridSpec, Parties, Vdaf};
use protocol::keys::{Label, stream};

const SEATS: u8 = 3;
const HONEST: u8 = 2;
const EPSILON: f64 = 1.0;

fn circuit() -> Circuit {
    Circuit::Grid(Grid::try_from(GridSpec { rows: 1, cells: 2 }).unwrap())
}

fn claimed() -> Noise {
    Noise::for_rho(&circuit(), rho_for_epsilon(EPSILON, DELTA), HONEST).unwrap()
}

/// The noise that `seats` keyholders add together to both cells.
fn releases(noise: Noise, seats: u8, count: u32) -> Vec<[f64; 2]> {
    let circuit = circuit();
    let vdaf = Vdaf::new(circuit.clone(), Parties { helpers: SEATS, reporters_max: 10 }).unwrap();
    let zero = vdaf.aggregate_init();
    let mut rng = stream(Label::SeatNoise, &[7; 32], &[&count.to_le_bytes()]);
    (0..count)
        .map(|_| {
            let released: Vec<_> = (0..)
                .zip(vdaf.aggregators())
                .map(|(place, aggregator)| {
                    let adds = (1..=seats).contains(&place);
                    let own = if adds {
                        noise.sample(&circuit, &mut rng).unwrap()
                    } else {
                        ShareNoise::none(&circuit)
                    };
                    vdaf.release(&zero, aggregator, 1, &own).unwrap()
                })
                .collect();
            let AggregateResult::Grid(sum) = vdaf.unshard(&released, 1).unwrap() else {
                panic!("a grid gives a grid")
            };
            let cell = |i: usize| f64::from(i32::try_from(sum.counts()[(0, i)]).unwrap());
            [cell(0), cell(1)]
        })
        .collect()
}

/// The greatest epsilon that these releases prove, at about four standard deviations: the replaced report moves one
/// count from the first cell to the second.
fn proved(noise: Noise, count: u32) -> f64 {
    let differences: Vec<f64> =
        releases(noise, HONEST, count).iter().map(|[first, second]| second - first).collect();
    let n = f64::from(count);
    let share = |above: f64| {
        let hits = differences.iter().filter(|difference| **difference > above).count();
        f64::from(u32::try_from(hits).unwrap()) / n
    };
    // Wilson's interval at z = 4.
    let wilson = |p: f64, sign: f64| {
        let z = 4.0_f64;
        let middle = p + z * z / (2.0 * n);
        let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((middle + sign * half) / (1.0 + z * z / n)).clamp(0.0, 1.0)
    };
    let spread = (differences.iter().map(|d| d * d).sum::<f64>() / n).sqrt();
    (0..=12)
        .map(|step| f64::from(step) / 4.0 * spread)
        .map(|threshold| {
            let with = wilson(share(threshold - 2.0), -1.0) - DELTA;
            let without = wilson(share(threshold), 1.0);
            if with > 0.0 && without > 0.0 { (with / without).ln() } else { 0.0 }
        })
        .fold(0.0, f64::max)
}

#[test]
fn releases_keep_their_epsilon() {
    let proved = proved(claimed(), 60_000);
    assert!(proved <= EPSILON, "epsilon {proved} is proved, {EPSILON} was claimed");
}

#[test]
fn the_same_test_finds_noise_that_is_too_small() {
    let sigma_milli = claimed().sigma_milli / 5;
    let proved = proved(Noise { sigma_milli, ..claimed() }, 60_000);
    assert!(proved > EPSILON, "only epsilon {proved} is proved of a fifth of the noise");
}

#[test]
fn what_is_published_has_the_planned_variance() {
    let noise = claimed();
    let count = 30_000;
    let released = releases(noise, SEATS, count);
    let variance = released.iter().flatten().map(|x| x * x).sum::<f64>() / (2.0 * f64::from(count));
    let planned = noise.published_sigma(SEATS).powi(2);
    // Four standard deviations of a variance of 60,000 normal values.
    let allowed = 4.0 * (2.0 / (2.0 * f64::from(count))).sqrt();
    assert!((variance / planned - 1.0).abs() < allowed, "{variance} against {planned}");
}
