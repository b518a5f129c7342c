//! `cargo xtask ci`: everything that needs nothing but Rust, in the order in which it fails cheapest.

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};

/// One command; `environment` comes on top of ours.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { name, arguments, environment: &[] }
}

const STEPS: [Step; 9] = [
    step("format", &["fmt", "--all", "--check"]),
    step("tidy", &["xtask", "tidy"]),
    step("generated code", &["xtask", "codegen", "--check"]),
    step("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    step("features: none", &["check", "-p", "highwater", "--no-default-features"]),
    step("features: default", &["check", "-p", "highwater"]),
    step("features: all", &["check", "-p", "highwater", "--all-features"]),
    Step {
        name: "documentation",
        arguments: &["doc", "--workspace", "--no-deps", "--lib"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    step("tests", &["test", "--workspace"]),
];

/// Runs all steps; the first that fails ends the run.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask ci");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut times = Vec::new();
    for step in &STEPS {
        println!("\n=== {}: cargo {}", step.name, step.arguments.join(" "));
        let started = Instant::now();
        let mut command = Command::new(&cargo);
        command.args(step.arguments).envs(step.environment.iter().copied()).current_dir(root);
        let status = command.status().with_context(|| format!("cannot run {}", step.name))?;
        let seconds = started.elapsed().as_secs();
        if !status.success() {
            bail!("{} failed after {seconds} s: cargo {}", step.name, step.arguments.join(" "));
        }
        times.push((step.name, seconds));
    }
    println!("\n=== all passed");
    for (name, seconds) in times {
        println!("{seconds:>5} s  {name}");
    }
    Ok(())
}
