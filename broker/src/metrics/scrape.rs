//! All metrics as text, in the form that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_records::crc32c;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::lag::GroupsPicture;
use crate::broker::Broker;
use crate::net::budget::MemoryBudget;
use crate::partition::PartitionView;

/// The type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bytes of a name that a label shows whole.
const LABEL_BYTES_MAX: usize = 256;

/// Gathers everything. Asks the file system and takes locks: for a thread that may block.
pub(crate) fn text(broker: &Arc<Broker>) -> String {
    let mut registry = Registry::with_prefix("highwater");
    registry.register_collector(Box::new(Gathered(Arc::clone(broker))));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a string takes all that is written to it");
    text
}

/// What is gathered from a broker when it is asked for.
struct Gathered(Arc<Broker>);

impl fmt::Debug for Gathered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gathered")
    }
}

impl Collector for Gathered {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let broker = &*self.0;
        let series_max = broker.config.count("highwater.metrics.series.max");
        let mut sheet = Sheet { encoder };
        build(&mut sheet)?;
        requests(&mut sheet, broker)?;
        net(&mut sheet, broker)?;
        let topics_left_out = logs(&mut sheet, broker, series_max)?;
        let groups = GroupsPicture::take(broker, series_max);
        groups_of(&mut sheet, &groups)?;
        sheet.each(
            ("series_left_out", "Series past highwater.metrics.series.max that are not shown."),
            MetricType::Gauge,
            [
                ([("metric", "group_lag")], groups.left_out_count as f64),
                ([("metric", "topic_log_size_bytes")], topics_left_out as f64),
            ],
        )
    }
}

/// Where metrics are written.
struct Sheet<'a> {
    encoder: DescriptorEncoder<'a>,
}

/// Name and help.
type Title = (&'static str, &'static str);

impl Sheet<'_> {
    /// A metric with labels.
    fn each<L: EncodeLabelSet>(
        &mut self,
        (name, help): Title,
        kind: MetricType,
        series: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in series {
            let mut one = metric.encode_family(&labels)?;
            match kind {
                MetricType::Counter => one.encode_counter::<L, f64, f64>(&value, None)?,
                _ => one.encode_gauge(&value)?,
            }
        }
        Ok(())
    }

    fn gauge(&mut self, (name, help): Title, value: f64) -> fmt::Result {
        let kind = MetricType::Gauge;
        self.encoder.encode_descriptor(name, help, None, kind)?.encode_gauge(&value)
    }

    fn counter(&mut self, (name, help): Title, value: u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<[(&str, &str); 0], u64, f64>(&value, None)
    }
}

