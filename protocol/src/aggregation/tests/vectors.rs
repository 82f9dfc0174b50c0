//! Vectors: `protocol/vectors/*.json`, every byte of small aggregations, from seeds named after the file.
//!
//! Two independent checks: the file is what this code makes from the seed, and what the file says is
//! accepted, refused and summed when replayed from its bytes alone. Each file has refused reports too,
//! with the step that must refuse them. Another implementation needs only the files.
//!
//! After a deliberate change of format: `cargo test --release -p protocol writes_the_vectors -- --ignored`.

use super::*;
use crate::{
    aggregation::{
        gram::GramCircuit,
        grid::GridOneHot,
        noise::{Noise, ShareNoise},
    },
    keys::{
        seal::{ReportBinding, open, seal},
        seat::{Seat, SeatSecret},
        vss::{Commitments, KeyShare, SeatCounts, ShareRoute, Sharing, deal},
    },
};
use prio::{field::Field64, flp::Type};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

const HELPERS: u8 = 3;

fn hex(bytes: &[u8]) -> Value {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Value::String(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap();
    text.as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) * 16 + digit(*low)).collect()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().unwrap()
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().unwrap().iter().collect()
}

/// One file: an aggregation of three reports with noise, and reports to be refused.
struct Case {
    name: &'static str,
    circuit: Circuit,
    measurements: Vec<Measurement>,
    /// Encodings that no honest reporter makes.
    malformed: Vec<(&'static str, Vec<Field64>)>,
    stored: &'static str,
}

fn cases() -> [Case; 5] {
    let marks = |grid: Grid, cells: &[u16]| Measurement::Grid(grid.measure(cells).unwrap());
    let (table, row) = (grid(2, 3), grid(1, 4));
    let tables = || vec![marks(table, &[0, 2]), marks(table, &[1, 1]), marks(table, &[2, 1])];
    let values = [[1, 9, 3, 0], [0, 15, 0, 1], [1, 0, 7, 1]];
    [
        Case {
            name: "grid",
            circuit: Circuit::Grid(table),
            measurements: tables(),
            malformed: malformed_grids(table),
            stored: include_str!("../../../vectors/grid.json"),
        },
        Case {
            name: "gram",
            circuit: Circuit::Gram(gram()),
            measurements: values
                .map(|values| Measurement::Gram(gram().measurement(&values).unwrap()))
                .into(),
            malformed: malformed_grams(&gram()),
            stored: include_str!("../../../vectors/gram.json"),
        },
        Case {
            name: "gram_signed",
            circuit: Circuit::Gram(signed_gram()),
            measurements: values
                .map(|values| Measurement::Gram(signed_gram().measurement(&values).unwrap()))
                .into(),
            malformed: malformed_grams(&signed_gram()),
            stored: include_str!("../../../vectors/gram_signed.json"),
        },
        Case {
            name: "standard_table",
            circuit: Circuit::StandardGrid(table),
            measurements: tables(),
            malformed: Vec::new(),
            stored: include_str!("../../../vectors/standard_table.json"),
        },
        Case {
            name: "standard_row",
            circuit: Circuit::StandardGrid(row),
            measurements: [0, 3, 3].map(|cell| marks(row, &[cell])).into(),
            malformed: Vec::new(),
            stored: include_str!("../../../vectors/standard_row.json"),
        },
    ]
}

fn malformed_grids(table: Grid) -> Vec<(&'static str, Vec<Field64>)> {
    let honest =
        GridOneHot::new(table).encode_measurement(&table.measure(&[1, 2]).unwrap()).unwrap();
    let (one, two) = (Field64::one(), Field64::one() + Field64::one());
    let with = |changes: &[(usize, Field64)]| {
        let mut cells = honest.clone();
        for (cell, by) in changes {
            cells[*cell] += *by;
        }
        cells
    };
    vec![
        ("cell 2, row sum 1", with(&[(1, one), (0, -one)])),
        ("two ones in a row", with(&[(0, one)])),
        ("no one in a row", with(&[(1, -one)])),
        ("no one in a row, two in the next", with(&[(1, -one), (3, one)])),
        ("-1 and +1 beside a mark", with(&[(0, one), (2, -one)])),
        ("a vote of -1", with(&[(1, -two)])),
    ]
}

fn malformed_grams(gram: &Gram) -> Vec<(&'static str, Vec<Field64>)> {
    let measurement = gram.measurement(&[1, 9, 3, 0]).unwrap();
    let honest = GramCircuit::new(gram).encode_measurement(&measurement).unwrap();
    let one = Field64::one();
    let with = |changes: &[(usize, u64)]| {
        let mut encoded = honest.clone();
        for (place, value) in changes {
            encoded[*place] = Field64::from(*value);
        }
        encoded
    };
    let mut cancelling = honest.clone();
    cancelling[10] += one;
    cancelling[11] -= one;
    vec![
        // Places: 1 + 4 + 3 + 1 bits, then the products 00 01 02 03 11 12 13 22 23 33.
        ("label y = 2, products consistent", with(&[(8, 2), (12, 2), (15, 18), (17, 6), (18, 4)])),
        ("binary column 2, products consistent", with(&[(0, 2), (9, 4), (10, 18), (11, 6)])),
        ("a bit 2 in a wide coordinate", with(&[(7, 2)])),
        ("a product off by one", with(&[(13, 82)])),
        ("two products off, their sum right", cancelling),
    ]
}

fn report(vdaf: &Vdaf, nonce: &Nonce, sharded: &Sharded) -> Value {
    let shares: Vec<_> = inputs(sharded).iter().map(|share| hex(share.expose())).collect();
    assert_eq!(vdaf.wire_lengths().public_share, sharded.public_share.as_bytes().len());
    json!({
        "nonce": hex(&nonce.0),
        "public_share": hex(sharded.public_share.as_bytes()),
        "input_shares": shares,
    })
}

impl Case {
    fn noise(&self, aggregator: Aggregator) -> ShareNoise {
        match aggregator {
            Aggregator::Leader => ShareNoise::none(&self.circuit),
            Aggregator::Helper(seat) => {
                let mut rng = stream(&format!("{} noise of {seat}", self.name));
                Noise { sigma_milli: 20_000, honest_seats: 2 }
                    .sample(&self.circuit, &mut rng)
                    .unwrap()
            }
        }
    }

