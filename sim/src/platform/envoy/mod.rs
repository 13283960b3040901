//! What an Istio sidecar (Envoy) does with the requests of its pod (platform: §§4, 5).
//!
//! Every pod has a sidecar of its own, and each keeps its own counts: limits and ejections hold for
//! one caller's view of a service, never for the service as a whole. Time is counted from the
//! sidecar's start.
//!
//! Left out, with platform §5: ejection by success rate (Istio switches it off), the jitter of an
//! ejection (0 by default), weights, and priorities (all hosts are alike here).
//!
//! Start with [`upstream`], which puts the parts together; [`route`] decides what becomes of one
//! request.

pub mod balancer;
pub mod flag;
pub mod outlier;
pub mod pool;
pub mod route;
pub mod upstream;
