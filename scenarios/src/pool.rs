//! Many runs on few threads. Each run is a world of its own; only the order of finishing is not.

use std::{
    num::NonZeroUsize,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Calls `work` on every task, on `jobs` threads at the most, and gives the results in the order of
/// the tasks. Once `stop` is set no further task begins; those under way are finished, and the
/// tasks not begun have no result. `finished` hears of each result as it comes, on the calling
/// thread.
#[expect(
    clippy::disallowed_methods,
    reason = "runs share nothing: each has its own engine"
)]
pub fn map<T: Sync, R: Send>(
    tasks: &[T],
    jobs: usize,
    stop: &AtomicBool,
    work: impl Fn(&T) -> R + Sync,
    mut finished: impl FnMut(&R),
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let mut results: Vec<Option<R>> = tasks.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, tasks.len().max(1)) {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { return };
                    if sender.send((index, work(task))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (index, result) in receiver {
            finished(&result);
            results[index] = Some(result);
        }
    });
    results
}

/// As many threads as this machine has cores.
#[expect(
    clippy::disallowed_methods,
    reason = "decides how fast runs are made, not what they give"
)]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::map;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let tasks: Vec<u64> = (0..100).collect();
        let mut heard = 0;
        let stop = AtomicBool::new(false);
        let squares = map(&tasks, 4, &stop, |task| task * task, |_| heard += 1);
        assert_eq!(
            squares,
            tasks
                .iter()
                .map(|task| Some(task * task))
                .collect::<Vec<_>>()
        );
        assert_eq!(heard, 100);
    }

    #[test]
    fn a_stop_keeps_what_is_finished() {
        let stop = AtomicBool::new(false);
        let work = |task: &u64| {
            stop.store(*task == 2, Ordering::Relaxed);
            *task
        };
        let results = map(&[0, 1, 2, 3, 4], 1, &stop, work, |_| {});
        assert_eq!(results, [Some(0), Some(1), Some(2), None, None]);
    }
}
