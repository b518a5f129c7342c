#![no_main]

use highwater_fuzz::chosen;
use highwater_fuzz::storage::{SEGMENT_CASES, segment_case};

libfuzzer_sys::fuzz_target!(|data: &[u8]| segment_case(data, chosen(data, SEGMENT_CASES)));
