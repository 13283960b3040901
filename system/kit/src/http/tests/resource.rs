//! Reading resources: visibility, filters, pages, and every kind of unknown id.

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ask, get, pod};
use crate::{
    Pod,
    config::Config,
    http::{
        hal::Hal,
        resource::{Present, Reads},
    },
    store::Entity,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Book {
    title: String,
    price: f64,
    shelf: u64,
    published: bool,
}

impl Entity for Book {
    const COLLECTION: &'static str = "books";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("shelf", self.shelf.to_string()),
            ("published", self.published.to_string()),
        ]
    }
}

impl Present for Book {
    fn present(&self) -> impl Serialize {
        json!({ "title": self.title, "price": self.price })
    }
}

/// Five books on two shelves; the fourth is not published.
async fn library() -> (Pod, Router) {
    let mut pod = pod();
    pod.config = Config::new([("BASE_URL", "http://library:8080")]);
    let mut unit = pod.store.unit("fill");
    for n in 1..=5_u32 {
        let book = Book {
            title: format!("b{n}"),
            price: f64::from(10 - n),
            shelf: u64::from(n % 2),
            published: n != 4,
        };
        unit.insert(&book).await.expect("an id");
    }
    unit.commit(&()).await.expect("committed");
    let reads = Reads {
        hal: Hal::new(&pod.config, "books", "book"),
        visible: Some(("published", "true")),
        filters: &["shelf"],
    };
    let router = reads.router::<Book>(&pod);
    (pod, router)
}

async fn titles(pod: &Pod, router: &Router, path: &str) -> Vec<String> {
    let answer = get(pod, router, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let books = answer.body["_embedded"]["books"]
        .as_array()
        .expect("a list")
        .clone();
    books
        .iter()
        .map(|book| book["title"].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_resource_has_its_links() {
    let (pod, router) = library().await;
    let answer = get(&pod, &router, "/books/1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/hal+json");
    let href = json!({ "href": "http://library:8080/books/1" });
    let links = json!({ "self": href, "book": href });
    assert_eq!(
        answer.body,
        json!({ "title": "b1", "price": 9.0, "_links": links })
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_is_404_and_in_no_list() {
    let (pod, router) = library().await;
    for id in ["4", "6", "0", "-1", "x", "99999999999999999999"] {
        let answer = get(&pod, &router, &format!("/books/{id}")).await;
        assert_eq!(answer.status, 404, "{id}");
        assert_eq!(answer.body["type"], "urn:squall:problem:not-found");
    }
    assert_eq!(
        titles(&pod, &router, "/books").await,
        ["b1", "b2", "b3", "b5"]
    );
    let answer = get(&pod, &router, "/books").await;
    assert_eq!(answer.body["page"]["totalElements"], 4);
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_sorted_and_paged() {
    let (pod, router) = library().await;
    assert_eq!(titles(&pod, &router, "/books?shelf=0").await, ["b2"]);
    assert_eq!(
        titles(&pod, &router, "/books?shelf=9").await,
        Vec::<String>::new()
    );
    let sorted = titles(&pod, &router, "/books?sort=price,asc&size=2&page=0").await;
    assert_eq!(sorted, ["b5", "b3"]);
    assert_eq!(
        titles(&pod, &router, "/books?sort=price,asc&size=2&page=1").await,
        ["b2", "b1"]
    );
    assert_eq!(
        titles(&pod, &router, "/books?page=4000000000").await,
        Vec::<String>::new()
    );
    for bad in ["page=x", "size=0", "sort=price,up", "sort='"] {
        let answer = get(&pod, &router, &format!("/books?{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_only_read_cannot_be_written() {
    let (pod, router) = library().await;
    for line in ["POST /books", "DELETE /books/1"] {
        let answer = ask(&pod, router.clone(), line, &[], "{}").await;
        assert_eq!(answer.status, 405, "{line}");
        assert_eq!(answer.headers["allow"], "GET,HEAD");
    }
    let answer = ask(&pod, router, "HEAD /books/1", &[], "").await;
    assert_eq!(answer.status, 200);
}
