//! `highwater bench` as a process against the real broker.

use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use highwater_protocol::messages::metadata::{MetadataRequest, MetadataResponse};
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient, highwater_binary};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(60);

fn broker(directory: &tempfile::TempDir) -> Highwater {
    Highwater::serve(directory.path(), &["highwater.durability=os"]).unwrap()
}

fn command(brokers: &str, arguments: &str) -> Command {
    let mut command = Command::new(highwater_binary().unwrap());
    command.arg("bench").args(arguments.split_whitespace()).args(["--brokers", brokers]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it prints for programs.
fn bench(broker: &Highwater, arguments: &str) -> Value {
    let output = command(&broker.address().to_string(), arguments)
        .args(["--output", "json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn topics(broker: &Highwater) -> Vec<String> {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let mut client = RawClient::connect(broker.address()).unwrap();
    let response: MetadataResponse = client.call(9, &request).unwrap();
    response.topics.iter().filter_map(|it| Some(it.name.as_ref()?.to_string())).collect()
}

#[test]
fn bench_produce_counts_its_records_and_deletes_its_topic() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    let told = bench(&broker, "produce --records 5000 --record-bytes 100 --connections 2");
    assert_eq!(told["records"], 5000);
    assert!(told["latency_ms"]["p99.9"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["records_per_s"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(topics(&broker), Vec::<String>::new());
}

#[test]
fn bench_produce_at_a_rate_takes_the_time_that_its_records_are_due_in() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    let told = bench(&broker, "produce --rate 500 --records 251 --acks 1");
    assert_eq!(told["records"], 251);
    // The last is due half a second after the first, however fast the broker is.
    assert!(told["seconds"].as_f64().unwrap() >= 0.5, "{told}");
}

#[test]
fn bench_on_a_topic_keeps_it_and_reads_back_what_it_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    let mut client = RawClient::connect(broker.address()).unwrap();
    create_topic(&mut client, "mine", 3, &[]).unwrap();
    bench(&broker, "produce --topic mine --records 3000 --record-bytes 50 --compression lz4");
    let told = bench(&broker, "consume --topic mine --connections 2");
    assert_eq!((&told["records"], &told["bytes"]), (&3000.into(), &150_000.into()));
    assert_eq!(topics(&broker), ["mine"]);
}

#[test]
fn bench_latency_sees_every_record_acknowledged_and_consumed() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    for acks in ["1", "all"] {
        let told = bench(&broker, &format!("latency --rate 1000 --records 300 --acks {acks}"));
        assert_eq!(told["records"], 300);
        for until in ["acknowledged_ms", "consumed_ms"] {
            let (median, max) = (&told[until]["p50"], &told[until]["max"]);
            let (median, max) = (median.as_f64().unwrap(), max.as_f64().unwrap());
            assert!(median > 0.0 && median <= max, "{until}: {told}");
        }
    }
    assert_eq!(topics(&broker), Vec::<String>::new());
}

#[test]
fn bench_that_is_interrupted_reports_and_deletes_its_topic() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    let mut running = command(&broker.address().to_string(), "produce --duration 1h --rate 100");
    let mut running = Killed(running.args(["--output", "json"]).spawn().unwrap());
    let deadline = Instant::now() + LONG;
    while topics(&broker).is_empty() {
        assert!(Instant::now() < deadline, "no topic was made");
        thread::park_timeout(Duration::from_millis(20));
    }
    // Before it waits for signals one would end it at once; the first records are later than that.
    let data = directory.path().join(format!("{}-0", topics(&broker)[0]));
    while !has_records(&data) {
        assert!(Instant::now() < deadline, "no record was written");
        thread::park_timeout(Duration::from_millis(20));
    }
    let id = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
    assert_eq!(topics(&broker), Vec::<String>::new());
}

fn has_records(partition: &std::path::Path) -> bool {
    let log = partition.join("00000000000000000000.log");
    std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0)
}

/// A child that never outlives its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn bench_that_cannot_work_says_what_to_try() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(&directory);
    let address = broker.address().to_string();
    let check = |brokers: &str, arguments: &str, code: i32, expected: &str| {
        let output = command(brokers, arguments).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    };
    check("127.0.0.1:1", "produce", 1, "highwater serve");
    check(&address, "produce --topic missing", 1, "highwater topic list");
    check(&address, "latency --record-bytes 8", 2, "at least 16");
    check(&address, "latency --acks 0", 2, "use 1 or all");
    check(&address, "produce --duration 0s", 2, "longer than nothing");
    check(&address, "produce --rate 0", 2, "records a second");
}
