//! One file per API. `handle` gets the shared broker, the request's context and the decoded body, and returns the answer.
//!
//! Produce and Fetch have `start` instead, which takes effect before it returns and may leave the answer for later
//! ([`Started`](crate::context::Started)). `net/dispatch.rs` holds the table of what is served.

pub(crate) mod alter_configs;
mod altered;
mod answer_room;
pub(crate) mod api_versions;
mod authorized_operations;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod current_leader;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
#[cfg(test)]
mod fixture;
mod group_answer;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;

/// Partitions one request may name: as many as a broker may host. A request with more is refused whole, and none of them
/// is looked up.
pub(crate) const PARTITIONS_MAX: usize = 20_000;
