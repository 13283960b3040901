use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use serde_json::json;

use super::HandClock;
use crate::{
    clock::Clock,
    net::{Net, memory::Memory},
    signal::{Listener, Signal, Signals},
    spawn::Spawn,
    stop::Stop,
    store::{
        Commit, Database, InboxEntry, Key, Receipt, Record, StoreError, Write, contract,
        remote::{RemoteDatabase, Settings, serve_database},
        sqlite::{Sqlite, Threads},
    },
};

const PORT: u16 = 3306;

fn memory(clock: Clock) -> Sqlite {
    Sqlite::memory(clock).expect("there is memory")
}

#[tokio::test(start_paused = true)]
async fn sqlite_in_memory_keeps_the_contract() {
    contract::check(|| {
        Box::pin(async {
            let clock = HandClock::default();
            clock.subject(Arc::new(memory(clock.clock())))
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn sqlite_in_a_file_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("there is a disk");
    let next = std::sync::atomic::AtomicU64::new(0);
    contract::check(|| {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = directory.path().join(format!("{n}.db"));
        Box::pin(async move {
            let clock = HandClock::default();
            let sqlite = Sqlite::file(&path, clock.clock(), Threads::Inline);
            clock.subject(Arc::new(sqlite.expect("the directory is writable")))
        })
    })
    .await;
}

fn remote(net: &Net) -> RemoteDatabase {
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        call_timeout: Duration::from_secs(2),
    };
    RemoteDatabase::new(net.clone(), Spawn::tokio(), "db", PORT, settings)
}

fn served(net: &Net, database: impl Database, signals: Signals, stop: &Stop) {
    let (net, stop) = (net.clone(), stop.clone());
    Spawn::tokio().task("database", async move {
        let database = Arc::new(database);
        serve_database(&net, &Spawn::tokio(), &stop, PORT, database, signals)
            .await
            .expect("the port is free");
    });
}

#[tokio::test(start_paused = true)]
async fn a_remote_database_keeps_the_contract() {
    contract::check(|| {
        Box::pin(async {
            let (clock, net) = (HandClock::default(), Net::new(Memory::default()));
            served(&net, memory(clock.clock()), Signals::silent(), &Stop::new());
            tokio::task::yield_now().await;
            clock.subject(Arc::new(remote(&net)))
        })
    })
    .await;
}

/// Stops the server in the very moment when a commit stands and its reply has not been sent.
struct StopAtCommit(Stop);

impl Listener for StopAtCommit {
    fn hear(&self, signal: Signal) {
        if let Signal::Committed {
            commit, replayed, ..
        } = signal
        {
            assert_eq!((commit.as_str(), replayed), ("c1", false));
            self.0.raise();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_database_is_unavailable_before_and_tells_of_commits_before_it_answers() {
    let net = Net::new(Memory::default());
    let remote = remote(&net);
    let answer = remote.commit(&commit("c1")).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );

    let (sqlite, stop) = (memory(Clock::system()), Stop::new());
    let signals = Signals::new(StopAtCommit(stop.clone()));
    served(&net, sqlite.clone(), signals, &stop);
    tokio::task::yield_now().await;
    // A graceful stop lets the call end.
    let receipt = remote.commit(&commit("c1")).await;
    assert_eq!(receipt.map(|receipt| receipt.replayed), Ok(false));
    assert!(stop.is_raised());
    let answer = remote.load(commit("c1").writes[0].key.clone()).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );

    served(&net, sqlite, Signals::silent(), &Stop::new());
    tokio::task::yield_now().await;
    let receipt = remote.commit(&commit("c1")).await;
    assert_eq!(receipt.map(|receipt| receipt.replayed), Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_remote_database_that_does_not_answer_is_unknown() {
    let net = Net::new(Memory::default());
    let _open = net.bind(PORT).await.expect("the port is free");
    let answer = remote(&net).commit(&commit("c1")).await;
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
}

#[tokio::test]
async fn a_file_survives_reopening() {
    let directory = tempfile::tempdir().expect("there is a disk");
    let path = directory.path().join("order.db");
    let open = || Sqlite::file(&path, Clock::system(), Threads::Inline);
    let first = open().expect("the directory is writable");
    assert!(first.commit(&commit("c1")).await.is_ok());
    assert_eq!(first.allocate("orders".to_owned()).await, Ok(8));
    let lease = first.lease("a".to_owned(), 60_000).await;
    let second = open().err();
    assert!(
        matches!(&second, Some(StoreError::Failed(text)) if text.contains("order.db")),
        "two processes at once: {second:?}"
    );
    drop(first);

    let again = open().expect("the file is sound");
    let record = again.load(commit("c1").writes[0].key.clone()).await;
    let body = (&json!({"item": "tv"})).into();
    assert_eq!(
        record,
        Ok(Some(Record {
            id: 7,
            version: 1,
            body
        }))
    );
    let receipt = again.commit(&commit("c1")).await;
    let answer = json!({"id": 7});
    assert_eq!(
        receipt,
        Ok(Receipt {
            answer,
            replayed: true
        })
    );
    let consumed = again.commit(&commit("c2")).await;
    assert!(matches!(consumed, Err(StoreError::AlreadyConsumed { .. })));
    assert_eq!(again.allocate("orders".to_owned()).await, Ok(9));
    assert_eq!(again.lease("a".to_owned(), 60_000).await, lease);
    assert_eq!(again.lease("b".to_owned(), 60_000).await, Ok(None));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why() {
    let directory = tempfile::tempdir().expect("there is a disk");
    let refusal = |name: &str| {
        let path = directory.path().join(name);
        match Sqlite::file(&path, Clock::system(), Threads::Inline) {
            Err(StoreError::Failed(text)) if text.contains(name) => text,
            other => panic!("{name}: {:?}", other.err()),
        }
    };
    std::fs::write(directory.path().join("garbage.db"), "x".repeat(5_000)).expect("writable");
    assert!(refusal("garbage.db").contains("not a database"));
    refusal("absent/order.db");

    let newer = directory.path().join("newer.db");
    drop(Sqlite::file(&newer, Clock::system(), Threads::Inline).expect("writable"));
    let connection = Connection::open(&newer).expect("readable");
    connection
        .pragma_update(None, "user_version", 3)
        .expect("writable");
    drop(connection);
    assert!(refusal("newer.db").contains("version 3, this program knows version 2"));

    let foreign = Connection::open(directory.path().join("foreign.db")).expect("writable");
    foreign
        .execute_batch("CREATE TABLE t (x)")
        .expect("writable");
    drop(foreign);
    assert!(refusal("foreign.db").contains("another program"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "blocking needs a runtime with threads"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_may_block_on_a_multi_threaded_runtime() {
    let directory = tempfile::tempdir().expect("there is a disk");
    let path = directory.path().join("order.db");
    let sqlite = Sqlite::file(&path, Clock::system(), Threads::MayBlock).expect("writable");
    let commit = commit("c1");
    let outcomes = tokio::join!(sqlite.commit(&commit), sqlite.commit(&commit));
    let replayed = [outcomes.0, outcomes.1].map(|outcome| outcome.map(|it| it.replayed));
    assert!(replayed.contains(&Ok(false)) && replayed.contains(&Ok(true)));
}

/// Creates `orders/7` as the effect of one event.
fn commit(id: &str) -> Commit {
    let key = Key {
        collection: "orders".to_owned(),
        id: 7,
    };
    Commit {
        id: id.to_owned(),
        expected: vec![(key.clone(), 0)],
        writes: vec![Write {
            key,
            body: Some(json!({"item": "tv"})),
            indexes: Vec::new(),
        }],
        outbox: Vec::new(),
        inbox: Some(InboxEntry {
            consumer: "order".to_owned(),
            event_id: "e1".to_owned(),
        }),
        answer: json!({"id": 7}),
    }
}
