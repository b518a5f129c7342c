//! The known wrong variants are in no build that somebody could take for a release.

use std::path::{Path, PathBuf};

use super::Finding;
use super::tree::Tree;

/// Only here may a manifest name the feature; `cargo xtask mutants` turns it on by command line.
const HOME: &str = "records/Cargo.toml";
const FEATURE: &str = "mutants";

/// What `Mutant::warning` says, which only builds with the feature hold.
const MARK: &[u8] = b"this build has known wrong variants in it";

/// Manifests that turn the feature on.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("toml") {
        if path == HOME || !path.ends_with("Cargo.toml") {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split('#').next().unwrap_or_default();
            if code.contains(FEATURE) {
                findings.push(Finding::new(path, number, "turns on known wrong variants"));
            }
        }
    }
    findings
}

/// Looks into the release binary, if one is built.
pub(crate) fn check_release(root: &Path) -> Option<Finding> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let path = target.join("release").join("highwater");
    let has_mark = std::fs::read(&path).is_ok_and(|binary| holds(&binary, MARK));
    let path = path.display().to_string();
    has_mark.then(|| Finding::new(&path, 0, "is built with known wrong variants"))
}

fn holds(binary: &[u8], mark: &[u8]) -> bool {
    binary.windows(mark.len()).any(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_turns_them_on_is_found() {
        let tree = Tree::from([
            (HOME, "[features]\nmutants = []"),
            ("broker/Cargo.toml", "# mutants\n[features]\na = [\"highwater-records/mutants\"]"),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("broker/Cargo.toml", 3));
    }

    #[test]
    fn a_binary_that_warns_of_itself_is_found() {
        assert!(holds(b"..this build has known wrong variants in it..", MARK));
        assert!(!holds(b"this build has nothing in it", MARK));
    }
}
