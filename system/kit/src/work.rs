//! What serving costs. Free in the real world; in the simulator a request queues for a worker
//! thread and spends modelled time there.

use std::{any::Any, sync::Arc};

use crate::BoxFuture;

/// Held from a request's admission until its answer is ready; dropping it frees the worker.
#[must_use = "a permit dropped at once holds no worker"]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send>);

impl Permit {
    /// A permit that runs `release`'s `Drop` when the answer is ready.
    pub fn new(release: impl Any + Send) -> Self {
        Self(Box::new(release))
    }
}

/// Admits requests to a server's worker threads.
pub trait Admission: Send + Sync + 'static {
    /// Waits for a worker and spends the time that this route costs. `None`: the queue is full, the
    /// server answers 503. `route` is the route's pattern (`/orders/{id}`), not the path.
    fn admit(&self, method: &str, route: &str) -> BoxFuture<'_, Option<Permit>>;
}

/// A pod's worker threads.
#[derive(Clone)]
pub struct Work(Arc<dyn Admission>);

impl Work {
    /// Wraps an admission rule.
    pub fn new(admission: impl Admission) -> Self {
        Self(Arc::new(admission))
    }

    /// Admits everything at once: the real world has real threads.
    pub fn free() -> Self {
        Self::new(Free)
    }

    /// See [`Admission::admit`].
    pub async fn admit(&self, method: &str, route: &str) -> Option<Permit> {
        self.0.admit(method, route).await
    }
}

struct Free;

impl Admission for Free {
    fn admit(&self, _method: &str, _route: &str) -> BoxFuture<'_, Option<Permit>> {
        Box::pin(async { Some(Permit::new(())) })
    }
}
