//! Every reader of a file gets arbitrary bytes: no panic, no memory by what a length field says,
//! and no answer that a full scan would not give. These are the fuzz targets, over random bytes
//! and over what fuzzing has found so far.

use proptest::prelude::*;

#[path = "../../../fuzz/corpus.rs"]
mod corpus_files;
#[path = "../../../fuzz/src/storage.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

use corpus_files::check;

#[test]
fn corpus_of_every_reader_breaks_nothing() {
    check("text_file", targets::text_file);
    check("snapshot", targets::snapshot);
    check("offset_index", targets::offset_index);
    check("time_index", targets::time_index);
    check("transaction_index", targets::transaction_index);
    check("segment", targets::segment);
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Small numbers are likelier to look like entries and counts.
    let small = prop_oneof![Just(0_u8), Just(0), Just(1), Just(2), any::<u8>()];
    let text = "0\n[0-9]{1,3}\n([a-z]{1,3}[ -][0-9]{1,3} ?[0-9]{0,20}\n){0,4}";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(small, 0..300),
        text.prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_a_small_file_reader(bytes in bytes()) {
        targets::text_file(&bytes);
        targets::snapshot(&bytes);
    }

    #[test]
    fn arbitrary_index_bytes_never_change_an_answer(bytes in bytes()) {
        targets::offset_index(&bytes);
        targets::time_index(&bytes);
        targets::transaction_index(&bytes);
    }

    #[test]
    fn arbitrary_segment_bytes_are_cut_or_refused(bytes in bytes()) {
        targets::segment(&bytes);
    }
}
