//! The members of our own client, and the verbs of the command, against a real broker.

mod consume;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use highwater_consumer::{Consumer, ConsumerRecord, OffsetReset};
use highwater_producer::{Producer, ProducerRecord};
use highwater_records::{Timestamp, TopicName, TopicPartition};
use highwater_tests::groups::coordinator;
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient, highwater_binary};
use serde_json::Value;

const TOPIC: &str = "orders";
const GROUP: &str = "readers";
const PARTITIONS: i32 = 4;
/// How long anything here may take.
const LONG: Duration = Duration::from_secs(60);

/// A broker with the topic, whose members hear from it often.
fn broker(directory: &Path) -> Highwater {
    broker_with(directory, &[])
}

fn broker_with(directory: &Path, more: &[&str]) -> Highwater {
    let overrides = [
        "group.consumer.heartbeat.interval.ms=300",
        "group.consumer.min.heartbeat.interval.ms=100",
        "group.consumer.assignment.interval.ms=0",
    ];
    let overrides = [&overrides[..], more].concat();
    let broker = Highwater::serve(directory, &overrides).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    create_topic(&mut client, TOPIC, PARTITIONS, &[]).unwrap();
    coordinator(&mut client, GROUP).unwrap();
    broker
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_millis()).unwrap()
}

fn topic() -> TopicName {
    TOPIC.parse().unwrap()
}

