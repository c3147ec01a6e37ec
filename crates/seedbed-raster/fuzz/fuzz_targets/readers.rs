//! Every reader of bytes from anywhere; the first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seedbed_raster::FUZZ_TARGETS;

fuzz_target!(|bytes: &[u8]| {
    if let Some((first, rest)) = bytes.split_first() {
        let (_, body) = FUZZ_TARGETS[usize::from(*first) % FUZZ_TARGETS.len()];
        body(rest);
    }
});
