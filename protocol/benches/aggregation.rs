//! Client, coordinator and keyholder time and bytes of one report, beside the crate's own circuits of the
//! same length in the same run. `cargo bench -p protocol --bench aggregation`
//!
//! Times are the least of many runs on one thread, in milliseconds: what the work costs when nothing
//! else disturbs it. Each side parses what it receives and encodes what it sends. The client's time is
//! without sealing, which costs the same for every circuit and stands in a line of its own.

use prio::{
    codec::{Encode, ParameterizedDecode},
    flp::Type,
    vdaf::{
        Aggregatable, Aggregator as _, Client, VerifyTransition,
        prio3::{Prio3, Prio3InputShare, Prio3PublicShare, optimal_chunk_length},
        xof::XofTurboShake128,
    },
};
use protocol::{
    aggregation::{
        Aggregator, Circuit, Context, Coordinate, Gram, GramSpec, Grid, GridSpec, InputShare,
        Measurement, Nonce, Parties, ReportShare, Vdaf, noise::Noise,
    },
    keys::{
        Label,
        seal::{open, seal},
        seat::{Seat, SeatSecret, VerifyKey, VerifyKeyPart},
        stream,
    },
};
use std::{hint::black_box, time::Duration};

const CTX: Context = Context([1; 32]);
const NONCE: Nonce = Nonce([2; 16]);
/// Keyholders; with the coordinator there are six aggregators, as in docs/BENCHMARKS.md.
const HELPERS: u8 = 5;

/// Cost of one report.
struct Cost {
    client_ms: f64,
    leader_ms: f64,
    helper_ms: f64,
    leader_bytes: usize,
    verifier_bytes: usize,
}

fn main() {
    let grid = |rows, cells| Grid::try_from(GridSpec { rows, cells }).expect("within the limits");
    let fixed = Coordinate::Fixed { bits: 10, bound_milli: 3_000 };
    let gram = Gram::try_from(GramSpec { coordinates: vec![fixed; 76], norm_milli: 9_000 })
        .expect("within the limits");
    // Stock figures promised in docs/BENCHMARKS.md: client, coordinator, keyholder ms; leader share KB; verifier bytes.
    let rows = [
        (Circuit::Grid(grid(16, 64)), 1_024, Some([0.44, 0.080, 0.104, 12.1, 896.0])),
        (Circuit::Grid(grid(16, 256)), 4_096, Some([1.7, 0.25, 0.34, 40.5, 1_664.0])),
        (Circuit::Grid(grid(32, 512)), 16_384, Some([6.9, 0.96, 1.3, 157.0, 1_664.0])),
        (Circuit::Gram(gram), 3_686, Some([1.7, f64::NAN, 0.35, 43.0, f64::NAN])),
        (Circuit::StandardGrid(grid(1, 1_024)), 1_024, None),
        (Circuit::StandardGrid(grid(16, 256)), 4_096, None),
    ];
    print("circuit", "client ms", "leader ms", "helper ms", "leader B", "verifier B");
    for (circuit, length, design) in rows {
        let name = match &circuit {
            Circuit::Grid(of) => format!("grid {} x {}", of.rows(), of.cells()),
            Circuit::StandardGrid(of) => format!("standard {} x {}", of.rows(), of.cells()),
            Circuit::Gram(of) => format!("gram of {}", of.coordinates().len()),
        };
        let cost = ours(&circuit);
        if design.is_some() {
            sampling(&name, &circuit);
        }
        let stock = if matches!(circuit, Circuit::Gram(_)) {
            let chunk = optimal_chunk_length(length);
            let vdaf = Prio3::new_sum_vec(HELPERS + 1, 1, length, chunk).expect("valid");
            ("SumVec", stock(&vdaf, &vec![1; length]))
        } else {
            let chunk = optimal_chunk_length(length);
            let vdaf = Prio3::new_histogram(HELPERS + 1, length, chunk).expect("valid");
            ("Histogram", stock(&vdaf, &7))
        };
        line(&name, &cost);
        line(&format!("  stock {} {length}", stock.0), &stock.1);
        ratios("  ratio to stock", &cost, &stock.1);
        if let Some([client_ms, leader_ms, helper_ms, leader_kb, verifier]) = design {
            let of = |got: f64, design: f64| {
                if design.is_nan() { "-".into() } else { format!("{:.2}", got / design) }
            };
            print(
                "  ratio to promised",
                &of(cost.client_ms, client_ms),
                &of(cost.leader_ms, leader_ms),
                &of(cost.helper_ms, helper_ms),
                &of(real(cost.leader_bytes), leader_kb * 1_000.0),
                &of(real(cost.verifier_bytes), verifier),
            );
        }
    }
    sealing();
}

