//! Clippy takes the nearest `clippy.toml` alone: each must repeat what the root's says.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

const NAME: &str = "clippy.toml";

/// Settings of the root file that a nested one lacks or changes; a list may be longer.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.get(NAME).and_then(|text| text.parse::<Table>().ok()) else {
        return vec![Finding::new(NAME, 0, "is missing or not readable")];
    };
    let mut findings = Vec::new();
    for (path, text) in tree.iter() {
        if !path.ends_with("/clippy.toml") {
            continue;
        }
        let nested = match text.parse::<Table>() {
            Ok(nested) => nested,
            Err(error) => {
                findings.push(Finding::new(path, 0, error.to_string()));
                continue;
            }
        };
        for (key, value) in &root {
            if !repeats(nested.get(key), value) {
                findings.push(Finding::new(
                    path,
                    0,
                    format!("does not repeat `{key}` of the root"),
                ));
            }
        }
    }
    findings
}

fn repeats(nested: Option<&Value>, root: &Value) -> bool {
    match (nested, root) {
        (Some(Value::Array(nested)), Value::Array(root)) => {
            let nested: Vec<Value> = nested.iter().map(without_allow_invalid).collect();
            root.iter().all(|entry| nested.contains(entry))
        }
        (nested, root) => nested == Some(root),
    }
}

/// An entry for a crate that does not use tokio says that its path may be unknown.
fn without_allow_invalid(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(table) = entry.as_table_mut() {
        table.remove("allow-invalid");
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "too-many-lines-threshold = 70\nallow-unwrap-in-tests = true\n\
                        disallowed-methods = [{ path = \"tokio::spawn\", reason = \"owner\" }]\n";

    fn check_nested(nested: &str, expected: &[&str]) {
        let findings = check(&Tree::from([(NAME, ROOT), ("records/clippy.toml", nested)]));
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, key) in findings.iter().zip(expected) {
            assert!(finding.message.contains(key), "{finding}");
        }
    }

    #[test]
    fn a_longer_list_repeats_the_root() {
        let longer = ROOT.replace("owner\" }", "owner\" }, { path = \"std::env::var\" }");
        check_nested(&longer, &[]);
        check_nested(&ROOT.replace("owner\" }", "owner\", allow-invalid = true }"), &[]);
    }

    #[test]
    fn a_lost_list_entry_or_another_value_is_found() {
        check_nested(&ROOT.replace("tokio::spawn", "tokio::join"), &["disallowed-methods"]);
        check_nested(&ROOT.replace("70", "90"), &["too-many-lines-threshold"]);
        check_nested("", &["allow-unwrap", "disallowed-methods", "too-many-lines"]);
    }
}
