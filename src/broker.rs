//! The real broker inside another program: own threads, real sockets, nothing process-wide.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use highwater_broker::{Config, Seams, Server, StartError};
use tokio::sync::oneshot;

/// How long a drop waits for the broker to close its logs; what is not closed by then is checked
/// by the next start, as after a kill.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A running broker; stopped when dropped.
///
/// ```no_run
/// # fn example() -> Result<(), highwater::BrokerError> {
/// let broker = highwater::Broker::builder().start()?;
/// println!("clients connect to {}", broker.bootstrap_servers());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Broker {
    addresses: Vec<SocketAddr>,
    data_dir: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    stopped: Receiver<()>,
    /// Removed after the broker has stopped.
    temporary_dir: Option<PathBuf>,
}

/// The settings of an embedded broker; made by [`Broker::builder`].
#[derive(Clone, Debug, Default)]
pub struct BrokerBuilder {
    data_dir: Option<PathBuf>,
    properties: Vec<(String, String)>,
}

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// Its configuration, its directory or its port; the message says what to do.
    #[error("{0}")]
    Start(String),
    /// The temporary directory.
    #[error("cannot make a temporary directory at {}", path.display())]
    TemporaryDirectory {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its threads.
    #[error("cannot start the broker's threads")]
    Threads(#[source] io::Error),
}

impl Broker {
    /// Settings for a broker on a free port of 127.0.0.1, in a temporary directory.
    #[must_use]
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::default()
    }

    /// What clients are given to connect to, such as `127.0.0.1:40123`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.addresses.first().map(ToString::to_string).unwrap_or_default()
    }

    /// Where its data is.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops it, and waits until its logs are closed.
    pub fn stop(self) {
        drop(self);
    }
}

impl BrokerBuilder {
    /// Keeps the data in `path`, which may hold the data of an earlier run. Acknowledged records
    /// are then synced; in a temporary directory they are not.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Sets a key of `server.properties`.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// Starts the broker on threads of its own and returns once it takes connections.
    ///
    /// Blocks for some milliseconds, inside and outside of an async runtime.
    ///
    /// Errors: any [`BrokerError`]; nothing is left running.
    pub fn start(self) -> Result<Broker, BrokerError> {
        let temporary_dir = match &self.data_dir {
            Some(_) => None,
            None => Some(make_temporary_dir()?),
        };
        let data_dir = self.data_dir.clone().or_else(|| temporary_dir.clone());
        let data_dir = data_dir.expect("one of the two is there");
        let started = self.start_in(&data_dir, temporary_dir.is_some());
        match started {
            Ok((addresses, stop, stopped)) => {
                Ok(Broker { addresses, data_dir, stop: Some(stop), stopped, temporary_dir })
            }
            Err(error) => {
                if let Some(directory) = &temporary_dir {
                    // The error of the start says more than one of the cleaning up.
                    std::fs::remove_dir_all(directory).ok();
                }
                Err(error)
            }
        }
    }

