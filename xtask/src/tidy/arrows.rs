//! Which crate may depend on which: the table of the design, read against every `Cargo.toml`.

use std::collections::BTreeMap;

use toml::Table;

use super::Finding;
use super::tree::Tree;

const OURS: &str = "highwater";

/// The crates of ours that each crate may use; those not listed may use all.
const ARROWS: [(&str, &[&str]); 9] = [
    ("records", &[]),
    ("protocol", &["records"]),
    ("storage", &["records"]),
    ("replication", &["records"]),
    ("coordinator", &["records", "protocol"]),
    ("controller", &["records", "protocol"]),
    ("client", &["records", "protocol"]),
    ("producer", &["records", "protocol", "client"]),
    ("consumer", &["records", "protocol", "client"]),
];
const BROKER: (&str, &[&str]) = (
    "broker",
    &["records", "protocol", "storage", "replication", "coordinator", "controller", "client"],
);
const FREE: [&str; 6] = ["", "sim", "benches", "tests", "xtask", "fuzz"];
const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Arrows that are not in the table, crates that the table does not know.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().chain([BROKER]).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.iter() {
        let Some(folder) = manifest_folder(path) else { continue };
        if FREE.contains(&folder) {
            continue;
        }
        let Some(allowed) = allowed.get(folder) else {
            findings.push(Finding::new(
                path,
                0,
                format!("`{folder}` is not in the table of arrows"),
            ));
            continue;
        };
        match text.parse::<Table>() {
            Ok(manifest) => check_manifest(path, &manifest, allowed, &mut findings),
            Err(error) => findings.push(Finding::new(path, 0, error.to_string())),
        }
    }
    findings
}

/// The folder of a crate's manifest; empty for the root.
fn manifest_folder(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("Cargo.toml")?;
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    (!folder.contains('/')).then_some(folder)
}

fn check_manifest(path: &str, manifest: &Table, allowed: &[&str], findings: &mut Vec<Finding>) {
    for used in our_dependencies(manifest) {
        if !allowed.contains(&used.as_str()) {
            let arrow = format!("may not depend on `{used}` (design, section 3)");
            findings.push(Finding::new(path, 0, arrow));
        }
    }
}

/// The folders of our crates that a manifest names in any dependency section.
fn our_dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(|target| target.as_table());
    let of_targets = targets.into_iter().flat_map(|targets| targets.values());
    let tables = of_targets.filter_map(|value| value.as_table()).chain([manifest]);
    let sections = tables.flat_map(|table| SECTIONS.iter().filter_map(|name| table.get(*name)));
    let dependencies = sections.filter_map(|section| section.as_table()).flatten();
    let packages = dependencies.map(|(name, value)| {
        let renamed = value.get("package").and_then(|package| package.as_str());
        renamed.unwrap_or(name).to_owned()
    });
    packages.filter_map(|package| folder_of(&package)).collect()
}

fn folder_of(package: &str) -> Option<String> {
    if package == OURS {
        return Some("the root package".to_owned());
    }
    package.strip_prefix(OURS)?.strip_prefix('-').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(path: &str, manifest: &str, expected: &[&str]) {
        let found: Vec<String> = check(&Tree::from([(path, manifest)]))
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (message, part) in found.iter().zip(expected) {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn an_arrow_of_the_table_passes() {
        check_one(
            "storage/Cargo.toml",
            "[dependencies]\nhighwater-records = \"1\"\nbytes = \"1\"",
            &[],
        );
        check_one("tests/Cargo.toml", "[dependencies]\nhighwater-broker.workspace = true", &[]);
        check_one("Cargo.toml", "[dependencies]\nhighwater-broker.workspace = true", &[]);
    }

    #[test]
    fn an_arrow_up_is_found_in_every_section() {
        let up = "highwater-protocol.workspace = true";
        check_one("storage/Cargo.toml", &format!("[dependencies]\n{up}"), &["`protocol`"]);
        check_one("storage/Cargo.toml", &format!("[dev-dependencies]\n{up}"), &["`protocol`"]);
        check_one("storage/Cargo.toml", &format!("[build-dependencies]\n{up}"), &["`protocol`"]);
        let on_unix = format!("[target.'cfg(unix)'.dependencies]\n{up}");
        check_one("storage/Cargo.toml", &on_unix, &["`protocol`"]);
        let root = "[dependencies]\nhighwater.workspace = true";
        check_one("client/Cargo.toml", root, &["the root package"]);
    }

    #[test]
    fn a_renamed_dependency_is_seen() {
        let renamed = "[dependencies]\nwords = { package = \"highwater-broker\", version = \"1\" }";
        check_one("client/Cargo.toml", renamed, &["`broker`"]);
    }

    #[test]
    fn a_crate_outside_the_table_is_found() {
        check_one("util/Cargo.toml", "[package]", &["not in the table"]);
    }
}