/// Our wrapper, bytes to bytes.
fn ours(circuit: &Circuit) -> Cost {
    let parties = Parties { helpers: HELPERS, reporters_max: 10_000 };
    let vdaf = Vdaf::new(circuit.clone(), parties).expect("within the limits");
    let measurement = match circuit {
        Circuit::Grid(of) | Circuit::StandardGrid(of) => {
            let cells = vec![1; usize::from(of.rows())];
            Measurement::Grid(of.measure(&cells).expect("cell 1 exists"))
        }
        Circuit::Gram(of) => {
            let values = vec![513; of.coordinates().len()];
            Measurement::Gram(of.measurement(&values).expect("ten bits hold 513"))
        }
    };
    let shard = || {
        let mut rng = stream(Label::Sharding, &[0; 32], &[b"bench"]);
        vdaf.shard(&CTX, &measurement, &NONCE, &mut rng).expect("of this circuit")
    };
    let sharded = shard();
    let key = VerifyKey::combine(&CTX.0, &[VerifyKeyPart::from_bytes([3; 32])]);
    let init = |aggregator, input_share: &InputShare| {
        let public_share = &sharded.public_share;
        let report = ReportShare { nonce: &NONCE, public_share, input_share };
        vdaf.verify_init(&CTX, &key, aggregator, report).expect("honest")
    };
    let inputs: Vec<_> =
        std::iter::once(&sharded.leader_share).chain(&sharded.helper_shares).collect();
    let shares: Vec<_> =
        vdaf.aggregators().zip(&inputs).map(|(of, input)| init(of, input).1).collect();
    let message = vdaf.verifier_shares_to_message(&CTX, &shares).expect("honest");
    let mut sum = vdaf.aggregate_init();
    let mut finish = |state| {
        let output = vdaf.verify_next(&CTX, state, &message).expect("honest");
        sum.accumulate(&output).expect("of this circuit");
    };
    let helper = Aggregator::Helper(Seat::new(0));
    let input = |i: usize| *inputs.get(i).expect("six aggregators");
    Cost {
        client_ms: least(shard),
        leader_ms: least(|| {
            let (state, _) = init(Aggregator::Leader, input(0));
            black_box(vdaf.verifier_shares_to_message(&CTX, &shares).expect("honest"));
            finish(state);
        }),
        helper_ms: least(|| {
            let (state, _) = init(helper, input(1));
            finish(state);
        }),
        leader_bytes: sharded.leader_share.expose().len(),
        verifier_bytes: shares.first().map_or(0, |share| share.as_bytes().len()),
    }
}