    fn start_in(&self, data_dir: &Path, is_temporary: bool) -> Result<Started, BrokerError> {
        let text = |error: &dyn std::fmt::Display| BrokerError::Start(error.to_string());
        let mut config = Config::embedded(data_dir, is_temporary).map_err(|it| text(&it))?;
        if !self.properties.is_empty() {
            let mut properties = config.properties;
            for (key, value) in &self.properties {
                properties.set(key, value);
            }
            config = Config::from_properties(properties).map_err(|it| text(&it))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("highwater")
            .enable_all()
            .build()
            .map_err(BrokerError::Threads)?;
        let (stop, stopping) = oneshot::channel();
        let (says_started, started) = mpsc::sync_channel(1);
        let (says_stopped, stopped) = mpsc::sync_channel(1);
        let main = move || {
            runtime.block_on(async {
                let seams = match Seams::real() {
                    Ok(seams) => seams,
                    Err(error) => return says_started.send(Err(Trouble::Threads(error))).ok(),
                };
                match Server::start(config, seams).await {
                    Ok(server) => {
                        says_started.send(Ok(server.local_addrs().to_vec())).ok()?;
                        // The owner stops it or is gone; both mean the same.
                        stopping.await.ok();
                        server.stop().await;
                    }
                    Err(error) => {
                        says_started.send(Err(Trouble::Start(error))).ok();
                    }
                }
                Some(())
            });
            runtime.shutdown_background();
            says_stopped.send(()).ok();
        };
        thread::Builder::new()
            .name("highwater-broker".to_owned())
            .spawn(main)
            .map_err(BrokerError::Threads)?;
        match started.recv() {
            Ok(Ok(addresses)) => Ok((addresses, stop, stopped)),
            Ok(Err(Trouble::Start(error))) => Err(text(&error)),
            Ok(Err(Trouble::Threads(error))) => Err(BrokerError::Threads(error)),
            Err(_) => Err(BrokerError::Start("the broker panicked while it started".to_owned())),
        }
    }
}

type Started = (Vec<SocketAddr>, oneshot::Sender<()>, Receiver<()>);

enum Trouble {
    Start(StartError),
    Threads(io::Error),
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error says that the broker has ended by itself.
            stop.send(()).ok();
        }
        // An error of either kind, disconnected or timed out: there is nothing more to wait for.
        self.stopped.recv_timeout(STOP_MAX).ok();
        if let Some(directory) = &self.temporary_dir {
            std::fs::remove_dir_all(directory).ok();
        }
    }
}

fn make_temporary_dir() -> Result<PathBuf, BrokerError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("highwater-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            // Left behind by an earlier process of the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(BrokerError::TemporaryDirectory { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use highwater_consumer::{Consumer, SeekTo};
    use highwater_producer::{Producer, ProducerRecord};
    use highwater_records::TopicPartition;

    use super::*;

    async fn write(broker: &Broker, value: &str) {
        let producer = Producer::builder(&broker.bootstrap_servers()).build().unwrap();
        let record = ProducerRecord::new("t".parse().unwrap()).value(value.to_owned());
        producer.send(record).await.unwrap().await.unwrap();
    }

    async fn read(broker: &Broker, count: usize) -> Vec<String> {
        let mut consumer = Consumer::builder(&broker.bootstrap_servers()).build().unwrap();
        let partition = TopicPartition::new("t".parse().unwrap(), 0);
        consumer.assign([(partition, SeekTo::Earliest)]);
        let mut values = Vec::new();
        while values.len() < count {
            for record in consumer.poll(Duration::from_secs(60)).await.unwrap() {
                let value = record.value.unwrap();
                values.push(std::str::from_utf8(&value).unwrap().to_owned());
            }
        }
        values
    }

    #[tokio::test]
    async fn brokers_of_one_process_keep_apart_and_leave_nothing_behind() {
        let (one, other) = (Broker::builder().start().unwrap(), Broker::builder().start().unwrap());
        write(&one, "one").await;
        write(&other, "other").await;
        assert_eq!(read(&one, 1).await, ["one"]);
        assert_eq!(read(&other, 1).await, ["other"]);
        let directory = one.data_dir().to_owned();
        assert!(directory.is_dir());
        one.stop();
        assert!(!directory.exists());
        assert_eq!(read(&other, 1).await, ["other"]);
    }

    #[tokio::test]
    async fn broker_in_a_named_directory_keeps_its_records() {
        let directory = make_temporary_dir().unwrap();
        for expected in [vec!["a"], vec!["a", "b"]] {
            let broker = Broker::builder().data_dir(&directory).start().unwrap();
            write(&broker, expected[expected.len() - 1]).await;
            assert_eq!(read(&broker, expected.len()).await, expected);
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn wrong_property_is_refused_with_its_name_and_leaves_nothing_behind() {
        let refused = Broker::builder().property("num.partitions", "many").start().unwrap_err();
        assert!(refused.to_string().contains("num.partitions"), "{refused}");
    }
}
