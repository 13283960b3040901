use std::time::Duration;

use tokio::time::Instant;

use super::store;
use crate::{
    clock::Clock,
    store::{
        Database, StoreError,
        lossy::{Loss, Lossy},
        sqlite::Sqlite,
    },
};

fn sqlite() -> Sqlite {
    Sqlite::memory(Clock::system()).expect("there is memory")
}

/// Commits once through `plan`; gives the outcome, the seconds it took, and what stands.
async fn commit_through(plan: &[Loss]) -> (Result<bool, StoreError>, f64, bool) {
    let sqlite = sqlite();
    let store = store(Lossy::new(sqlite.clone(), plan.iter().copied()));
    let start = Instant::now();
    let outcome = store.unit("c1").commit("done").await;
    let stands = sqlite.receipt("c1".to_owned()).await.expect("it works");
    let outcome = outcome.map(|receipt| receipt.replayed);
    (outcome, start.elapsed().as_secs_f64(), stands.is_some())
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_repeated_until_known() {
    let quick = [Loss::Unreachable, Loss::Request, Loss::Unreachable];
    let (outcome, seconds, _) = commit_through(&quick).await;
    assert_eq!(outcome, Ok(false));
    assert!(seconds < 0.2, "{seconds}");
    let (outcome, ..) = commit_through(&[Loss::Reply, Loss::Unreachable]).await;
    assert_eq!(outcome, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let (outcome, seconds, stands) = commit_through(&[Loss::Unreachable; 100]).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
    assert!(!stands);
    assert!((3.5..=5.0).contains(&seconds), "{seconds}");

    let (outcome, seconds, stands) = commit_through(&[Loss::Silence]).await;
    assert!(
        matches!(outcome, Err(StoreError::Unknown(_))),
        "{outcome:?}"
    );
    assert!(!stands);
    assert!((5.0..5.1).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn what_was_unknown_once_stays_unknown() {
    let mut plan = [Loss::Unreachable; 100];
    for lost in [Loss::Request, Loss::Reply] {
        plan[1] = lost;
        let (outcome, _, stands) = commit_through(&plan).await;
        assert!(
            matches!(outcome, Err(StoreError::Unknown(_))),
            "{outcome:?}"
        );
        assert_eq!(stands, lost == Loss::Reply);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_repeated() {
    let lossy = Lossy::new(
        sqlite(),
        [Loss::None, Loss::None, Loss::None, Loss::Unreachable],
    );
    let store = store(lossy.clone());
    assert_eq!(store.allocate("orders").await, Ok(1));
    assert_eq!(store.receipt("c1").await, Ok(None));
    let unit = store.unit("c1");
    assert!(unit.commit(&()).await.is_ok());
    assert_eq!(lossy.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_too_and_waits_differ_between_seeds_only() {
    let start = Instant::now();
    let lossy = Lossy::new(sqlite(), [Loss::Unreachable; 6]);
    assert_eq!(store(lossy).allocate("orders").await, Ok(1));
    let first = start.elapsed();
    let start = Instant::now();
    let lossy = Lossy::new(sqlite(), [Loss::Unreachable; 6]);
    assert_eq!(store(lossy).allocate("orders").await, Ok(1));
    assert_eq!(start.elapsed(), first);
    assert!(first > Duration::ZERO);
}
