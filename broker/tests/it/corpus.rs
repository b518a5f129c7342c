//! The fuzz targets over what fuzzing has found so far.

#[path = "../../../fuzz/corpus.rs"]
mod corpus_files;
#[path = "../../../fuzz/src/broker.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

use corpus_files::check;

#[test]
fn corpus_of_metadata_and_settings_breaks_nothing() {
    check("metadata_log", targets::metadata_log);
    check("metadata_records", targets::metadata_records);
    check("properties", targets::properties);
}
