//! The fuzz targets over what fuzzing has found so far.

use std::path::Path;

#[path = "../../../fuzz/src/coordinator.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz crate, whose targets call it")]
pub(crate) mod targets;

/// Runs a target over every file of its corpus; a target without any is a mistake.
fn check(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        function(&std::fs::read(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "{}", folder.display());
}

#[test]
fn corpus_of_group_records_breaks_nothing() {
    check("group_records", targets::group_records);
}
