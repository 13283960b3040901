//! The control plane as synchronous state machines: no I/O, no tasks, no clock of their own.
//!
//! Time is passed in (`now`, since the world's start) and asked for (`next_deadline`); whoever owns
//! a machine calls it at its deadlines and does what it says. Each rule names where Kubernetes
//! keeps it; what Kubernetes leaves open is a parameter with a documented default. The machines do
//! not know each other, nor what a pod's program does.
//!
//! **Where to start reading:** [`rollout`] for what a Deployment does, [`probe`] for what a kubelet
//! does to one container, [`autoscaler`] for the loop around both.

pub mod autoscaler;
pub mod disruption;
pub mod drain;
pub mod endpoints;
pub mod envoy;
pub mod fraction;
pub mod metrics;
pub mod node;
pub mod probe;
pub mod replica_set;
pub mod restart;
pub mod rollout;
pub mod termination;

#[cfg(test)]
mod tests;
