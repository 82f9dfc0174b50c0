//! libFuzzer's entry: FUZZ_TARGET names the target.
#![no_main]

use std::sync::OnceLock;

mod targets;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        let of = targets::TARGETS.iter().find(|(of, _)| *of == name);
        let (_, target) = of.expect("FUZZ_TARGET is one of tests/fuzz/targets.rs");
        TARGET.set(*target).expect("set once");
    },
    |data: &[u8]| TARGET.get().expect("set by init")(data)
);
