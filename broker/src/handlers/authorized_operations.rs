//! What the asker may do, as a bit set: bit = code of the operation.

/// Not asked for.
pub(super) const NOT_ASKED: i32 = i32::MIN;

const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;
const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const CLUSTER_ACTION: i32 = 1 << 9;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;
const IDEMPOTENT_WRITE: i32 = 1 << 12;

/// Everything that can be done to a topic: there are no rules yet that would take something away.
const TOPIC: i32 =
    READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;
/// Everything that can be done to the cluster.
const CLUSTER: i32 = CREATE
    | ALTER
    | DESCRIBE
    | CLUSTER_ACTION
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS
    | IDEMPOTENT_WRITE;

/// Everything that can be done to a group.
const GROUP: i32 = READ | DELETE | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;

pub(super) fn group(is_asked: bool) -> i32 {
    if is_asked { GROUP } else { NOT_ASKED }
}

pub(super) fn topic(is_asked: bool) -> i32 {
    if is_asked { TOPIC } else { NOT_ASKED }
}

pub(super) fn cluster(is_asked: bool) -> i32 {
    if is_asked { CLUSTER } else { NOT_ASKED }
}
