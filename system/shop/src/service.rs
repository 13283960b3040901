//! How every context of the shop runs: one port, its workers beside it, an end on the stop signal.

use axum::Router;
use squall_kit::{
    BoxFuture, Error, Pod,
    config::ConfigError,
    event::Event,
    http::health::Health,
    net::server::Server,
    store::{StoreError, Unit},
    worker::{Consumer, Handled, Relay},
};
use tokio::sync::mpsc;

/// The port every context listens on; where it is reached from outside is the platform's affair.
pub const PORT: u16 = 8080;
/// The topic, unless `TOPIC` says otherwise.
const TOPIC: &str = "shop";

/// Something that runs beside the requests until the stop signal.
pub(crate) struct Worker {
    name: &'static str,
    running: BoxFuture<'static, ()>,
}

impl Worker {
    /// A worker of any kind.
    pub(crate) fn new(
        name: &'static str,
        running: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let running = Box::pin(running);
        Self { name, running }
    }

    /// Publishes the context's outbox.
    ///
    /// # Errors
    /// An unreadable `RELAY_LEASE_MS`.
    pub(crate) fn relay(pod: &Pod) -> Result<Self, ConfigError> {
        let relay = Relay::new(topic(pod)).with(&pod.config)?;
        Ok(Self::new("relay", relay.run(pod.clone())))
    }

    /// Hands the events of the topic to `policy`, on behalf of the context's consumer group.
    ///
    /// # Errors
    /// An unreadable `CONSUMER_POLL_MS`.
    pub(crate) fn consumer<P>(pod: &Pod, group: &str, policy: P) -> Result<Self, ConfigError>
    where
        P: for<'a> Fn(&'a mut Unit, &'a Event) -> BoxFuture<'a, Result<Handled, StoreError>>,
        P: Send + Sync + 'static,
    {
        let consumer = consumer(pod, group)?;
        Ok(Self::new("consumer", consumer.run(pod.clone(), policy)))
    }
}

/// A member of the context's consumer group.
///
/// # Errors
/// An unreadable `CONSUMER_POLL_MS`.
pub(crate) fn consumer(pod: &Pod, group: &str) -> Result<Consumer, ConfigError> {
    Consumer::new(group, topic(pod)).with(&pod.config)
}

/// Serves until the stop signal, then ends its workers. A context without one of its workers would
/// look healthy and publish or consume nothing: when one ends by itself, so does the context.
pub(crate) async fn serve(pod: &Pod, router: Router, workers: Vec<Worker>) -> Result<(), Error> {
    let server = Server::bind(pod, PORT).await?;
    let health = Health::new(pod);
    let (ended, mut first_end) = mpsc::unbounded_channel();
    let running: Vec<_> = workers
        .into_iter()
        .map(|Worker { name, running }| {
            let (ended, stop) = (ended.clone(), pod.stop.clone());
            let working = pod.spawn.result(name, running);
            pod.spawn.result("watch a worker", async move {
                working.await;
                if !stop.is_raised() {
                    // Nobody listens any more once the context itself has ended.
                    let _ = ended.send(name);
                }
            })
        })
        .collect();
    drop(ended);
    health.started();
    tokio::select! {
        biased;
        Some(worker) = first_end.recv() => return Err(Error::WorkerEnded { worker }),
        served = server.serve(router.merge(health.router())) => served?,
    }
    for worker in running {
        worker.await;
    }
    Ok(())
}

/// A duration setting in milliseconds.
pub(crate) fn millis(
    pod: &Pod,
    name: &str,
    default_ms: u64,
) -> Result<std::time::Duration, ConfigError> {
    let ms = pod.config.parsed(name, "milliseconds", default_ms)?;
    Ok(std::time::Duration::from_millis(ms))
}

fn topic(pod: &Pod) -> String {
    pod.config.get("TOPIC").unwrap_or(TOPIC).to_owned()
}
