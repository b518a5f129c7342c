//! `cargo xtask codegen`: messages, the table of APIs and records of internal topics, from
//! `protocol/definitions`.
//!
//! [`parse`] reads the text, [`definition`] holds what it says, [`messages`], [`records`] and
//! [`tables`] write Rust out of [`structs`], [`samples`] writes constructors of arbitrary values
//! for the tests. With `--check` nothing is written; it fails if what is committed differs.

mod definition;
mod messages;
mod parse;
mod records;
mod samples;
mod structs;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use self::definition::{Api, Record, Reserved};

const DEFINITIONS: &str = "protocol/definitions";
const RESERVED: &str = "reserved.txt";
const GENERATED: &str = "protocol/src/generated";
/// Below the definitions and below what is generated.
const RECORDS: &str = "records";
const SAMPLES: &str = "protocol/tests/it/samples.rs";
const RECORD_SAMPLES: &str = "protocol/tests/it/record_samples.rs";

/// Writes the generated files, or compares them with `--check`.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let is_check = match arguments {
        [] => false,
        ["--check"] => true,
        _ => bail!("usage: cargo xtask codegen [--check]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let definitions = root.join(DEFINITIONS);
    let (apis, reserved) = read_apis(&definitions)?;
    let records = read_records(&definitions.join(RECORDS))?;
    let files = generate(root, &apis, &reserved, &records)?;
    let stale = stale_files(&root.join(GENERATED), &files)?;
    if is_check { check(&files, &stale) } else { write(&files, &stale) }
}

fn read_apis(directory: &Path) -> anyhow::Result<(Vec<Api>, Vec<Reserved>)> {
    let mut apis = Vec::new();
    let mut reserved = Vec::new();
    for (stem, text, name) in texts(directory)? {
        if RESERVED == format!("{stem}.txt") {
            reserved = parse::reserved(&text).context(name)?;
        } else {
            let api = parse::api(&text).with_context(|| name.clone())?;
            ensure!(stem == api.module(), "{name}: holds {}", api.name);
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

fn read_records(directory: &Path) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for (stem, text, name) in texts(directory)? {
        let record = parse::record(&text).with_context(|| name.clone())?;
        ensure!(stem == record.module(), "{name}: holds {}", record.name);
        records.push(record);
    }
    records.sort_by(|one, other| (&one.topic, one.types).cmp(&(&other.topic, other.types)));
    for [one, other] in records.array_windows::<2>() {
        let is_apart = one.topic != other.topic || one.types.last < other.types.first;
        ensure!(is_apart, "{} and {} share a type", one.name, other.name);
    }
    Ok(records)
}

/// The definitions in a folder: file name without its ending, text, and path for errors.
fn texts(directory: &Path) -> anyhow::Result<Vec<(String, String, String)>> {
    let mut texts = Vec::new();
    for path in entries(directory)?.into_iter().filter(|path| !path.is_dir()) {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| name.clone())?;
        let stem = path.file_stem().context("a file has a name")?;
        texts.push((stem.to_string_lossy().into_owned(), text, name));
    }
    Ok(texts)
}

fn entries(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn generate(
    root: &Path,
    apis: &[Api],
    reserved: &[Reserved],
    records: &[Record],
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
    let generated = generated.join(RECORDS);
    for record in records {
        sources.insert(generated.join(format!("{}.rs", record.module())), records::emit(record)?);
    }
    sources.insert(generated.join("mod.rs"), records::emit_module(records)?);
    sources.insert(root.join(RECORD_SAMPLES), samples::emit_records(records)?);
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
    for path in entries(directory)? {
        if path.is_dir() {
            stale.append(&mut stale_files(&path, files)?);
        } else if !files.contains_key(&path) {
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
