//! No bytes make a decoder panic, and what is decoded is what was encoded.

use super::*;
use crate::{
    campaign::Manifest,
    codec::{self, MESSAGE_BYTES_MAX},
    report::Report,
    roles::coordinator,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::OnceLock;

/// Some bytes of every kind, from a real run.
struct Corpus {
    requests: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    records: Vec<Vec<u8>>,
    reports: Vec<Vec<u8>>,
    manifest: Vec<u8>,
}

fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let mut world = World::reported(THREE, 12);
        let reports = (0..2).map(|number| codec::encode(&world.make(FIRST, number))).collect();
        world.run_until(ended());
        Corpus {
            requests: world.sent.iter().map(|(_, request)| codec::encode(request)).collect(),
            entries: world.coordinator.entries().iter().map(|of| codec::encode(&**of)).collect(),
            records: world.journal.iter().map(codec::encode).collect(),
            reports,
            manifest: codec::encode(&world.manifest().to_manifest()),
        }
    })
}

/// Whatever decodes encodes to the same bytes.
fn decodes_or_not<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(value) = codec::decode::<T, MESSAGE_BYTES_MAX>(bytes) {
        assert_eq!(codec::encode(&value), bytes);
    }
}

fn every_kind(bytes: &[u8]) {
    decodes_or_not::<Request>(bytes);
    decodes_or_not::<Response>(bytes);
    decodes_or_not::<Entry>(bytes);
    decodes_or_not::<Report>(bytes);
    decodes_or_not::<Manifest>(bytes);
    decodes_or_not::<coordinator::Record>(bytes);
}

#[test]
fn what_was_sent_decodes_to_itself() {
    let Corpus { requests, entries, records, reports, manifest } = corpus();
    assert!(requests.len() > 50 && entries.len() > 20 && records.len() > 50);
    for bytes in [requests, entries, records, reports].into_iter().flatten().chain([manifest]) {
        every_kind(bytes);
    }
    assert!(codec::decode::<Entry, MESSAGE_BYTES_MAX>(&entries[0]).is_ok());
    assert!(codec::decode::<Manifest, MESSAGE_BYTES_MAX>(manifest).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        every_kind(&bytes);
    }

    #[test]
    fn changed_bytes_do_not_either(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
                                   byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let Corpus { requests, entries, records, reports, manifest } = corpus();
        let all: Vec<&Vec<u8>> =
            [requests, entries, records, reports].into_iter().flatten().chain([manifest]).collect();
        let mut bytes = all[pick.index(all.len())].clone();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        every_kind(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        every_kind(&bytes);
    }
}
