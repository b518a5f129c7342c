#![no_main]

use highwater_fuzz::chosen;
use highwater_fuzz::storage::{TRANSACTION_INDEX_CASES, transaction_index_case};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    transaction_index_case(data, chosen(data, TRANSACTION_INDEX_CASES));
});