/// A name as a label: ids of groups are their clients' and may be long, so that the bound on series would be none on bytes. Of a
/// long one the start stands, and a number that tells it from others.
fn shortened(name: &str) -> String {
    if name.len() <= LABEL_BYTES_MAX {
        return name.to_owned();
    }
    let start = &name[..name.floor_char_boundary(LABEL_BYTES_MAX)];
    format!("{start}...{:08x}", crc32c(name.as_bytes()))
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn build(sheet: &mut Sheet<'_>) -> fmt::Result {
    sheet.each(
        ("build_info", "Version of the broker; always 1."),
        MetricType::Gauge,
        [([("version", env!("CARGO_PKG_VERSION"))], 1.0)],
    )
}

fn requests(sheet: &mut Sheet<'_>, broker: &Broker) -> fmt::Result {
    let apis = broker.metrics.picture();
    let by_error = apis.iter().flat_map(|api| {
        let one = |(error, count): &(&'static str, u64)| {
            ([("api", api.name), ("error", *error)], *count as f64)
        };
        api.by_error.iter().map(one)
    });
    sheet.each(
        ("requests", "Answers, by API and by the first error in them."),
        MetricType::Counter,
        by_error,
    )?;
    let mut metric = sheet.encoder.encode_descriptor(
        "request_duration_seconds",
        "From the arrival of a request to its answer, waits for data and for other replicas included.",
        None,
        MetricType::Histogram,
    )?;
    for api in &apis {
        let labels = [("api", api.name)];
        let picture = &api.latency;
        metric.encode_family(&labels)?.encode_histogram::<[(&str, &str); 0]>(
            picture.sum_seconds,
            picture.count,
            &picture.buckets,
            None,
        )?;
    }
    Ok(())
}

fn net(sheet: &mut Sheet<'_>, broker: &Broker) -> fmt::Result {
    let counters = &broker.net.counters;
    let panics = load(&counters.panics) + broker.workers.panic_count();
    sheet.counter(("received_bytes", "Bytes that came from clients."), load(&counters.bytes_in))?;
    sheet.counter(("sent_bytes", "Bytes that went to clients."), load(&counters.bytes_out))?;
    sheet.gauge(("connections", "Connections now."), load(&counters.connections_open) as f64)?;
    sheet.counter(
        ("connections_accepted", "Connections ever accepted."),
        load(&counters.connections_accepted),
    )?;
    sheet.counter(
        ("connections_refused", "Connections reset at accept by a limit."),
        load(&counters.connections_refused),
    )?;
    sheet.counter(
        ("connections_offended", "Connections closed because of what came on them, or did not."),
        load(&counters.connections_offended),
    )?;
    sheet.counter(("panics", "Panics; each is a bug."), panics)?;
    let budgets = [("requests", &broker.net.requests), ("responses", &broker.net.responses)];
    let of = |value: fn(&MemoryBudget) -> usize| {
        budgets.map(|(name, budget)| ([("budget", name)], value(budget) as f64))
    };
    let kind = MetricType::Gauge;
    let used = ("memory_budget_used_bytes", "Memory that requests and answers hold now.");
    sheet.each(used, kind, of(MemoryBudget::used_bytes))?;
    let limit = ("memory_budget_limit_bytes", "Memory at which sockets are not read any more.");
    sheet.each(limit, kind, of(MemoryBudget::limit_bytes))
}

/// One log directory.
struct Dir {
    path: String,
    is_online: bool,
    is_full: bool,
    refused_count: u64,
    size_bytes: u64,
    /// Of the file system; none if it cannot be asked.
    space: Option<(u64, u64)>,
    sync_count: u64,
}

/// Log directories, partitions and topics; returns how many topics are left out.
fn logs(sheet: &mut Sheet<'_>, broker: &Broker, series_max: usize) -> Result<usize, fmt::Error> {
    let mut topics: BTreeMap<String, u64> = BTreeMap::new();
    let (mut leading_count, mut offline_count) = (0_u64, 0_u64);
    let mut dirs = Vec::new();
    for dir in broker.replicas.log_dirs() {
        let mut dir_bytes = 0;
        for partition in dir.partitions() {
            let size_bytes = match &**partition.view() {
                PartitionView::Leading(leading) => {
                    leading_count += 1;
                    leading.log.size_bytes()
                }
                PartitionView::Offline(_) => {
                    offline_count += 1;
                    0
                }
                PartitionView::Gone => continue,
            };
            dir_bytes += size_bytes;
            let name = partition.topic_partition().topic.as_str();
            match topics.get_mut(name) {
                Some(topic_bytes) => *topic_bytes += size_bytes,
                None => drop(topics.insert(name.to_owned(), size_bytes)),
            }
        }
        let is_online = dir.fault().is_none();
        let space = dir.log_dir().space().ok().filter(|_| is_online);
        dirs.push(Dir {
            path: dir.path().to_string_lossy().into_owned(),
            is_online,
            is_full: is_online && dir.room().is_full(),
            refused_count: load(&dir.room().refused_count),
            size_bytes: dir_bytes,
            space: space.map(|space| (space.total_bytes, space.usable_bytes)),
            sync_count: load(&dir.sync().sync_count),
        });
    }
    sheet.each(
        ("partitions", "Partitions of this broker, by what they do."),
        MetricType::Gauge,
        [
            ([("state", "leading")], leading_count as f64),
            ([("state", "offline")], offline_count as f64),
        ],
    )?;
    sheet.gauge(("topics", "Topics with a partition here."), topics.len() as f64)?;
    log_dirs(sheet, &dirs)?;
    cleaner(sheet, broker)?;
    let left_out = topics.len().saturating_sub(series_max);
    let shown = topics.iter().take(series_max);
    sheet.each(
        ("topic_log_size_bytes", "Bytes of the logs of a topic, on this broker."),
        MetricType::Gauge,
        shown.map(|(topic, bytes)| ([("topic", topic.as_str())], *bytes as f64)),
    )?;
    Ok(left_out)
}

fn cleaner(sheet: &mut Sheet<'_>, broker: &Broker) -> fmt::Result {
    let cleaner = &broker.replicas.cleaner;
    sheet.counter(("cleaner_passes", "Logs that were compacted."), load(&cleaner.pass_count))?;
    sheet.counter(
        ("cleaner_worked_bytes", "Bytes that compaction read and wrote."),
        load(&cleaner.worked_bytes),
    )?;
    sheet.counter(
        ("cleaner_saved_bytes", "Bytes by which compaction made logs smaller."),
        load(&cleaner.saved_bytes),
    )?;
    sheet.gauge(
        (
            "cleaner_uncleanable_partitions",
            "Partitions that cannot be compacted; the log says why.",
        ),
        cleaner.uncleanable_count() as f64,
    )
}

fn log_dirs(sheet: &mut Sheet<'_>, dirs: &[Dir]) -> fmt::Result {
    let of = |value: fn(&Dir) -> Option<f64>| {
        let one = move |dir: &Dir| Some(([("directory", dir.path.clone())], value(dir)?));
        dirs.iter().filter_map(one)
    };
    let (gauge, counter) = (MetricType::Gauge, MetricType::Counter);
    let title = ("log_directory_online", "1 while the log directory is used, 0 after its fault.");
    sheet.each(title, gauge, of(|dir| Some(f64::from(u8::from(dir.is_online)))))?;
    let title = (
        "log_directory_disk_full",
        "1 while the disk is full (disk full): produce is refused until some space is free in the directory.",
    );
    sheet.each(title, gauge, of(|dir| Some(f64::from(u8::from(dir.is_full)))))?;
    let title = (
        "log_directory_disk_full_refusals",
        "Appends of clients refused at once while the disk was full.",
    );
    sheet.each(title, counter, of(|dir| Some(dir.refused_count as f64)))?;
    let title = ("log_directory_log_size_bytes", "Bytes of all logs in the directory.");
    sheet.each(title, gauge, of(|dir| Some(dir.size_bytes as f64)))?;
    let title = ("log_directory_total_bytes", "Size of the file system of the directory.");
    sheet.each(title, gauge, of(|dir| dir.space.map(|(total, _)| total as f64)))?;
    let title = ("log_directory_usable_bytes", "Room in the file system of the directory.");
    sheet.each(title, gauge, of(|dir| dir.space.map(|(_, usable)| usable as f64)))?;
    let title = ("log_syncs", "Syncs of logs; appends that come during one share the next.");
    sheet.each(title, counter, of(|dir| Some(dir.sync_count as f64)))
}

fn groups_of(sheet: &mut Sheet<'_>, groups: &GroupsPicture) -> fmt::Result {
    let kind = MetricType::Gauge;
    let by_state = groups.by_state.iter().map(|((group_type, state), count)| {
        ([("type", *group_type), ("state", *state)], *count as f64)
    });
    sheet.each(("groups", "Groups that this broker coordinates."), kind, by_state)?;
    sheet.gauge(("group_members", "Members of all groups."), groups.member_count as f64)?;
    sheet.gauge(("group_offsets", "Committed offsets."), groups.committed_count as f64)?;
    sheet.each(
        ("group_coordinators", "Partitions of __consumer_offsets led here, by whether they serve."),
        kind,
        [
            ([("state", "active")], groups.active_count as f64),
            ([("state", "loading")], groups.loading_count as f64),
        ],
    )?;
    let of = |value: fn(&super::lag::Lag) -> f64| {
        groups.lags.iter().map(move |lag| {
            let labels = [
                ("group", shortened(&lag.group)),
                ("topic", lag.topic.to_string()),
                ("partition", lag.partition.to_string()),
            ];
            (labels, value(lag))
        })
    };
    let title = ("group_lag_records", "Records past the committed offset of the group.");
    sheet.each(title, kind, of(|lag| lag.records as f64))?;
    let title = (
        "group_lag_seconds",
        "Time since the first record past the committed offset was appended.",
    );
    sheet.each(title, kind, of(|lag| lag.seconds))
}
