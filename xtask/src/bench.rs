//! `cargo xtask bench`: builds the release binary as users do and hands over to the harness in `benches/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Builds what is measured and what measures, and runs `arguments`.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    // Apart: features that only the harness asks for must not get into what is measured.
    cargo(root, &["build", "--release", "--package", "highwater", "--bins"])?;
    cargo(root, &["build", "--release", "--package", "highwater-benches", "--bins"])?;
    let release = target_directory(root)?.join("release");
    let mut command = Command::new(release.join("bench"));
    command.args(arguments).env("HIGHWATER_BIN", release.join("highwater"));
    let status = command.status().context("cannot run the harness")?;
    if !status.success() {
        bail!("cargo xtask bench: {status}");
    }
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = command(root).args(arguments).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("failed: cargo {}", arguments.join(" "));
    }
    Ok(())
}

/// Where cargo builds, whoever said so.
fn target_directory(root: &Path) -> anyhow::Result<PathBuf> {
    let mut metadata = command(root);
    let output = metadata.args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.context("cannot run cargo metadata")?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let directory = metadata.get("target_directory").and_then(|it| it.as_str());
    Ok(directory.context("cargo metadata names no target directory")?.into())
}

fn command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}
