//! What the tests of each crate do with the corpus of its fuzz targets; they include this file.

use std::path::Path;

/// Runs a target over every file of its corpus; a target without any is a mistake.
pub(crate) fn check(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        function(&std::fs::read(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "{}", folder.display());
}
