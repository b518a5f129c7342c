//! A process with few file descriptors, many partitions and more clients than it can hold.

use anyhow::Result;
use highwater_tests::honest::{create_topic, fetch, produce};
use highwater_tests::{Highwater, RawClient};

const PARTITIONS: i32 = 150;
const CLIENTS: usize = 400;

/// What a client asks of its partitions is done, however many descriptors others would like to have.
#[test]
fn few_descriptors_cost_strangers_their_connection_and_nobody_an_error() {
    for limit in [128, 256] {
        let directory = tempfile::tempdir().unwrap();
        // Nothing is answered from memory.
        let overrides = ["highwater.tail.cache.bytes=0", "max.connection.creation.rate=100000"];
        let broker = Highwater::serve_limited(directory.path(), &overrides, limit).unwrap();
        let mut client = RawClient::connect(broker.address()).unwrap();
        create_topic(&mut client, "synced", PARTITIONS, &[]).unwrap();
        // Without syncs of their own, files with bytes that are not synced would stay open.
        let os = [("highwater.durability", "os"), ("segment.bytes", "1048576")];
        create_topic(&mut client, "unsynced", PARTITIONS, &os).unwrap();
        use_all(&mut client, 0).unwrap();
        // Those that find no place are reset sooner or later.
        let strangers = (0..CLIENTS).map(|_| RawClient::connect(broker.address()));
        let strangers: Vec<Result<RawClient>> = strangers.collect();
        assert!(strangers.iter().any(Result::is_ok));
        for round in 1..4 {
            use_all(&mut client, round).unwrap_or_else(|error| panic!("{limit}: {error:#}"));
        }
        drop(strangers);
    }
}

/// Writes to every partition and reads it back.
fn use_all(client: &mut RawClient, round: i64) -> Result<()> {
    for topic in ["synced", "unsynced"] {
        for partition in 0..PARTITIONS {
            let value = format!("{topic} {partition} {round} {}", "x".repeat(5000));
            let acks = if round % 2 == 0 { -1 } else { 1 };
            let offset = produce(client, topic, partition, acks, &[value.as_bytes()])?;
            anyhow::ensure!(offset == round, "{topic} {partition}: {offset} in round {round}");
        }
        for partition in 0..PARTITIONS {
            let bytes = fetch(client, topic, partition, 0)?;
            let value = format!("{topic} {partition} 0 ");
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            anyhow::ensure!(found, "{topic} {partition}: not what was written");
        }
    }
    Ok(())
}
