//! Plain text: no tabs anywhere, nothing but ASCII in Rust.

use super::Finding;
use super::tree::Tree;

/// The first tab of a file, and the first line of a Rust file with anything but ASCII.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.iter() {
        if let Some(line) = text.lines().position(|line| line.contains('\t')) {
            findings.push(Finding::new(path, line + 1, "a tab: write spaces, or \\t in a string"));
        }
        if !path.ends_with(".rs") {
            continue;
        }
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_ascii()) {
            let symbol = line.chars().find(|symbol| !symbol.is_ascii()).unwrap_or_default();
            let message =
                format!("{} is not ASCII: write it as an escape", symbol.escape_unicode());
            findings.push(Finding::new(path, index + 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_are_found_everywhere_and_non_ascii_in_rust() {
        let tree = Tree::from([
            ("a.rs", "fn a() {}\n\tlet b;\n"),
            ("b.rs", "// caf\u{e9}\n"),
            ("c.md", "caf\u{e9}\n"),
            ("d.rs", "let tab = '\\t';\n"),
        ]);
        let found: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a.rs:2: a tab"), "{found:?}");
        assert!(found[1].starts_with("b.rs:1: \\u{e9}"), "{found:?}");
    }
}
