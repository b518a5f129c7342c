//! The module tree: which files a crate reaches, and which of them only its tests do.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Finding;
use super::source::{closing, masked, words};
use super::tree::Tree;

const CFG_TEST: &str = "#[cfg(test)]";

/// Rust files that no crate root leads to.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let reached = reached(tree);
    tree.with_extension("rs")
        .filter(|(path, _)| !reached.contains_key(*path))
        .map(|(path, _)| Finding::new(path, 0, "no `mod` leads here: delete it or name it"))
        .collect()
}

/// Every reached Rust file, with whether only tests reach it.
pub(crate) fn reached(tree: &Tree) -> BTreeMap<String, bool> {
    let mut reached = BTreeMap::new();
    let mut waiting: Vec<(String, bool, bool)> =
        roots(tree).into_iter().map(|(path, is_test)| (path, is_test, true)).collect();
    while let Some((path, is_test, is_root)) = waiting.pop() {
        let Some(text) = tree.get(&path) else { continue };
        let is_test = is_test || text.contains("#![cfg(test)]");
        match reached.get(&path) {
            // Seen before, and by production code, or by the same kind.
            Some(false) => continue,
            Some(true) if is_test => continue,
            _ => {}
        }
        reached.insert(path.clone(), is_test);
        for (child, child_is_test) in children(tree, &path, text, is_root) {
            let is_mod_file = child.ends_with("/mod.rs");
            waiting.push((child, is_test || child_is_test, is_mod_file));
        }
    }
    reached
}

/// Crate roots: those that cargo finds by itself and those that a manifest names.
fn roots(tree: &Tree) -> Vec<(String, bool)> {
    let mut roots = Vec::new();
    for (path, text) in tree.iter() {
        let Some(folder) = path.strip_suffix("Cargo.toml") else { continue };
        for name in ["src/lib.rs", "src/main.rs", "build.rs"] {
            roots.push((format!("{folder}{name}"), false));
        }
        for (file, _) in tree.with_extension("rs") {
            let Some(inner) = file.strip_prefix(folder) else { continue };
            for (target, is_test) in
                [("tests/", true), ("benches/", true), ("examples/", true), ("src/bin/", false)]
            {
                let Some(name) = inner.strip_prefix(target) else { continue };
                let is_root = !name.contains('/')
                    || (name.ends_with("/main.rs") && name.matches('/').count() == 1);
                // The packages `tests` and `benches` are no folders of the root package.
                if is_root && tree.get(&format!("{folder}{target}Cargo.toml")).is_none() {
                    roots.push((file.to_owned(), is_test));
                }
            }
        }
        if let Ok(manifest) = text.parse::<Table>() {
            roots.extend(named_roots(folder, &manifest));
        }
    }
    roots
}

fn named_roots(folder: &str, manifest: &Table) -> Vec<(String, bool)> {
    let targets =
        [("lib", false), ("bin", false), ("test", true), ("bench", true), ("example", true)];
    let mut roots = Vec::new();
    for (kind, is_test) in targets {
        let entries = match manifest.get(kind) {
            Some(Value::Array(entries)) => entries.clone(),
            Some(one @ Value::Table(_)) => vec![one.clone()],
            _ => Vec::new(),
        };
        let paths = entries.iter().filter_map(|entry| entry.get("path")?.as_str());
        roots.extend(paths.map(|path| (format!("{folder}{path}"), is_test)));
    }
    roots
}

