//! What every [`Database`] must do, as tests that any adapter runs: [`check`].

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Commit, Database, InboxEntry, Key, Lease, Page, Query, Record, Sort, StoreError, Write,
};
use crate::{BoxFuture, event::Event};

/// An empty database under test.
pub struct Subject {
    /// The adapter.
    pub database: Arc<dyn Database>,
    /// Lets so many milliseconds pass on the database's own clock.
    pub pass_ms: Box<dyn Fn(u64) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Runs every check, each on a database of its own. Under paused time nothing takes real time.
///
/// # Panics
/// At the first broken promise.
pub async fn check(fresh: impl Fn() -> BoxFuture<'static, Subject>) {
    versions_count_and_guard(&*fresh().await.database).await;
    deletion_guards_too(&*fresh().await.database).await;
    a_repeated_commit_gives_the_first_answer(&*fresh().await.database).await;
    an_event_takes_effect_once(&*fresh().await.database).await;
    a_failed_commit_leaves_no_trace(&*fresh().await.database).await;
    ids_count_from_one(&*fresh().await.database).await;
    queries_filter(&*fresh().await.database).await;
    queries_sort_and_page(&*fresh().await.database).await;
    queries_refuse_what_they_cannot_answer(&*fresh().await.database).await;
    any_text_is_only_a_text(&*fresh().await.database).await;
    the_lease_is_exclusive_and_ends(&fresh().await).await;
    outbox_rows_come_in_order_until_published(&*fresh().await.database).await;
    outbox_wakes_who_waits(&*fresh().await.database).await;
    of_concurrent_commits_one_wins(&*fresh().await.database).await;
}

async fn versions_count_and_guard(database: &dyn Database) {
    let one = key("orders", 1);
    assert_eq!(database.load(one.clone()).await, Ok(None));
    let commit = write("c1", &one, json!({"n": 1})).expect(&one, 0);
    let receipt = database.commit(&commit).await;
    let receipt = receipt.expect("the key is absent, as expected");
    assert_eq!((receipt.answer, receipt.replayed), (json!("c1"), false));
    assert_eq!(stored(database, &one).await, Some((1, json!({"n": 1}))));

    let commit = write("c2", &one, json!({"n": 2})).expect(&one, 1);
    assert!(database.commit(&commit).await.is_ok());
    assert_eq!(stored(database, &one).await, Some((2, json!({"n": 2}))));

    for wrong in [0, 1, 3, u64::MAX >> 1] {
        let commit = write("c3", &one, json!({"n": 3})).expect(&one, wrong);
        let conflict = Err(StoreError::Conflict { key: one.clone() });
        assert_eq!(database.commit(&commit).await, conflict, "version {wrong}");
    }
    assert_eq!(stored(database, &one).await, Some((2, json!({"n": 2}))));
    assert_eq!(database.load(key("orders", 2)).await, Ok(None));
    assert_eq!(database.load(key("others", 1)).await, Ok(None));
    assert_eq!(database.load(key("orders", u64::MAX)).await, Ok(None));
}

async fn deletion_guards_too(database: &dyn Database) {
    let one = key("orders", 1);
    let mut create = write("c1", &one, json!({})).expect(&one, 0);
    create.0.writes[0].indexes = vec![("state".to_owned(), "open".to_owned())];
    assert!(database.commit(&create).await.is_ok());
    let mut delete = write("c2", &one, Value::Null).expect(&one, 1);
    delete.0.writes[0].body = None;
    assert!(database.commit(&delete).await.is_ok());
    assert_eq!(database.load(one.clone()).await, Ok(None));
    assert_eq!(query(database, all("orders")).await.total, 0);
    let open = all("orders").filter("state", "open");
    assert_eq!(query(database, open).await.records, []);

    let again = write("c3", &one, json!({"again": true})).expect(&one, 0);
    assert!(database.commit(&again).await.is_ok());
    let (version, _) = stored(database, &one).await.expect("it was created again");
    assert!(version > 2, "version {version} was counted before");
    assert_eq!(query(database, all("orders")).await.total, 1);
}

async fn a_repeated_commit_gives_the_first_answer(database: &dyn Database) {
    let one = key("orders", 1);
    assert_eq!(database.receipt("c1".to_owned()).await, Ok(None));
    let mut commit = write("c1", &one, json!({"n": 1}))
        .expect(&one, 0)
        .event("c1#1");
    commit.0.inbox = Some(entry("e1"));
    let first = database
        .commit(&commit)
        .await
        .expect("nothing is in its way");
    assert!(!first.replayed);
    commit.0.answer = json!("another");
    commit.0.writes[0].body = Some(json!({"n": 99}));
    for _ in 0..2 {
        let again = database.commit(&commit).await.expect("it was executed");
        assert_eq!((again.answer, again.replayed), (json!("c1"), true));
    }
    assert_eq!(stored(database, &one).await, Some((1, json!({"n": 1}))));
    assert_eq!(outbox_ids(database).await, ["c1#1"]);
    let receipt = database.receipt("c1".to_owned()).await;
    let receipt = receipt.expect("reads work").expect("it was executed");
    assert_eq!((receipt.answer, receipt.replayed), (json!("c1"), true));
}

async fn an_event_takes_effect_once(database: &dyn Database) {
    let one = key("orders", 1);
    let mut commit = write("c1", &one, json!({"n": 1}));
    commit.0.inbox = Some(entry("e1"));
    assert!(database.commit(&commit).await.is_ok());
    let mut again = write("c2", &one, json!({"n": 2}))
        .expect(&one, 0)
        .event("c2#1");
    again.0.inbox = Some(entry("e1"));
    let consumed = StoreError::AlreadyConsumed {
        event_id: "e1".to_owned(),
    };
    // Also with a version that moved on: the event's own effect may have moved it.
    assert_eq!(database.commit(&again).await, Err(consumed));
    assert_eq!(stored(database, &one).await, Some((1, json!({"n": 1}))));
    assert_eq!(outbox_ids(database).await, [""; 0]);
    let mut other = write("c3", &one, json!({"n": 3}));
    other.0.inbox = Some(InboxEntry {
        consumer: "another".to_owned(),
        event_id: "e1".to_owned(),
    });
    assert!(database.commit(&other).await.is_ok());
}

async fn a_failed_commit_leaves_no_trace(database: &dyn Database) {
    let (one, two) = (key("orders", 1), key("others", 1));
    assert!(database.commit(&write("c1", &two, json!({}))).await.is_ok());
    let mut failing = write("c2", &one, json!({}))
        .expect(&one, 0)
        .expect(&two, 7)
        .event("c2#1");
    failing.0.inbox = Some(entry("e1"));
    failing.0.writes[0].indexes = vec![("state".to_owned(), "open".to_owned())];
    let conflict = StoreError::Conflict { key: two.clone() };
    assert_eq!(database.commit(&failing).await, Err(conflict));
    assert_eq!(database.load(one.clone()).await, Ok(None));
    assert_eq!(query(database, all("orders")).await.total, 0);
    let open = all("orders").filter("state", "open");
    assert_eq!(query(database, open).await.total, 0);
    assert_eq!(outbox_ids(database).await, [""; 0]);
    assert_eq!(database.receipt("c2".to_owned()).await, Ok(None));
    assert_eq!(database.allocate("orders".to_owned()).await, Ok(1));
    // Neither its id nor its event is used up.
    failing.0.expected[1].1 = 1;
    let receipt = database.commit(&failing).await.expect("all is as expected");
    assert!(!receipt.replayed);
    assert_eq!(outbox_ids(database).await, ["c2#1"]);
}

async fn ids_count_from_one(database: &dyn Database) {
    let allocations = (0..20).map(|_| database.allocate("orders".to_owned()));
    let mut ids: Vec<u64> = Vec::new();
    for id in join_all(allocations).await {
        ids.push(id.expect("nothing is in its way"));
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=20).collect::<Vec<u64>>());
    assert_eq!(database.allocate("others".to_owned()).await, Ok(1));
    // An id that was written without being asked for is used, too.
    let chosen = write("c1", &key("others", 5), json!({}));
    assert!(database.commit(&chosen).await.is_ok());
    assert_eq!(database.allocate("others".to_owned()).await, Ok(6));
}

