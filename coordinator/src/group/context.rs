//! What one input may use while it is handled.

use std::collections::BTreeMap;

use highwater_records::Now;

use super::config::{GroupConfig, GroupOverrides};
use super::connections::Connections;
use super::timers::Timers;
use super::topics::Topics;
use super::{Answer, GroupOutcome, GroupRecord};
use crate::RequestId;

/// Everything around the one group that an input is about.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupConfig,
    /// By group id; see [`GroupOverrides`].
    pub(crate) overrides: &'a BTreeMap<String, GroupOverrides>,
    pub(crate) topics: &'a Topics,
    /// Grows by one with every new [`Topics`]: who remembers it sees a change without a scan.
    pub(crate) topics_version: u64,
    pub(crate) timers: &'a mut Timers,
    pub(crate) connections: &'a mut Connections,
    pub(crate) outcome: &'a mut GroupOutcome,
}

impl Context<'_> {
    /// Answers a request.
    pub(crate) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.outcome.answers.push((request, answer));
    }

    /// Proposes a record.
    pub(crate) fn propose(&mut self, record: GroupRecord) {
        self.outcome.records.push(record);
    }
}
