//! A small world for tests of the engines: named hosts, an echo server, a log of what happened.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fmt::Write as _,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use squall_kit::net::{BoxStream, Net};
use squall_sim::engine::{Directory, Engine, HostId, Link, Settings, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of every server here.
pub const PORT: u16 = 8080;

/// What tasks tell the test, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub fn count(&self, what: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.as_str() == what).count()
    }
}

/// An engine with named hosts.
pub struct Lab<W: World = Engine> {
    pub world: W,
    pub names: Arc<Directory>,
    pub log: Log,
}

impl Lab {
    /// Links of exactly 1 ms.
    pub fn new(seed: u64) -> Self {
        Self::with(Settings {
            link: Link::healthy(1, 0),
            ..Settings::new(seed, 16)
        })
    }

    pub fn with(settings: Settings) -> Self {
        Self::of(Engine::new(settings).expect("an engine"))
    }
}

impl<W: World> Lab<W> {
    pub fn of(world: W) -> Self {
        Self {
            world,
            names: Arc::default(),
            log: Log::default(),
        }
    }

    pub fn host(&mut self, name: &str) -> HostId {
        let host = self.world.add_host(name);
        self.names.set(name, host);
        host
    }

    pub fn net(&self, host: HostId) -> Net {
        self.world.net(host, self.names.clone())
    }

    /// Starts a process whose main is a function of its network and the log.
    pub fn run<F: Future<Output = ()> + 'static>(
        &mut self,
        host: HostId,
        main: impl FnOnce(Net, Log) -> F,
    ) {
        let future = main(self.net(host), self.log.clone());
        self.world.start(host, "main", Box::pin(future));
    }

    /// Starts a server that sends back what it reads, each connection in a task of its own.
    pub fn echo(&mut self, host: HostId) {
        let (net, spawn) = (self.net(host), self.world.spawn(host));
        self.world.start(
            host,
            "echo",
            Box::pin(async move {
                let mut listener = net.bind(PORT).await.expect("a free port");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    spawn.task("echo connection", echo(stream));
                }
            }),
        );
    }

    /// Runs for so many milliseconds more.
    pub fn pass(&mut self, ms: u64) {
        let deadline = self.world.now() + Duration::from_millis(ms);
        self.world.run_until(deadline).expect("the run goes on");
    }

    /// Sets both directions between two hosts.
    pub fn link_both(&mut self, a: HostId, b: HostId, link: Link) {
        self.world.set_link(a, b, link);
        self.world.set_link(b, a, link);
    }
}

/// A link that holds everything.
pub fn blocked() -> Link {
    Link {
        blocked: true,
        ..Link::healthy(1, 0)
    }
}

/// Sends back what it reads until the end of the stream.
pub async fn echo(mut stream: BoxStream) {
    let mut buffer = vec![0; 4096];
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 || stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Sends `bytes` and reads as many back.
pub async fn round_trip(stream: &mut BoxStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// A connect as one word: `ok`, or the kind of the error, or `gave up` after `limit_ms`.
pub async fn connect_word(net: &Net, name: &str, limit_ms: u64) -> String {
    let limit = Duration::from_millis(limit_ms);
    match tokio::time::timeout(limit, net.connect(name, PORT)).await {
        Ok(Ok(_)) => "ok".to_owned(),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => "gave up".to_owned(),
    }
}

/// How a read ended: `eof`, `data`, or the kind of the error.
pub async fn read_word(stream: &mut BoxStream) -> String {
    let mut byte = [0; 1];
    match stream.read(&mut byte).await {
        Ok(0) => "eof".to_owned(),
        Ok(_) => "data".to_owned(),
        Err(error) => error.kind().to_string(),
    }
}

/// Joins lines for a comparison.
pub fn joined(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    })
}
