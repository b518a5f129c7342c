//! `highwater serve`: one broker in the foreground.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use highwater_broker::{Config, Properties, Seams, Server};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Usage;
use super::output::Output;

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config the broker listens on 127.0.0.1:9092 and keeps its data in ./data.
--override wins over the other flags, and those over the file.
SIGTERM and SIGINT stop it gracefully.

Examples:
  highwater serve
  highwater serve --config server.properties --override log.retention.hours=24
  highwater serve --listen 0.0.0.0:9092 --advertise broker.example:9092 \\
      --override highwater.allow.insecure=true")]
pub(crate) struct Serve {
    /// Directory for the data, made if it is missing (`log.dirs`)
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one (`listeners`)
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address that clients are told to connect to (`advertised.listeners`)
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Address for metrics and health over HTTP, or a port of 127.0.0.1 (`highwater.admin.listen`)
    #[arg(long, value_name = "[HOST:]PORT")]
    admin_listen: Option<String>,
    /// A file of Kafka's form and keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key; may be repeated
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Takes all the descriptors the system allows: connections and log files share them.
fn raise_descriptor_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

pub(crate) fn run(arguments: &Serve, output: &mut Output) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let config = Config::from_properties(properties(arguments)?)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.thread_name("hw-reactor").enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let result = runtime.block_on(serve(config, output));
    runtime.shutdown_background();
    result
}

async fn serve(config: Config, output: &mut Output) -> anyhow::Result<()> {
    // Before the ready line: whoever reads it may send the signal at once.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let ready = Ready::new(&config);
    let seams = Seams::real().context("cannot read /dev/urandom")?;
    let server = Server::start(config, seams).await?;
    ready.tell(&server, output)?;
    let reason = tokio::select! {
        biased;
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        reason = server.wait_fatal() => Some(reason),
    };
    match &reason {
        None => tracing::info!("stopping"),
        Some(reason) => tracing::error!("stopping: {reason}"),
    }
    let report = tokio::select! {
        biased;
        report = server.stop() => report,
        // Asked twice, it stops as a kill would; the next start checks the tails of its logs.
        _ = terminate.recv() => anyhow::bail!("stopped before the logs were closed"),
        _ = interrupt.recv() => anyhow::bail!("stopped before the logs were closed"),
    };
    tracing::info!(is_clean = report.is_clean, cut = report.cut_connection_count, "stopped");
    match reason {
        None => Ok(()),
        Some(reason) => anyhow::bail!("the broker could not go on: {reason}"),
    }
}

/// File, then flags, then overrides.
fn properties(arguments: &Serve) -> anyhow::Result<Properties> {
    let mut properties = match &arguments.config {
        Some(path) => {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Properties::parse(&bytes).with_context(|| path.display().to_string())?
        }
        None => {
            let mut defaults = Properties::default();
            defaults.set("log.dirs", "data");
            defaults.set("listeners", "PLAINTEXT://127.0.0.1:9092");
            defaults
        }
    };
    if let Some(directory) = &arguments.data_dir {
        let directory = directory.to_str().ok_or_else(|| {
            Usage(format!("--data-dir {} is not valid UTF-8", directory.display()))
        })?;
        properties.set("log.dirs", directory);
    }
    if let Some(listen) = &arguments.listen {
        properties.set("listeners", format!("PLAINTEXT://{listen}"));
    }
    if let Some(advertise) = &arguments.advertise {
        properties.set("advertised.listeners", format!("PLAINTEXT://{advertise}"));
    }
    if let Some(admin_listen) = &arguments.admin_listen {
        properties.set("highwater.admin.listen", admin_listen);
    }
    for pair in &arguments.overrides {
        let wrong = || Usage(format!("--override {pair:?}: expected KEY=VALUE"));
        properties.set_pair(pair).map_err(|_| wrong())?;
    }
    Ok(properties)
}

/// What the ready line says besides the address.
struct Ready {
    directories: String,
    durability: String,
}

impl Ready {
    fn new(config: &Config) -> Self {
        let directories = config.log_dirs.iter().map(|path| path.display().to_string());
        Self {
            directories: directories.collect::<Vec<_>>().join(", "),
            durability: config.text("highwater.durability").unwrap_or_default(),
        }
    }

    fn tell(&self, server: &Server, output: &mut Output) -> anyhow::Result<()> {
        let addresses = server.local_addrs().iter().map(ToString::to_string);
        let addresses: Vec<String> = addresses.collect();
        let meaning = match self.durability.as_str() {
            "os" => "acks=all means in the page cache of every in-sync replica",
            _ => "acks=all means synced to disk on every in-sync replica",
        };
        let Self { directories, durability } = self;
        let listening = addresses.join(", ");
        output.say(&format!(
            "ready on {listening}, data in {directories}, durability {durability} ({meaning})"
        ))?;
        if let Some(address) = server.admin_addr() {
            output.say(&format!("  metrics on http://{address}/metrics"))?;
        }
        if let Some(address) = addresses.first() {
            let (produce, consume) = ("highwater produce greetings", "highwater consume greetings");
            let examples = [
                format!("highwater  echo hello | {produce} --brokers {address}"),
                format!("           {consume} --from-beginning --brokers {address}"),
                format!("kcat       echo hello | kcat -P -b {address} -t greetings"),
                format!(
                    "Kafka      kafka-console-producer --bootstrap-server {address} --topic greetings"
                ),
            ];
            for example in examples {
                output.say(&format!("  {example}"))?;
            }
            output.say("  Ctrl-C stops it")?;
        }
        output.json(&serde_json::json!({
            "ready": addresses, "log_dirs": directories, "durability": durability,
            "admin": server.admin_addr().map(|address| address.to_string()),
        }))?;
        // Nobody may be reading any more; the broker serves all the same.
        output.flush().ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Serve {
        Serve {
            data_dir: Some("d".into()),
            listen: Some("127.0.0.1:1".to_owned()),
            advertise: None,
            admin_listen: Some("9644".to_owned()),
            config: None,
            overrides: Vec::new(),
        }
    }

    #[test]
    fn overrides_win_over_flags_and_flags_over_defaults() {
        let mut arguments = arguments();
        arguments.overrides.push("listeners=PLAINTEXT://127.0.0.1:2".to_owned());
        let properties = properties(&arguments).unwrap();
        assert_eq!(properties.get("log.dirs"), Some("d"));
        assert_eq!(properties.get("listeners"), Some("PLAINTEXT://127.0.0.1:2"));
        assert_eq!(properties.get("highwater.admin.listen"), Some("9644"));
    }

    #[test]
    fn override_without_an_equals_sign_is_wrong_usage() {
        let mut arguments = arguments();
        arguments.overrides.push("log.dirs".to_owned());
        assert!(properties(&arguments).unwrap_err().is::<Usage>());
    }

    #[test]
    fn missing_config_file_is_named() {
        let mut arguments = arguments();
        arguments.config = Some("/no/such/file".into());
        let error = properties(&arguments).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/file");
    }
}
