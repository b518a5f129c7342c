//! The rows: every line of the table, what it runs, and what must hold.

use std::time::Duration;

use super::ack::{Ack, Rate};
use super::cold_reader::ColdReader;
use super::external::{Client, External};
use super::fetch::Fetch;
use super::librdkafka::{ClientProduce, ClientTail};
use super::memory::Memory;
use super::partitions::Partitions;
use super::produce::Produce;
use super::recovery::Recovery;
use super::start::Start;
use super::tail::Tail;
use super::{Bound, Durability, Row, Side, Target, Workload};
use crate::load::ProduceShape;

use Bound::{AtLeast, AtMost};
use Side::{Floor, Highwater, HighwaterOs, Kafka, Mock};

const ALL: &[Side] = &[Floor, Kafka, Highwater];
const BROKERS: &[Side] = &[Kafka, Highwater];
const LARGE: usize = 900 << 10;
const GIB: u64 = 1 << 30;

/// Ours over another's.
const fn than(says: &'static str, figure: &'static str, side: Side, bound: Bound) -> Target {
    Target { says, figure, side: Highwater, against: Some((side, figure)), bound }
}

/// A number that stands for itself.
const fn plain(says: &'static str, figure: &'static str, bound: Bound) -> Target {
    Target { says, figure, side: Highwater, against: None, bound }
}

fn row(
    name: &'static str,
    says: &'static str,
    durability: &'static str,
    workload: impl Workload + 'static,
    targets: Vec<Target>,
) -> Row {
    Row { name, says, durability, targets, workload: Box::new(workload) }
}

/// A closed loop in `os` mode, acks=1, on one partition.
const fn produce(shape: ProduceShape, connections: u32, in_flight: usize) -> Produce {
    Produce {
        sides: ALL,
        shape,
        connections,
        in_flight,
        partitions: 1,
        durability: Durability::Os,
        time: Duration::from_secs(8),
        bytes_max: 2 * GIB,
    }
}

/// A closed loop of synced writes, acks=all, on four partitions.
const fn synced(sides: &'static [Side], shape: ProduceShape, connections: u32) -> Produce {
    Produce {
        sides,
        partitions: 4,
        durability: Durability::Synced,
        time: Duration::from_secs(10),
        ..produce(shape, connections, 1)
    }
}

/// All rows, in the order of the table.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(produce_rows());
    rows.extend(synced_rows());
    rows.extend(latency_rows());
    rows.extend(reading_rows());
    rows.extend(client_rows());
    rows.extend(whole_broker_rows());
    rows.extend(partition_rows());
    rows
}

/// How a target reads.
pub fn target_text(target: &Target) -> String {
    format!("{}: {}", target.says, target.bound)
}

