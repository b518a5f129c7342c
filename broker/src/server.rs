//! The only place where the parts of a broker are joined, and taken apart again in the right order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater_storage::LogDirError;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::broker::{AdvertisedEndpoint, Broker, FatalSignal};
use crate::config::{Config, ConfigError, Endpoint, ListenerConfig};
use crate::fetch::FetchSessions;
use crate::hosts::auto_create::AutoCreate;
use crate::hosts::controller::{self, ControllerSetup, ControllerStartError, OpenedController};
use crate::hosts::groups::{Groups, GroupsSetup};
use crate::hosts::producer_ids::ProducerIds;
use crate::log_dirs::{self, LogDirs, LogDirsError};
use crate::metrics::Metrics;
use crate::net::Net;
use crate::net::gate::Gate;
use crate::net::listener::Acceptor;
use crate::replicas::{
    CleanerSettings, RecoveryWindow, Replicas, ReplicasSetup, RetentionSchedule,
};
use crate::seams::{ListenOptions, Listener, Random, Seams};
use crate::tasks::Tasks;
use crate::workers::{self, Pool, Workers};

/// A running broker.
///
/// Dropped without [`Server::stop`], it ends as a killed process would: what was acknowledged is kept, and the next start checks the
/// tails of its logs.
pub struct Server {
    broker: Arc<Broker>,
    connections: Tasks,
    acceptors: Tasks,
    local_addrs: Vec<SocketAddr>,
    admin_addr: Option<SocketAddr>,
}

/// Why a broker does not start. One line that says what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "{endpoint} is in use by another program; stop that one, or choose another port for listener {name}"
    )]
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

/// How long background tasks get to finish what they are at.
const TASKS_END_TIME: Duration = Duration::from_secs(10);

/// How long a stop waits for the answers that are under way.
const DRAIN_TIME: Duration = Duration::from_secs(10);

impl Server {
    /// Starts a broker on the runtime of the caller and returns once it takes connections.
    ///
    /// Nothing about the process changes: no signal, no panic hook, no limit, no log subscriber.
    ///
    /// Errors: a [`StartError`]; nothing is left running or locked.
    pub async fn start(config: Config, seams: Seams) -> Result<Self, StartError> {
        let listeners = listen(&config, &seams).await?;
        let admin_listener = listen_admin(&config, &seams).await?;
        let admin_addr = admin_listener.as_ref().map(|listener| listener.local_addr());
        let admin = Admin::new();
        let broker = build(config, seams, &listeners, admin_listener, &admin).await?;
        let local_addrs = listeners.iter().map(|(_, listener)| listener.local_addr()).collect();
        let panics = Arc::clone(&broker.net.counters.panics);
        let server = Self {
            connections: Tasks::new(Handle::current(), Arc::clone(&panics)),
            acceptors: Tasks::new(Handle::current(), panics),
            local_addrs,
            admin_addr,
            broker,
        };
        server.accept(listeners);
        admin.on_serving(&server.broker);
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

    /// Where metrics and health are served, if anywhere.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
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
        let cut_connection_count =
            if drained.is_ok() { 0 } else { self.connections.running_count() };
        self.connections.abort_all().await;
        end_tasks(&broker.tasks, &broker.ending).await;
        let is_clean = broker.replicas.close_all(BROKER_EPOCH).await;
        broker.net.stop.drained();
        self.acceptors.wait_all().await;
        shut_down_workers(&broker.workers).await;
        StopReport { cut_connection_count, is_clean }
    }

    /// Ends everything at once, as a kill would: nothing is answered, synced or marked clean. When it returns, files and ports are free.
    pub async fn abort(self) {
        self.acceptors.abort_all().await;
        self.connections.abort_all().await;
        end_tasks(&self.broker.tasks, &self.broker.ending).await;
        shut_down_workers(&self.broker.workers).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for tasks in [&self.acceptors, &self.connections, &self.broker.tasks] {
            tasks.abort_now();
        }
    }
}

/// Ends background tasks: by themselves if they do so soon.
async fn end_tasks(tasks: &Tasks, ending: &CancellationToken) {
    ending.cancel();
    if tokio::time::timeout(TASKS_END_TIME, tasks.wait_idle()).await.is_err() {
        tracing::error!("background tasks did not end in time and were cut off");
    }
    tasks.abort_all().await;
}

