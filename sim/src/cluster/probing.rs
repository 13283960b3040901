//! The kubelet's tries: real requests from the machine to the container, over the network.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use squall_kit::{
    net::{
        Net,
        client::{Call, ClientSettings, HttpClient},
    },
    signal::Signals,
    spawn::Spawn,
};
use squall_reports::history::Name;
use tokio::time::timeout;

use super::directory::Directory;
use crate::{
    engine::{Interrupter, World},
    objects::probe::{Probe, ProbeHandler},
    platform::probe::{Attempt, Tried},
};

/// The host that all kubelets try from. No fault can name it: a kubelet is on the pod's machine.
const KUBELET: &str = "kubelet";

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
    net: Net,
    spawn: Spawn,
    client: HttpClient,
    reports: Arc<Mutex<Vec<Report>>>,
    interrupter: Interrupter,
}

impl Prober {
    pub(crate) fn new(directory: &Directory, world: &mut dyn World) -> Self {
        let host = world.add_host(KUBELET);
        world.start(host, "main", Box::pin(std::future::pending()));
        let net = world.net(host, Arc::new(directory.clone()));
        let spawn = world.spawn(host);
        let settings = ClientSettings {
            // The probe's own timeout bounds it.
            connect_timeout: Duration::from_secs(3600),
            ..ClientSettings::fresh()
        };
        let client = HttpClient::new(net.clone(), spawn.clone(), Signals::silent(), settings);
        Self {
            net,
            spawn,
            client,
            reports: Arc::default(),
            interrupter: world.interrupter(),
        }
    }

    /// Begins a try. Its report comes within the probe's timeout.
    pub(crate) fn begin(&self, pod: &Name, attempt: Attempt, probe: &Probe) {
        let kubelet = Try {
            pod: Arc::clone(pod),
            probe: probe.clone(),
            net: self.net.clone(),
            client: self.client.clone(),
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
    net: Net,
    client: HttpClient,
}

impl Try {
    /// Kubernetes, prober: no answer in time is a failure, a status of 200 to 399 a success.
    ///
    /// # Errors
    /// Why it is a failure.
    async fn make(self) -> Result<(), String> {
        let limit = self.probe.timeout;
        match &self.probe.handler {
            ProbeHandler::TcpSocket { port } => {
                match timeout(limit, self.net.connect(&self.pod, *port)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!("no connection within {limit:?}")),
                }
            }
            ProbeHandler::HttpGet { path, port } => {
                let target = format!("{}:{port}", self.pod);
                let call = Call::new(Method::GET, &target, path, limit);
                match self.client.call(call).await {
                    Ok(answer) if (200..400).contains(&answer.status.as_u16()) => Ok(()),
                    Ok(answer) => Err(format!("status {}", answer.status.as_u16())),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}
