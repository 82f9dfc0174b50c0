//! A report is good for one context, nonce, verify key, aggregator, algorithm and set of parameters.

use super::*;
use crate::keys::seat::Seat;

/// What one test changes, for one aggregator or for all.
#[derive(Clone)]
struct Run {
    vdaf: Vdaf,
    ctx: [Context; 4],
    nonce: [Nonce; 4],
    keys: [u8; 4],
    /// Whose input share each aggregator gets.
    inputs: [usize; 4],
    sharded: Sharded,
}

impl Run {
    fn new(circuit: &Circuit, measurement: &Measurement) -> Self {
        let vdaf = vdaf(circuit.clone(), 3);
        let sharded = vdaf.shard(&CTX, measurement, &NONCE, &mut stream("binding")).unwrap();
        Self { vdaf, ctx: [CTX; 4], nonce: [NONCE; 4], keys: [3; 4], inputs: [0, 1, 2, 3], sharded }
    }

    fn refusal(&self) -> Option<VerifyError> {
        let all = inputs(&self.sharded);
        let mut started = Vec::new();
        for (i, aggregator) in self.vdaf.aggregators().enumerate() {
            let key = VerifyKey::combine(&CTX.0, &[VerifyKeyPart::from_bytes([self.keys[i]; 32])]);
            let report = ReportShare {
                nonce: &self.nonce[i],
                public_share: &self.sharded.public_share,
                input_share: &all[self.inputs[i]],
            };
            match self.vdaf.verify_init(&self.ctx[i], &key, aggregator, report) {
                Ok(pair) => started.push(pair),
                Err(error) => return Some(error),
            }
        }
        let (states, shares): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let message = match self.vdaf.verifier_shares_to_message(&self.ctx[0], &shares) {
            Ok(message) => message,
            Err(error) => return Some(error),
        };
        let mut results = states.into_iter().zip(&self.ctx);
        results.find_map(|(state, ctx)| self.vdaf.verify_next(ctx, state, &message).err())
    }
}

fn runs() -> [Run; 4] {
    let marks = |grid: Grid, cells: &[u16]| Measurement::Grid(grid.measure(cells).unwrap());
    [
        Run::new(&Circuit::Grid(grid(2, 3)), &marks(grid(2, 3), &[0, 2])),
        Run::new(&Circuit::StandardGrid(grid(2, 3)), &marks(grid(2, 3), &[0, 2])),
        Run::new(&Circuit::StandardGrid(grid(1, 6)), &marks(grid(1, 6), &[4])),
        Run::new(
            &Circuit::Gram(gram()),
            &Measurement::Gram(gram().measurement(&[1, 9, 3, 0]).unwrap()),
        ),
    ]
}

#[test]
fn an_unchanged_report_is_accepted() {
    for run in runs() {
        assert_eq!(run.refusal(), None);
    }
}

#[test]
fn another_context_is_refused() {
    for run in runs() {
        let other = Context([7; 32]);
        assert!(Run { ctx: [other; 4], ..run.clone() }.refusal().is_some());
        for i in 0..4 {
            let mut run = run.clone();
            run.ctx[i] = other;
            assert!(run.refusal().is_some(), "aggregator {i}");
        }
    }
}

#[test]
fn another_nonce_is_refused() {
    for run in runs() {
        let other = Nonce([7; 16]);
        assert!(Run { nonce: [other; 4], ..run.clone() }.refusal().is_some());
        for i in 0..4 {
            let mut run = run.clone();
            run.nonce[i] = other;
            assert!(run.refusal().is_some(), "aggregator {i}");
        }
    }
}

#[test]
fn a_verify_key_that_one_aggregator_alone_has_is_refused() {
    for run in runs() {
        // The same new key for all is no fault of the report.
        assert_eq!(Run { keys: [8; 4], ..run.clone() }.refusal(), None);
        for i in 0..4 {
            let mut run = run.clone();
            run.keys[i] = 8;
            assert_eq!(run.refusal(), Some(Reject::Proof.into()), "aggregator {i}");
        }
    }
}

#[test]
fn another_aggregators_share_is_refused() {
    for run in runs() {
        for inputs in [[0, 2, 1, 3], [0, 1, 3, 2], [0, 1, 1, 3], [0, 2, 3, 1]] {
            assert!(Run { inputs, ..run.clone() }.refusal().is_some());
        }
        for inputs in [[1, 0, 2, 3], [0, 0, 2, 3], [1, 1, 2, 3]] {
            let refusal = Run { inputs, ..run.clone() }.refusal();
            let wrong = matches!(
                refusal,
                Some(VerifyError::Reject(Reject::Length { part: WirePart::InputShare, .. }))
            );
            assert!(wrong, "{refusal:?}");
        }
    }
}

#[test]
fn another_algorithm_id_is_refused() {
    for run in runs() {
        let Run { vdaf, .. } = &run;
        let other = Vdaf::with_ids(vdaf.circuit().clone(), vdaf.parties(), |id| id ^ 0x10).unwrap();
        assert!(Run { vdaf: other, ..run.clone() }.refusal().is_some());
    }
}

