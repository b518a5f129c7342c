//! Which transactions a pass has met: whose records go at once, and whose markers may go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use highwater_records::{BatchHeader, EndTransactionMarker, Offset, ProducerId};

use crate::transaction_index::AbortedTransaction;

/// The transactions around the batches of a pass, which come in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct CleanedTransactions {
    /// Aborted ones that begin further on, by first offset.
    coming: VecDeque<AbortedTransaction>,
    /// Aborted ones that have begun, and whether a record of theirs was met.
    aborted: BTreeMap<ProducerId, (AbortedTransaction, bool)>,
    /// Producers with records that were committed, or will be, and whose marker is still to come.
    committed: BTreeSet<ProducerId>,
}

/// What is to be done with the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// Records of the transaction are still there, or it is no end of one.
    Needed,
    /// Nothing is left of the transaction.
    Empty,
    /// The records of the aborted transaction went in this pass; readers of what was copied earlier may still need the
    /// index entry.
    Aborted(AbortedTransaction),
}

impl CleanedTransactions {
    pub(super) fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|transaction| transaction.first_offset);
        Self { coming: aborted.into(), ..Self::default() }
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(next) = self.coming.front().filter(|next| next.first_offset <= offset) {
            self.aborted.insert(next.producer_id, (*next, false));
            self.coming.pop_front();
        }
    }

    /// Whether the batch is part of an aborted transaction.
    pub(super) fn is_aborted(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        let aborted = self.aborted.get_mut(&header.producer_id);
        match aborted.filter(|(aborted, _)| header.last_offset() < aborted.last_offset) {
            Some((_, was_met)) => {
                *was_met = true;
                true
            }
            None => {
                self.committed.insert(header.producer_id);
                false
            }
        }
    }

    /// What the end of a transaction still means.
    pub(super) fn on_marker(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndTransactionMarker>,
    ) -> Marker {
        self.begin_up_to(header.last_offset());
        match marker {
            None => Marker::Needed,
            Some(marker) if marker.is_commit => {
                if self.committed.remove(&header.producer_id) {
                    Marker::Needed
                } else {
                    Marker::Empty
                }
            }
            Some(_) => match self.aborted.remove(&header.producer_id) {
                Some((aborted, true)) => Marker::Aborted(aborted),
                Some((_, false)) | None => Marker::Empty,
            },
        }
    }
}
