//! One wrong measurement for each thing a gate forbids, sharded honestly from an injected encoding: only
//! the proof can refuse it. Removing a gate makes at least one of these fail.

use super::*;
use crate::aggregation::{
    fast_query::FastQuery,
    gates::Gates,
    gram::GramCircuit,
    grid::GridOneHot,
    scheme::{Numbers, Scheme},
};
use prio::{
    field::Field64,
    flp::{Flp, Type},
};

const ZERO: u64 = 0;

fn f(value: i64) -> Field64 {
    let magnitude = Field64::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

fn fraction(over: i64, under: i64) -> Field64 {
    f(over) * f(under).inv()
}

/// Shards and verifies exactly as [`Vdaf`] does; true if the report is accepted.
fn accepts<T: Type<Field = Field64>>(circuit: T, encoded: &[Field64]) -> bool {
    let numbers = Numbers { algorithm: 1, aggregators: 4, proofs: 3, binding: [0; 32] };
    let scheme = Scheme::new(FastQuery(circuit), numbers).unwrap();
    let application = scheme.application(&CTX);
    let shares = scheme.shard_encoded(&application, encoded, &NONCE, &mut stream("gate")).unwrap();
    accepts_shares(&scheme, &shares.into())
}

fn grid_accepts(encoded: &[Field64]) -> bool {
    accepts(GridOneHot::new(grid(2, 3)), encoded)
}

#[test]
fn a_grid_refuses_everything_but_one_mark_in_each_row() {
    let f = |cells: [i64; 6]| cells.map(f);
    assert!(grid_accepts(&f([0, 1, 0, 1, 0, 0])));
    for (what, cells) in [
        ("cell 2", [2, 0, 0, 0, 0, 1]),
        ("cell 2, row sum 1", [2, -1, 0, 0, 0, 1]),
        ("two ones in the first row", [1, 1, 0, 0, 0, 1]),
        ("two ones in the last row", [1, 0, 0, 0, 1, 1]),
        ("no one in the first row", [0, 0, 0, 0, 0, 1]),
        ("no one in the last row", [0, 1, 0, 0, 0, 0]),
        ("no one and two ones, total right", [0, 0, 0, 1, 0, 1]),
        ("nothing at all", [0; 6]),
        ("everything", [1; 6]),
        ("-1 and +1 beside a mark", [1, 1, -1, 0, 0, 1]),
        ("-1 and +1 in different rows", [1, 1, 0, -1, 1, 0]),
        ("a negative mark", [-1, 0, 0, 0, 0, 1]),
        ("a large vote", [1_000_000, -999_999, 0, 1, 0, 0]),
    ] {
        assert!(!grid_accepts(&f(cells)), "{what}");
    }
}

/// Rows that sum to 1 and whose `x (x - 1)` cancel: only the random weights see them.
#[test]
fn a_grid_refuses_broken_cells_that_cancel() {
    let one = f(1);
    let defect = |cells: &[Field64]| cells.iter().fold(f(0), |sum, x| sum + *x * (*x - one));
    // Over all calls: both cells of each call have the same defect.
    let (a, b) = (fraction(6, 5), fraction(3, 5));
    let cells = [a, one - a, f(0), b, one - b, f(0)];
    assert_eq!(defect(&cells), f(0));
    assert!(!grid_accepts(&cells));
    // Within one call.
    let circuit = GridOneHot::new(grid(7, 3));
    assert_eq!(circuit.prove_rand_len(), 2 * 3, "one call checks one row");
    let row = [fraction(2, 3), fraction(2, 3), fraction(-1, 3)];
    assert_eq!(defect(&row), f(0));
    for broken in 0..7 {
        let mut cells = [1, 0, 0].map(f).repeat(7);
        assert!(accepts(circuit.clone(), &cells));
        cells[3 * broken..3 * broken + 3].copy_from_slice(&row);
        assert!(!accepts(circuit.clone(), &cells), "row {broken}");
    }
}

/// In every place, also the last slots of the last call.
#[test]
fn a_grid_refuses_a_broken_cell_wherever_it_stands() {
    for (rows, cells) in [(1, 2), (1, 7), (3, 5), (2, 17)] {
        let circuit = GridOneHot::new(grid(rows, cells));
        let honest = circuit
            .encode_measurement(&grid(rows, cells).measure(&vec![0; usize::from(rows)]).unwrap())
            .unwrap();
        assert!(accepts(circuit.clone(), &honest));
        for place in 0..honest.len() {
            let mut broken = honest.clone();
            // Keeps the row's sum: the cell gains what its neighbour in the row loses.
            let width = usize::from(cells);
            let neighbour = if place % width + 1 == width { place - 1 } else { place + 1 };
            broken[place] += f(2);
            broken[neighbour] -= f(2);
            assert!(!accepts(circuit.clone(), &broken), "{rows} x {cells}, place {place}");
        }
    }
}

/// Coordinates of the test: binary, 4 bits, 3 bits, binary; then ten products.
fn encode(values: [u32; 4]) -> Vec<Field64> {
    GramCircuit::new(&gram()).encode_measurement(&gram().measurement(&values).unwrap()).unwrap()
}

/// Bits as given, with the products that their values have.
fn encode_bits(bits: [i64; 9]) -> Vec<Field64> {
    let weigh = |bits: &[i64]| bits.iter().rev().fold(0, |value, bit| 2 * value + bit);
    let values = [&bits[..1], &bits[1..5], &bits[5..8], &bits[8..]].map(weigh);
    let products = gram().products().map(|(i, j)| values[i] * values[j]).collect::<Vec<_>>();
    bits.into_iter().chain(products).map(f).collect()
}

fn gram_accepts(encoded: &[Field64]) -> bool {
    accepts(GramCircuit::new(&gram()), encoded)
}

#[test]
fn a_gram_refuses_values_beyond_their_bits() {
    let honest = [1, 1, 0, 0, 1, 1, 1, 0, 0];
    assert_eq!(encode_bits(honest), encode([1, 9, 3, 0]));
    assert!(gram_accepts(&encode_bits(honest)));
    for (what, bits) in [
        ("label y = 2, products consistent", [1, 1, 0, 0, 1, 1, 1, 0, 2]),
        ("label y = 1023, products consistent", [1, 1, 0, 0, 1, 1, 1, 0, 1023]),
        ("label y = -1, products consistent", [1, 1, 0, 0, 1, 1, 1, 0, -1]),
        ("binary column 2, products consistent", [2, 1, 0, 0, 1, 1, 1, 0, 0]),
        ("x = 16 in 4 bits", [1, 0, 0, 0, 2, 1, 1, 0, 0]),
        ("x = 8 in 3 bits", [1, 1, 0, 0, 1, 0, 0, 2, 0]),
        ("x = -1", [1, -1, 0, 0, 0, 1, 1, 0, 0]),
        ("the right x by wrong bits", [1, 3, -1, 0, 1, 1, 1, 0, 0]),
    ] {
        assert!(!gram_accepts(&encode_bits(bits)), "{what}");
    }
    // Every bit, one at a time.
    for bit in 0..honest.len() {
        for wrong in [2, -1] {
            let mut bits = honest;
            bits[bit] = wrong;
            assert!(!gram_accepts(&encode_bits(bits)), "bit {bit} is {wrong}");
        }
    }
}

#[test]
fn a_gram_refuses_every_wrong_product() {
    let honest = encode([1, 9, 3, 0]);
    let products = gram().products().count();
    assert_eq!((honest.len(), products), (19, 10));
    for product in 0..products {
        for off in [1, -1] {
            let mut wrong = honest.clone();
            wrong[9 + product] += f(off);
            assert!(!gram_accepts(&wrong), "product {product} off by {off}");
        }
    }
}

#[test]
fn a_gram_refuses_faults_that_cancel() {
    // Two products off by +1 and -1: only the random weights see them.
    for (up, down) in [(0, 1), (3, 9), (8, 9)] {
        let mut wrong = encode([1, 9, 3, 0]);
        wrong[9 + up] += f(1);
        wrong[9 + down] -= f(1);
        assert!(!gram_accepts(&wrong), "products {up} and {down}");
    }
    // Four bits whose x (x - 1) cancel, products consistent.
    let (a, b, one) = (fraction(6, 5), fraction(3, 5), f(1));
    let bits = [a, one - a, b, one - b, f(0), f(1), f(1), f(0), f(0)];
    let sum = bits.iter().fold(f(0), |sum, x| sum + *x * (*x - one));
    assert_eq!(sum, f(0));
    let weigh = |bits: &[Field64]| bits.iter().rev().fold(f(0), |value, x| value + value + *x);
    let values = [&bits[..1], &bits[1..5], &bits[5..8], &bits[8..]].map(weigh);
    let mut encoded = bits.to_vec();
    encoded.extend(gram().products().map(|(i, j)| values[i] * values[j]));
    assert!(!gram_accepts(&encoded));
    // A range fault and a product fault together.
    let mut wrong = encode_bits([1, 1, 0, 0, 1, 1, 1, 0, 2]);
    *wrong.last_mut().unwrap() += f(2);
    assert!(!gram_accepts(&wrong));
}

/// The constant is not transmitted: its sum is the number of reports, whatever a reporter does.
#[test]
fn the_constant_of_a_gram_cannot_be_expressed() {
    assert_eq!(GramCircuit::new(&gram()).input_len(), 9 + 10);
    let sum = sums::gram_sum(&gram(), 3, &[[1, 15, 7, 1], [0, 0, 0, 0]]);
    assert_eq!(sum.sum_zz()[(0, 0)], 2);
}

/// The circuits themselves, without sharding: valid inputs give zeros, and one gadget call too many or too
/// few would be noticed.
#[test]
fn valid_inputs_give_zero_on_every_output() {
    let circuit = GramCircuit::new(&gram());
    let joint: Vec<Field64> = field_stream("joint").take(circuit.joint_rand_len()).collect();
    let outputs = circuit.valid(&mut circuit.gadget(), &encode([0, 15, 0, 1]), &joint, 1).unwrap();
    assert_eq!(outputs, vec![Field64::from(ZERO); circuit.eval_output_len()]);
    let circuit = GridOneHot::new(grid(2, 3));
    let joint: Vec<Field64> = field_stream("joint").take(circuit.joint_rand_len()).collect();
    let honest = [0, 1, 0, 1, 0, 0].map(f);
    let outputs = circuit.valid(&mut circuit.gadget(), &honest, &joint, 1).unwrap();
    assert_eq!(outputs, vec![Field64::from(ZERO); circuit.eval_output_len()]);
    assert!(circuit.valid(&mut Gates::new(2, 9).gadgets(), &honest, &joint, 1).is_err());
    assert!(circuit.valid(&mut Vec::new(), &honest, &joint, 1).is_err());
    assert!(circuit.valid(&mut circuit.gadget(), &honest[1..], &joint, 1).is_err());
    assert!(circuit.valid(&mut circuit.gadget(), &honest, &joint[1..], 1).is_err());
    assert!(circuit.valid(&mut circuit.gadget(), &honest, &joint, 0).is_err());
}