/// Parameters that change no length are bound all the same.
#[test]
fn other_parameters_are_refused() {
    let gram_with = |norm_milli, bound_milli| {
        let mut spec = GramSpec::from(gram());
        spec.norm_milli = norm_milli;
        spec.coordinates[1] = Coordinate::Fixed { bits: 4, bound_milli };
        Circuit::Gram(Gram::try_from(spec).unwrap())
    };
    let [grids, _, _, grams] = runs();
    assert_eq!(Run { vdaf: vdaf(gram_with(3_000, 3_000), 3), ..grams.clone() }.refusal(), None);
    for other in [gram_with(3_001, 3_000), gram_with(3_000, 3_001)] {
        assert!(Run { vdaf: vdaf(other, 3), ..grams.clone() }.refusal().is_some());
    }
    let transposed = vdaf(Circuit::Grid(grid(3, 2)), 3);
    assert!(Run { vdaf: transposed, ..grids }.refusal().is_some());
}

#[test]
fn the_number_of_keyholders_is_bound() {
    let circuit = Circuit::Grid(grid(2, 3));
    let measurement = Measurement::Grid(grid(2, 3).measure(&[0, 2]).unwrap());
    let five = vdaf(circuit.clone(), 5).shard(&CTX, &measurement, &NONCE, &mut stream("five"));
    let run = Run { sharded: five.unwrap(), ..Run::new(&circuit, &measurement) };
    assert!(run.refusal().is_some());
}

#[test]
fn any_flipped_byte_of_any_share_is_refused() {
    for run in runs() {
        for byte in 0..run.sharded.public_share.0.len() {
            let mut run = run.clone();
            run.sharded.public_share.0[byte] ^= 1;
            assert!(run.refusal().is_some(), "public share, byte {byte}");
        }
        for byte in (0..run.sharded.leader_share.0.len()).step_by(3) {
            let mut run = run.clone();
            run.sharded.leader_share.0[byte] ^= 1;
            assert!(run.refusal().is_some(), "leader share, byte {byte}");
        }
        for byte in 0..64 {
            let mut run = run.clone();
            run.sharded.helper_shares[1].0[byte] ^= 1;
            assert!(run.refusal().is_some(), "helper share, byte {byte}");
        }
    }
}

#[test]
fn every_other_length_is_refused_before_it_is_parsed() {
    for run in runs() {
        let lengths = run.vdaf.wire_lengths();
        let all = inputs(&run.sharded);
        assert_eq!(run.sharded.public_share.0.len(), lengths.public_share);
        assert_eq!(all[0].0.len(), lengths.leader_share);
        assert_eq!(all[1].0.len(), lengths.helper_share);
        let key = verify_key();
        let init = |aggregator, public: &[u8], input: &[u8]| {
            let report = ReportShare {
                nonce: &NONCE,
                public_share: &PublicShare::from_bytes(public.to_vec()),
                input_share: &InputShare::from_bytes(input.to_vec().into()),
            };
            run.vdaf.verify_init(&CTX, &key, aggregator, report).err()
        };
        let helper = Aggregator::Helper(Seat::new(0));
        let public = run.sharded.public_share.0.as_slice();
        for len in 0..public.len() {
            let expected = lengths.public_share;
            let reject = Reject::Length { part: WirePart::PublicShare, expected, got: len };
            assert_eq!(init(helper, &public[..len], &all[1].0), Some(reject.into()));
        }
        for (aggregator, input) in [(Aggregator::Leader, &all[0]), (helper, &all[1])] {
            let expected = input.0.len();
            let longer = [input.0.as_slice(), &[0]].concat();
            for len in (0..=expected + 1).filter(|len| *len != expected) {
                let reject = Reject::Length { part: WirePart::InputShare, expected, got: len };
                assert_eq!(init(aggregator, public, &longer[..len]), Some(reject.into()));
            }
        }
        let stranger = Aggregator::Helper(Seat::new(3));
        assert_eq!(init(stranger, public, &all[1].0), Some(Misuse::Aggregator.into()));

        let short = VerifierShare::from_bytes(vec![0; lengths.verifier_share - 1]);
        let shares = vec![short; 4];
        let error = run.vdaf.verifier_shares_to_message(&CTX, &shares).unwrap_err();
        let length = matches!(error, VerifyError::Reject(Reject::Length { .. }));
        assert!(length, "{error:?}");
        assert_eq!(
            run.vdaf.verifier_shares_to_message(&CTX, &shares[1..]),
            Err(Misuse::Shares { expected: 4, got: 3 }.into())
        );
        let high = VerifierShare::from_bytes(vec![0xff; lengths.verifier_share]);
        assert_eq!(
            run.vdaf.verifier_shares_to_message(&CTX, &vec![high; 4]),
            Err(Reject::Malformed { part: WirePart::VerifierShare }.into())
        );
        let released = vec![0xff; lengths.released_share];
        assert_eq!(
            run.vdaf.released_share(&released).unwrap_err(),
            Reject::Malformed { part: WirePart::ReleasedShare }
        );
        assert!(run.vdaf.released_share(&released[1..]).is_err());
    }
}
