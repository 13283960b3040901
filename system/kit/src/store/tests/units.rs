use serde::{Deserialize, Serialize};
use serde_json::json;

use super::store;
use crate::{
    clock::Clock,
    store::{Entity, InboxEntry, Query, Store, StoreError, sqlite::Sqlite},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parcel {
    to: String,
    weight: f64,
}

impl Entity for Parcel {
    const COLLECTION: &'static str = "parcels";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("to", self.to.clone())]
    }
}

fn parcel(to: &str, weight: f64) -> Parcel {
    let to = to.to_owned();
    Parcel { to, weight }
}

fn fresh() -> Store {
    store(Sqlite::memory(Clock::system()).expect("there is memory"))
}

async fn insert(store: &Store, parcel: &Parcel) -> u64 {
    let mut unit = store.unit(store.fresh_id());
    let id = unit.insert(parcel).await.expect("it works");
    let receipt = unit.commit(&id).await.expect("nothing is in its way");
    assert_eq!(receipt.answer(), Ok(id));
    id
}

#[tokio::test]
async fn a_unit_takes_effect_as_a_whole() {
    let store = fresh();
    let mut unit = store.unit("c1");
    let id = unit.insert(&parcel("Ann", 1.5)).await.expect("it works");
    unit.publish("Packed", "1", &json!({"id": id}));
    unit.publish("Weighed", "1", &1.5);
    assert_eq!(store.get::<Parcel>(id).await, Ok(None));
    assert!(unit.commit(&()).await.is_ok());
    let stored = store
        .get::<Parcel>(id)
        .await
        .expect("it works")
        .expect("it was committed");
    assert_eq!(
        (stored.id, stored.version, stored.value),
        (1, 1, parcel("Ann", 1.5))
    );
    let rows = store.database().outbox(9, 0).await.expect("it works");
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                &*row.event.id,
                &*row.event.kind,
                &*row.event.source,
                row.event.at_ms,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("c1#1", "Packed", "order", 1_000),
            ("c1#2", "Weighed", "order", 1_000)
        ]
    );
}

#[tokio::test]
async fn what_was_looked_at_must_still_stand() {
    let store = fresh();
    let id = insert(&store, &parcel("Ann", 1.0)).await;
    let other = insert(&store, &parcel("Bob", 2.0)).await;
    for look in 0..4 {
        let mut unit = store.unit(format!("slow {look}"));
        let seen = match look {
            0 => unit.load::<Parcel>(id).await.expect("it works").is_some(),
            1 => {
                unit.find::<Parcel>("to", "Ann")
                    .await
                    .expect("it works")
                    .len()
                    == 1
            }
            2 => unit
                .newest::<Parcel>("to", "Ann")
                .await
                .expect("it works")
                .is_some(),
            _ => unit.load::<Parcel>(100).await.expect("it works").is_none(),
        };
        assert!(seen, "look {look}");
        let mut quick = store.unit(format!("quick {look}"));
        let changed = if look == 3 { 100 } else { id };
        quick.load::<Parcel>(changed).await.expect("it works");
        quick.put(changed, &parcel("Ann", 9.0));
        assert!(quick.commit(&()).await.is_ok());

        unit.load::<Parcel>(other).await.expect("it works");
        unit.put(other, &parcel("Bob", 3.0));
        let outcome = unit.commit(&()).await;
        assert!(
            matches!(outcome, Err(StoreError::Conflict { .. })),
            "look {look}"
        );
    }
    let bob = store
        .get::<Parcel>(other)
        .await
        .expect("it works")
        .expect("it is there");
    assert_eq!((bob.version, bob.value.weight), (1, 2.0));
}

#[tokio::test]
async fn a_unit_sees_its_own_changes() {
    let store = fresh();
    for (to, weight) in [("Ann", 1.0), ("Ann", 2.0), ("Bob", 3.0)] {
        insert(&store, &parcel(to, weight)).await;
    }
    let mut unit = store.unit("c1");
    for id in 1..=3 {
        assert!(unit.load::<Parcel>(id).await.expect("it works").is_some());
    }
    unit.delete::<Parcel>(2);
    unit.put(3, &parcel("Ann", 4.0));
    let new = unit.insert(&parcel("Ann", 5.0)).await.expect("it works");
    unit.put(1, &parcel("Bob", 1.0));
    assert_eq!(unit.load::<Parcel>(2).await, Ok(None));
    let loaded = unit.load::<Parcel>(new).await.expect("it works");
    assert_eq!(loaded.map(|stored| stored.value), Some(parcel("Ann", 5.0)));
    let anns = unit.find::<Parcel>("to", "Ann").await.expect("it works");
    assert_eq!(
        anns.iter().map(|stored| stored.id).collect::<Vec<_>>(),
        [3, 4]
    );
    unit.delete::<Parcel>(new);
    unit.delete::<Parcel>(3);
    assert_eq!(unit.newest::<Parcel>("to", "Ann").await, Ok(None));
    let bob = unit.newest::<Parcel>("to", "Bob").await.expect("it works");
    assert_eq!(bob.map(|stored| stored.id), Some(1));
    assert!(unit.commit(&()).await.is_ok());
    let left = store.find::<Parcel>(&[]).await.expect("it works");
    assert_eq!(left.iter().map(|stored| stored.id).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn one_event_has_one_effect() {
    let store = fresh();
    for (n, expected) in [(1, true), (2, false)] {
        let mut unit = store.unit(format!("try {n}"));
        unit.insert(&parcel("Ann", 1.0)).await.expect("it works");
        unit.consumed(InboxEntry {
            consumer: "parcels".to_owned(),
            event_id: "e1".to_owned(),
        });
        let outcome = unit.commit(&()).await;
        let event_id = "e1".to_owned();
        let refusal = Err(StoreError::AlreadyConsumed { event_id });
        assert!(if expected {
            outcome.is_ok()
        } else {
            outcome == refusal
        });
    }
    assert_eq!(store.find::<Parcel>(&[]).await.map(|all| all.len()), Ok(1));
}

#[tokio::test]
async fn pages_are_typed() {
    let store = fresh();
    for weight in [2.0, 3.0, 1.0] {
        insert(&store, &parcel("Ann", weight)).await;
    }
    let query = Query::of::<Parcel>()
        .filter("to", "Ann")
        .sort("weight", true);
    let (page, total) = store
        .page::<Parcel>(query.page(0, 2))
        .await
        .expect("it works");
    assert_eq!(total, 3);
    assert_eq!(
        page.iter()
            .map(|stored| stored.value.weight)
            .collect::<Vec<_>>(),
        [3.0, 2.0]
    );
}

#[tokio::test]
async fn a_record_of_another_shape_is_an_error_with_its_place() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Other {
        from: String,
    }
    impl Entity for Other {
        const COLLECTION: &'static str = "parcels";
    }
    let store = fresh();
    insert(&store, &parcel("Ann", 1.0)).await;
    let answer = store.get::<Other>(1).await;
    assert!(matches!(&answer, Err(StoreError::Failed(text)) if text.contains("parcels/1")));
}

#[tokio::test]
#[should_panic(expected = "parcels/1 is written without a look at it")]
async fn a_blind_write_is_a_bug() {
    fresh().unit("c1").put(1, &parcel("Ann", 1.0));
}
