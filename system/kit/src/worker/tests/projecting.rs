use serde::{Deserialize, Serialize};
use tokio::time::{Duration, sleep};

use super::{Faults, Life, Stage, TOPIC};
use crate::{
    event::Event,
    rng::Rng,
    store::{Entity, Query},
    worker::{Consumer, Projector},
};

/// What a customer sees of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Page {
    order: String,
    history: Vec<String>,
}

impl Entity for Page {
    const COLLECTION: &'static str = "pages";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("order", self.order.clone())]
    }
}

/// `Ordered` makes the page, further events extend it, `Audited` concerns nobody.
fn turn(page: &mut Page, event: &Event) -> bool {
    match event.kind.as_str() {
        "Ordered" => page.order.clone_from(&event.key),
        "Audited" => return false,
        _ if page.order.is_empty() => return false,
        _ => {}
    }
    page.history.push(event.id.clone());
    true
}

fn projector() -> Projector<Page> {
    Projector::new(Consumer::new("mypage", TOPIC), "order", turn)
}

/// What the fold says of the log's events.
fn folded(stage: &Stage) -> Vec<Page> {
    let mut pages: std::collections::BTreeMap<String, Page> = Default::default();
    for delivery in stage.first_occurrences() {
        let mut page = pages.get(&delivery.event.key).cloned().unwrap_or_default();
        if turn(&mut page, &delivery.event) {
            pages.insert(delivery.event.key, page);
        }
    }
    pages.into_values().collect()
}

async fn projected(stage: &Stage) -> Vec<Page> {
    let query = Query::of::<Page>().page(0, 1_000);
    let (found, _) = stage.store().page::<Page>(query).await.unwrap();
    let mut pages: Vec<Page> = found.into_iter().map(|it| it.value).collect();
    pages.sort_by(|one, other| one.order.cmp(&other.order));
    pages
}

#[tokio::test(start_paused = true)]
async fn the_read_model_is_the_fold_of_the_events() {
    for seed in 0..10 {
        let stage = Stage::new(Faults {
            seed,
            request: 0.05,
            reply: 0.05,
            duplicate: 0.2,
        });
        let rng = Rng::stream(seed, "events");
        let mut life = Life::of(projector().run(stage.pod("mypage-1")));
        for round in 0..10_usize {
            let kind =
                ["Ordered", "Paid", "Audited", "Shipped"][usize::try_from(rng.below(4)).unwrap()];
            let orders: Vec<String> = (0..5).map(|_| format!("order-{}", rng.below(12))).collect();
            let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
            stage.append(kind, &orders).await;
            sleep(Duration::from_millis(rng.below(200))).await;
            if round % 4 == 3 {
                life.kill();
                life = Life::of(projector().run(stage.pod("mypage-1")));
            }
        }
        stage.until_consumed("mypage").await;
        assert_eq!(projected(&stage).await, folded(&stage), "seed {seed}");
        life.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn no_view_appears_before_an_event_that_concerns_it() {
    let stage = Stage::new(Faults::default());
    stage.append("Paid", &["order-1"]).await;
    let _life = Life::of(projector().run(stage.pod("mypage-1")));
    stage.until_consumed("mypage").await;
    assert_eq!(projected(&stage).await, []);
    stage.append("Ordered", &["order-1"]).await;
    stage.append("Shipped", &["order-1"]).await;
    stage.until_consumed("mypage").await;
    let pages = projected(&stage).await;
    let [page] = pages.as_slice() else {
        panic!("one page, not {pages:?}");
    };
    assert_eq!(page.history, ["Ordered/order-1/0", "Shipped/order-1/0"]);
}
