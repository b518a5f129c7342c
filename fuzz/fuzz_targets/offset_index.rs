#![no_main]

use highwater_fuzz::chosen;
use highwater_fuzz::storage::{INDEX_CASES, offset_index_case};

libfuzzer_sys::fuzz_target!(|data: &[u8]| offset_index_case(data, chosen(data, INDEX_CASES)));
