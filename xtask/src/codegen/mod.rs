//! `cargo xtask codegen`: messages and the table of APIs, from `protocol/definitions`.
//!
//! [`parse`] reads the text, [`definition`] holds what it says, [`messages`] and [`tables`] write
//! Rust, [`samples`] writes constructors of arbitrary values for the tests. With `--check` nothing
//! is written; it fails if what is committed differs.

mod definition;
mod messages;
mod parse;
mod samples;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use self::definition::{Api, Reserved};

const GENERATED: &str = "protocol/src/generated";
const SAMPLES: &str = "protocol/tests/it/samples.rs";

/// Writes the generated files, or compares them with `--check`.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let is_check = match arguments {
        [] => false,
        ["--check"] => true,
        _ => bail!("usage: cargo xtask codegen [--check]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let (apis, reserved) = read_definitions(&root.join("protocol/definitions"))?;
    let files = generate(root, &apis, &reserved)?;
    let stale = stale_files(&root.join(GENERATED), &files)?;
    if is_check { check(&files, &stale) } else { write(&files, &stale) }
}

fn read_definitions(directory: &Path) -> anyhow::Result<(Vec<Api>, Vec<Reserved>)> {
    let mut apis = Vec::new();
    let mut reserved = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| name.clone())?;
        if path.file_name().is_some_and(|file| file == "reserved.txt") {
            reserved = parse::reserved(&text).context(name)?;
        } else {
            let api = parse::api(&text).with_context(|| name.clone())?;
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            ensure!(stem == Some(api.module()), "{name}: holds {}", api.name);
            apis.push(api);
        }
    }
    apis.sort_by_key(|api| api.key);
    let mut keys: Vec<i16> = apis.iter().map(|api| api.key).collect();
    keys.extend(reserved.iter().map(|reserved| reserved.key));
    keys.sort_unstable();
    if let Some([twice, _]) = keys.array_windows::<2>().find(|[one, other]| one == other) {
        bail!("key {twice} is defined twice");
    }
    Ok((apis, reserved))
}

fn generate(
    root: &Path,
    apis: &[Api],
    reserved: &[Reserved],
) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let generated = root.join(GENERATED);
    let mut sources = BTreeMap::new();
    for api in apis {
        sources.insert(generated.join(format!("{}.rs", api.module())), messages::emit(api)?);
    }
    sources.insert(generated.join("mod.rs"), tables::emit_module(apis));
    sources.insert(generated.join("api_key.rs"), tables::emit_api_key(apis, reserved));
    sources.insert(generated.join("any.rs"), tables::emit_any(apis));
    sources.insert(root.join(SAMPLES), samples::emit(apis)?);
    sources.into_iter().map(|(path, source)| Ok((path, formatted(root, &source)?))).collect()
}

fn formatted(root: &Path, source: &str) -> anyhow::Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start rustfmt")?;
    let mut stdin = rustfmt.stdin.take().context("rustfmt has no input")?;
    let source = source.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(source.as_bytes()));
    let output = rustfmt.wait_with_output()?;
    match feeder.join() {
        Ok(fed) => fed?,
        Err(_) => bail!("the thread that feeds rustfmt panicked"),
    }
    ensure!(output.status.success(), "rustfmt refuses generated code");
    Ok(String::from_utf8(output.stdout)?)
}

/// Generated files that no definition asks for any more.
fn stale_files(
    directory: &Path,
    files: &BTreeMap<PathBuf, String>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    if !directory.exists() {
        return Ok(stale);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !files.contains_key(&path) {
            stale.push(path);
        }
    }
    Ok(stale)
}

fn check(files: &BTreeMap<PathBuf, String>, stale: &[PathBuf]) -> anyhow::Result<()> {
    let mut wrong: Vec<String> = stale.iter().map(|path| path.display().to_string()).collect();
    for (path, expected) in files {
        if fs::read_to_string(path).ok().as_ref() != Some(expected) {
            wrong.push(path.display().to_string());
        }
    }
    ensure!(wrong.is_empty(), "run `cargo xtask codegen`; it changes {}", wrong.join(", "));
    Ok(())
}

fn write(files: &BTreeMap<PathBuf, String>, stale: &[PathBuf]) -> anyhow::Result<()> {
    for path in stale {
        fs::remove_file(path).with_context(|| path.display().to_string())?;
    }
    for (path, source) in files {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        if fs::read_to_string(path).ok().as_ref() != Some(source) {
            fs::write(path, source).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
