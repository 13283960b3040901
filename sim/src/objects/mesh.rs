//! Traffic rules that sidecars follow (Istio: networking.istio.io `DestinationRule`,
//! `VirtualService`).

use std::time::Duration;

/// A DestinationRule's `trafficPolicy`.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRule {
    /// Its name.
    pub name: String,
    /// `spec.host`: the Service it is about.
    pub host: String,
    /// `connectionPool`.
    pub connection_pool: ConnectionPool,
    /// `outlierDetection`; `None`: no host is ever ejected.
    pub outlier_detection: Option<OutlierDetection>,
    /// `loadBalancer.simple`.
    pub load_balancer: LoadBalancer,
}

/// Limits of each calling sidecar. `None`: unlimited (Istio sets 2^32−1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionPool {
    /// `tcp.maxConnections`.
    pub max_connections: Option<u32>,
    /// `tcp.connectTimeout`, 10 s.
    pub connect_timeout: Duration,
    /// `http.http1MaxPendingRequests`: requests that wait for a connection.
    pub max_pending_requests: Option<u32>,
    /// `http.http2MaxRequests`: requests at once; it counts for HTTP/1.1, too.
    pub max_requests: Option<u32>,
    /// `http.maxRequestsPerConnection`; `None` or 0: unlimited, 1: no keep-alive.
    pub max_requests_per_connection: Option<u32>,
    /// `http.maxRetries`: retries at once. 0 cannot be expressed and counts as unset.
    pub max_retries: Option<u32>,
    /// `http.idleTimeout`, 1 h.
    pub idle_timeout: Duration,
}

/// `outlierDetection`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierDetection {
    /// `consecutive5xxErrors`, 5; `Some(0)` switches it off.
    pub consecutive_5xx_errors: u32,
    /// `consecutiveGatewayErrors`; 0: off.
    pub consecutive_gateway_errors: u32,
    /// `interval`, 10 s: hosts come back at these sweeps only.
    pub interval: Duration,
    /// `baseEjectionTime`, 30 s.
    pub base_ejection_time: Duration,
    /// `maxEjectionPercent`, 10.
    pub max_ejection_percent: u32,
    /// `minHealthPercent`, 0.
    pub min_health_percent: u32,
    /// The older rule: the first host may be ejected whatever the percentage says.
    pub legacy_first_eject: bool,
}

/// How a sidecar picks a host for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// Two at random, of which the one with fewer active requests.
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// At random.
    Random,
}

/// A VirtualService's one HTTP route to its host.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualService {
    /// Its name.
    pub name: String,
    /// The Service it is about.
    pub host: String,
    /// `timeout`, retries included; `None`: disabled.
    pub timeout: Option<Duration>,
    /// `retries`.
    pub retries: RetryPolicy,
    /// `fault.abort`: (status, percent of the requests).
    pub abort: Option<(u16, f64)>,
    /// `fault.delay`: (delay, percent of the requests).
    pub delay: Option<(Duration, f64)>,
}

/// `retries`. Istio's default holds without a VirtualService, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// `attempts`, 2: retries after the first try. 0: none.
    pub attempts: u32,
    /// `perTryTimeout`.
    pub per_try_timeout: Option<Duration>,
    /// `retryOn`.
    pub retry_on: Vec<RetryOn>,
}

/// What is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// `connect-failure`.
    ConnectFailure,
    /// `refused-stream`: HTTP/2 only, so never here.
    RefusedStream,
    /// `unavailable`, `cancelled` and the like: gRPC only, so never here.
    Grpc,
    /// `reset`: the upstream closed or reset, or did not answer in time.
    Reset,
    /// `5xx`, and everything in `gateway-error`, `connect-failure` and `reset`.
    ServerError,
    /// `gateway-error`: 502, 503, 504.
    GatewayError,
    /// A listed status.
    Status(u16),
}

impl Default for ConnectionPool {
    fn default() -> Self {
        Self {
            max_connections: None,
            connect_timeout: Duration::from_secs(10),
            max_pending_requests: None,
            max_requests: None,
            max_requests_per_connection: None,
            max_retries: None,
            idle_timeout: Duration::from_secs(3600),
        }
    }
}

impl Default for OutlierDetection {
    fn default() -> Self {
        Self {
            consecutive_5xx_errors: 5,
            consecutive_gateway_errors: 0,
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(30),
            max_ejection_percent: 10,
            min_health_percent: 0,
            legacy_first_eject: false,
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        use RetryOn::{ConnectFailure, Grpc, RefusedStream};
        Self {
            attempts: 2,
            per_try_timeout: None,
            retry_on: vec![ConnectFailure, RefusedStream, Grpc],
        }
    }
}
