//! A process that is killed has lost nothing that it answered.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use super::store;
use crate::{
    clock::Clock,
    store::{
        Database, Store,
        sqlite::{Sqlite, Threads},
    },
};

/// Tells the process to be killed which file it writes, and a round that makes its ids its own.
const PATH: &str = "SQUALL_DURABILITY_PATH";
const ROUND: &str = "SQUALL_DURABILITY_ROUND";

/// Answers to wait for before the kill.
const ANSWERS: usize = 40;

fn open(path: &Path) -> (Sqlite, Store) {
    let sqlite = Sqlite::file(path, Clock::system(), Threads::Inline).expect("a sound file");
    (sqlite.clone(), store(sqlite))
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let directory = tempfile::tempdir().expect("there is a disk");
    let path = directory.path().join("order.db");
    let mut answered = Vec::new();
    for round in 0..2 {
        let program = std::env::current_exe().expect("this test runs from a file");
        let mut child = Command::new(program)
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("store::tests::durability::commits_until_killed")
            .env(PATH, &path)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test can run itself");
        let told = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ids = told.map(|line| line.expect("the child writes text"));
        let ids = ids.filter_map(|line| line.strip_prefix("answered ").map(str::to_owned));
        answered.extend(ids.take(ANSWERS));
        child.kill().expect("it still runs");
        child.wait().expect("it was killed");
    }
    assert_eq!(answered.len(), 2 * ANSWERS);
    let (sqlite, _) = open(&path);
    for id in &answered {
        let receipt = sqlite.receipt(id.clone()).await.expect("reads work");
        assert!(receipt.is_some(), "{id} was answered and is lost");
    }
    let rows = sqlite.outbox(10_000, 0).await.expect("reads work");
    for id in answered {
        let event = format!("{id}#1");
        let found = rows.iter().filter(|row| row.event.id == event).count();
        assert_eq!(found, 1, "{event}");
    }
}

/// The process to be killed: commits for ever and tells each answer.
#[expect(
    clippy::disallowed_methods,
    reason = "its parent has no other way to tell it"
)]
#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn commits_until_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(PATH), std::env::var(ROUND)) else {
        return;
    };
    let (_, store) = open(Path::new(&path));
    // Bounded, in case the parent dies first.
    for n in 0..1_000_000 {
        let mut unit = store.unit(format!("{round}-{n}"));
        unit.publish("Counted", "1", &n);
        let receipt = unit.commit(&n).await.expect("the file is writable");
        assert!(!receipt.replayed);
        println!("answered {round}-{n}");
    }
}