/// Waits for the threads without blocking the runtime.
async fn shut_down_workers(workers: &Arc<dyn Workers>) {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let (workers, unstarted) = (Arc::clone(workers), Arc::clone(workers));
    let started = std::thread::Builder::new().name("hw-stop".to_owned()).spawn(move || {
        workers.shut_down();
        drop(sender);
    });
    match started {
        // The sender is dropped when the threads have ended.
        Ok(_handle) => drop(receiver.await.err()),
        Err(_) => unstarted.shut_down(),
    }
}

type Bound = Vec<(String, Box<dyn Listener>)>;

async fn listen(config: &Config, seams: &Seams) -> Result<Bound, StartError> {
    let options = config.limits.listen_options;
    let mut listeners = Vec::new();
    for ListenerConfig { name, bind, .. } in &config.listeners {
        let listener = listen_on(name, bind, seams, options).await?;
        listeners.push((name.clone(), listener));
    }
    Ok(listeners)
}

async fn listen_admin(
    config: &Config,
    seams: &Seams,
) -> Result<Option<Box<dyn Listener>>, StartError> {
    let Some(endpoint) = &config.admin_listen else { return Ok(None) };
    let options = ListenOptions::default();
    listen_on("highwater.admin.listen", endpoint, seams, options).await.map(Some)
}

async fn listen_on(
    name: &str,
    endpoint: &Endpoint,
    seams: &Seams,
    options: ListenOptions,
) -> Result<Box<dyn Listener>, StartError> {
    let listener = seams.transport.listen(&endpoint.host, endpoint.port, options).await;
    listener.map_err(|source| {
        let (name, endpoint) = (name.to_owned(), endpoint.clone());
        match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortBusy { name, endpoint },
            _ => StartError::Listen { name, endpoint, source },
        }
    })
}

/// Joins the parts. On an error everything that was started has ended, and all locks are free.
async fn build(
    config: Config,
    seams: Seams,
    listeners: &Bound,
    admin_listener: Option<Box<dyn Listener>>,
    admin: &Admin,
) -> Result<Arc<Broker>, StartError> {
    let workers = Arc::clone(&seams.workers);
    let panics = Arc::default();
    let tasks = Tasks::new(Handle::current(), Arc::clone(&panics));
    let ending = CancellationToken::new();
    if let Some(listener) = admin_listener {
        tasks.spawn("admin", admin.clone().serve(listener, ending.clone()));
    }
    let parts = Parts {
        config,
        seams,
        panics,
        tasks: tasks.clone(),
        ending: ending.clone(),
        fatal: FatalSignal::new(),
    };
    let built = parts.join(listeners).await;
    if built.is_err() {
        end_tasks(&tasks, &ending).await;
        shut_down_workers(&workers).await;
    }
    built
}

/// What a broker is made from, before it is one.
struct Parts {
    config: Config,
    seams: Seams,
    panics: Arc<AtomicU64>,
    tasks: Tasks,
    ending: CancellationToken,
    fatal: FatalSignal,
}

impl Parts {
    async fn join(mut self, listeners: &Bound) -> Result<Arc<Broker>, StartError> {
        self.config.limit_memory(self.seams.memory_limit_bytes);
        let random = Arc::new(Random::new(self.seams.random_seed));
        let (replicas, cluster_id) = self.open_replicas(&random).await?;
        let OpenedController { host, cache, task } =
            controller::open(self.controller_setup(&replicas))
                .await
                .map_err(|error| metadata(&error))?;
        let Self { config, seams, panics, tasks, ending, fatal } = self;
        if let Some(warning) = highwater_records::Mutant::warning() {
            tracing::warn!("{warning}");
        }
        let mut net = Net::new(config.limits.clone(), Arc::clone(&seams.clock), panics);
        net.mutant = seams.mutant;
        net.buffers = Arc::clone(&replicas.buffers);
        let groups = GroupsSetup {
            clock: Arc::clone(&seams.clock),
            workers: Arc::clone(&seams.workers),
            tasks: tasks.clone(),
            ending: ending.clone(),
            stopping: net.stop.begun_token().clone(),
        };
        let sessions_max = config.count("max.incremental.fetch.session.cache.slots");
        let broker = Arc::new(Broker {
            endpoints: endpoints(&config, listeners),
            fetch_sessions: FetchSessions::new(sessions_max, config.count("fetch.max.bytes")),
            clock: seams.clock,
            workers: seams.workers,
            transport: seams.transport,
            net: Arc::new(net),
            metadata: cache,
            controller: host,
            auto_create: AutoCreate::default(),
            producer_ids: ProducerIds::new(),
            metrics: Metrics::new(),
            groups: Groups::new(&config, groups),
            config,
            random,
            tasks,
            ending,
            fatal,
            replicas,
            cluster_id,
        });
        task.start(&broker).await.map_err(|error| metadata(&error))?;
        Ok(broker)
    }

