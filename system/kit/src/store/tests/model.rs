//! Any sequence of commits leaves what a plain map would hold.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::{
    clock::Clock,
    store::{Commit, Database, Key, Query, StoreError, Write, sqlite::Sqlite},
};

/// One commit: writes (id, index value; `None` deletes), and how far off each expected version is.
#[derive(Clone, Debug)]
struct Step {
    writes: BTreeMap<u64, Option<u8>>,
    off: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let writes = prop::collection::btree_map(1..5_u64, prop::option::of(0..3_u8), 1..4);
    // One in five is expected to fail.
    let off = (0..5_u64).prop_map(|n| u64::from(n == 0));
    (writes, off).prop_map(|(writes, off)| Step { writes, off })
}

/// What stands: id → (version, index value).
#[derive(Default)]
struct Model(BTreeMap<u64, (u64, u8)>);

impl Model {
    fn commit(&self, n: usize, step: &Step) -> Commit {
        let key = |id: u64| Key {
            collection: "things".to_owned(),
            id,
        };
        let version = |id| self.0.get(&id).map_or(0, |(version, _)| *version);
        let write = |(id, value): (&u64, &Option<u8>)| Write {
            key: key(*id),
            body: value.map(|value| json!({"value": value})),
            indexes: value
                .iter()
                .map(|v| ("value".to_owned(), v.to_string()))
                .collect(),
        };
        Commit {
            id: n.to_string(),
            expected: step
                .writes
                .keys()
                .map(|id| (key(*id), version(*id) + step.off))
                .collect(),
            writes: step.writes.iter().map(write).collect(),
            outbox: Vec::new(),
            inbox: None,
            answer: json!(n),
        }
    }

    /// Versions are the database's; everything else is what was written.
    async fn compare(&mut self, sqlite: &Sqlite) {
        let query = |filter| Query {
            collection: "things".to_owned(),
            filter,
            sort: Vec::new(),
            page: 0,
            size: 2,
        };
        let all = Query {
            size: 9,
            ..query(vec![])
        };
        let page = sqlite.query(all).await.expect("a sound query");
        let found = page.records.iter().map(|record| {
            let body: serde_json::Value = record.body.read().expect("it is JSON");
            (record.id, body["value"].as_u64())
        });
        let expected = self
            .0
            .iter()
            .map(|(id, (_, value))| (*id, Some(u64::from(*value))));
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        for record in page.records {
            let (version, _) = self.0.get_mut(&record.id).expect("compared above");
            assert!(record.version >= *version, "a version went back");
            *version = record.version;
        }
        let short = sqlite.query(query(vec![])).await.expect("a sound query");
        assert_eq!(usize::try_from(short.total), Ok(self.0.len()));
        for wanted in 0..3_u8 {
            let filter = vec![("value".to_owned(), wanted.to_string())];
            let page = sqlite.query(query(filter)).await.expect("a sound query");
            let matching = self.0.iter().filter(|(_, (_, value))| *value == wanted);
            let matching: Vec<u64> = matching.map(|(id, _)| *id).collect();
            let shown: Vec<u64> = page.records.iter().map(|record| record.id).collect();
            assert_eq!(usize::try_from(page.total), Ok(matching.len()));
            assert_eq!(shown, matching[..matching.len().min(2)]);
        }
    }
}

async fn run(steps: Vec<Step>) {
    let sqlite = Sqlite::memory(Clock::system()).expect("there is memory");
    let mut model = Model::default();
    for (n, step) in steps.iter().enumerate() {
        let commit = model.commit(n, step);
        let outcome = sqlite.commit(&commit).await;
        if step.off == 0 {
            assert_eq!(outcome.map(|receipt| receipt.replayed), Ok(false));
            for (id, value) in &step.writes {
                let version = model.0.remove(id).map_or(0, |(version, _)| version);
                if let Some(value) = value {
                    model.0.insert(*id, (version + 1, *value));
                }
            }
        } else {
            assert!(
                matches!(outcome, Err(StoreError::Conflict { .. })),
                "{outcome:?}"
            );
        }
        model.compare(&sqlite).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_database_holds_what_was_written(steps in prop::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a plain runtime").block_on(run(steps));
    }
}
