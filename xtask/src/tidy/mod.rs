//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Each rule is a function from a [`Tree`] of texts to findings, in a file of its own, tested on
//! small trees. With `--fix-docs` the generated parts of `docs/wire-support.md` are written.

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

mod arrows;
mod clippy_toml;
mod doors;
mod limits;
mod modules;
mod mutants;
mod purity;
mod source;
mod text;
mod tree;
mod wire_support;

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail};

use self::tree::Tree;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.path, self.message),
            line => write!(formatter, "{}:{line}: {}", self.path, self.message),
        }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [(&str, Rule); 9] = [
    ("arrows between crates", arrows::check),
    ("purity", purity::check),
    ("file and function length", limits::check),
    ("nested clippy.toml", clippy_toml::check),
    ("dead files", modules::check),
    ("tabs and ASCII", text::check),
    ("doors", doors::check),
    ("mutants", mutants::check),
    ("docs/wire-support.md", wire_support::check),
];

/// Checks the repository, or writes the generated documentation with `--fix-docs`.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let tree = Tree::read(root)?;
    match arguments {
        [] => {}
        ["--fix-docs"] => return wire_support::fix(root, &tree),
        _ => bail!("usage: cargo xtask tidy [--fix-docs]"),
    }
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&tree);
        if name == "mutants" {
            findings.extend(mutants::check_release(root));
        }
        findings.sort();
        count += findings.len();
        println!("{:<6} {name}", if findings.is_empty() { "ok" } else { "FAILED" });
        for finding in findings {
            println!("       {finding}");
        }
    }
    if count > 0 {
        bail!("tidy: {count} findings");
    }
    Ok(())
}