async fn queries_filter(database: &dyn Database) {
    let items = ["tv", "pc", "tv", "tv"];
    let states = ["open", "open", "done", "open"];
    for (id, (item, state)) in (1..).zip(items.into_iter().zip(states)) {
        put(
            database,
            id,
            json!({"item": item}),
            &[("item", item), ("state", state)],
        )
        .await;
    }
    let ids = async |query| ids(&self::query(database, query).await);
    assert_eq!(ids(all("orders")).await, [1, 2, 3, 4]);
    assert_eq!(ids(all("orders").filter("item", "tv")).await, [1, 3, 4]);
    let open_tvs = all("orders").filter("item", "tv").filter("state", "open");
    assert_eq!(ids(open_tvs.clone()).await, [1, 4]);
    let second = query(database, open_tvs.page(1, 1)).await;
    assert_eq!((self::ids(&second), second.total), (vec![4], 2));
    assert_eq!(ids(all("orders").filter("item", "open")).await, [0; 0]);
    assert_eq!(ids(all("nowhere")).await, [0; 0]);
    // A write replaces the former values.
    put(
        database,
        1,
        json!({"item": "tv"}),
        &[("item", "tv"), ("state", "done")],
    )
    .await;
    assert_eq!(ids(all("orders").filter("state", "open")).await, [2, 4]);
    assert_eq!(ids(all("orders").filter("state", "done")).await, [1, 3]);
    let page = query(database, all("orders").filter("state", "done")).await;
    assert_eq!((page.total, page.records[0].version), (2, 2));
    assert_eq!(page.records[0].body, (&json!({"item": "tv"})).into());
}