/// Writes `numbers`, each to the partition that it leaves as a remainder.
async fn produce(broker: &Highwater, numbers: std::ops::Range<i32>) {
    let producer = Producer::builder(&broker.address().to_string()).build().unwrap();
    let mut deliveries = Vec::new();
    for number in numbers {
        let record =
            ProducerRecord::new(topic()).partition(number % PARTITIONS).value(number.to_string());
        deliveries.push(producer.send(record).await.unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
}

fn member(broker: &Highwater) -> Consumer {
    let mut consumer = Consumer::builder(&broker.address().to_string())
        .group_id(GROUP)
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .unwrap();
    consumer.subscribe([topic()]).unwrap();
    consumer
}

fn number(record: &ConsumerRecord) -> i32 {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

/// Polls all members in turn until `is_done`, and notes what each number was read by.
async fn poll_until(
    members: &mut [Consumer],
    seen: &mut BTreeMap<i32, u32>,
    mut is_done: impl FnMut(&[Consumer], &BTreeMap<i32, u32>) -> bool,
) {
    let deadline = Instant::now() + LONG;
    while !is_done(members, seen) {
        assert!(Instant::now() < deadline, "it did not come true: {} seen", seen.len());
        for member in members.iter_mut() {
            for record in member.poll(Duration::from_millis(20)).await.unwrap() {
                *seen.entry(number(&record)).or_default() += 1;
            }
        }
    }
}

/// Whether every partition is read by exactly one member, and each member reads some.
fn is_shared(members: &[Consumer]) -> bool {
    let all: Vec<&TopicPartition> = members.iter().flat_map(Consumer::assignment).collect();
    let each = BTreeSet::from_iter(all.iter().copied());
    all.len() == each.len()
        && each.len() == usize::try_from(PARTITIONS).unwrap()
        && members.iter().all(|member| member.is_settled() && member.assignment().count() > 0)
}

fn run(broker: &Highwater, arguments: &[&str]) -> Output {
    let mut command = Command::new(highwater_binary().unwrap());
    let broker = broker.address().to_string();
    command.args(arguments).args(["--brokers", &broker]).stdin(Stdio::null()).output().unwrap()
}

/// What a verb says in JSON; it must succeed.
fn told(broker: &Highwater, arguments: &[&str]) -> Vec<Value> {
    let output = run(broker, &[arguments, &["--output", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A field of each partition that `describe` shows, in order.
fn described(broker: &Highwater, field: &str) -> Vec<Value> {
    let group = told(broker, &["group", "describe", GROUP]).remove(0);
    group["partitions"].as_array().unwrap().iter().map(|it| it[field].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_read_every_record_once() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..400).await;
    let mut seen = BTreeMap::new();
    let mut members = vec![member(&broker)];
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 400).await;
    members.push(member(&broker));
    poll_until(&mut members, &mut seen, |members, _| is_shared(members)).await;
    produce(&broker, 400..800).await;
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 800).await;
    members.remove(0).close().await.unwrap();
    poll_until(&mut members, &mut seen, |members, _| is_shared(members)).await;
    produce(&broker, 800..1200).await;
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 1200).await;
    members.remove(0).close().await.unwrap();
    // Nobody crashed, so nothing was repeated: what moved had been committed before.
    assert_eq!(seen.values().filter(|count| **count > 1).count(), 0);
    assert_eq!(described(&broker, "committed"), [300, 300, 300, 300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_whose_broker_was_killed_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = broker(directory.path());
    let address = broker.address().to_string();
    produce(&broker, 0..200).await;
    let (mut members, mut seen) = (vec![member(&broker)], BTreeMap::new());
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 200).await;
    members[0].commit().await.unwrap();
    broker.process().kill().unwrap();
    let broker = Highwater::serve_at(directory.path(), &address, &[]).unwrap();
    produce(&broker, 200..400).await;
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 400).await;
    members.remove(0).close().await.unwrap();
    assert_eq!(seen.values().filter(|count| **count > 1).count(), 0);
    assert_eq!(described(&broker, "lag"), [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_is_fenced_joins_again_and_skips_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..40).await;
    let (mut members, mut seen) = (vec![member(&broker)], BTreeMap::new());
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 40).await;
    // Somebody says in its name that it goes.
    let id = told(&broker, &["group", "members", GROUP])[0]["member"].as_str().unwrap().to_owned();
    let request =
        highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
            group_id: GROUP.into(),
            member_id: id.into(),
            member_epoch: -1,
            ..Default::default()
        };
    let mut client = RawClient::connect(broker.address()).unwrap();
    assert!(client.call(1, &request).unwrap().error_code.is_none());
    produce(&broker, 40..80).await;
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 80).await;
    poll_until(&mut members, &mut seen, |members, _| is_shared(members)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consume_as_a_member_commits_what_it_wrote_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..100).await;
    let consume = |more: &[&str]| -> BTreeSet<i32> {
        let from = ["consume", TOPIC, "--group", GROUP, "--from-beginning"];
        let output = run(&broker, &[&from[..], more].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    let first = consume(&["--max", "10"]);
    assert_eq!(first.len(), 10);
    let rest = consume(&["--exit-at-end"]);
    assert_eq!(rest.len(), 90);
    assert!(first.is_disjoint(&rest), "{first:?} {rest:?}");
    assert_eq!(described(&broker, "lag"), [0, 0, 0, 0]);
    assert_eq!(described(&broker, "lag_seconds"), [0.0, 0.0, 0.0, 0.0]);
}

/// Records that came three seconds ago and that the group has not read. Their own timestamps are off by an hour.
struct Lagging {
    began: Instant,
    appended: Instant,
}

impl Lagging {
    async fn on(broker: &Highwater) -> Self {
        let producer = Producer::builder(&broker.address().to_string()).build().unwrap();
        let began = Instant::now();
        for (partition, off) in [(0, -3_600_000), (1, 3_600_000), (2, 0)] {
            let time = Timestamp::new(now_ms() + off);
            let record =
                ProducerRecord::new(topic()).partition(partition).timestamp(time).value("v");
            producer.send(record).await.unwrap().await.unwrap();
        }
        let appended = Instant::now();
        told(broker, &["group", "reset", GROUP, "--topic", TOPIC, "--to-earliest", "--execute"]);
        let lag = || described(broker, "lag_seconds")[0].as_f64().unwrap();
        while lag() < 3.0 {
            assert!(began.elapsed() < LONG, "the lag does not grow");
        }
        Self { began, appended }
    }

    /// The command says how long they have been there, and of the empty partition zero.
    fn check(&self, broker: &Highwater, case: &str) {
        let least = self.appended.elapsed().as_secs_f64();
        let seconds = described(broker, "lag_seconds");
        let most = self.began.elapsed().as_secs_f64();
        for told in &seconds[..3] {
            let told = told.as_f64().unwrap();
            let is_near = told >= least - 1.0 && told <= most + 1.0;
            assert!(is_near, "{case}: {told}, not {least} to {most}");
        }
        assert_eq!(seconds[3], 0.0, "{case}");
    }
}

/// The time that records say they are from is the client's; what a restart forgets would make a lag look short.
#[tokio::test(flavor = "multi_thread")]
async fn lag_in_seconds_is_by_the_brokers_clock_also_after_a_restart_and_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = broker(directory.path());
    let address = broker.address().to_string();
    let lagging = Lagging::on(&broker).await;
    lagging.check(&broker, "at first");
    broker.process().kill().unwrap();
    let mut broker = Highwater::serve_at(directory.path(), &address, &[]).unwrap();
    lagging.check(&broker, "after kill -9");
    assert!(broker.process().terminate().unwrap().success());
    let broker = Highwater::serve_at(directory.path(), &address, &[]).unwrap();
    lagging.check(&broker, "after a restart");
}

/// What was there before anybody noted when it came: a directory of Kafka, or of an earlier version.
#[tokio::test(flavor = "multi_thread")]
async fn lag_in_seconds_of_what_nobody_noted_is_by_the_times_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = broker(directory.path());
    let address = broker.address().to_string();
    let lagging = Lagging::on(&broker).await;
    broker.process().kill().unwrap();
    std::fs::remove_file(directory.path().join("highwater-append-times")).unwrap();
    let broker = Highwater::serve_at(directory.path(), &address, &[]).unwrap();
    lagging.check(&broker, "without the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_changes_nothing_without_execute_and_refuses_a_group_with_members() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..40).await;
    let reset = |more: &[&str]| told(&broker, &[&["group", "reset", GROUP][..], more].concat());
    // A group that is not there yet: the topic must be named.
    assert!(!run(&broker, &["group", "reset", GROUP, "--to-latest"]).status.success());
    reset(&["--topic", TOPIC, "--to-latest", "--execute"]);
    let planned = reset(&["--to-earliest"]).remove(0);
    assert_eq!(planned["executed"], false);
    assert_eq!(planned["partitions"][0]["new"], 0);
    assert_eq!(described(&broker, "committed"), [10, 10, 10, 10]);
    reset(&["--shift-by", "-3", "--execute"]);
    reset(&["--topic", "orders:1,2", "--to-offset", "99", "--execute"]);
    assert_eq!(described(&broker, "committed"), [7, 10, 10, 7]);
    assert_eq!(described(&broker, "lag"), [3, 0, 0, 3]);
    let seconds = described(&broker, "lag_seconds");
    assert!(seconds[0].as_f64().unwrap() > 0.0 && seconds[1] == 0.0, "{seconds:?}");
    // What is exported is what is read back.
    let exported = run(&broker, &["group", "reset", GROUP, "--to-current", "--export"]);
    let file = directory.path().join("offsets.csv");
    std::fs::write(&file, &exported.stdout).unwrap();
    reset(&["--to-time", "1970-01-01T00:00:00Z", "--execute"]);
    assert_eq!(described(&broker, "committed"), [0, 0, 0, 0]);
    reset(&["--from-file", file.to_str().unwrap(), "--execute"]);
    assert_eq!(described(&broker, "committed"), [7, 10, 10, 7]);
    let (mut members, mut seen) = (vec![member(&broker)], BTreeMap::new());
    poll_until(&mut members, &mut seen, |_, seen| seen.len() == 6).await;
    for refused in [&["reset", GROUP, "--to-earliest", "--execute"][..], &["delete", GROUP]] {
        let output = run(&broker, &[&["group"], refused].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("stop them first"), "{text}");
    }
    members.remove(0).close().await.unwrap();
    told(&broker, &["group", "delete", GROUP]);
    assert_eq!(told(&broker, &["group", "list"]), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_by_time_goes_to_the_first_record_that_is_as_new() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    let producer = Producer::builder(&broker.address().to_string()).build().unwrap();
    const MINUTE: i64 = 60_000;
    let now = now_ms();
    for age in [120 * MINUTE, 60 * MINUTE, 30 * MINUTE, 0] {
        let record = ProducerRecord::new(topic()).partition(1).timestamp(Timestamp::new(now - age));
        producer.send(record.value("v")).await.unwrap().await.unwrap();
    }
    let reset = |to: &[&str]| {
        let all = ["group", "reset", GROUP, "--topic", "orders:1", "--execute"];
        told(&broker, &[&all[..], to].concat());
        described(&broker, "committed")
    };
    assert_eq!(reset(&["--by-duration", "45m"]), [2]);
    assert_eq!(reset(&["--by-duration", "PT1H30M"]), [1]);
    assert_eq!(reset(&["--by-duration", "1d"]), [0]);
    assert_eq!(reset(&["--to-time", &(now - 30 * MINUTE).to_string()]), [2]);
    assert_eq!(reset(&["--to-time", &(now - 30 * MINUTE + 1).to_string()]), [3]);
    assert_eq!(reset(&["--to-time", "2999-01-01T00:00:00Z"]), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_that_watches_shows_what_changes_and_outlives_its_broker() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = broker(directory.path());
    let address = broker.address().to_string();
    let mut command = Command::new(highwater_binary().unwrap());
    command.args(["group", "describe", "--watch=1", "--output", "json", "--brokers", &address]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "there are no groups");
    let mut until = |offset: i64| {
        let is_seen = |line: String| {
            let group: Value = serde_json::from_str(&line).unwrap();
            group["partitions"][0]["committed"] == offset
        };
        assert!(shown.by_ref().any(|line| is_seen(line.unwrap())), "{offset} is not shown");
    };
    produce(&broker, 0..40).await;
    let reset = |to: &str| {
        run(&broker, &["group", "reset", GROUP, "--topic", TOPIC, "--to-offset", to, "--execute"])
    };
    assert!(reset("3").status.success());
    until(3);
    assert!(reset("7").status.success());
    until(7);
    broker.process().kill().unwrap();
    assert!(said.by_ref().any(|line| line.unwrap().starts_with("error: ")));
    let _broker = Highwater::serve_at(directory.path(), &address, &[]).unwrap();
    until(7);
    watch.kill().unwrap();
    watch.wait().unwrap();
}

/// Whoever reaches the broker names groups.
#[tokio::test(flavor = "multi_thread")]
async fn name_that_a_terminal_would_obey_is_shown_and_takes_no_line_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    let hostile = "\u{1b}[2Jg\nstate        Stable\r";
    let long = "x".repeat(30_000);
    for name in [hostile, &long] {
        let reset = ["group", "reset", name, "--topic", TOPIC, "--to-latest", "--execute"];
        assert!(run(&broker, &reset).status.success());
    }
    let is_plain = |text: &[u8]| !text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n');
    let count = |text: &[u8], word: &str| {
        let text = std::str::from_utf8(text).unwrap();
        text.lines().filter(|line| line.starts_with(word)).count()
    };
    let described = run(&broker, &["group", "describe", hostile]).stdout;
    assert!(is_plain(&described));
    assert_eq!(count(&described, "state"), 1);
    let refused = run(&broker, &["group", "members", "\u{1b}[2Jnobody\nerror: x"]).stderr;
    assert!(is_plain(&refused));
    assert_eq!(count(&refused, "error"), 1);
    let listed = run(&broker, &["group", "list"]).stdout;
    assert!(is_plain(&listed));
    let longest = listed.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest < 200, "{longest}");
    assert!(told(&broker, &["group", "list"]).iter().any(|it| it["group"] == long));
}
