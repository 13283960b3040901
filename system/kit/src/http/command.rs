//! Commands run in tasks of their own: an HTTP handler is dropped when its caller hangs up, and a
//! command must not end halfway for that. Nor for a stop signal: a server that is asked to end
//! waits for them, too.

use tokio::sync::oneshot;

use super::problem::Problem;
use crate::{
    Pod, hints,
    planted::{self, Bug},
};

/// Runs `work` to its end, whatever becomes of the caller, and gives its result.
///
/// # Errors
/// As `work`; 500 when its task was ended before it had a result (it panicked, or its pod died).
pub async fn command<T: Send + 'static>(
    pod: &Pod,
    name: &'static str,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    if planted::is(Bug::HandlerBoundCommand) {
        return work.await;
    }
    let (caller, result) = oneshot::channel();
    let (signals, hold) = (pod.signals.clone(), pod.stop.hold());
    pod.spawn.task(name, async move {
        if caller.send(work.await).is_err() {
            signals.hint(hints::CALLER_GONE);
        }
        drop(hold);
    });
    result
        .await
        .unwrap_or_else(|_ended| Err(Problem::internal()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, time::timeout};

    use super::*;
    use crate::{
        net::{Net, memory::Memory},
        testing::pod,
    };

    #[tokio::test(start_paused = true)]
    async fn a_command_ends_although_its_caller_hung_up() {
        let (done, ended) = oneshot::channel();
        let work = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            done.send("committed").expect("the test waits for it");
            Ok(())
        };
        let pod = pod(Net::new(Memory::default()));
        let caller = command(&pod, "order", work);
        timeout(Duration::from_secs(1), caller)
            .await
            .expect_err("the caller hangs up");
        assert_eq!(ended.await, Ok("committed"));
    }
}
