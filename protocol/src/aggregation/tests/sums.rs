//! Without noise every aggregate equals the plaintext sum, bit for bit, for every circuit and number of
//! keyholders; with noise, the difference is exactly the noise.

use super::*;
use crate::aggregation::noise::{Noise, ShareNoise, is_plausible};
use ndarray::Array2;
use proptest::prelude::*;

fn sum_with(
    circuit: &Circuit,
    helpers: u8,
    people: &[Measurement],
    noise: impl Fn(Aggregator) -> ShareNoise,
) -> AggregateResult {
    let vdaf = vdaf(circuit.clone(), helpers);
    let mut sums: Vec<AggregateShare> = vdaf.aggregators().map(|_| vdaf.aggregate_init()).collect();
    for (person, measurement) in (0..).zip(people) {
        let nonce = Nonce([person; 16]);
        let mut rng = stream(&format!("person {person}"));
        let sharded = vdaf.shard(&CTX, measurement, &nonce, &mut rng).unwrap();
        let outputs = verify(&vdaf, &sharded, &nonce).unwrap();
        for (sum, output) in sums.iter_mut().zip(outputs) {
            sum.accumulate(&output).unwrap();
        }
    }
    let accepted = u32::try_from(people.len()).unwrap();
    let released: Vec<ReleasedShare> = vdaf
        .aggregators()
        .zip(&sums)
        .map(|(aggregator, sum)| {
            let stored = vdaf.aggregate_share(&sum.expose()).unwrap();
            let share = vdaf.release(&stored, aggregator, accepted, &noise(aggregator)).unwrap();
            vdaf.released_share(&share.to_bytes()).unwrap()
        })
        .collect();
    vdaf.unshard(&released, accepted).unwrap()
}

pub(super) fn gram_sum(gram: &Gram, helpers: u8, people: &[[u32; 4]]) -> GramSum {
    let circuit = Circuit::Gram(gram.clone());
    let people: Vec<Measurement> =
        people.iter().map(|values| Measurement::Gram(gram.measurement(values).unwrap())).collect();
    match sum_with(&circuit, helpers, &people, |_| ShareNoise::none(&circuit)) {
        AggregateResult::Gram(sum) => sum,
        AggregateResult::Grid(_) => panic!("a Gram gives a Gram"),
    }
}

fn marks(grid: Grid, people: &[Vec<u16>]) -> Vec<Measurement> {
    people.iter().map(|cells| Measurement::Grid(grid.measure(cells).unwrap())).collect()
}

fn counts(grid: Grid, people: &[Vec<u16>]) -> Array2<i64> {
    let mut counts = Array2::zeros((usize::from(grid.rows()), usize::from(grid.cells())));
    for cells in people {
        for (row, cell) in cells.iter().enumerate() {
            counts[(row, usize::from(*cell))] += 1;
        }
    }
    counts
}

fn helpers() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![3, 5, 7])
}

