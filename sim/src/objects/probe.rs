//! Probes (Kubernetes: core/v1 `Probe`).

use std::time::Duration;

/// How a container is asked about its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is tried.
    pub handler: ProbeHandler,
    /// `initialDelaySeconds`, 0: no try while the container is younger, in whole seconds.
    pub initial_delay: Duration,
    /// `periodSeconds`, 10.
    pub period: Duration,
    /// `timeoutSeconds`, 1: no answer in time is a failure.
    pub timeout: Duration,
    /// `successThreshold`, 1: so many successes in a row make it a success.
    pub success_threshold: u32,
    /// `failureThreshold`, 3: so many failures in a row make it a failure.
    pub failure_threshold: u32,
    /// `terminationGracePeriodSeconds` of this probe, for kills it causes.
    pub termination_grace: Option<Duration>,
}

/// What a probe tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeHandler {
    /// GET of this path; 200 to below 400 is a success.
    HttpGet {
        /// The path.
        path: String,
        /// The port.
        port: u16,
    },
    /// Connecting to this port is a success.
    TcpSocket {
        /// The port.
        port: u16,
    },
}

/// The probes of a container. Without one, what it would tell counts as a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// Until it has succeeded, the others are not run.
    pub startup: Option<Probe>,
    /// Whether it gets traffic.
    pub readiness: Option<Probe>,
    /// Whether it is killed and started again.
    pub liveness: Option<Probe>,
}
