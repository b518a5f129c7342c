//! The only place where the parts of a broker are joined, and taken apart again in the right order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use highwater_storage::LogDirError;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::broker::{AdvertisedEndpoint, Broker, FatalSignal};
use crate::config::{Config, ConfigError, Endpoint, ListenerConfig};
use crate::fetch::FetchSessions;
use crate::hosts::auto_create::AutoCreate;
use crate::hosts::controller::{self, ControllerSetup, ControllerTask};
use crate::hosts::producer_ids::ProducerIds;
use crate::log_dirs::{self, LogDirs, LogDirsError};
use crate::net::Net;
use crate::net::gate::Gate;
use crate::net::listener::Acceptor;
use crate::replicas::{Replicas, ReplicasSetup};
use crate::seams::{Listener, Random, Seams};
use crate::tasks::Tasks;
use crate::workers::{self, Pool};

/// A running broker.
///
/// Dropped without [`Server::stop`], it ends as a killed process would: what was acknowledged is kept, and the next start checks the
/// tails of its logs.
pub struct Server {
    broker: Arc<Broker>,
    connections: Tasks,
    acceptors: Tasks,
    local_addrs: Vec<SocketAddr>,
}

/// Why a broker does not start. One line that says what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{endpoint} is in use by another program; stop that one, or choose another port for listener {name}")]
    PortBusy { name: String, endpoint: Endpoint },
    #[error("cannot listen on {endpoint} (listener {name}): {source}")]
    Listen { name: String, endpoint: Endpoint, source: io::Error },
    #[error("{0}")]
    LogDirs(String),
    #[error("the metadata cannot be opened: {0}")]
    Metadata(String),
}

/// How a graceful stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopReport {
    /// Connections that were cut off because they did not take their answers in time.
    pub cut_connection_count: usize,
    /// Whether every log was closed cleanly: the next start reads none of them.
    pub is_clean: bool,
}

/// Of a quorum of one, which has no other broker to tell an old life of this one from the new.
const BROKER_EPOCH: i64 = 0;

/// How long a stop waits for the answers that are under way.
const DRAIN_TIME: Duration = Duration::from_secs(10);

impl Server {
    /// Starts a broker on the runtime of the caller and returns once it takes connections.
    ///
    /// Nothing about the process changes: no signal, no panic hook, no limit, no log subscriber.
    ///
    /// Errors: a [`StartError`]; nothing is left running or locked.
    pub async fn start(config: Config, seams: Seams) -> Result<Self, StartError> {
        let listeners = listen(&config.listeners, &seams).await?;
        let (broker, controller) = build(config, seams, &listeners).await?;
        controller.start(&broker).await.map_err(|error| StartError::Metadata(error.to_string()))?;
        let local_addrs = listeners.iter().map(|(_, listener)| listener.local_addr()).collect();
        let panics = Arc::clone(&broker.net.counters.panics);
        let server = Self {
            connections: Tasks::new(Handle::current(), Arc::clone(&panics)),
            acceptors: Tasks::new(Handle::current(), panics),
            local_addrs,
            broker,
        };
        server.accept(listeners);
        Ok(server)
    }

    fn accept(&self, listeners: Vec<(String, Box<dyn Listener>)>) {
        let process_max = self.broker.transport.connections_max();
        let gate = Gate::new(&self.broker.net.limits, process_max);
        for (name, listener) in listeners {
            let acceptor = Acceptor {
                listener,
                listener_name: Arc::from(name),
                broker: Arc::clone(&self.broker),
                gate: gate.clone(),
                connections: self.connections.clone(),
            };
            self.acceptors.spawn("accept", acceptor.run());
        }
    }

    /// Where it listens, in the order of the configuration.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// The configuration it runs with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.broker.config
    }

    /// Waits until the broker cannot go on, and returns the reason. It should be stopped then.
    pub async fn wait_fatal(&self) -> String {
        self.broker.fatal.wait().await.to_string()
    }

    /// Panics in connections, tasks and blocking work since the start. Each is a bug.
    #[must_use]
    pub fn panic_count(&self) -> u64 {
        self.broker.net.counters.panics.load(Ordering::Relaxed) + self.broker.workers.panic_count()
    }

    /// Connections open now.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.broker.net.counters.connections_open.load(Ordering::Relaxed)
    }

    /// Stops in order: accept nothing more, answer what was asked, close the logs, give up the ports.
    pub async fn stop(self) -> StopReport {
        let broker = Arc::clone(&self.broker);
        broker.net.stop.begin();
        let until = broker.clock.instant(broker.clock.monotonic().plus(DRAIN_TIME));
        let drained = tokio::time::timeout_at(until, self.connections.wait_idle()).await;
        let cut_connection_count = if drained.is_ok() { 0 } else { self.connections.running_count() };
        self.connections.abort_all().await;
        broker.ending.cancel();
        broker.tasks.wait_all().await;
        let is_clean = broker.replicas.close_all(BROKER_EPOCH).await;
        broker.net.stop.drained();
        self.acceptors.wait_all().await;
        shut_down_workers(&broker).await;
        StopReport { cut_connection_count, is_clean }
    }

    /// Ends everything at once, as a kill would: nothing is answered, synced or marked clean. When it returns, files and ports are free.
    pub async fn abort(self) {
        self.acceptors.abort_all().await;
        self.connections.abort_all().await;
        self.broker.tasks.abort_all().await;
        shut_down_workers(&self.broker).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for tasks in [&self.acceptors, &self.connections, &self.broker.tasks] {
            tasks.abort_now();
        }
    }
}

