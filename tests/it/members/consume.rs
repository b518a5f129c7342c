//! `consume --group` as a process: who reads its output is slow or gone, somebody ends it, its
//! broker is gone, or it can never be a member.

use std::io::Read;
use std::process::{Child, ChildStdout};
use std::thread;

use super::*;

/// More than a pipe holds: 1,500 kB.
const COUNT: i32 = 3000;
const RECORD_BYTES: usize = 500;
/// What may be in the pipe and in our reader's buffer, in records.
const IN_PIPE_MAX: i64 = (64 * 1024 + 8 * 1024) / 500 + 1;

/// A running `consume --group`; killed when dropped.
struct Consume {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Consume {
    fn start(broker: &Highwater, more: &[&str]) -> Self {
        let mut command = Command::new(highwater_binary().unwrap());
        command.args(["consume", TOPIC, "--group", GROUP, "--from-beginning"]).args(more);
        command.args(["--brokers", &broker.address().to_string()]).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines }
    }

    /// The next `count` numbers.
    fn read(&mut self, count: usize) -> Vec<i32> {
        let lines = self.lines.as_mut().unwrap().lines().take(count);
        let numbers: Vec<i32> = lines.map(|line| line.unwrap().trim().parse().unwrap()).collect();
        assert_eq!(numbers.len(), count);
        numbers
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for the end; the exit code, the numbers that were not read yet and standard error.
    fn end(mut self) -> (Option<i32>, Vec<i32>, String) {
        let mut rest = String::new();
        if let Some(mut lines) = self.lines.take() {
            lines.read_to_string(&mut rest).unwrap();
        }
        self.end_unread(&rest)
    }

    fn end_unread(&mut self, rest: &str) -> (Option<i32>, Vec<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let code = self.child.wait().unwrap().code();
        // A piece may have been cut off.
        let whole = rest.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let numbers = whole.filter_map(|line| line.trim().parse().ok()).collect();
        (code, numbers, said)
    }
}

impl Drop for Consume {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks again and again until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

async fn produce_large(broker: &Highwater) {
    let producer = Producer::builder(&broker.address().to_string()).build().unwrap();
    let mut deliveries = Vec::new();
    for number in 0..COUNT {
        let value = format!("{number:RECORD_BYTES$}");
        let record = ProducerRecord::new(topic()).partition(number % PARTITIONS).value(value);
        deliveries.push(producer.send(record).await.unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
}

/// How many records the group has committed; 0 as long as it is not there.
fn committed(broker: &Highwater) -> i64 {
    let output = run(broker, &["group", "describe", GROUP, "--output", "json"]);
    let Ok(group) = serde_json::from_slice::<Value>(&output.stdout) else { return 0 };
    let partitions = group["partitions"].as_array().unwrap().iter();
    partitions.map(|it| it["committed"].as_i64().unwrap_or_default()).sum()
}

fn member_ids(broker: &Highwater) -> Vec<String> {
    let output = run(broker, &["group", "members", GROUP, "--output", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let members = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    members.map(|it| it["member"].as_str().unwrap().to_owned()).collect()
}

/// Whether the only member has all partitions.
fn is_whole(broker: &Highwater) -> bool {
    let output = run(broker, &["group", "members", GROUP, "--output", "json"]);
    let member: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let assigned = member.and_then(|it| it["assignment"].as_array().map(Vec::len));
    assigned == Some(usize::try_from(PARTITIONS).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_keeps_its_member_in_the_group_and_only_what_it_took_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let session = Duration::from_secs(6);
    let broker = broker_with(
        directory.path(),
        &["group.consumer.min.session.timeout.ms=6000", "group.consumer.session.timeout.ms=6000"],
    );
    produce_large(&broker).await;
    let mut consume = Consume::start(&broker, &["--exit-at-end"]);
    let mut seen = consume.read(500);
    let began = Instant::now();
    let ids = member_ids(&broker);
    assert_eq!(ids.len(), 1);
    wait_until("nothing is committed", || committed(&broker) >= 500);
    assert!(committed(&broker) <= 500 + IN_PIPE_MAX, "more is committed than was written");
    wait_until("a session passes", || began.elapsed() > session * 3 / 2);
    assert_eq!(member_ids(&broker), ids, "the member was fenced");
    let (code, rest, said) = consume.end();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    seen.extend(rest);
    seen.sort_unstable();
    assert!(seen == Vec::from_iter(0..COUNT), "{} records, not each once", seen.len());
    assert_eq!(committed(&broker), i64::from(COUNT));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_while_nobody_takes_the_output_ends_and_commits_what_was_taken() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce_large(&broker).await;
    let mut consume = Consume::start(&broker, &[]);
    let mut seen = consume.read(10);
    consume.signal("-INT");
    wait_until("it does not end", || consume.child.try_wait().unwrap().is_some());
    let (code, rest, said) = consume.end();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    seen.extend(rest);
    let first = committed(&broker);
    assert!(first <= i64::try_from(seen.len()).unwrap(), "{first} of {} seen", seen.len());
    assert_eq!(member_ids(&broker), Vec::<String>::new(), "the group was not left");
    // The next one brings the rest.
    let (code, rest, _) = Consume::start(&broker, &["--exit-at-end"]).end();
    assert_eq!((code, i64::try_from(rest.len()).unwrap()), (Some(0), i64::from(COUNT) - first));
    seen.extend(rest);
    assert_eq!(BTreeSet::from_iter(seen), BTreeSet::from_iter(0..COUNT));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_member_that_waits_and_leaves_the_group() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..40).await;
    for signal in ["-INT", "-TERM"] {
        let mut consume = Consume::start(&broker, &[]);
        if signal == "-INT" {
            consume.read(40);
        }
        wait_until("it does not get its partitions", || is_whole(&broker));
        consume.signal(signal);
        let (code, rest, said) = consume.end();
        assert_eq!((code, rest, said.as_str()), (Some(0), Vec::new(), ""));
        assert_eq!(member_ids(&broker), Vec::<String>::new());
    }
    assert_eq!(described(&broker, "lag"), [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_at_once_what_waits_for_a_broker_that_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = broker(directory.path());
    produce(&broker, 0..40).await;
    let mut consume = Consume::start(&broker, &[]);
    consume.read(40);
    broker.process().kill().unwrap();
    // Signals that come together count as one.
    wait_until("it does not end", || {
        let is_over = consume.child.try_wait().unwrap().is_some();
        if !is_over {
            consume.signal("-TERM");
        }
        is_over
    });
    let (code, _, said) = consume.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("stopped before the group was left"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_that_went_away_ends_it_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce_large(&broker).await;
    let mut consume = Consume::start(&broker, &[]);
    consume.read(1);
    consume.lines = None;
    let (code, _, said) = consume.end_unread("");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(committed(&broker) < i64::from(COUNT));
    assert_eq!(member_ids(&broker), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_cannot_be_written_is_an_error_and_nothing_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    produce(&broker, 0..40).await;
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(highwater_binary().unwrap());
    command.args(["consume", TOPIC, "--group", GROUP, "--from-beginning", "--brokers"]);
    command.arg(broker.address().to_string()).stdout(full).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(committed(&broker), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_without_a_partition_ends_at_the_end_of_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    let mut others: Vec<_> = (0..PARTITIONS).map(|_| Consume::start(&broker, &[])).collect();
    wait_until("the others do not join", || member_ids(&broker).len() == others.len());
    let (code, rest, said) = Consume::start(&broker, &["--exit-at-end"]).end();
    assert_eq!((code, rest), (Some(0), Vec::new()), "{said}");
    assert!(said.contains("no partition for this member"), "{said}");
    others.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn group_that_nobody_can_join_is_refused_with_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    let group = "g".repeat(40_000);
    let output = run(&broker, &["consume", TOPIC, "--group", &group]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"error: "), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_is_deleted_under_a_member_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker(directory.path());
    let mut consume = Consume::start(&broker, &[]);
    wait_until("it does not get its partitions", || is_whole(&broker));
    let mut said = BufReader::new(consume.child.stderr.take().unwrap());
    told(&broker, &["topic", "delete", TOPIC]);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("no such topic") && line.contains(TOPIC), "{line}");
    consume.signal("-INT");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
