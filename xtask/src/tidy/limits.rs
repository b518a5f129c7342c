//! How long a file and a function may be.

use super::Finding;
use super::source::{item_end, masked, words};
use super::tree::{Tree, is_generated, line_of};

const FILE_LINES_MAX: usize = 1000;
/// Lines of code in a body; blank lines and comments do not count, as in clippy.
const FUNCTION_LINES_MAX: usize = 70;

/// Files and functions above the limits; generated files have none.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        if is_generated(path, text) {
            continue;
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines, the limit is {FILE_LINES_MAX}: split it by noun");
            findings.push(Finding::new(path, 0, message));
        }
        check_functions(path, &masked(text), &mut findings);
    }
    findings
}

fn check_functions(path: &str, code: &str, findings: &mut Vec<Finding>) {
    for at in words(code, "fn") {
        let rest = code[at + 2..].trim_start();
        let name: String =
            rest.chars().take_while(|symbol| symbol.is_alphanumeric() || *symbol == '_').collect();
        // `fn(u8)` is a type.
        if name.is_empty() {
            continue;
        }
        let body = &code[at..item_end(code, at)];
        let Some(open) = body.find('{') else { continue };
        let inner = body[open + 1..].strip_suffix('}').unwrap_or("");
        let lines = inner.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > FUNCTION_LINES_MAX {
            let message = format!("`{name}` has {lines} lines, the limit is {FUNCTION_LINES_MAX}");
            findings.push(Finding::new(path, line_of(code, at), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        let body = "    step();\n\n    // why\n".repeat(lines);
        format!(
            "fn short() {{}}\ntype F = fn(u8);\nfn long(a: [u8; 4])\nwhere\n    A: B,\n{{\n{body}}}\n"
        )
    }

    #[test]
    fn a_function_counts_its_lines_of_code() {
        let at_limit = function(FUNCTION_LINES_MAX);
        assert_eq!(check(&Tree::from([("a/src/lib.rs", at_limit.as_str())])), []);
        let above = function(FUNCTION_LINES_MAX + 1);
        let findings = check(&Tree::from([("a/src/lib.rs", above.as_str())]));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].line, 3);
        assert!(findings[0].message.contains("`long` has 71 lines"), "{}", findings[0]);
    }

    #[test]
    fn a_file_counts_all_its_lines_unless_generated() {
        let long = "// line\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(check(&Tree::from([("a/src/lib.rs", long.as_str())])).len(), 1);
        assert_eq!(check(&Tree::from([("a/src/generated/b.rs", long.as_str())])), []);
        let marked = format!("#![allow(clippy::all, reason = \"generated\")]\n{long}");
        assert_eq!(check(&Tree::from([("a/src/lib.rs", marked.as_str())])), []);
        let exact = "// line\n".repeat(FILE_LINES_MAX);
        assert_eq!(check(&Tree::from([("a/src/lib.rs", exact.as_str())])), []);
    }
}
