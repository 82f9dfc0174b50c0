//! Bytes from anybody: decoding them never panics, whatever they are.

use super::*;
use crate::{
    campaign::Manifest,
    codec::{self, MESSAGE_BYTES_MAX},
    report::Report,
};
use proptest::{prelude::*, sample::Index};
use std::sync::LazyLock;

/// What travelled in a finished run, as bytes.
struct Samples {
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    report: Vec<u8>,
    manifest: Vec<u8>,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let mut world = World::reported(FIVE, 13);
    let report = codec::encode(&world.make(FIRST, 3));
    world.run_until(ended());
    let sent = std::mem::take(&mut world.sent);
    let again = sent.iter().rev().take(60).chain(sent.iter().take(60));
    let mut responses: Vec<Vec<u8>> =
        again.map(|(from, of)| codec::encode(&world.ask(*from, of.clone()))).collect();
    for request in [Request::Campaign, Request::Opening(FIRST)] {
        responses.push(codec::encode(&world.tell(request)));
    }
    Samples {
        requests: sent.iter().map(|(_, request)| codec::encode(request)).collect(),
        responses,
        entries: world.coordinator.entries().iter().map(|of| codec::encode(&**of)).collect(),
        report,
        manifest: codec::encode(&world.manifest().to_manifest()),
    }
});

/// Whatever decodes has the very bytes it was decoded from: no two forms of one value.
fn decode_all(bytes: &[u8]) {
    fn one<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) {
        if let Ok(value) = codec::decode::<T, MESSAGE_BYTES_MAX>(bytes) {
            assert_eq!(codec::encode(&value), bytes);
        }
    }
    one::<Request>(bytes);
    one::<Response>(bytes);
    one::<Entry>(bytes);
    one::<Report>(bytes);
    one::<Manifest>(bytes);
}

/// A sample with some bytes replaced, and cut or continued.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>()), 1..8);
    let tail = prop_oneof![Just(None), any::<Index>().prop_map(Some)];
    (any::<Index>(), 0..5_u8, edits, tail, prop::collection::vec(any::<u8>(), 0..4)).prop_map(
        |(which, kind, edits, cut, more)| {
            let samples = &*SAMPLES;
            let mut bytes = match kind {
                0 => which.get(&samples.requests).clone(),
                1 => which.get(&samples.responses).clone(),
                2 => which.get(&samples.entries).clone(),
                3 => samples.report.clone(),
                _ => samples.manifest.clone(),
            };
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes.extend(more);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_decode_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode_all(&bytes);
    }

    /// The first bytes choose the kind of message: all kinds are tried.
    #[test]
    fn random_messages_decode_without_panic(
        kind in 0..24_u32,
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        decode_all(&[kind.to_le_bytes().to_vec(), bytes].concat());
    }

    #[test]
    fn mutated_messages_decode_without_panic(bytes in mutated()) {
        decode_all(&bytes);
    }
}

#[test]
fn what_travels_is_its_own_only_form() {
    let samples = &*SAMPLES;
    let all = [&samples.requests, &samples.responses, &samples.entries];
    for bytes in all.into_iter().flatten().chain([&samples.report, &samples.manifest]) {
        decode_all(bytes);
    }
}