async fn queries_sort_and_page(database: &dyn Database) {
    let bodies = [
        json!({"name": "b", "price": 10.5}),
        json!({"name": "a", "price": 9}),
        json!({"name": "c", "price": 100}),
        json!({"name": "a", "price": null}),
        json!({"name": "B"}),
    ];
    for (id, body) in (1..).zip(bodies) {
        put(database, id, body, &[("kind", "x")]).await;
    }
    let ids = async |query| ids(&self::query(database, query).await);
    assert_eq!(ids(all("orders").sort("id", true)).await, [5, 4, 3, 2, 1]);
    assert_eq!(
        ids(all("orders").sort("price", false)).await,
        [4, 5, 2, 1, 3]
    );
    assert_eq!(
        ids(all("orders").sort("price", true)).await,
        [3, 1, 2, 4, 5]
    );
    let by_name = all("orders").sort("name", true).sort("price", true);
    assert_eq!(ids(by_name.clone()).await, [3, 1, 2, 4, 5]);
    let filtered = by_name.clone().filter("kind", "x");
    assert_eq!(ids(filtered.sort("id", true)).await, [3, 1, 2, 4, 5]);

    for (page, expected) in [(0, vec![3, 1]), (1, vec![2, 4]), (2, vec![5]), (3, vec![])] {
        let page = query(database, by_name.clone().page(page, 2)).await;
        assert_eq!((self::ids(&page), page.total), (expected, 5));
    }
    let far = query(database, all("orders").page(u64::MAX, u64::MAX)).await;
    assert_eq!((far.records, far.total), (vec![], 5));
}

async fn queries_refuse_what_they_cannot_answer(database: &dyn Database) {
    put(database, 1, json!({"price": 1, "x": {"y": 1}}), &[]).await;
    let hostile = [
        "",
        "a\"b",
        "a'b",
        "x.y",
        "id; DROP TABLE records",
        "unknown",
        "a\\",
        "$",
        "price ",
    ];
    for field in hostile {
        let answer = database.query(all("orders").sort(field, false)).await;
        assert!(
            matches!(answer, Err(StoreError::BadQuery(_))),
            "{field:?}: {answer:?}"
        );
    }
    let answer = database.query(all("orders").page(0, 0)).await;
    assert!(matches!(answer, Err(StoreError::BadQuery(_))), "{answer:?}");
    assert_eq!(query(database, all("orders")).await.total, 1);
}

async fn any_text_is_only_a_text(database: &dyn Database) {
    let texts = [
        "",
        "'; DROP TABLE records; --",
        "\"",
        "제품배송 🚚",
        "%_\\",
        "a#1",
    ];
    for (id, text) in (1..).zip(texts) {
        let at = Key {
            collection: text.to_owned(),
            id,
        };
        let body = json!({"text": text, text: [1.5, 1e300, -7, u64::MAX, true, null]});
        let mut commit = write(text, &at, body.clone()).expect(&at, 0).event(text);
        commit.0.writes[0].indexes = vec![(text.to_owned(), text.to_owned())];
        commit.0.inbox = Some(entry(text));
        assert!(database.commit(&commit).await.is_ok(), "{text:?}");
        assert_eq!(stored(database, &at).await, Some((1, body)), "{text:?}");
        let found = query(database, all(text).filter(text, text)).await;
        assert_eq!(ids(&found), [id], "{text:?}");
    }
    assert_eq!(outbox_ids(database).await, texts);
    let large = json!({"large": "x".repeat(1_000_000)});
    put(database, 1, large.clone(), &[]).await;
    assert_eq!(stored(database, &key("orders", 1)).await, Some((1, large)));
}