/// Waits for the threads without blocking the runtime.
async fn shut_down_workers(broker: &Arc<Broker>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let workers = Arc::clone(&broker.workers);
    let started = std::thread::Builder::new().name("hw-stop".to_owned()).spawn(move || {
        workers.shut_down();
        drop(sender.send(()));
    });
    match started {
        // An error means the thread panicked and is gone: nothing is left to wait for.
        Ok(_handle) => drop(receiver.await),
        Err(_) => broker.workers.shut_down(),
    }
}

type Bound = Vec<(String, Box<dyn Listener>)>;

async fn listen(configs: &[ListenerConfig], seams: &Seams) -> Result<Bound, StartError> {
    let mut listeners = Vec::new();
    for ListenerConfig { name, bind, .. } in configs {
        let listener = seams.transport.listen(&bind.host, bind.port).await.map_err(|source| {
            let (name, endpoint) = (name.clone(), bind.clone());
            match source.kind() {
                io::ErrorKind::AddrInUse => StartError::PortBusy { name, endpoint },
                _ => StartError::Listen { name, endpoint, source },
            }
        })?;
        listeners.push((name.clone(), listener));
    }
    Ok(listeners)
}

async fn build(mut config: Config, seams: Seams, listeners: &Bound) -> Result<(Arc<Broker>, ControllerTask), StartError> {
    let Seams { clock, random_seed, disk, transport, workers, memory_limit_bytes } = seams;
    config.limit_memory(memory_limit_bytes);
    let net = Arc::new(Net::new(config.limits.clone(), Arc::clone(&clock)));
    let random = Arc::new(Random::new(random_seed));
    let tasks = Tasks::new(Handle::current(), Arc::clone(&net.counters.panics));
    let (ending, fatal) = (CancellationToken::new(), FatalSignal::new());
    let (replicas, cluster_id) = {
        let (disk, random, config) = (Arc::clone(&disk), Arc::clone(&random), config.clone());
        let setup = ReplicasSetup {
            node: config.node_id,
            disk: Arc::clone(&disk),
            workers: Arc::clone(&workers),
            clock: Arc::clone(&clock),
            random_seed: random.next_u64(),
            tasks: tasks.clone(),
            fatal: fatal.clone(),
            config_file: config.properties.as_map().clone(),
            tail_cache_bytes: u64::try_from(config.number("highwater.tail.cache.bytes")).unwrap_or(0),
            open_files_max: transport.open_files_max(),
            log_dirs: Vec::new(),
        };
        let ending = ending.clone();
        let opened = workers::run(&workers, Pool::File, move || {
            let LogDirs { dirs, cluster_id, .. } =
                log_dirs::open(&disk, &config.log_dirs, config.node_id, &random).map_err(|error| log_dirs_line(&error))?;
            let setup = ReplicasSetup { log_dirs: dirs, ..setup };
            let replicas = Replicas::open(setup, &ending).map_err(|error| log_dir_line(&error))?;
            Ok((replicas, cluster_id))
        });
        let opened = opened.await.unwrap_or_else(|lost| Err(lost.to_string()));
        opened.map_err(StartError::LogDirs)?
    };
    let dirs: Vec<_> = replicas.log_dirs().collect();
    let setup = ControllerSetup {
        disk: Arc::clone(&disk),
        workers: Arc::clone(&workers),
        node: config.node_id,
        log_dirs: dirs.iter().map(|dir| dir.path().to_owned()).collect(),
        directory: dirs.first().map(|dir| dir.id()).unwrap_or_default(),
        snapshot_bytes: u64::try_from(config.number("highwater.metadata.snapshot.bytes")).unwrap_or(0),
    };
    let opened = controller::open(setup).await.map_err(|error| StartError::Metadata(error.to_string()))?;
    let endpoints = config.listeners.iter().zip(listeners).map(|(configured, (_, bound))| {
        let Endpoint { host, port } = configured.advertised.clone();
        let port = if port == 0 { bound.local_addr().port() } else { port };
        AdvertisedEndpoint { listener_name: configured.name.clone(), host, port }
    });
    let sessions_max = config.count("max.incremental.fetch.session.cache.slots");
    let fetch_sessions = FetchSessions::new(sessions_max, config.count("fetch.max.bytes"));
    let broker = Broker {
        endpoints: endpoints.collect(),
        metadata: opened.cache,
        controller: opened.host,
        producer_ids: ProducerIds::new(),
        auto_create: AutoCreate::default(),
        random,
        tasks,
        ending,
        fatal,
        replicas,
        cluster_id,
        fetch_sessions,
        config,
        clock,
        workers,
        disk,
        transport,
        net,
    };
    Ok((Arc::new(broker), opened.task))
}

fn log_dirs_line(error: &LogDirsError) -> String {
    match error {
        LogDirsError::Dir(error) => log_dir_line(error),
        LogDirsError::MetadataMissing { .. } => error.to_string(),
    }
}

/// One line: what is wrong with the directory, and what to do.
fn log_dir_line(error: &LogDirError) -> String {
    let remedy = match error {
        LogDirError::InUse { .. } => "stop that one, or give this broker a directory of its own (log.dirs)",
        LogDirError::Foreign { .. } => "give an empty directory, or one that a broker has used before (log.dirs)",
        LogDirError::OtherOwner { .. } => "start with the node.id it belongs to, or give this node another directory (log.dirs)",
        LogDirError::Damaged(_) => "restore that file, or start with an empty directory (log.dirs)",
        LogDirError::Fault(_) => "make the directory writable for this user, or give another one (log.dirs)",
    };
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        // Transparent errors repeat their source's words.
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    format!("{line}; {remedy}")
}
