//! Starting tasks. A bare `tokio::spawn` would belong to nobody and outlive a simulated crash.

use std::{future::Future, sync::Arc};

use tokio::sync::oneshot;

use crate::BoxFuture;

/// Starts tasks on behalf of one pod: they die with it.
pub trait Spawner: Send + Sync + 'static {
    /// Starts `task`. A panic in it is the pod's panic, never swallowed.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);
}

/// A pod's task starter.
#[derive(Clone)]
pub struct Spawn(Arc<dyn Spawner>);

impl Spawn {
    /// Wraps a spawner.
    pub fn new(spawner: impl Spawner) -> Self {
        Self(Arc::new(spawner))
    }

    /// Tasks of the ambient tokio runtime, for the real world.
    pub fn tokio() -> Self {
        Self::new(TokioSpawner)
    }

    /// Starts a task whose result nobody waits for.
    pub fn task(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(name, Box::pin(task));
    }

    /// Starts a task and hands back its result. Dropping the returned future does not end the task.
    /// `None`: the task was ended (its pod died, or it panicked) before it had a result.
    pub fn result<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<'static, Option<T>> {
        let (sender, receiver) = oneshot::channel();
        self.task(name, async move {
            // The caller may have stopped caring; the task was to run all the same.
            let _ = sender.send(task.await);
        });
        Box::pin(async move { receiver.await.ok() })
    }
}

struct TokioSpawner;

impl Spawner for TokioSpawner {
    #[expect(clippy::disallowed_methods, reason = "the real adapter")]
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