/// The crate as it is, bytes to bytes.
fn stock<T: Type>(vdaf: &Prio3<T, XofTurboShake128, 32>, measurement: &T::Measurement) -> Cost {
    let key = [3; 32];
    let shard = || {
        #[expect(clippy::disallowed_methods, reason = "the crate has no other client")]
        let (public, inputs) = vdaf.shard(&CTX.0, measurement, &NONCE.0).expect("valid");
        let encode = |share: &Prio3InputShare<T::Field, 32>| share.get_encoded().expect("encodes");
        (public.get_encoded().expect("encodes"), inputs.iter().map(encode).collect::<Vec<_>>())
    };
    let (public, inputs) = shard();
    let init = |aggregator: usize| {
        let public = Prio3PublicShare::get_decoded_with_param(vdaf, &public).expect("decodes");
        let input = inputs.get(aggregator).expect("six aggregators");
        let input = Prio3InputShare::get_decoded_with_param(&(vdaf, aggregator), input);
        let input = input.expect("decodes");
        let (state, share) = vdaf
            .verify_init(&key, &CTX.0, aggregator, &(), &NONCE.0, &public, &input)
            .expect("honest");
        (state, share.get_encoded().expect("encodes"))
    };
    let shares: Vec<_> = (0..=usize::from(HELPERS)).map(|i| init(i).1).collect();
    let (state, _) = init(0);
    let combine = || {
        let decode = |share: &Vec<u8>| {
            ParameterizedDecode::get_decoded_with_param(&state, share).expect("decodes")
        };
        let shares: Vec<_> = shares.iter().map(decode).collect();
        vdaf.verifier_shares_to_message(&CTX.0, &(), shares).expect("honest")
    };
    let message = combine();
    let mut sum = vdaf.aggregate_init(&());
    let mut finish = |state| {
        let next = vdaf.verify_next(&CTX.0, state, message.clone()).expect("honest");
        let VerifyTransition::Finish(output) = next else { panic!("Prio3 has one round") };
        sum.accumulate(&output).expect("of this circuit");
    };
    Cost {
        client_ms: least(shard),
        leader_ms: least(|| {
            let (state, _) = init(0);
            black_box(combine());
            finish(state);
        }),
        helper_ms: least(|| {
            let (state, _) = init(1);
            finish(state);
        }),
        leader_bytes: inputs.first().map_or(0, Vec::len),
        verifier_bytes: shares.first().map_or(0, Vec::len),
    }
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn sealing() {
    let key = SeatSecret::from_bytes([4; 32]).key(&[0; 32], &[1; 32], Seat::new(0));
    let public = key.public();
    let seal = || {
        let mut rng = stream(Label::SealedShare, &[0; 32], &[b"bench"]);
        seal(&public, &[5; 32], &[6; 64], &mut rng).expect("64 bytes")
    };
    let sealed = seal();
    println!(
        "sealing a helper share: {:.3} ms, {} bytes; opening: {:.3} ms",
        least(seal),
        sealed.len(),
        least(|| open(&key, &[5; 32], &sealed).expect("ours"))
    );
}

/// One keyholder's noise for one aggregation, not per report.
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn sampling(name: &str, circuit: &Circuit) {
    let noise = Noise { sigma_milli: 20_000, honest_seats: 2 };
    let sample = || {
        let mut rng = stream(Label::SeatNoise, &[0; 32], &[b"bench"]);
        noise.sample(circuit, &mut rng).expect("within the limits")
    };
    println!("noise of one seat, {name}: {:.1} ms once", least(sample));
}

/// The least of at least 20 runs and half a second.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn least<T>(mut work: impl FnMut() -> T) -> f64 {
    let started = std::time::Instant::now();
    let mut least = f64::INFINITY;
    let mut runs = 0;
    while runs < 20 || started.elapsed() < Duration::from_millis(500) {
        let run = std::time::Instant::now();
        black_box(work());
        least = least.min(run.elapsed().as_secs_f64() * 1e3);
        runs += 1;
    }
    least
}

fn real(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).expect("shares are below 4 GB"))
}

fn line(name: &str, cost: &Cost) {
    print(
        name,
        &format!("{:.3}", cost.client_ms),
        &format!("{:.3}", cost.leader_ms),
        &format!("{:.3}", cost.helper_ms),
        &cost.leader_bytes.to_string(),
        &cost.verifier_bytes.to_string(),
    );
}

fn ratios(name: &str, ours: &Cost, stock: &Cost) {
    let ratio = |ours: f64, stock: f64| format!("{:.2}", ours / stock);
    print(
        name,
        &ratio(ours.client_ms, stock.client_ms),
        &ratio(ours.leader_ms, stock.leader_ms),
        &ratio(ours.helper_ms, stock.helper_ms),
        &ratio(real(ours.leader_bytes), real(stock.leader_bytes)),
        &ratio(real(ours.verifier_bytes), real(stock.verifier_bytes)),
    );
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn print(name: &str, client: &str, leader: &str, helper: &str, share: &str, verifier: &str) {
    println!("{name:<24} {client:>10} {leader:>10} {helper:>10} {share:>10} {verifier:>11}");
}
