//! The fuzz targets over what fuzzing has found so far.

#[path = "../../../fuzz/corpus.rs"]
mod corpus_files;
#[path = "../../../fuzz/src/records.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

use corpus_files::check;

#[test]
fn batch_corpus_breaks_nothing() {
    check("batch", targets::batch);
}

#[test]
fn gzip_corpus_breaks_nothing() {
    check("gzip", targets::gzip);
}

#[test]
fn snappy_corpus_breaks_nothing() {
    check("snappy", targets::snappy);
}

#[test]
fn lz4_corpus_breaks_nothing() {
    check("lz4", targets::lz4);
}

#[test]
fn zstd_corpus_breaks_nothing() {
    check("zstd", targets::zstd);
}