fn produce_rows() -> Vec<Row> {
    let large = || {
        vec![
            than("rate / floor", "mb_per_s", Floor, AtLeast(0.7)),
            than("rate / Kafka", "mb_per_s", Kafka, AtLeast(2.0)),
            than("broker CPU per GB / floor", "cpu_s_per_gb", Floor, AtMost(1.4)),
            than("broker CPU per GB / Kafka", "cpu_s_per_gb", Kafka, AtMost(0.5)),
        ]
    };
    let middle = vec![
        than("rate / floor", "mb_per_s", Floor, AtLeast(0.8)),
        than("rate / Kafka", "mb_per_s", Kafka, AtLeast(2.0)),
        than("broker CPU per GB / floor", "cpu_s_per_gb", Floor, AtMost(1.3)),
        than("broker CPU per GB / Kafka", "cpu_s_per_gb", Kafka, AtMost(0.45)),
    ];
    let single = || {
        vec![
            than("rate / floor", "requests_per_s", Floor, AtLeast(0.9)),
            than("rate / Kafka", "requests_per_s", Kafka, AtLeast(2.2)),
            than("broker CPU per request / floor", "cpu_us_per_request", Floor, AtMost(1.1)),
            than("broker CPU per request / Kafka", "cpu_us_per_request", Kafka, AtMost(0.4)),
        ]
    };
    let one = ProduceShape { record_bytes: 1024, records: 1, acks: 1 };
    vec![
        row(
            "produce-900k-1k",
            "produce acks=1, 900 KiB requests of 1 KiB records, one connection, 4 in flight",
            "os",
            produce(ProduceShape::filled(LARGE, 1024, 1), 1, 4),
            large(),
        ),
        row(
            "produce-900k-100b",
            "produce acks=1, 900 KiB requests of 100 B records, one connection, 4 in flight",
            "os",
            produce(ProduceShape::filled(LARGE, 100, 1), 1, 4),
            large(),
        ),
        row(
            "produce-64k",
            "produce acks=1, 64 KiB requests of 1 KiB records, one connection, 8 in flight",
            "os",
            produce(ProduceShape::filled(64 << 10, 1024, 1), 1, 8),
            middle,
        ),
        row(
            "single-16",
            "produce acks=1, one 1 KiB record a request, 16 connections, one in flight each",
            "os",
            produce(one, 16, 1),
            single(),
        ),
        row(
            "single-64",
            "produce acks=1, one 1 KiB record a request, 64 connections, one in flight each",
            "os",
            produce(one, 64, 1),
            single(),
        ),
    ]
}

fn synced_rows() -> Vec<Row> {
    let one = ProduceShape { record_bytes: 1024, records: 1, acks: -1 };
    let many = ProduceShape::filled(64 << 10, 1024, -1);
    let with_os = &[Floor, Kafka, Highwater, HighwaterOs];
    vec![
        row(
            "synced-1k-16",
            "produce acks=all, one 1 KiB record a request, 16 connections, 4 partitions",
            "synced",
            synced(ALL, one, 16),
            vec![
                than("rate / floor that syncs each append", "requests_per_s", Floor, AtLeast(1.5)),
                than("rate / Kafka", "requests_per_s", Kafka, AtLeast(5.0)),
                than("99 % / Kafka", "p99_us", Kafka, AtMost(0.3)),
            ],
        ),
        row(
            "synced-64k-4",
            "produce acks=all, 64 KiB requests of 1 KiB records, 4 connections, 4 partitions",
            "synced",
            synced(with_os, many, 4),
            vec![
                than("rate / floor that syncs each append", "mb_per_s", Floor, AtLeast(1.0)),
                than("rate / Kafka", "mb_per_s", Kafka, AtLeast(1.8)),
                than("rate / our own `os` mode", "mb_per_s", HighwaterOs, AtLeast(0.6)),
            ],
        ),
    ]
}

fn latency_rows() -> Vec<Row> {
    let one = ProduceShape { record_bytes: 1024, records: 1, acks: 1 };
    let idle = Ack {
        produce: produce(one, 1, 1),
        rate: Rate::PerSecond(1_000.0),
        time: Duration::from_secs(45),
    };
    let loaded = |produce: Produce| Ack {
        produce: Produce { sides: BROKERS, ..produce },
        rate: Rate::HalfOfKafka,
        time: Duration::from_secs(60),
    };
    let synced_one = ProduceShape { acks: -1, ..one };
    let loaded_targets = || {
        vec![
            than("99 % / Kafka", "p99_us", Kafka, AtMost(0.2)),
            than("99.9 % / Kafka", "p999_us", Kafka, AtMost(0.1)),
        ]
    };
    vec![
        row(
            "ack-idle",
            "answer to one 1 KiB record, acks=1, 1,000 a second from the intended send time",
            "os",
            idle,
            vec![
                than("median / floor", "p50_us", Floor, AtMost(1.3)),
                than("99 % / floor", "p99_us", Floor, AtMost(1.5)),
                than("99.9 % / floor", "p999_us", Floor, AtMost(1.5)),
                than("99.9 % / Kafka", "p999_us", Kafka, AtMost(0.5)),
            ],
        ),
        row(
            "ack-loaded-os",
            "answer to one 1 KiB record, acks=1, 16 connections, half of Kafka's maximum",
            "os",
            loaded(produce(one, 16, 1)),
            loaded_targets(),
        ),
        row(
            "ack-loaded-synced",
            "answer to one 1 KiB record, acks=all, 16 connections, 4 partitions, half of Kafka's maximum",
            "synced",
            loaded(synced(BROKERS, synced_one, 16)),
            loaded_targets(),
        ),
    ]
}

