//! The fuzz targets over what fuzzing has found so far.

#[path = "../../../fuzz/corpus.rs"]
mod corpus_files;
#[path = "../../../fuzz/src/protocol.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

use corpus_files::check;

#[test]
fn frame_corpus_breaks_nothing() {
    check("frame", targets::frame);
}

#[test]
fn header_corpus_breaks_nothing() {
    check("header", targets::header);
}

#[test]
fn request_corpus_breaks_nothing() {
    check("request", targets::request);
}

#[test]
fn response_corpus_breaks_nothing() {
    check("response", targets::response);
}
