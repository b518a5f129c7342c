#![no_main]

use highwater_fuzz::broker::{METADATA_LOG_CASES, metadata_log_case};
use highwater_fuzz::chosen;

libfuzzer_sys::fuzz_target!(|data: &[u8]| metadata_log_case(
    data,
    chosen(data, METADATA_LOG_CASES)
));