    fn generate(&self) -> Value {
        let vdaf = vdaf(self.circuit.clone(), HELPERS);
        let mut sums: Vec<_> = vdaf.aggregators().map(|_| vdaf.aggregate_init()).collect();
        let mut accepted = Vec::new();
        for (i, measurement) in (0..).zip(&self.measurements) {
            let nonce = Nonce([i; 16]);
            let mut rng = stream(&format!("{} report {i}", self.name));
            let sharded = vdaf.shard(&CTX, measurement, &nonce, &mut rng).unwrap();
            let (_, shares, message, outputs) = steps(&vdaf, &sharded, &nonce).unwrap();
            for (sum, output) in sums.iter_mut().zip(&outputs) {
                sum.accumulate(output).unwrap();
            }
            let mut entry = report(&vdaf, &nonce, &sharded);
            let shares: Vec<_> = shares.iter().map(|share| hex(share.as_bytes())).collect();
            entry["verifier_shares"] = shares.into();
            entry["verifier_message"] = hex(message.as_bytes());
            accepted.push(entry);
        }
        let count = u32::try_from(self.measurements.len()).unwrap();
        let released: Vec<_> = vdaf
            .aggregators()
            .zip(&sums)
            .map(|(of, sum)| vdaf.release(sum, of, count, &self.noise(of)).unwrap())
            .collect();
        let result = vdaf.unshard(&released, count).unwrap();
        json!({
            "draft": 18,
            "circuit": serde_json::to_value(&self.circuit).unwrap(),
            "keyholders": HELPERS,
            "context": hex(&CTX.0),
            "verify_key": hex(verify_key().expose()),
            "accepted": accepted,
            "refused": self.refused(&vdaf),
            "released_shares": released.iter().map(|share| hex(&share.to_bytes())).collect::<Vec<_>>(),
            "aggregate": integers(&result),
        })
    }