fn reading_rows() -> Vec<Row> {
    let tail = |durability| Tail { rate_per_s: 1_000.0, durability, time: Duration::from_secs(60) };
    let tail_targets = |tail| {
        vec![
            than("median / Kafka", "tail_p50_us", Kafka, AtMost(0.5)),
            than("99 % / Kafka", "tail_p99_us", Kafka, AtMost(tail)),
        ]
    };
    vec![
        row(
            "fetch-cached",
            "catch-up fetch of 1 KiB records in 64 KiB batches from the page cache, 1 MiB an answer",
            "any",
            Fetch::new(GIB, 4),
            vec![
                than("rate / pread and send", "mb_per_s", Floor, AtLeast(0.8)),
                than("rate / Kafka", "mb_per_s", Kafka, AtLeast(1.5)),
                than("broker CPU per GB / Kafka", "cpu_s_per_gb", Kafka, AtMost(0.5)),
            ],
        ),
        row(
            "tail-raw",
            "produce to a waiting consumer, 1,000 records of 1 KiB a second, raw client",
            "os",
            tail(Durability::Os),
            tail_targets(0.2),
        ),
        row(
            "tail-raw-synced",
            "produce to a waiting consumer, 1,000 records of 1 KiB a second, raw client, acks=all",
            "synced",
            tail(Durability::Synced),
            tail_targets(0.3),
        ),
    ]
}

fn client_rows() -> Vec<Row> {
    let tail =
        |durability| ClientTail { rate_per_s: 10_000, durability, time: Duration::from_secs(60) };
    let tail_targets = |tail| {
        vec![
            than("median / Kafka", "tail_p50_us", Kafka, AtMost(0.5)),
            than("99 % / Kafka", "tail_p99_us", Kafka, AtMost(tail)),
        ]
    };
    vec![
        row(
            "librdkafka-100b",
            "100 B records, acks=1, as fast as librdkafka sends",
            "os",
            ClientProduce { records: 8_000_000, record_bytes: 100 },
            vec![
                than("rate / librdkafka's mock cluster", "records_per_s", Mock, AtLeast(0.9)),
                plain("broker CPU per record, us", "cpu_us_per_record", AtMost(0.08)),
            ],
        ),
        row(
            "tail-librdkafka",
            "produce to a waiting consumer, 10,000 records of 1 KiB a second, librdkafka",
            "os",
            tail(Durability::Os),
            tail_targets(0.2),
        ),
        row(
            "tail-librdkafka-synced",
            "produce to a waiting consumer, 10,000 records of 1 KiB a second, librdkafka, acks=all",
            "synced",
            tail(Durability::Synced),
            tail_targets(0.3),
        ),
        row(
            "java-perf-test",
            "kafka-producer-perf-test, 1 KiB records, batch.size 64 KiB, 4 partitions; no target",
            "os",
            External { client: Client::Java, records: 2_000_000 },
            Vec::new(),
        ),
        row(
            "confluent-python",
            "confluent-kafka for Python, 1 KiB records, batch.size 64 KiB, 4 partitions; no target",
            "os",
            External { client: Client::Python, records: 2_000_000 },
            Vec::new(),
        ),
    ]
}

