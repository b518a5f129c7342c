//! The generated parts of `docs/wire-support.md`: the APIs we serve, and where we differ from Kafka.
//!
//! What is served comes from the list that the client tests compare `kafka-broker-api-versions`
//! with, the differences from `Differs from Kafka:` in doc comments.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Finding;
use super::tree::Tree;

const PAGE: &str = "docs/wire-support.md";
const SERVED: &str = "tests/clients/expected/api-versions.txt";
const MARK: &str = "Differs from Kafka:";

/// Parts of the page that are not what the sources say.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.get(PAGE) else {
        return vec![Finding::new(PAGE, 0, "is missing")];
    };
    match fixed(tree, page) {
        Ok(fixed) if fixed == page => Vec::new(),
        Ok(_) => vec![Finding::new(PAGE, 0, "is not up to date: cargo xtask tidy --fix-docs")],
        Err(error) => vec![Finding::new(PAGE, 0, error.to_string())],
    }
}

/// Writes the generated parts anew.
pub(crate) fn fix(root: &Path, tree: &Tree) -> anyhow::Result<()> {
    let page = tree.get(PAGE).context(PAGE)?;
    fs::write(root.join(PAGE), fixed(tree, page)?).context(PAGE)
}

fn fixed(tree: &Tree, page: &str) -> anyhow::Result<String> {
    let served = tree.get(SERVED).with_context(|| format!("{SERVED} is missing"))?;
    let page = replaced(page, "served", &served_table(served)?)?;
    replaced(&page, "differences", &differences_list(tree))
}

/// The page with what stands between `<!-- name:begin -->` and `<!-- name:end -->` replaced.
fn replaced(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let begin = format!("<!-- {name}:begin -->\n");
    let end = format!("<!-- {name}:end -->");
    let (before, rest) = page.split_once(&begin).with_context(|| format!("lacks {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("lacks {end}"))?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

fn served_table(list: &str) -> anyhow::Result<String> {
    let mut table = String::from("| key | name | versions |\n| --- | --- | --- |\n");
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [key, name, low, high] = words[..] else {
            anyhow::bail!("{SERVED}: `{line}` is not key, name, lowest and highest version");
        };
        let versions = if low == high { low.to_owned() } else { format!("{low}-{high}") };
        table += &format!("| {key} | {name} | {versions} |\n");
    }
    Ok(table)
}

fn differences_list(tree: &Tree) -> String {
    let mut list = String::new();
    for (path, text) in tree.with_extension("rs") {
        // Our own tests speak of the mark too.
        if path.starts_with("xtask/") {
            continue;
        }
        for difference in differences(text) {
            list += &format!("- `{path}`: {difference}\n");
        }
    }
    list
}

/// What follows the mark in a doc comment, up to the end of its paragraph.
fn differences(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        let comment = ["///", "//!", "//"].iter().find_map(|slashes| line.strip_prefix(slashes));
        let Some(comment) = comment.map(str::trim).filter(|comment| !comment.is_empty()) else {
            is_inside = false;
            continue;
        };
        // A list item or a `Heading:` of the next paragraph ends it as an empty line does.
        if let Some((_, said)) = comment.split_once(MARK) {
            found.push(said.trim().to_owned());
            is_inside = true;
        } else if is_inside && !is_heading(comment) {
            if let Some(last) = found.last_mut() {
                *last = format!("{last} {comment}").trim().to_owned();
            }
        } else {
            is_inside = false;
        }
    }
    found
}

fn is_heading(comment: &str) -> bool {
    comment.starts_with("- ")
        || ["Shapes:", "Units:", "Errors:", "Source:"].iter().any(|word| comment.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "# Page\n<!-- served:begin -->\n<!-- served:end -->\nand\n\
                         <!-- differences:begin -->\n<!-- differences:end -->\nend\n";
    const LIST: &str = "# comment\n0 Produce 0 13\n75 DescribeTopicPartitions 0 0\n";
    const CODE: &str = "/// Appends.\n///\n/// Differs from Kafka: syncs first,\n/// then answers.\n\
                        /// Source: design.\nfn a() {}\n// Differs from Kafka: b\n";

    fn tree(page: &str) -> Tree {
        Tree::from([(PAGE, page), (SERVED, LIST), ("broker/src/lib.rs", CODE)])
    }

    #[test]
    fn the_page_lists_what_is_served_and_what_differs() {
        let page = fixed(&tree(EMPTY), EMPTY).unwrap();
        assert!(
            page.contains("| 0 | Produce | 0-13 |\n| 75 | DescribeTopicPartitions | 0 |\n"),
            "{page}"
        );
        assert!(page.contains("- `broker/src/lib.rs`: syncs first, then answers.\n"), "{page}");
        assert!(page.contains("- `broker/src/lib.rs`: b\n"), "{page}");
        assert!(!page.contains("Source"), "{page}");
        assert!(page.starts_with("# Page\n") && page.ends_with("end\n"), "{page}");
        assert_eq!(check(&tree(&page)), []);
    }

    #[test]
    fn a_stale_or_broken_page_is_found() {
        assert_eq!(check(&tree(EMPTY)).len(), 1);
        assert_eq!(check(&tree("# Page\n")).len(), 1);
        assert_eq!(check(&Tree::from([(SERVED, LIST)])).len(), 1);
    }
}
