//! Pure crates know nothing of time, chance, disk and network.

use toml::Table;

use super::Finding;
use super::modules::reached;
use super::source::{closing, masked, without_tests, words};
use super::tree::{Tree, line_of};

const PURE: [&str; 5] = ["records", "protocol", "replication", "coordinator", "controller"];
const FORBID_UNSAFE: &str = "#![forbid(unsafe_code)]";
/// Words that a pure crate's code may not hold, tests excepted.
const WORDS: [(&str, &str); 11] = [
    ("tokio", "no runtime in a pure crate"),
    ("HashMap", "random order: BTreeMap"),
    ("HashSet", "random order: BTreeSet"),
    ("RandomState", "a random source"),
    ("rand", "a random source"),
    ("getrandom", "a random source"),
    ("Instant", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("TcpStream", "no network in a pure crate"),
    ("UdpSocket", "no network in a pure crate"),
    ("unsafe", "no unsafe in a pure crate"),
];
/// Modules of std that a pure crate may not use, alone or in braces.
const STD_MODULES: [&str; 5] = ["fs", "net", "env", "process", "thread"];
const DEPENDENCIES: [&str; 8] =
    ["tokio", "tokio-util", "rand", "getrandom", "mio", "socket2", "rustix", "parking_lot"];

/// Forbidden words, modules and dependencies in pure crates; a missing `forbid(unsafe_code)`.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reached = reached(tree);
    for (path, text) in tree.with_extension("rs") {
        let Some((crate_folder, inner)) = path.split_once("/src/") else { continue };
        if !PURE.contains(&crate_folder) {
            continue;
        }
        if inner == "lib.rs" && !text.contains(FORBID_UNSAFE) {
            findings.push(Finding::new(path, 0, format!("must say `{FORBID_UNSAFE}`")));
        }
        let is_test = reached.get(path).copied().unwrap_or(false);
        if !is_test {
            check_code(path, &without_tests(&masked(text)), &mut findings);
        }
    }
    for folder in PURE {
        let path = format!("{folder}/Cargo.toml");
        if let Some(manifest) = tree.get(&path).and_then(|text| text.parse::<Table>().ok()) {
            check_dependencies(&path, &manifest, &mut findings);
        }
    }
    findings
}

fn check_code(path: &str, code: &str, findings: &mut Vec<Finding>) {
    for (word, why) in WORDS {
        let found = words(code, word);
        findings.extend(
            found.map(|at| Finding::new(path, line_of(code, at), format!("`{word}`: {why}"))),
        );
    }
    for at in words(code, "std") {
        let Some(rest) = code[at + 3..].strip_prefix("::") else { continue };
        let start = at + 5;
        let names = if rest.starts_with('{') {
            top_level_names(&code[start + 1..closing(code, start).saturating_sub(1)])
        } else {
            vec![first_word(rest)]
        };
        for name in names.iter().filter(|name| STD_MODULES.contains(&name.as_str())) {
            let message = format!("`std::{name}`: not in a pure crate");
            findings.push(Finding::new(path, line_of(code, at), message));
        }
    }
}

fn check_dependencies(path: &str, manifest: &Table, findings: &mut Vec<Finding>) {
    let section = manifest.get("dependencies").and_then(|section| section.as_table());
    for name in section.into_iter().flat_map(Table::keys) {
        if DEPENDENCIES.contains(&name.as_str()) {
            findings.push(Finding::new(
                path,
                0,
                format!("a pure crate may not depend on `{name}`"),
            ));
        }
    }
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|symbol| symbol.is_alphanumeric() || *symbol == '_').collect()
}

/// The names at the outermost level of `{a, b::{c, d}}`.
fn top_level_names(inside: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut is_start = true;
    for (at, symbol) in inside.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => is_start = true,
            _ if symbol.is_whitespace() => {}
            _ if is_start => {
                names.push(first_word(&inside[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_source(source: &str, expected: &[&str]) {
        let tree = Tree::from([
            ("records/Cargo.toml", "[package]"),
            ("records/src/lib.rs", "#![forbid(unsafe_code)]\nmod offset;"),
            ("records/src/offset.rs", source),
        ]);
        let found: Vec<String> = check(&tree).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for part in expected {
            assert!(found.iter().any(|message| message.contains(part)), "{found:?} lacks {part}");
        }
    }

    #[test]
    fn time_chance_disk_and_network_are_found() {
        check_source("use std::collections::BTreeMap;\nuse std::time::Duration;", &[]);
        check_source("use std::time::Instant;", &["`Instant`"]);
        check_source("let map: HashMap<u8, u8>;", &["`HashMap`"]);
        check_source("use std::{fmt, fs::File, sync::{self, net}};", &["`std::fs`"]);
        check_source("std::net::TcpStream::connect(a)", &["`std::net`", "`TcpStream`"]);
        check_source("tokio::spawn(a);", &["`tokio`"]);
        check_source("unsafe { a() }", &["`unsafe`"]);
    }

    #[test]
    fn tests_comments_and_strings_are_free() {
        check_source("// tokio\nlet a = \"HashMap\";", &[]);
        check_source("#[cfg(test)]\nmod tests { use std::fs; use std::time::Instant; }", &[]);
    }

    #[test]
    fn a_file_that_only_tests_reach_is_free() {
        let tree = Tree::from([
            ("controller/Cargo.toml", "[package]"),
            ("controller/src/lib.rs", "#![forbid(unsafe_code)]\n#[cfg(test)]\nmod fixture;"),
            ("controller/src/fixture.rs", "use std::fs;"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn dependencies_and_the_missing_forbid_are_found() {
        let tree = Tree::from([
            (
                "replication/Cargo.toml",
                "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\nrand = \"1\"",
            ),
            ("replication/src/lib.rs", ""),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn other_crates_are_not_pure() {
        assert_eq!(check(&Tree::from([("broker/src/lib.rs", "use tokio::net;")])), []);
    }
}
