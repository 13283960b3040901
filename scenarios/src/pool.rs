//! Many runs on few threads. Each run is a world of its own; only the order of finishing is not.

use std::{
    cmp::Reverse,
    num::NonZeroUsize,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Calls `work` on every task, on `jobs` threads at the most, and gives the results in the order of
/// the tasks. Those of most `weight` begin first, so that none of them is left to run alone at the
/// end; equal ones in their order. Once `stop` is set no further task begins; those under way are
/// finished, and the tasks not begun have no result. `finished` hears of each result as it comes,
/// on the calling thread.
#[expect(
    clippy::disallowed_methods,
    reason = "runs share nothing: each has its own engine"
)]
pub fn map<T: Sync, R: Send>(
    tasks: &[T],
    jobs: usize,
    stop: &AtomicBool,
    weight: impl Fn(&T) -> u64,
    work: impl Fn(&T) -> R + Sync,
    mut finished: impl FnMut(&R),
) -> Vec<Option<R>> {
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&index| Reverse(weight(&tasks[index])));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let mut results: Vec<Option<R>> = tasks.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, tasks.len().max(1)) {
            let sender = sender.clone();
            let (next, order, work) = (&next, &order, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = order.get(turn) else {
                        return;
                    };
                    if sender.send((index, work(&tasks[index]))).is_err() {
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
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    };

    use super::map;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let tasks: Vec<u64> = (0..100).collect();
        let mut heard = 0;
        let stop = AtomicBool::new(false);
        let squares = map(
            &tasks,
            4,
            &stop,
            |task| *task,
            |task| task * task,
            |_| heard += 1,
        );
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
        let results = map(&[0, 1, 2, 3, 4], 1, &stop, |_| 0, work, |_| {});
        assert_eq!(results, [Some(0), Some(1), Some(2), None, None]);
    }

    #[test]
    fn the_heaviest_begins_first() {
        let order = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        let work = |task: &u64| order.lock().expect("no panic").push(*task);
        map(&[1, 9, 5, 9], 1, &stop, |task| *task, work, |()| {});
        assert_eq!(order.into_inner().expect("no panic"), [9, 9, 5, 1]);
    }
}
