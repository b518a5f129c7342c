//! Metrics and health over HTTP, for the operator's own tools: read-only, without credentials, on loopback.
//!
//! `/metrics` is what Prometheus scrapes; `/healthz` says that the process lives; `/readyz` says whether it serves clients, and if
//! not, why. It listens before the logs are read, and until the last answer of a stop has left.
//!
//! **Invariant:** nothing here changes anything, and no answer depends on what the caller sent beside the path.

mod listener;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::metrics::scrape;
use crate::seams::Listener;
use crate::workers::{self, Pool};
use listener::AdminListener;

/// Answers under way at the end get this long.
const END_TIME: Duration = Duration::from_secs(1);

/// The endpoint, as the rest of the broker knows it.
#[derive(Clone)]
pub(crate) struct Admin {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Known once the logs are read.
    broker: OnceLock<Arc<Broker>>,
    is_serving: AtomicBool,
    /// One scrape at a time, whoever still waits for it: each walks over all partitions and groups.
    scraping: Arc<tokio::sync::Mutex<()>>,
}

impl Admin {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// There is a broker to tell about, and clients can connect to it.
    pub(crate) fn on_serving(&self, broker: &Arc<Broker>) {
        self.shared.broker.get_or_init(|| Arc::clone(broker));
        self.shared.is_serving.store(true, Ordering::Release);
    }

    /// Serves until `ending` is cancelled and what was asked is answered. For the task registry.
    pub(crate) async fn serve(self, listener: Box<dyn Listener>, ending: CancellationToken) {
        let cut = CancellationToken::new();
        // However this task ends, its connections end with it.
        let _cut_at_last = cut.clone().drop_guard();
        let listener = AdminListener::new(listener, cut.clone());
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(health))
            .route("/readyz", get(readiness))
            .with_state(self);
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(ending.clone().cancelled_owned());
        let cut_in_time = async {
            ending.cancelled().await;
            tokio::time::sleep(END_TIME).await;
            cut.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::error!(%error, "metrics are not served any more");
                }
            }
            () = cut_in_time => {}
        }
    }

    /// Why the broker does not serve clients, if it does not.
    fn unready_because(&self) -> Option<String> {
        let Some(broker) = self.shared.broker.get() else {
            return Some("starting: the logs are being read".to_owned());
        };
        if !self.shared.is_serving.load(Ordering::Acquire) {
            return Some("starting".to_owned());
        }
        if broker.net.stop.is_begun() {
            return Some("stopping".to_owned());
        }
        if let Some(reason) = broker.fatal.reason() {
            return Some(reason.to_string());
        }
        for dir in broker.replicas.log_dirs() {
            if let Some(fault) = dir.fault() {
                return Some(format!("log directory {} is offline: {fault}", dir.path().display()));
            }
        }
        let node = broker.config.node_id;
        let is_registered = broker.metadata.load().broker(node).is_some_and(|it| !it.is_fenced);
        (!is_registered).then(|| "the controller has not decided about this broker".to_owned())
    }
}

async fn health() -> &'static str {
    "ok\n"
}

async fn readiness(State(admin): State<Admin>) -> Response {
    match admin.unready_because() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let Some(broker) = admin.shared.broker.get().map(Arc::clone) else {
        let reason = "starting: the logs are being read\n";
        return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    };
    let turn = Arc::clone(&admin.shared.scraping).lock_owned().await;
    let workers = Arc::clone(&broker.workers);
    let scrape = move || {
        // Held by the job and not by its caller, who may go.
        let _turn = turn;
        scrape::text(&broker)
    };
    match workers::run(&workers, Pool::Read, scrape).await {
        Ok(text) => ([(header::CONTENT_TYPE, scrape::CONTENT_TYPE)], text).into_response(),
        Err(lost) => (StatusCode::SERVICE_UNAVAILABLE, format!("{lost}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn before_there_is_a_broker_only_health_is_well() {
        let admin = Admin::new();
        assert_eq!(health().await, "ok\n");
        for response in [readiness(State(admin.clone())).await, metrics(State(admin)).await] {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}
