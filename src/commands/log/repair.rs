//! `highwater log repair`: mends what can be mended from the log itself, and says all it does.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use highwater_storage::{FileDisk, Repair, RepairAction, RepairOptions};
use serde_json::json;

use super::verify::show;
use crate::commands::failure::{Reported, note};
use crate::commands::output::Output;

#[derive(Debug, Args)]
pub(super) struct RepairCommand {
    /// Data directory, or the directory of one partition
    path: PathBuf,
    /// Do it; without this the command only says what it would do
    #[arg(long)]
    yes: bool,
    /// Cut a log at its first damaged batch even if good batches follow, or if it had been synced:
    /// all that follows goes into files beside it and is no longer part of the log
    #[arg(long)]
    cut_at_damage: bool,
}

impl RepairCommand {
    pub(super) fn run(&self, output: &mut Output) -> anyhow::Result<()> {
        let options = RepairOptions { cuts_at_damage: self.cut_at_damage };
        let repair = Repair::plan(Arc::new(FileDisk), &self.path, options)?;
        for action in repair.actions() {
            self.say(action, output)?;
        }
        let mut left_count = 0;
        for left in repair.left_alone() {
            show("left alone", left, output)?;
            left_count += 1;
        }
        let action_count = repair.actions().count();
        let is_done = self.yes && action_count > 0;
        if is_done {
            // What will be done is told before it is done, even if the command is then killed.
            output.flush()?;
            repair.run()?;
        }
        output.say(match (action_count, is_done) {
            (0, _) if left_count == 0 => "nothing to repair",
            (0, _) => "nothing that can be repaired",
            (_, true) => "repaired",
            (_, false) => "nothing was changed; add --yes to do this",
        })?;
        output.json(&json!({
            "actions": action_count, "left_alone": left_count, "done": is_done,
        }))?;
        if left_count > 0 && !self.cut_at_damage {
            output.flush()?;
            note("  damaged batches before good ones are cut off only with --cut-at-damage");
        }
        let is_good = left_count == 0 && (action_count == 0 || is_done);
        if is_good { Ok(()) } else { Err(Reported.into()) }
    }

    fn say(&self, action: &RepairAction, output: &mut Output) -> anyhow::Result<()> {
        let text = sentence(action);
        output.say(&if self.yes { text.clone() } else { format!("would {text}") })?;
        output.json(&json!({ "action": text }))?;
        Ok(())
    }
}

/// What a step does, in words.
fn sentence(action: &RepairAction) -> String {
    match action {
        RepairAction::RemoveCleanMarker { path } => {
            format!("remove {}: the next start checks the tail", path.display())
        }
        RepairAction::LowerCheckpoint { path, partition, to } => {
            let (topic, number) = (&partition.topic, partition.partition);
            format!("lower the offset of {topic}-{number} in {} to {to}", path.display())
        }
        RepairAction::SetAside { path, to } => {
            format!("rename {} to {}, with all its records", path.display(), to.display())
        }
        RepairAction::Cut { path, position_bytes, offset, bytes, kept } => format!(
            "cut {bytes} bytes off {} at byte {position_bytes}, from offset {offset} on, and keep \
             them in {}",
            path.display(),
            kept.display()
        ),
        RepairAction::RemoveSnapshot { path } => {
            format!("remove {} and what stands beside it", path.display())
        }
        RepairAction::RebuildEpochs { path } => {
            format!("write {} anew from the batches", path.display())
        }
        RepairAction::RebuildIndexes { path } => {
            format!("build the indexes of {} anew", path.display())
        }
    }
}