fn tables() -> impl Strategy<Value = (Grid, Vec<Vec<u16>>)> {
    (1..5_u16, 2..9_u16).prop_flat_map(|(rows, cells)| {
        let person = prop::collection::vec(0..cells, usize::from(rows));
        (Just(grid(rows, cells)), prop::collection::vec(person, 1..7))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn grids_sum_exactly((grid, people) in tables(), helpers in helpers()) {
        for circuit in [Circuit::Grid(grid), Circuit::StandardGrid(grid)] {
            let result =
                sum_with(&circuit, helpers, &marks(grid, &people), |_| ShareNoise::none(&circuit));
            let clear = sum_in_the_clear(&circuit, marks(grid, &people), &[]);
            prop_assert_eq!(clear.as_ref(), Ok(&result));
            let AggregateResult::Grid(sum) = result else { panic!("a grid gives a grid") };
            prop_assert_eq!(sum.counts(), &counts(grid, &people));
            prop_assert_eq!(usize::try_from(sum.reporters()).unwrap(), people.len());
        }
    }

    #[test]
    fn grams_sum_exactly(
        people in prop::collection::vec((0..2_u32, 0..16_u32, 0..8_u32, 0..2_u32), 1..7),
        helpers in helpers(),
    ) {
        let people: Vec<[u32; 4]> = people.into_iter().map(|(a, b, c, d)| [a, b, c, d]).collect();
        let last: [fn(i64) -> i64; 2] = [|d| d, |d| 2 * d - 1];
        for (gram, last) in [gram(), signed_gram()].into_iter().zip(last) {
            let mut expected = Array2::<i64>::zeros((5, 5));
            for [a, b, c, d] in people.iter().map(|person| person.map(i64::from)) {
                let z = [1, a, b - 8, c - 4, last(d)];
                for (i, left) in z.iter().enumerate() {
                    for (j, right) in z.iter().enumerate() {
                        expected[(i, j)] += left * right;
                    }
                }
            }
            let sum = gram_sum(&gram, helpers, &people);
            prop_assert_eq!(sum.sum_z(), expected.row(0).to_vec());
            prop_assert_eq!(sum.sum_zz(), expected);
            let circuit = Circuit::Gram(gram.clone());
            let measured = people.iter().map(|p| Measurement::Gram(gram.measurement(p).unwrap()));
            let clear = sum_in_the_clear(&circuit, measured, &[]).unwrap();
            prop_assert_eq!(clear, AggregateResult::Gram(sum));
        }
    }
}

#[test]
fn the_widest_gram_reads_back_in_real_units() {
    let fixed = Coordinate::Fixed { bits: 16, bound_milli: 3_000 };
    let gram = Gram::try_from(GramSpec {
        coordinates: vec![fixed, fixed, Coordinate::Binary],
        norm_milli: 9_000,
    })
    .unwrap();
    let circuit = Circuit::Gram(gram.clone());
    let people = [[1.5, -2.0, 1.0], [-3.0, 3.0, 0.0], [0.0, 0.25, 1.0]];
    let measured: Vec<Measurement> = people
        .iter()
        .map(|person| Measurement::Gram(gram.measure(person, &mut stream("real")).unwrap()))
        .collect();
    let result = sum_with(&circuit, 3, &measured, |_| ShareNoise::none(&circuit));
    let AggregateResult::Gram(sum) = result else { panic!("a Gram gives a Gram") };
    let moments = sum.moments();
    for i in 0..4 {
        for j in 0..4 {
            let expected: f64 = people
                .iter()
                .map(|[a, b, c]| {
                    let z = [1.0, *a, *b, *c];
                    z[i] * z[j]
                })
                .sum();
            assert!((moments[(i, j)] - expected).abs() < 1e-3, "({i}, {j})");
        }
    }
}

#[test]
fn the_released_noise_is_the_noise_of_all_seats() {
    let table = grid(2, 3);
    let people = [vec![0, 2], vec![1, 1], vec![0, 0]];
    for circuit in [Circuit::Grid(table), Circuit::StandardGrid(table)] {
        let noise = Noise { sigma_milli: 20_000, honest_seats: 2 };
        let of = |aggregator| match aggregator {
            Aggregator::Leader => ShareNoise::none(&circuit),
            Aggregator::Helper(seat) => {
                noise.sample(&circuit, &mut stream(&format!("noise of {seat}"))).unwrap()
            }
        };
        let AggregateResult::Grid(sum) = sum_with(&circuit, 3, &marks(table, &people), of) else {
            panic!("a grid gives a grid")
        };
        let mut expected: Vec<i64> = counts(table, &people).iter().copied().collect();
        let noises: Vec<ShareNoise> = vdaf(circuit.clone(), 3).aggregators().map(of).collect();
        let clear = sum_in_the_clear(&circuit, marks(table, &people), &noises).unwrap();
        assert_eq!(clear, AggregateResult::Grid(sum.clone()));
        for aggregator in vdaf(circuit.clone(), 3).aggregators() {
            for (sum, value) in expected.iter_mut().zip(of(aggregator).values()) {
                *sum += value;
            }
        }
        assert!(expected.iter().any(|count| *count < 0), "the noise should reach below zero");
        assert_eq!(sum.counts().iter().copied().collect::<Vec<_>>(), expected);
    }
}

/// The square of a sign is released without noise, and a sum in which it is not the number of reports is none.
#[test]
fn the_square_of_a_sign_is_the_number_of_reports() {
    let gram = signed_gram();
    let circuit = Circuit::Gram(gram.clone());
    let noise = Noise { sigma_milli: 20_000, honest_seats: 2 };
    let of = |aggregator| match aggregator {
        Aggregator::Leader => ShareNoise::none(&circuit),
        Aggregator::Helper(seat) => {
            noise.sample(&circuit, &mut stream(&format!("sign noise of {seat}"))).unwrap()
        }
    };
    let people = [[1, 9, 3, 0], [0, 15, 0, 1], [1, 0, 7, 1]];
    let people = people.map(|values| Measurement::Gram(gram.measurement(&values).unwrap()));
    let result = sum_with(&circuit, 3, &people, of);
    assert!(is_plausible(&result, Some(noise), 3));
    let AggregateResult::Gram(sum) = result else { panic!("a Gram gives a Gram") };
    assert_eq!(sum.sum_zz()[(4, 4)], 3);
    assert_ne!(sum.sum_zz()[(1, 1)], 2, "a binary square carries noise");
    let mut values = sum.values().to_vec();
    *values.last_mut().unwrap() += 1;
    let off = AggregateResult::Gram(GramSum::new(&gram, 3, values).unwrap());
    assert!(!is_plausible(&off, Some(noise), 3));
}

#[test]
fn merging_two_batches_is_summing_them_all() {
    let table = grid(2, 3);
    let vdaf = vdaf(Circuit::Grid(table), 3);
    let outputs: Vec<Vec<OutputShare>> = marks(table, &[vec![0, 2], vec![1, 1], vec![2, 0]])
        .iter()
        .map(|person| {
            let sharded = vdaf.shard(&CTX, person, &NONCE, &mut stream("merge")).unwrap();
            verify(&vdaf, &sharded, &NONCE).unwrap()
        })
        .collect();
    let leader = |of: &[Vec<OutputShare>]| {
        vdaf.aggregate(of.iter().map(|shares| &shares[0]).collect::<Vec<_>>()).unwrap()
    };
    let mut first = leader(&outputs[..1]);
    first.merge(&leader(&outputs[1..])).unwrap();
    assert!(first == leader(&outputs));
}

#[test]
fn misuse_has_names() {
    let table = grid(2, 3);
    let ours = vdaf(Circuit::Grid(table), 3);
    let standard = vdaf(Circuit::StandardGrid(table), 3);
    let other = vdaf(Circuit::Grid(grid(2, 4)), 3);
    let gram_vdaf = vdaf(Circuit::Gram(gram()), 3);
    let values = Measurement::Gram(gram().measurement(&[0; 4]).unwrap());
    let cells = Measurement::Grid(grid(2, 4).measure(&[0, 0]).unwrap());
    for (vdaf, measurement) in [
        (&ours, &values),
        (&ours, &cells),
        (&standard, &cells),
        (&standard, &values),
        (&gram_vdaf, &cells),
    ] {
        let error = vdaf.shard(&CTX, measurement, &NONCE, &mut stream("x")).unwrap_err();
        assert_eq!(error, Misuse::Foreign);
    }
    let mut sum = ours.aggregate_init();
    assert_eq!(sum.merge(&other.aggregate_init()), Err(Misuse::Foreign));
    assert_eq!(sum.merge(&standard.aggregate_init()), Err(Misuse::Foreign));
    let none = ShareNoise::none(ours.circuit());
    let leader = Aggregator::Leader;
    let misreleased = ours.release(&other.aggregate_init(), leader, 1, &none);
    assert_eq!(misreleased, Err(Misuse::Foreign));
    assert_eq!(gram_vdaf.release(&sum, leader, 1, &none), Err(Misuse::Foreign));
    let short = ShareNoise::none(gram_vdaf.circuit());
    assert_eq!(ours.release(&sum, leader, 1, &short), Err(Misuse::Foreign));
    for got in [0, 1_001] {
        let error = Misuse::Reporters { max: 1_000, got };
        assert_eq!(ours.release(&sum, leader, got, &none), Err(error));
        assert_eq!(ours.unshard(&[], got), Err(error));
    }
    assert_eq!(ours.unshard(&[], 1), Err(Misuse::Shares { expected: 4, got: 0 }));
    let parties = |helpers, reporters_max| Parties { helpers, reporters_max };
    let build = |parties| Vdaf::new(Circuit::Grid(table), parties).unwrap_err();
    assert_eq!(build(parties(2, 10)), SetupError::Helpers { got: 2 });
    assert_eq!(build(parties(16, 10)), SetupError::Helpers { got: 16 });
    assert_eq!(build(parties(3, 0)), SetupError::Reporters);
}