/// The files that a file's `mod` lines and `include!`s name, with whether that is under `cfg(test)`.
///
/// `is_root`: the modules of the file live beside it and not in a folder of its name.
fn children(tree: &Tree, path: &str, text: &str, is_root: bool) -> Vec<(String, bool)> {
    let code = masked(text);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let own = if is_root {
        folder.to_owned()
    } else {
        format!("{folder}/{}", name.trim_end_matches(".rs"))
    };
    let inline = inline_modules(&code);
    let mut children = Vec::new();
    for at in words(&code, "mod") {
        let rest = code[at + 3..].trim_start();
        let length =
            rest.find(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').unwrap_or(0);
        let (module, after) = rest.split_at(length);
        if module.is_empty() || !after.trim_start().starts_with(';') {
            continue;
        }
        let mut below = own.clone();
        let mut is_test = has_cfg_test(&code, at);
        for (name, start, end, inline_is_test) in &inline {
            if (*start..*end).contains(&at) {
                below = format!("{below}/{name}");
                is_test |= inline_is_test;
            }
        }
        let named = path_attribute(text, &code, at).map(|named| joined(folder, named));
        let candidates = [format!("{below}/{module}.rs"), format!("{below}/{module}/mod.rs")];
        let found = named.into_iter().chain(candidates).find(|file| tree.get(file).is_some());
        children.extend(found.map(|file| (file, is_test)));
    }
    for at in words(&code, "include") {
        if let Some(named) = quoted(&text[at..]) {
            children.push((joined(folder, named), false));
        }
    }
    children
}

/// A path as seen from a folder, which may lead up.
fn joined(folder: &str, named: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in named.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Modules with a body in the file: name, where the body begins and ends, whether it is a test's.
fn inline_modules(code: &str) -> Vec<(String, usize, usize, bool)> {
    let mut found = Vec::new();
    for at in words(code, "mod") {
        let rest = code[at + 3..].trim_start();
        let length =
            rest.find(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').unwrap_or(0);
        let (name, after) = rest.split_at(length);
        if !name.is_empty() && after.trim_start().starts_with('{') {
            let open = code.len() - after.trim_start().len();
            found.push((name.to_owned(), open, closing(code, open), has_cfg_test(code, at)));
        }
    }
    found
}

/// The attributes straight before the item at `at`.
fn attributes(code: &str, at: usize) -> &str {
    let before = &code[..at];
    let start = before.rfind([';', '}', '{']).map_or(0, |end| end + 1);
    &before[start..]
}

fn has_cfg_test(code: &str, at: usize) -> bool {
    attributes(code, at).contains(CFG_TEST)
}

fn path_attribute<'a>(text: &'a str, code: &str, at: usize) -> Option<&'a str> {
    let attributes = attributes(code, at);
    let inside = attributes.rfind("#[path")?;
    quoted(&text[at - attributes.len() + inside..at])
}

fn quoted(text: &str) -> Option<&str> {
    let line_end = text.find(';').unwrap_or(text.len());
    let mut parts = text[..line_end].split('"');
    parts.next()?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_file_without_a_mod_line_is_dead() {
        let tree = Tree::from([
            ("a/Cargo.toml", "[package]"),
            ("a/src/lib.rs", "mod one;\n// mod two;\nmod three { mod four; }"),
            ("a/src/one.rs", "mod five;"),
            ("a/src/one/five.rs", ""),
            ("a/src/two.rs", ""),
            ("a/src/three/four.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["a/src/two.rs"]);
    }

    #[test]
    fn targets_of_cargo_and_of_the_manifest_are_roots() {
        let tree = Tree::from([
            (
                "Cargo.toml",
                "[lib]\npath = \"src/face.rs\"\n[[bin]]\nname = \"b\"\npath = \"src/b.rs\"",
            ),
            ("src/face.rs", "mod near;"),
            ("src/near.rs", ""),
            ("src/b.rs", ""),
            ("a/Cargo.toml", "[package]"),
            ("a/tests/it/main.rs", "mod story;"),
            ("a/tests/it/story.rs", ""),
            ("a/tests/it/lost.rs", ""),
            ("a/benches/micro.rs", ""),
            ("tests/Cargo.toml", "[package]"),
            ("tests/lost.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["a/tests/it/lost.rs", "tests/lost.rs"]);
    }

    #[test]
    fn path_attributes_and_includes_lead_on() {
        let tree = Tree::from([
            ("a/Cargo.toml", "[package]"),
            ("a/src/lib.rs", "#[path = \"odd_name.rs\"]\nmod one;\ninclude!(\"table.rs\");"),
            ("a/src/odd_name.rs", "#[path = \"../../shared/two.rs\"]\nmod two;"),
            ("a/src/table.rs", ""),
            ("shared/two.rs", ""),
            ("shared/three.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["shared/three.rs"]);
    }

    #[test]
    fn files_that_only_tests_reach_are_told_apart() {
        let tree = Tree::from([
            ("a/Cargo.toml", "[package]"),
            ("a/src/lib.rs", "mod one;\n#[cfg(test)]\nmod fixture;\nmod after;"),
            ("a/src/one.rs", "#[cfg(test)]\nmod tests;"),
            ("a/src/one/tests.rs", ""),
            ("a/src/fixture.rs", ""),
            ("a/src/after.rs", ""),
        ]);
        let reached = reached(&tree);
        assert!(!reached["a/src/one.rs"] && !reached["a/src/after.rs"]);
        assert!(reached["a/src/one/tests.rs"] && reached["a/src/fixture.rs"]);
    }
}
