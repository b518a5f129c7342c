//! What the command says: tables for people, JSON for programs, progress on a terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Whom the output is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Tables and sentences for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// Standard output, buffered; a reader that went away ends the command quietly.
#[derive(Debug)]
pub(crate) struct Output {
    out: io::BufWriter<Stdout>,
    pub(crate) format: OutputFormat,
}

impl Output {
    pub(crate) fn new(format: OutputFormat) -> Self {
        Self { out: io::BufWriter::with_capacity(64 * 1024, io::stdout()), format }
    }

    /// Where raw bytes go.
    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Writes a line of text, for people only.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        match self.format {
            OutputFormat::Table => writeln!(self.out, "{}", printable(text)),
            OutputFormat::Json => Ok(()),
        }
    }

    /// Writes `value` as one line of JSON, for programs only.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        match self.format {
            OutputFormat::Table => Ok(()),
            OutputFormat::Json => {
                serde_json::to_writer(&mut self.out, value)?;
                self.out.write_all(b"\n")
            }
        }
    }

    /// Writes a table, for people only.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        if self.format == OutputFormat::Json {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().copied());
        for row in rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim())?;
        }
        Ok(())
    }

    /// Hands everything written so far to the reader.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The text on one line, with what a terminal would obey instead of show written as escapes: names
/// come from anybody who reached the broker.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_shown =
        |letter: char| matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().len() == 1;
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_shown(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    Cow::Owned(shown)
}

/// Counts records and bytes on a terminal; says nothing in a pipe and in the first second.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    verb: &'static str,
    records: u64,
}

impl Progress {
    /// Shown on standard error if that is a terminal and `wanted`.
    pub(crate) fn new(verb: &'static str, wanted: bool) -> Self {
        let target = if wanted && io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(4)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{msg}, {bytes} ({bytes_per_sec}), {elapsed}");
        bar.set_style(style.expect("a constant template"));
        Self { bar, verb, records: 0 }
    }

    pub(crate) fn add(&mut self, records: u64, bytes: u64) {
        self.records += records;
        if self.bar.is_hidden() || self.bar.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.bar.inc(bytes);
        self.bar.set_message(format!("{} records {}", self.records, self.verb));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
