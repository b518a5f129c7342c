//! A start with a million committed offsets: until every coordinator has loaded, less what a start on an empty directory takes.
//!
//! Ten thousand groups have committed a hundred partitions each, with one commit each, and with a commit for each partition; the
//! second log has a batch for each record. A killed broker reads its log once more than one that was stopped. Target: at most 2 s.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_benches::statistics::Summary;
use highwater_coordinator::group::partition_of;
use highwater_protocol::Str;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, RequestGroup, RequestGroupTopic,
};
use highwater_records::ErrorCode;
use highwater_tests::groups::coordinator;
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient};

use super::members::expect;
use super::row;

const GROUPS: i32 = 10_000;
const PARTITIONS: i32 = 100;
/// `offsets.topic.num.partitions` of a broker that was told nothing.
const COORDINATORS: i32 = 50;
const TOPIC: &str = "committed";
const ROUNDS: usize = 5;
/// Commits under way while the log is made.
const IN_FLIGHT: usize = 256;
const COMMIT_VERSION: i16 = 9;
const OFFSET_FETCH_VERSION: i16 = 9;
const PAUSE: Duration = Duration::from_millis(1);
/// How long coordinators may take to load before the benchmark says that they do not.
const LOADED_MAX: Duration = Duration::from_secs(120);

pub(crate) fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut empty = Vec::new();
    for round in 0..ROUNDS {
        let (_, started) = start(&directory.path().join(round.to_string()), false)?;
        empty.push(started);
    }
    row("start on an empty directory, s", &empty, "-")?;
    let empty = Summary::of(&empty).context("no starts")?.median;
    for (each, name) in [(PARTITIONS, "of 100 offsets"), (1, "of one offset")] {
        let killed = directory.path().join("killed");
        make(&killed, each)?.process().kill()?;
        let mut after_kill = Vec::new();
        for _ in 0..ROUNDS {
            let copied = directory.path().join("copied");
            copy(&killed, &copied)?;
            after_kill.push(start(&copied, true)?.1 - empty);
            std::fs::remove_dir_all(&copied)?;
        }
        let (mut after_stop, mut megabytes) = (Vec::new(), Vec::new());
        start(&killed, true)?.0.process().terminate()?;
        for _ in 0..ROUNDS {
            let (mut broker, loaded) = start(&killed, true)?;
            after_stop.push(loaded - empty);
            megabytes.push(as_megabytes(broker.process().resident_bytes()?));
            broker.process().terminate()?;
        }
        std::fs::remove_dir_all(&killed)?;
        let what = format!("a million offsets in commits {name}: load after a");
        row(&format!("{what} stop, s"), &after_stop, "at most 2")?;
        row(&format!("{what} kill, s"), &after_kill, "at most 2")?;
        row("  resident memory then, MB", &megabytes, "-")?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
fn as_megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Starts a broker and gives the seconds until every coordinator answers.
fn start(data_dir: &Path, has_offsets: bool) -> Result<(Highwater, f64)> {
    let begun = Instant::now();
    let broker = Highwater::serve(data_dir, &[])?;
    let mut client = RawClient::connect(broker.address())?;
    let mut loading = one_of_each_coordinator();
    while !loading.is_empty() {
        loading = still_loading(&mut client, loading, has_offsets)?;
        anyhow::ensure!(begun.elapsed() < LOADED_MAX, "still loading: {loading:?}");
        if !loading.is_empty() {
            thread::park_timeout(PAUSE);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    if has_offsets {
        for first in (0..GROUPS).step_by(usize::try_from(COORDINATORS)?) {
            let groups = (first..first + COORDINATORS).map(group_id).collect();
            anyhow::ensure!(still_loading(&mut client, groups, true)?.is_empty(), "loading again");
        }
    }
    Ok((broker, seconds))
}

fn one_of_each_coordinator() -> Vec<Str> {
    let mut seen = BTreeSet::new();
    let mut is_new = |group: &Str| seen.insert(partition_of(group, COORDINATORS));
    (0..GROUPS).map(group_id).filter(|group| is_new(group)).collect()
}

/// Those of the groups whose coordinators have not loaded; the offsets of the others must be there.
fn still_loading(client: &mut RawClient, groups: Vec<Str>, has_offsets: bool) -> Result<Vec<Str>> {
    let topic = RequestGroupTopic {
        name: TOPIC.into(),
        partition_indexes: vec![PARTITIONS - 1],
        ..RequestGroupTopic::default()
    };
    let group = |group_id: Str| RequestGroup {
        group_id,
        topics: Some(vec![topic.clone()]),
        ..RequestGroup::default()
    };
    let request = OffsetFetchRequest {
        groups: groups.into_iter().map(group).collect(),
        ..OffsetFetchRequest::default()
    };
    let answer = client.call(OFFSET_FETCH_VERSION, &request)?;
    let mut loading = Vec::new();
    for group in answer.groups {
        if group.error_code == ErrorCode::CoordinatorLoadInProgress {
            loading.push(group.group_id);
        } else if has_offsets {
            expect(group.error_code, ErrorCode::None, "offset fetch")?;
            let offset = group.topics[0].partitions[0].committed_offset;
            anyhow::ensure!(offset == offset_of(PARTITIONS - 1), "offset {offset}");
        }
    }
    Ok(loading)
}

// ---- what is loaded

fn group_id(number: i32) -> Str {
    format!("group-{number}").into()
}

fn offset_of(partition: i32) -> i64 {
    1_000 + i64::from(partition)
}

/// Has a new broker keep a million offsets, with commits of `each` partitions; it does not wait for the disk.
fn make(data_dir: &Path, each: i32) -> Result<Highwater> {
    let broker = Highwater::serve(data_dir, &["highwater.durability=os"])?;
    let mut client = RawClient::connect(broker.address())?;
    create_topic(&mut client, TOPIC, PARTITIONS, &[])?;
    coordinator(&mut client, "group-0")?;
    let mut in_flight = VecDeque::new();
    for first in (0..PARTITIONS).step_by(usize::try_from(each)?) {
        for group in 0..GROUPS {
            if in_flight.len() == IN_FLIGHT {
                finish(&mut client, in_flight.pop_front())?;
            }
            let request = commit_request(group, first..first + each);
            in_flight.push_back(client.start(COMMIT_VERSION, &request)?);
        }
    }
    while !in_flight.is_empty() {
        finish(&mut client, in_flight.pop_front())?;
    }
    Ok(broker)
}

fn finish(client: &mut RawClient, correlation_id: Option<i32>) -> Result<()> {
    let correlation_id = correlation_id.context("nothing is under way")?;
    let answer = client.finish::<OffsetCommitRequest>(COMMIT_VERSION, correlation_id)?;
    for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        expect(partition.error_code, ErrorCode::None, "commit")?;
    }
    Ok(())
}

fn commit_request(group: i32, partitions: std::ops::Range<i32>) -> OffsetCommitRequest {
    let partition = |partition_index| RequestTopicPartition {
        partition_index,
        committed_offset: offset_of(partition_index),
        ..RequestTopicPartition::default()
    };
    let topic = RequestTopic {
        name: TOPIC.into(),
        partitions: partitions.map(partition).collect(),
        ..RequestTopic::default()
    };
    OffsetCommitRequest {
        group_id: group_id(group),
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
