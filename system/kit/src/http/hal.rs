//! HAL: resources with links, collections with pages (draft-kelly-json-hal).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::page::Paging;
use crate::config::Config;

/// The media type of every resource.
pub const HAL_JSON: &str = "application/hal+json";

/// How one kind of resource is represented: `orders`, each an `order`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hal {
    base_url: String,
    collection: &'static str,
    name: &'static str,
}

impl Hal {
    /// Resources at `<BASE_URL>/<collection>/<id>`, each with a link called `name`. `BASE_URL` is
    /// the service's own address, also for who comes through a gateway.
    pub fn new(config: &Config, collection: &'static str, name: &'static str) -> Self {
        let base_url = config.get("BASE_URL").unwrap_or("http://localhost:8080");
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            collection,
            name,
        }
    }

    /// The collection's name, which is its path, too.
    pub fn collection(&self) -> &'static str {
        self.collection
    }

    /// Where one resource is found.
    pub fn href(&self, id: u64) -> String {
        format!("{}/{}/{id}", self.base_url, self.collection)
    }

    /// `body` with its links. What is no object becomes its `value`.
    pub fn resource(&self, id: u64, body: Value) -> Value {
        let mut members = match body {
            Value::Object(members) => members,
            value => Map::from_iter([("value".to_owned(), value)]),
        };
        let link = json!({ "href": self.href(id) });
        let links = object([("self", link.clone()), (self.name, link)]);
        members.insert("_links".into(), links);
        Value::Object(members)
    }

    /// One page of a collection of `total` resources.
    pub fn page(&self, paging: &Paging, resources: Vec<Value>, total: u64) -> Value {
        let href = format!("{}/{}", self.base_url, self.collection);
        let counts = json!({
            "size": paging.size,
            "totalElements": total,
            "totalPages": total.div_ceil(paging.size),
            "number": paging.page,
        });
        // `json!` would copy the resources.
        let embedded = object([(self.collection, Value::Array(resources))]);
        object([
            ("_embedded", embedded),
            ("_links", json!({ "self": { "href": href } })),
            ("page", counts),
        ])
    }

    /// 201 with `Location` and the resource: the answer of a POST.
    pub fn created(&self, id: u64, body: Value) -> Response {
        let mut answer = hal(StatusCode::CREATED, &self.resource(id, body));
        // A base URL that is no header value is only missing from this answer.
        if let Ok(location) = HeaderValue::try_from(self.href(id)) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }

    /// 200 with the resource: the answer of GET and PATCH.
    pub fn ok(&self, id: u64, body: Value) -> Response {
        hal(StatusCode::OK, &self.resource(id, body))
    }

    /// 200 with one page of the collection.
    pub fn listed(&self, paging: &Paging, resources: Vec<Value>, total: u64) -> Response {
        hal(StatusCode::OK, &self.page(paging, resources, total))
    }
}

fn object<const COUNT: usize>(members: [(&str, Value); COUNT]) -> Value {
    let members = members.into_iter();
    Value::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn hal(status: StatusCode, document: &Value) -> Response {
    let media = HeaderValue::from_static(HAL_JSON);
    (
        status,
        [(header::CONTENT_TYPE, media)],
        // The same text as by `Display`, without a formatter in between.
        serde_json::to_string(document).expect("a value has a text"),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Hal {
        let config = Config::new([("BASE_URL", "http://localhost:8081/")]);
        Hal::new(&config, "orders", "order")
    }

    #[test]
    fn a_resource_links_to_itself_twice() {
        let resource = orders().resource(1, json!({ "item": "tv" }));
        assert_eq!(
            resource,
            json!({ "item": "tv", "_links": {
                "self": { "href": "http://localhost:8081/orders/1" },
                "order": { "href": "http://localhost:8081/orders/1" },
            } })
        );
    }

    #[test]
    fn a_page_tells_how_many_there_are() {
        let paging = Paging {
            page: 1,
            size: 2,
            sort: Vec::new(),
        };
        let page = orders().page(&paging, vec![json!({ "item": "tv" })], 3);
        assert_eq!(
            page["page"],
            json!({ "size": 2, "totalElements": 3, "totalPages": 2, "number": 1 })
        );
        assert_eq!(page["_embedded"]["orders"][0]["item"], "tv");
    }

    #[test]
    fn created_says_where() {
        let answer = orders().created(7, json!({}));
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(
            answer.headers()["location"],
            "http://localhost:8081/orders/7"
        );
        assert_eq!(answer.headers()["content-type"], "application/hal+json");
    }
}
