//! Serving a router: an accept loop of our own, so that every task is the pod's.
//!
//! # The end of a kept-alive connection
//!
//! Either end of a kept-alive connection may close it at any time, so a request may be on its way
//! while the other end closes (RFC 9112, section 9.5). Its sender cannot know whether it was
//! processed, and must not send it again unless it is idempotent (RFC 9110, section 9.2.2): a
//! `POST` is lost then, though nobody did anything wrong. That is what happens to callers when a
//! server closes its idle connections at the moment of its stop signal, as Go's `Shutdown` and
//! hyper's `graceful_shutdown` do.
//!
//! The one safe moment for a server to close is right after an answer that said
//! `Connection: close` (section 9.6): the client sends nothing more there. So a stopped server
//! takes no new connections, says so in every answer that it still gives, and lets connections
//! that are idle [linger](ServerSettings::linger) for as long as clients keep them for a next
//! request (nginx: `keepalive_min_timeout`; Envoy drains in the same way). Only then it closes
//! those that nobody used: no client takes them any more.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use super::{BoxStream, Listener};
use crate::{
    Error, Pod,
    config::{Config, ConfigError},
    hints,
    http::pipeline::pipeline,
    planted::{self, Bug},
};

/// The pause after a failed accept (no descriptors left, say), and how many in a row end the
/// server.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const ACCEPT_FAILURES_MAX: u32 = 100;

/// Limits of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Connections open at once; further ones wait in the backlog (Tomcat: `maxConnections`).
    pub connections: u32,
    /// How long a connection may stay idle, or take to send a request's head. Longer than
    /// [`ClientSettings::idle`](super::client::ClientSettings::idle), so that in calm weather it is
    /// always the client who closes and no request meets a closing server.
    pub idle: Duration,
    /// How long requests under way may take after the stop signal.
    pub grace: Duration,
    /// How long an idle connection stays open after the stop signal, for one last request. Longer
    /// than [`ClientSettings::idle`](super::client::ClientSettings::idle), for the same reason as
    /// `idle`; never longer than `grace`. 0 closes at once.
    pub linger: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            connections: 8192,
            idle: Duration::from_secs(60),
            // Kubernetes kills 30 s after the stop signal.
            grace: Duration::from_secs(20),
            linger: Duration::from_secs(16),
        }
    }
}

impl ServerSettings {
    /// The defaults, with `SERVER_CONNECTIONS`, `SERVER_IDLE_MS`, `SHUTDOWN_GRACE_MS` and
    /// `SHUTDOWN_LINGER_MS` as set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        let default = Self::default();
        let ms = |name, default: Duration| {
            let default_ms = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
            let ms = config.parsed(name, "milliseconds", default_ms)?;
            Ok::<_, ConfigError>(Duration::from_millis(ms))
        };
        let grace = ms("SHUTDOWN_GRACE_MS", default.grace)?;
        Ok(Self {
            connections: config
                .parsed(
                    "SERVER_CONNECTIONS",
                    "a number of connections",
                    default.connections,
                )?
                .max(1),
            idle: ms("SERVER_IDLE_MS", default.idle)?,
            grace,
            linger: ms("SHUTDOWN_LINGER_MS", default.linger)?.min(grace),
        })
    }
}

/// A bound port that does not answer yet.
pub struct Server {
    pod: Pod,
    listener: Box<dyn Listener>,
    settings: ServerSettings,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`Error::Io`] when the port is taken, [`Error::Config`] for unreadable settings.
    pub async fn bind(pod: &Pod, port: u16) -> Result<Self, Error> {
        let settings = ServerSettings::from_config(&pod.config)?;
        Ok(Self {
            pod: pod.clone(),
            listener: pod.net.bind(port).await?,
            settings,
        })
    }

    /// Answers requests until the pod's stop signal. Then it stops accepting, lets requests under
    /// way, and commands whose callers have gone, end within the grace period and idle connections
    /// linger, and returns.
    ///
    /// # Errors
    /// [`Error::Io`] when accepting fails again and again.
    pub async fn serve(mut self, router: Router) -> Result<(), Error> {
        let app = pipeline(&self.pod, router);
        let slots = Arc::new(Semaphore::new(self.settings.connections as usize));
        let stop = self.pod.stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.raised() => break,
                accepted = accept(&mut *self.listener, &slots) => accepted?,
            };
            let (stream, slot) = accepted;
            let serving = connection(stream, slot, app.clone(), self.pod.clone(), self.settings);
            self.pod.spawn.task("http connection", serving);
        }
        drop(self.listener);
        if planted::is(Bug::DrainDropsInFlight) {
            return Ok(());
        }
        // Every connection ends itself within the grace period; one that was killed gives its slot
        // back by its drop. The second more is for connections that end at the very deadline.
        let finished = async {
            let _all = slots.acquire_many(self.settings.connections).await;
            stop.released().await;
        };
        let _ = timeout(self.settings.grace + Duration::from_secs(1), finished).await;
        Ok(())
    }
}

impl Pod {
    /// Serves `router` on `port` until the stop signal: [`Server::bind`], then [`Server::serve`].
    ///
    /// # Errors
    /// As those two.
    pub async fn serve(&self, port: u16, router: Router) -> Result<(), Error> {
        Server::bind(self, port).await?.serve(router).await
    }
}

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &mut dyn Listener,
    slots: &Arc<Semaphore>,
) -> io::Result<(BoxStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await;
    let slot = slot.map_err(|_closed| io::Error::other("the server has ended"))?;
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => return Ok((stream, slot)),
            Err(error) if failures >= ACCEPT_FAILURES_MAX => return Err(error),
            Err(_) => {
                failures += 1;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: BoxStream,
    _slot: OwnedSemaphorePermit,
    app: Router,
    pod: Pod,
    settings: ServerSettings,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.idle)
        // The pipeline sets it, from the pod's own clock.
        .auto_date_header(false);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut serving = pin!(serving);
    tokio::select! {
        biased;
        // An error here is a peer that went away or spoke no HTTP: nobody is left to tell.
        _ended = serving.as_mut() => return,
        () = pod.stop.raised() => {}
    }
    // The pipeline says `Connection: close` now, and hyper closes after such an answer.
    if timeout(settings.linger, serving.as_mut()).await.is_ok() {
        return;
    }
    serving.as_mut().graceful_shutdown();
    let rest = settings.grace.saturating_sub(settings.linger);
    if timeout(rest, serving).await.is_err() {
        pod.signals.hint(hints::GRACE_ENDED);
    }
}