    /// Locks and reads the log directories, on a thread that may block.
    async fn open_replicas(
        &self,
        random: &Arc<Random>,
    ) -> Result<(Arc<Replicas>, String), StartError> {
        let Self { config, seams, tasks, ending, fatal, .. } = self;
        let size = |key| u64::try_from(config.number(key)).unwrap_or(0);
        let setup = ReplicasSetup {
            node: config.node_id,
            disk: Arc::clone(&seams.disk),
            workers: Arc::clone(&seams.workers),
            clock: Arc::clone(&seams.clock),
            mutant: seams.mutant,
            random_seed: random.next_u64(),
            tasks: tasks.clone(),
            fatal: fatal.clone(),
            config_file: config.properties.as_map().clone(),
            tail_cache_bytes: size("highwater.tail.cache.bytes"),
            open_files_max: seams.transport.open_files_max(),
            recovery_window: RecoveryWindow {
                fsync_bytes: size("highwater.recovery.window.bytes"),
                os_bytes: size("highwater.recovery.window.os.bytes"),
            },
            retention: RetentionSchedule {
                first_after: config.duration_ms("log.initial.task.delay.ms"),
                interval: config.duration_ms("log.retention.check.interval.ms"),
            },
            cleaner: CleanerSettings {
                is_enabled: config.flag("log.cleaner.enable"),
                backoff: config.duration_ms("log.cleaner.backoff.ms"),
                map_bytes_max: config.count("log.cleaner.dedupe.buffer.size"),
                bytes_per_second: config.decimal("log.cleaner.io.max.bytes.per.second"),
            },
            ballast_bytes: config.number("highwater.ballast.bytes"),
            log_dirs: Vec::new(),
        };
        let (random, ending) = (Arc::clone(random), ending.clone());
        let paths = config.log_dirs.clone();
        let opened = workers::run(&seams.workers, Pool::File, move || {
            let opened = log_dirs::open(&setup.disk, &paths, setup.node, &random);
            let LogDirs { dirs, cluster_id } = opened.map_err(|error| log_dirs_line(&error))?;
            let setup = ReplicasSetup { log_dirs: dirs, ..setup };
            let replicas = Replicas::open(setup, &ending).map_err(|error| log_dir_line(&error))?;
            Ok((replicas, cluster_id))
        });
        let opened = opened.await.unwrap_or_else(|lost| Err(lost.to_string()));
        opened.map_err(StartError::LogDirs)
    }

    fn controller_setup(&self, replicas: &Replicas) -> ControllerSetup {
        let Self { config, seams, .. } = self;
        let first = replicas.log_dirs().next().expect("a configuration has a log directory");
        ControllerSetup {
            disk: Arc::clone(&seams.disk),
            workers: Arc::clone(&seams.workers),
            node: config.node_id,
            log_dirs: config.log_dirs.clone(),
            directory: first.id(),
            snapshot_bytes: u64::try_from(config.number("highwater.metadata.snapshot.bytes"))
                .unwrap_or(0),
        }
    }
}

/// What clients are told, with the ports that were bound.
fn endpoints(config: &Config, listeners: &Bound) -> Vec<AdvertisedEndpoint> {
    let told = config.listeners.iter().zip(listeners).map(|(configured, (_, bound))| {
        let Endpoint { host, port } = configured.advertised.clone();
        let port = if port == 0 { bound.local_addr().port() } else { port };
        AdvertisedEndpoint { listener_name: configured.name.clone(), host, port }
    });
    told.collect()
}

fn metadata(error: &ControllerStartError) -> StartError {
    StartError::Metadata(with_causes(error))
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
        LogDirError::InUse { .. } => {
            "stop that one, or give this broker a directory of its own (log.dirs)"
        }
        LogDirError::Foreign { .. } => {
            "give an empty directory, or one that a broker has used before (log.dirs)"
        }
        LogDirError::OtherOwner { .. } => {
            "start with the node.id it belongs to, or give this node another directory (log.dirs)"
        }
        LogDirError::Damaged(_) => "restore that file, or start with an empty directory (log.dirs)",
        LogDirError::Fault(fault) if fault.is_disk_full() => {
            "the disk is full: free some space there, or give another directory (log.dirs)"
        }
        LogDirError::Fault(_) => {
            "make the directory writable for this user, or give another one (log.dirs)"
        }
    };
    format!("{}; {remedy}", with_causes(error))
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Transparent errors repeat their source's words.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}