fn whole_broker_rows() -> Vec<Row> {
    vec![
        row(
            "memory",
            "resident memory, each 15 s after the last change",
            "default",
            Memory { partitions: 1_000, connections: 5_000 },
            vec![
                plain("idle, MB", "idle_mb", AtMost(15.0)),
                plain("1,000 partitions, MB", "partitions_mb", AtMost(40.0)),
                plain("5,000 connections, MB", "connections_mb", AtMost(100.0)),
            ],
        ),
        row(
            "start",
            "process start to first accepted produce, acks=all, median of 5 starts a round",
            "default",
            Start::new(10_000, 5),
            vec![
                plain("empty directory, ms", "empty_ms", AtMost(25.0)),
                plain("10,000 partitions, ms", "partitions_ms", AtMost(300.0)),
            ],
        ),
        row(
            "recovery",
            "kill -9 with 100 partitions dirty, then process start to first accepted produce",
            "default",
            Recovery::new(100, &[1, 10, 20]),
            recovery_targets(),
        ),
        row(
            "cold-reader",
            "tail consumer, 1,000 a second, beside a reader of 4 GiB from the disk",
            "os",
            ColdReader::new(4 * GIB, 1_000.0, Duration::from_secs(30)),
            vec![Target {
                says: "99 % / undisturbed",
                figure: "beside_tail_p99_us",
                side: Highwater,
                against: Some((Highwater, "quiet_tail_p99_us")),
                bound: AtMost(2.0),
            }],
        ),
    ]
}

fn partition_rows() -> Vec<Row> {
    let few = ProduceShape::filled(64 << 10, 1024, 1);
    let many_os = Produce { sides: &[Highwater], ..produce(few, 4, 8) };
    let all_acks = ProduceShape::filled(64 << 10, 1024, -1);
    let many_synced = Produce { sides: &[Highwater], ..synced(BROKERS, all_acks, 16) };
    let partition_targets = || {
        let within = |says, figure, against, bound| Target {
            says,
            figure,
            side: Highwater,
            against: Some((Highwater, against)),
            bound,
        };
        vec![
            within("rate, 10,000 / 1", "many_mb_per_s", "one_mb_per_s", AtLeast(0.7)),
            within("CPU per GB, 10,000 / 1", "many_cpu_s_per_gb", "one_cpu_s_per_gb", AtMost(2.0)),
        ]
    };
    vec![
        row(
            "partitions",
            "64 KiB requests, acks=1, 4 connections, 8 in flight: 10,000 partitions beside one",
            "os",
            Partitions { load: many_os, many: 10_000 },
            partition_targets(),
        ),
        row(
            "partitions-synced",
            "64 KiB requests, acks=all, 16 connections: 10,000 partitions beside one",
            "synced",
            Partitions { load: many_synced, many: 10_000 },
            partition_targets(),
        ),
    ]
}

fn recovery_targets() -> Vec<Target> {
    let flat = |says, figure| Target {
        says,
        figure,
        side: Highwater,
        against: Some((Highwater, "first_produce_ms_at_1_gib")),
        bound: AtMost(1.5),
    };
    vec![
        plain("first produce at 1 GiB, ms", "first_produce_ms_at_1_gib", AtMost(300.0)),
        plain("first produce at 10 GiB, ms", "first_produce_ms_at_10_gib", AtMost(300.0)),
        plain("first produce at 20 GiB, ms", "first_produce_ms_at_20_gib", AtMost(300.0)),
        flat("first produce, 20 GiB / 1 GiB", "first_produce_ms_at_20_gib"),
        plain("every partition right at 20 GiB, ms", "all_right_ms_at_20_gib", AtMost(1_000.0)),
        plain("read by then at 20 GiB, MB", "read_mb_at_20_gib", AtMost(67.1)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_runs_the_sides_that_its_targets_compare() {
        let rows = rows();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows.len());
        for row in &rows {
            let sides = row.workload.sides();
            for target in &row.targets {
                let compared = target.against.map(|(side, _)| side);
                for side in [Some(target.side), compared].into_iter().flatten() {
                    assert!(sides.contains(&side), "{}: {} needs {side}", row.name, target.says);
                }
            }
        }
    }
}
