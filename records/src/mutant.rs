//! Known wrong variants of this broker, which its own tests must catch.
//!
//! `cargo xtask mutants` builds with the feature `mutants`, passes one of them in, and demands that
//! a named test fails. Without the feature there is only [`Mutant::NONE`], which takes no room, and
//! [`Mutant::is`] is always false, so that the compiler leaves nothing of them.

/// What is wrong on purpose. The numbers are those of the list of mutants, and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// M-11: `acks=all` is answered before the leader's own sync.
    AnsweredBeforeSync,
    /// M-12: a failed sync counts as done.
    SyncErrorIgnored,
    /// M-13: the directory is not synced after a segment was made.
    NewSegmentNameUnsynced,
    /// M-14: recovery believes headers and checks no CRC.
    RecoverySkipsCrcs,
    /// M-15: recovery cuts the log at a bad batch below the recovery point.
    RecoveryCutsMiddle,
    /// M-16: the checkpointed high watermark is believed beyond the log end.
    HighWatermarkBeyondEnd,
    /// M-28: producer state is not rebuilt.
    ProducersForgotten,
    /// M-29: a gap in sequences is taken once there is a snapshot.
    GapAfterSnapshotTaken,
    /// M-38: tombstones go by time, whatever the other replicas have compacted.
    TombstonesGoByTimeOnly,
    /// M-39: a compacted segment takes its place without a sync.
    SwapUnsynced,
    /// M-40: keys are the same if their hashes are.
    KeysComparedByHash,
    /// M-41: retention goes by record timestamps, in the far future too.
    RetentionByAnyTimestamp,
    /// M-42: a look-up by time is one off.
    TimeIndexOffByOne,
    /// M-43: answers of pipelined requests are swapped.
    AnswersSwapped,
    /// M-44: batches get their offset but not their leader epoch.
    EpochNotStamped,
    /// M-45: one buffer in 100,000 is used again while it is in flight.
    BufferReused,
    /// M-53: a duplicate of a batch that is not synced yet is answered at once.
    DuplicateAnsweredAtOnce,
}

/// At most one [`Mutation`]. A value like any other seam.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutant {
    #[cfg(feature = "mutants")]
    mutation: Option<Mutation>,
}

impl Mutant {
    /// The right variant.
    pub const NONE: Self = Self {
        #[cfg(feature = "mutants")]
        mutation: None,
    };

    /// Whether this is wrong in that way: never, without the feature.
    #[must_use]
    pub fn is(self, mutation: Mutation) -> bool {
        #[cfg(feature = "mutants")]
        return self.mutation == Some(mutation);
        #[cfg(not(feature = "mutants"))]
        {
            let _: Mutation = mutation;
            false
        }
    }

    /// What a broker of a build that has mutants says at its start; `cargo xtask tidy` looks for the
    /// text in the release binary.
    #[must_use]
    pub fn warning() -> Option<&'static str> {
        cfg!(feature = "mutants").then_some("this build has known wrong variants in it")
    }

    /// The mutant of a number of the list, `M-11`; `None` if this build has no such one.
    #[must_use]
    pub fn numbered(number: &str) -> Option<Self> {
        #[cfg(feature = "mutants")]
        return NUMBERS
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, mutation)| Self { mutation: Some(*mutation) });
        #[cfg(not(feature = "mutants"))]
        {
            let _: &str = number;
            None
        }
    }
}

#[cfg(feature = "mutants")]
const NUMBERS: [(&str, Mutation); 17] = [
    ("M-11", Mutation::AnsweredBeforeSync),
    ("M-12", Mutation::SyncErrorIgnored),
    ("M-13", Mutation::NewSegmentNameUnsynced),
    ("M-14", Mutation::RecoverySkipsCrcs),
    ("M-15", Mutation::RecoveryCutsMiddle),
    ("M-16", Mutation::HighWatermarkBeyondEnd),
    ("M-28", Mutation::ProducersForgotten),
    ("M-29", Mutation::GapAfterSnapshotTaken),
    ("M-38", Mutation::TombstonesGoByTimeOnly),
    ("M-39", Mutation::SwapUnsynced),
    ("M-40", Mutation::KeysComparedByHash),
    ("M-41", Mutation::RetentionByAnyTimestamp),
    ("M-42", Mutation::TimeIndexOffByOne),
    ("M-43", Mutation::AnswersSwapped),
    ("M-44", Mutation::EpochNotStamped),
    ("M-45", Mutation::BufferReused),
    ("M-53", Mutation::DuplicateAnsweredAtOnce),
];
