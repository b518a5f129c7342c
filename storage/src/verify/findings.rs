//! What is found, and how much of it is kept.

use std::fmt::Display;
use std::path::Path;

use crate::error::Damage;
use crate::text::FormatError;

/// Findings of one kind that are kept for one file or partition; a broken disk could fill the
/// memory otherwise. The first ones say where to look.
const KEPT_MAX: usize = 1000;

/// What is wrong or worth a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// What is wrong.
    pub(super) problems: Vec<Damage>,
    /// What is as it may be, or could not be judged.
    pub(super) notes: Vec<Damage>,
    /// Formats that cannot be judged.
    pub(super) unsupported: Vec<Damage>,
}

impl Findings {
    pub(super) fn problem(&mut self, path: &Path, position_bytes: u64, reason: impl Display) {
        keep(&mut self.problems, Damage::new(path, position_bytes, reason));
    }

    pub(super) fn note(&mut self, path: &Path, position_bytes: u64, reason: impl Display) {
        keep(&mut self.notes, Damage::new(path, position_bytes, reason));
    }

    pub(super) fn format(&mut self, path: &Path, read: Result<(), FormatError>) {
        if let Err(error) = read {
            self.problem(path, 0, error);
        }
    }

    pub(super) fn add(&mut self, more: Self) {
        self.problems.extend(more.problems);
        self.notes.extend(more.notes);
        self.unsupported.extend(more.unsupported);
    }
}

fn keep(kept: &mut Vec<Damage>, damage: Damage) {
    if kept.len() < KEPT_MAX {
        kept.push(damage);
    }
}
