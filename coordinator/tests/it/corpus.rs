//! The fuzz targets over what fuzzing has found so far.

#[path = "../../../fuzz/corpus.rs"]
mod corpus_files;
#[path = "../../../fuzz/src/coordinator.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

use corpus_files::check;

#[test]
fn corpus_of_group_records_breaks_nothing() {
    check("group_records", targets::group_records);
}