async fn the_lease_is_exclusive_and_ends(subject: &Subject) {
    let database = &*subject.database;
    let lease = async |owner: &str, ttl_ms| database.lease(owner.to_owned(), ttl_ms).await;
    let first = lease("a", 10_000)
        .await
        .expect("it works")
        .expect("it is free");
    assert_eq!(lease("b", 10_000).await, Ok(None));
    (subject.pass_ms)(9_000).await;
    assert_eq!(lease("a", 10_000).await, Ok(Some(first)), "renewed");
    (subject.pass_ms)(9_000).await;
    assert_eq!(lease("b", 10_000).await, Ok(None));
    assert!(
        database
            .commit(&write("c1", &key("orders", 1), json!({})).event("c1#1"))
            .await
            .is_ok()
    );
    (subject.pass_ms)(2_000).await;
    let second = lease("b", 10_000)
        .await
        .expect("it works")
        .expect("it has lapsed");
    assert!(second.epoch > first.epoch);

    let row = database.outbox(1, 0).await.expect("it works")[0].id;
    assert_eq!(
        database.published(first, row).await,
        Err(StoreError::LeaseLost)
    );
    let forged = Lease {
        epoch: second.epoch + 1,
    };
    assert_eq!(
        database.published(forged, row).await,
        Err(StoreError::LeaseLost)
    );
    assert_eq!(outbox_ids(database).await, ["c1#1"]);
    assert_eq!(database.published(second, row).await, Ok(()));
    assert_eq!(outbox_ids(database).await, [""; 0]);

    assert_eq!(lease("b", 0).await, Ok(Some(second)), "given back");
    let third = lease("a", 10_000)
        .await
        .expect("it works")
        .expect("it is free");
    assert!(third.epoch > second.epoch);
}

async fn outbox_rows_come_in_order_until_published(database: &dyn Database) {
    let commit = write("c1", &key("orders", 1), json!({}))
        .event("c1#1")
        .event("c1#2");
    assert!(database.commit(&commit).await.is_ok());
    let commit = write("c0", &key("orders", 2), json!({})).event("c0#1");
    assert!(database.commit(&commit).await.is_ok());
    assert_eq!(outbox_ids(database).await, ["c1#1", "c1#2", "c0#1"]);

    let rows = database.outbox(2, 0).await.expect("it works");
    assert_eq!(rows.len(), 2);
    assert!(rows[0].id < rows[1].id);
    assert_eq!(rows[0].event, event("c1#1"));
    let lease = database.lease("a".to_owned(), 10_000).await;
    let lease = lease.expect("it works").expect("it is free");
    assert_eq!(database.published(lease, rows[0].id).await, Ok(()));
    assert_eq!(outbox_ids(database).await, ["c1#2", "c0#1"]);
    assert_eq!(database.published(lease, rows[1].id).await, Ok(()));
    assert_eq!(database.published(lease, rows[1].id).await, Ok(()), "again");
    assert_eq!(outbox_ids(database).await, ["c0#1"]);
    let last = database.outbox(9, 0).await.expect("it works")[0].id;
    assert_eq!(database.published(lease, last).await, Ok(()));

    let commit = write("c2", &key("orders", 3), json!({})).event("c2#1");
    assert!(database.commit(&commit).await.is_ok());
    let next = database.outbox(9, 0).await.expect("it works")[0].id;
    assert!(next > last, "row ids are never used twice");
}

async fn outbox_wakes_who_waits(database: &dyn Database) {
    let start = Instant::now();
    assert_eq!(database.outbox(9, 50).await, Ok(vec![]));
    assert!(start.elapsed() >= Duration::from_millis(50));

    let an_hour_ms = 3_600_000;
    let start = Instant::now();
    let commits = async {
        // One that brings no event wakes nobody for good.
        let commit = write("c1", &key("orders", 1), json!({}));
        assert!(database.commit(&commit).await.is_ok());
        tokio::task::yield_now().await;
        let commit = write("c2", &key("orders", 2), json!({})).event("c2#1");
        assert!(database.commit(&commit).await.is_ok());
    };
    let (rows, ()) = tokio::join!(database.outbox(9, an_hour_ms), commits);
    assert_eq!(rows.map(|rows| rows.len()), Ok(1));
    assert!(start.elapsed() < Duration::from_millis(an_hour_ms));
    // With rows there, nobody waits.
    assert_eq!(
        database.outbox(9, an_hour_ms).await.map(|rows| rows.len()),
        Ok(1)
    );
}