    fn refused(&self, vdaf: &Vdaf) -> Vec<Value> {
        let mut refused = Vec::new();
        let mut add = |what: &str, nonce: &Nonce, sharded: &Sharded, why: &str| {
            let mut entry = report(vdaf, nonce, sharded);
            entry["what"] = what.into();
            entry["refusal"] = why.into();
            refused.push(entry);
        };
        for (what, encoded) in &self.malformed {
            let mut rng = stream(&format!("{} malformed {what}", self.name));
            let sharded = vdaf.shard_encoded(&CTX, encoded, &NONCE, &mut rng).unwrap();
            add(what, &NONCE, &sharded, "Proof");
        }
        let measurement = self.measurements.first().unwrap();
        let rng = || stream(&format!("{} changed", self.name));
        let sharded = vdaf.shard(&CTX, measurement, &NONCE, &mut rng()).unwrap();
        add("another nonce", &Nonce([9; 16]), &sharded, "Proof");
        let elsewhere = vdaf.shard(&Context([9; 32]), measurement, &NONCE, &mut rng()).unwrap();
        add("another context", &NONCE, &elsewhere, "Proof");
        let mut public = sharded.clone();
        public.public_share.0[0] ^= 1;
        add("a changed leader part of the public share", &NONCE, &public, "Proof");
        let mut swapped = sharded.clone();
        swapped.helper_shares.swap(0, 1);
        add("two helper shares swapped", &NONCE, &swapped, "Proof");
        let mut high = sharded;
        high.leader_share.0[..8].fill(0xff);
        high.leader_share.0[8..16].fill(0xff);
        add("a leader share beyond the field", &NONCE, &high, "Malformed");
        refused
    }
}

type Steps = (Vec<Aggregator>, Vec<VerifierShare>, VerifierMessage, Vec<OutputShare>);

/// The verification of one report, step by step.
fn steps(vdaf: &Vdaf, sharded: &Sharded, nonce: &Nonce) -> Result<Steps, VerifyError> {
    let mut states = Vec::new();
    let mut shares = Vec::new();
    for (aggregator, input_share) in vdaf.aggregators().zip(inputs(sharded)) {
        let public_share = &sharded.public_share;
        let report = ReportShare { nonce, public_share, input_share: &input_share };
        let (state, share) = vdaf.verify_init(&CTX, &verify_key(), aggregator, report)?;
        states.push(state);
        shares.push(share);
    }
    let message = vdaf.verifier_shares_to_message(&CTX, &shares)?;
    let outputs: Result<Vec<_>, _> =
        states.into_iter().map(|state| vdaf.verify_next(&CTX, state, &message)).collect();
    Ok((vdaf.aggregators().collect(), shares, message, outputs?))
}

fn integers(result: &AggregateResult) -> Value {
    match result {
        AggregateResult::Grid(sum) => sum.counts().iter().copied().collect::<Vec<i64>>().into(),
        AggregateResult::Gram(sum) => sum.sum_zz().iter().copied().collect::<Vec<i64>>().into(),
    }
}

fn parse(report: &Value) -> (Nonce, Sharded) {
    let mut shares = list(&report["input_shares"])
        .into_iter()
        .map(|share| InputShare::from_bytes(unhex(share).into()));
    let sharded = Sharded {
        public_share: PublicShare::from_bytes(unhex(&report["public_share"])),
        leader_share: shares.next().unwrap(),
        helper_shares: shares.collect(),
    };
    (Nonce(bytes(&report["nonce"])), sharded)
}

#[test]
fn the_stored_vectors_are_made_from_their_seeds() {
    for case in cases() {
        let stored: Value = serde_json::from_str(case.stored).unwrap();
        assert_eq!(stored, case.generate(), "{}", case.name);
    }
}

#[test]
fn the_stored_vectors_replay_from_their_bytes() {
    for case in cases() {
        let file: Value = serde_json::from_str(case.stored).unwrap();
        let circuit: Circuit = serde_json::from_value(file["circuit"].clone()).unwrap();
        let vdaf = vdaf(circuit, HELPERS);
        assert_eq!(file["verify_key"], hex(verify_key().expose()));
        let mut sums: Vec<_> = vdaf.aggregators().map(|_| vdaf.aggregate_init()).collect();
        for report in list(&file["accepted"]) {
            let (nonce, sharded) = parse(report);
            let (_, shares, message, outputs) = steps(&vdaf, &sharded, &nonce).unwrap();
            for (share, stored) in shares.iter().zip(list(&report["verifier_shares"])) {
                assert_eq!(&hex(share.as_bytes()), stored);
            }
            assert_eq!(hex(message.as_bytes()), report["verifier_message"]);
            for (sum, output) in sums.iter_mut().zip(&outputs) {
                sum.accumulate(output).unwrap();
            }
        }
        let count = u32::try_from(list(&file["accepted"]).len()).unwrap();
        let released = list(&file["released_shares"]);
        let leader =
            vdaf.release(&sums[0], Aggregator::Leader, count, &case.noise(Aggregator::Leader));
        assert_eq!(&hex(&leader.unwrap().to_bytes()), released[0]);
        let released: Vec<_> =
            released.iter().map(|share| vdaf.released_share(&unhex(share)).unwrap()).collect();
        assert_eq!(integers(&vdaf.unshard(&released, count).unwrap()), file["aggregate"]);

        let refused = list(&file["refused"]);
        assert!(refused.len() >= 5, "{}", case.name);
        for report in refused {
            let (nonce, sharded) = parse(report);
            let refusal = match steps(&vdaf, &sharded, &nonce).map(drop).unwrap_err() {
                VerifyError::Reject(Reject::Proof) => "Proof",
                VerifyError::Reject(Reject::Malformed { .. }) => "Malformed",
                other @ (VerifyError::Reject(_) | VerifyError::Misuse(_)) => {
                    panic!("{}: {other}", report["what"])
                }
            };
            assert_eq!(report["refusal"], refusal, "{}: {}", case.name, report["what"]);
        }
    }
}

/// Seat keys, sharing, sealing and the derived parts.
fn keys_vector() -> Value {
    let secret = SeatSecret::from_bytes([7; 32]);
    let seat = Seat::new(1);
    let key = secret.key(&[1; 32], &[2; 32], seat);
    let sharing = Sharing::new(SeatCounts { seats: 5, threshold: 4 }).unwrap();
    let dealt = deal(sharing, seat, &key, &mut stream("keys dealing")).unwrap();
    let shares: Vec<_> = dealt
        .shares
        .iter()
        .map(
            |share| json!({ "holder": share.route().holder.index(), "value": hex(share.expose()) }),
        )
        .collect();
    let binding = binding(seat);
    let sealed = seal(&key.public(), &binding, &[42; 64], &mut stream("keys sealing")).unwrap();
    json!({
        "seat_secret": hex(secret.expose()),
        "campaign": hex(&[1; 32]),
        "aggregation": hex(&[2; 32]),
        "seat": seat.index(),
        "seat_key": hex(key.expose()),
        "public_key": hex(&key.public().to_bytes()),
        "verify_key_part": hex(&key.verify_key_part().reveal()),
        "verify_key_commitment": hex(&key.verify_key_part().commitment()),
        "beacon_part": hex(&key.beacon_part().reveal()),
        "beacon_commitment": hex(&key.beacon_part().commitment()),
        "threshold": sharing.threshold(),
        "seats": sharing.seats(),
        "commitments": hex(&dealt.commitments.to_bytes()),
        "shares": shares,
        "binding": hex(&binding),
        "plaintext": hex(&[42; 64]),
        "sealed": hex(&sealed),
    })
}

fn binding(seat: Seat) -> [u8; 32] {
    let report = ReportBinding {
        ctx: &CTX.0,
        reporter: &[5; 32],
        report: &NONCE.0,
        public_share: b"public share",
        leader_share: &[8; 32],
        seat,
    };
    report.digest()
}

const KEYS: &str = include_str!("../../../vectors/keys.json");

#[test]
fn the_stored_keys_replay() {
    let file: Value = serde_json::from_str(KEYS).unwrap();
    assert_eq!(file, keys_vector());
    // From the bytes alone: three shares are too few, four recover, and the recovered seat opens.
    let dealer = Seat::new(1);
    let sharing = Sharing::new(SeatCounts { seats: 5, threshold: 4 }).unwrap();
    let commitments =
        Commitments::from_bytes(sharing, dealer, &unhex(&file["commitments"])).unwrap();
    let shares: Vec<KeyShare> = list(&file["shares"])
        .into_iter()
        .map(|share| {
            let holder = Seat::new(share["holder"].as_u64().unwrap().try_into().unwrap());
            KeyShare::from_bytes(ShareRoute { dealer, holder }, &bytes(&share["value"])).unwrap()
        })
        .collect();
    assert!(commitments.recover(&shares[..3]).is_err());
    let key = commitments.recover(&shares).unwrap();
    assert_eq!(hex(&key.public().to_bytes()), file["public_key"]);
    assert_eq!(hex(&key.verify_key_part().reveal()), file["verify_key_part"]);
    let opened = open(&key, &bytes(&file["binding"]), &unhex(&file["sealed"])).unwrap();
    assert_eq!(hex(&opened), file["plaintext"]);
    assert!(bool::from(opened.as_slice().ct_eq(&[42; 64])));
}

#[test]
#[ignore = "rewrites the stored vectors; run by hand after a deliberate change of format"]
fn writes_the_vectors() {
    let write = |name: &str, value: &Value| {
        let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
    };
    for case in cases() {
        write(case.name, &case.generate());
    }
    write("keys", &keys_vector());
}
