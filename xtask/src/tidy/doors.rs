//! Names that may stand in one place only.

use super::Finding;
use super::source::{masked, words};
use super::tree::{Tree, line_of};

/// (a crate's name in code, the only folder that may name it, why)
const DOORS: [(&str, &str, &str); 1] =
    [("openraft", "broker/src/quorum", "the rest of the broker sees our quorum trait")];

/// Code outside its door that names what is behind it.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let mut code = None;
        for (name, door, why) in DOORS {
            if path.starts_with(door) || !text.contains(name) {
                continue;
            }
            let code = code.get_or_insert_with(|| masked(text));
            let found = words(code, name).map(|at| {
                Finding::new(path, line_of(code, at), format!("`{name}` outside {door}: {why}"))
            });
            findings.extend(found);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openraft_is_named_behind_its_door_only() {
        let tree = Tree::from([
            ("broker/src/quorum.rs", "use openraft::Raft;"),
            ("broker/src/quorum/log_store.rs", "use openraft::Raft;"),
            ("broker/src/server.rs", "// openraft stays behind\nuse openraft::Raft;"),
            ("sim/src/main.rs", "let text = \"openraft\";"),
        ]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].path.as_str(), findings[0].line), ("broker/src/server.rs", 2));
    }
}
