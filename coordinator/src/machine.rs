//! The shape that all coordinators share.

use highwater_records::{Monotonic, Now, Offset};

/// A coordinator: `handle` proposes, `replay` decides.
pub trait Machine {
    /// What it is told.
    type Input;
    /// What it writes and reads back.
    type Record;
    /// What its callers get.
    type Answer;

    /// Looks at the state and proposes records and answers.
    ///
    /// Changes soft state only: deadlines, members that wait, connections. Nothing that must
    /// survive a restart changes before [`Machine::replay`].
    fn handle(&mut self, now: Now, input: Self::Input) -> Outcome<Self::Record, Self::Answer>;

    /// Takes a record that is in the log at `offset`: one just proposed, or one read back.
    ///
    /// The only function that changes durable state.
    fn replay(&mut self, offset: Offset, record: &Self::Record);

    /// When the host must hand a tick to `handle` next; `None` while nothing waits for time. A tick
    /// may turn out to be early: then nothing comes of it, and the next one is later.
    fn next_deadline(&self) -> Option<Monotonic>;
}

/// What one input led to.
///
/// The host appends `records` as one batch, replays them before the next input, and sends the
/// answers once these records and all before them are committed. If the append is lost, the
/// machine is dropped and built again from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<R, A> {
    /// In order, to be appended as one batch.
    pub records: Vec<R>,
    /// In no particular order; some may answer requests of earlier inputs.
    pub answers: Vec<(RequestId, A)>,
}

impl<R, A> Default for Outcome<R, A> {
    fn default() -> Self {
        Self { records: Vec::new(), answers: Vec::new() }
    }
}

/// A request that waits for its answer; the host chooses it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A connection of a client; the host chooses it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);
