//! Each job in a task of its own, as requests are: who is not woken is not polled.

use squall_kit::spawn::Spawn;
use tokio::time::timeout;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One core, from now on.
fn core() -> Processor {
    let start = Instant::now();
    Processor::new(1_000, Recorder::new(move || start.elapsed(), || {}))
}

/// Computes in a task of its own, at most until `patience` ends. Gives when it was done and when
/// the task heard of it.
fn job(
    core: &Processor,
    work: Duration,
    patience: Duration,
) -> impl Future<Output = Option<(Duration, Duration)>> {
    let core = core.clone();
    let task = async move {
        let done = timeout(patience, core.compute(core.now(), work)).await;
        done.ok().map(|done| (done, core.now()))
    };
    let result = Spawn::tokio().result("job", task);
    async move { result.await.expect("it does not panic") }
}

const PATIENT: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn the_watch_is_handed_on() {
    let core = core();
    let longer = job(&core, ms(150), PATIENT);
    let shorter = job(&core, Duration::from_micros(90_250), PATIENT);
    assert_eq!(
        shorter.await,
        Some((Duration::from_micros(180_500), ms(181)))
    );
    let end = Duration::from_micros(240_250);
    assert_eq!(longer.await, Some((end, ms(241))));
    assert_eq!((core.used(), core.running()), (end, 0));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_hurries_the_others_also_who_watches() {
    for (work, left) in [(ms(100), ms(125)), (ms(5_000), ms(5_025))] {
        let core = core();
        let goes = job(&core, ms(1_000), ms(50));
        let stays = job(&core, work, PATIENT);
        assert_eq!(goes.await, None);
        assert_eq!(stays.await, Some((left, left)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_start_up_hurries_everybody() {
    let core = core();
    core.set_background(3_000);
    let job = job(&core, ms(100), PATIENT);
    tokio::time::sleep(ms(200)).await;
    core.set_background(0);
    assert_eq!(job.await, Some((ms(250), ms(250))));
    assert_eq!(core.used(), ms(250));
}
