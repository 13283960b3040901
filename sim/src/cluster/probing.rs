//! The kubelet's tries: real requests from the machine to the container.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use squall_kit::{
    net::{BoxStream, Transport as _, memory::Memory},
    spawn::Spawn,
};
use squall_reports::history::Name;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    engine::{Interrupter, World},
    objects::probe::{Probe, ProbeHandler},
    platform::probe::{Attempt, Tried},
};

/// Where all kubelets run. No fault can name it: a kubelet is on its pods' machine.
const KUBELET: &str = "kubelet";
/// An answer is read up to here (Kubernetes: pkg/probe/http `maxRespBodyLength`, 10 KB).
const ANSWER_LIMIT: usize = 10 * 1024;

/// What a try gave.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) pod: Name,
    pub(crate) attempt: Attempt,
    pub(crate) tried: Tried,
    /// What went wrong, or how it answered.
    pub(crate) reason: String,
}

/// Makes tries, and keeps what they gave until it is fetched.
pub(crate) struct Prober {
    spawn: Spawn,
    reports: Arc<Mutex<Vec<Report>>>,
    interrupter: Interrupter,
}

impl Prober {
    pub(crate) fn new(world: &mut dyn World) -> Self {
        let host = world.add_host(KUBELET);
        world.start(host, "main", Box::pin(std::future::pending()));
        let spawn = world.spawn(host);
        Self {
            spawn,
            reports: Arc::default(),
            interrupter: world.interrupter(),
        }
    }

    /// Begins a try. Its report comes within the probe's timeout.
    pub(crate) fn begin(&self, pod: &Name, attempt: Attempt, probe: &Probe, machine: &Memory) {
        let kubelet = Try {
            pod: Arc::clone(pod),
            probe: probe.clone(),
            machine: machine.clone(),
        };
        let (reports, interrupter) = (Arc::clone(&self.reports), self.interrupter.clone());
        self.spawn.task("probe", async move {
            let pod = Arc::clone(&kubelet.pod);
            let (tried, reason) = match kubelet.make().await {
                Ok(()) => (Tried::Success, "success".to_owned()),
                Err(why) => (Tried::Failure, why),
            };
            let report = Report {
                pod,
                attempt,
                tried,
                reason,
            };
            reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(report);
            interrupter.interrupt();
        });
    }

    /// What came since the last time.
    pub(crate) fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Try {
    pod: Name,
    probe: Probe,
    machine: Memory,
}

impl Try {
    /// Kubernetes, prober: no answer in time is a failure, a status of 200 to 399 a success.
    ///
    /// # Errors
    /// Why it is a failure.
    async fn make(self) -> Result<(), String> {
        let limit = self.probe.timeout;
        match timeout(limit, self.answer()).await {
            Err(_) => Err(format!("no answer within {limit:?}")),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(None | Some(200..400))) => Ok(()),
            Ok(Ok(Some(status))) => Err(format!("status {status}")),
        }
    }

    /// The status; `None` where a connection is all that is asked for.
    async fn answer(&self) -> io::Result<Option<u16>> {
        match &self.probe.handler {
            ProbeHandler::TcpSocket { port } => {
                self.machine.connect(&self.pod, *port).await?;
                Ok(None)
            }
            ProbeHandler::HttpGet { path, port } => {
                let stream = self.machine.connect(&self.pod, *port).await?;
                get(stream, &self.pod, path).await.map(Some)
            }
        }
    }
}

/// One GET, written by hand: probes are most of what happens in an idle cluster.
async fn get(mut stream: BoxStream, host: &str, path: &str) -> io::Result<u16> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: kube-probe\r\n\
         accept: */*\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    // Holds what a health endpoint says; the few that answer with a list make it grow.
    let mut answer = Vec::with_capacity(1024);
    while answer.len() < ANSWER_LIMIT && stream.read_buf(&mut answer).await? > 0 {}
    status(&answer).ok_or_else(|| {
        let text = format!("no HTTP answer in {} bytes", answer.len());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

/// Of a status line: `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let digits = rest.get(2..5)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_line_has_a_status_and_nothing_else_has() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503 x"), Some(503));
        for none in [
            &b""[..],
            b"HTTP/1.1",
            b"HTTP/1.1 2",
            b"HTTP/1.1 abc",
            b"SSH-2.0-x 200",
        ] {
            assert_eq!(status(none), None);
        }
    }
}