async fn of_concurrent_commits_one_wins(database: &dyn Database) {
    let one = key("orders", 1);
    let rivals: Vec<Commit> = (0..10)
        .map(|n| {
            write(&format!("c{n}"), &one, json!({"n": n}))
                .expect(&one, 0)
                .0
        })
        .collect();
    let outcomes = join_all(rivals.iter().map(|commit| database.commit(commit))).await;
    let wins = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(wins, 1, "{outcomes:?}");
    let conflict = StoreError::Conflict { key: one.clone() };
    let conflicts = outcomes
        .iter()
        .filter(|outcome| **outcome == Err(conflict.clone()))
        .count();
    assert_eq!(conflicts, 9, "{outcomes:?}");

    let same = write("same", &one, json!({}))
        .expect(&one, 1)
        .event("same#1");
    let outcomes = join_all((0..10).map(|_| database.commit(&same))).await;
    let first = outcomes.iter().filter(|outcome| {
        let receipt = outcome
            .as_ref()
            .expect("one executes, the others repeat it");
        assert_eq!(receipt.answer, json!("same"));
        !receipt.replayed
    });
    assert_eq!(first.count(), 1);
    assert_eq!(outbox_ids(database).await, ["same#1"]);
}

// === words of the checks ===

/// A commit being put together.
struct Draft(Commit);

impl std::ops::Deref for Draft {
    type Target = Commit;

    fn deref(&self) -> &Commit {
        &self.0
    }
}

impl Draft {
    fn expect(mut self, key: &Key, version: u64) -> Self {
        self.0.expected.push((key.clone(), version));
        self
    }

    fn event(mut self, id: &str) -> Self {
        self.0.outbox.push(event(id));
        self
    }
}

/// A commit that writes one record and answers its own id.
fn write(id: &str, key: &Key, body: Value) -> Draft {
    Draft(Commit {
        id: id.to_owned(),
        expected: Vec::new(),
        writes: vec![Write {
            key: key.clone(),
            body: Some(body),
            indexes: Vec::new(),
        }],
        outbox: Vec::new(),
        inbox: None,
        answer: json!(id),
    })
}

async fn put(database: &dyn Database, id: u64, body: Value, indexes: &[(&str, &str)]) {
    let text = body.to_string();
    let mut commit = write(
        &format!("put {id} {indexes:?} {}", text.len()),
        &key("orders", id),
        body,
    );
    let indexes = indexes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    commit.0.writes[0].indexes = indexes.collect();
    let receipt = database
        .commit(&commit)
        .await
        .expect("nothing is in its way");
    assert!(!receipt.replayed);
}

fn key(collection: &str, id: u64) -> Key {
    Key {
        collection: collection.to_owned(),
        id,
    }
}

fn entry(event_id: &str) -> InboxEntry {
    InboxEntry {
        consumer: "consumer".to_owned(),
        event_id: event_id.to_owned(),
    }
}

fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        kind: "Happened".to_owned(),
        key: "1".to_owned(),
        source: "contract".to_owned(),
        at_ms: 1_700_000_000_000,
        body: json!({"id": id, "price": 19.99}),
    }
}

fn all(collection: &str) -> Query {
    Query {
        collection: collection.to_owned(),
        filter: Vec::new(),
        sort: Vec::<Sort>::new(),
        page: 0,
        size: 20,
    }
}

async fn query(database: &dyn Database, query: Query) -> Page {
    database.query(query).await.expect("the query is sound")
}

fn ids(page: &Page) -> Vec<u64> {
    page.records.iter().map(|record| record.id).collect()
}

async fn stored(database: &dyn Database, key: &Key) -> Option<(u64, Value)> {
    let record = database.load(key.clone()).await.expect("reads work");
    record.map(|Record { version, body, .. }| (version, body.read().expect("it is JSON")))
}

async fn outbox_ids(database: &dyn Database) -> Vec<String> {
    let rows = database.outbox(100, 0).await.expect("reads work");
    rows.into_iter().map(|row| row.event.id).collect()
}
