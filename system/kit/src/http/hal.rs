//! HAL: resources with links, collections with pages (draft-kelly-json-hal).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{idempotency::Kept, page::Paging, problem::Problem};
use crate::config::Config;

/// The media type of every resource.
pub const HAL_JSON: &str = "application/hal+json";

/// How one kind of resource is represented: `orders`, each an `order`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hal {
    /// Where the collection is found.
    href: String,
    collection: &'static str,
    name: &'static str,
}

impl Hal {
    /// Resources at `<BASE_URL>/<collection>/<id>`, each with a link called `name`. `BASE_URL` is
    /// the service's own address, also for who comes through a gateway.
    pub fn new(config: &Config, collection: &'static str, name: &'static str) -> Self {
        let base_url = config.get("BASE_URL").unwrap_or("http://localhost:8080");
        Self {
            href: format!("{}/{collection}", base_url.trim_end_matches('/')),
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
        [&self.href, "/", &id.to_string()].concat()
    }

    /// `body` with its links.
    pub fn resource<B: Serialize>(&self, id: u64, body: B) -> Resource<B> {
        let links = Links {
            name: self.name,
            href: self.href(id),
        };
        Resource { body, links }
    }

    /// 201 with `Location` and the resource: the answer of a POST.
    pub fn created(&self, id: u64, body: impl Serialize) -> Response {
        let mut answer = hal(StatusCode::CREATED, &self.resource(id, body));
        // A base URL that is no header value is only missing from this answer.
        if let Ok(location) = HeaderValue::try_from(self.href(id)) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }

    /// The same answer, to be kept with its key.
    ///
    /// # Errors
    /// 500 when `body` has no members.
    pub fn kept(&self, id: u64, body: impl Serialize) -> Result<Kept, Problem> {
        let body = serde_json::to_value(self.resource(id, body));
        Ok(Kept {
            status: StatusCode::CREATED.as_u16(),
            location: Some(self.href(id)),
            body: body.map_err(|_| Problem::internal())?,
        })
    }

    /// 200 with the resource: the answer of GET and PATCH.
    pub fn ok(&self, id: u64, body: impl Serialize) -> Response {
        hal(StatusCode::OK, &self.resource(id, body))
    }

    /// 200 with one page of a collection of `total` resources.
    pub fn listed<B: Serialize>(
        &self,
        paging: &Paging,
        resources: &[Resource<B>],
        total: u64,
    ) -> Response {
        hal(StatusCode::OK, &self.page(paging, resources, total))
    }

    fn page<'a, B>(
        &'a self,
        paging: &Paging,
        resources: &'a [Resource<B>],
        total: u64,
    ) -> Page<'a, B> {
        Page {
            embedded: Embedded {
                collection: self.collection,
                resources,
            },
            links: Links {
                name: SELF,
                href: self.href.clone(),
            },
            page: Counts {
                size: paging.size,
                total_elements: total,
                total_pages: total.div_ceil(paging.size),
                number: paging.page,
            },
        }
    }
}

/// A resource as it is sent: its members, then its links. `B` has to be a struct or a map.
#[derive(Clone, Debug, Serialize)]
pub struct Resource<B> {
    #[serde(flatten)]
    body: B,
    #[serde(rename = "_links")]
    links: Links,
}

const SELF: &str = "self";

/// A link to a document itself, and the same one under `name`.
#[derive(Clone, Debug)]
struct Links {
    name: &'static str,
    href: String,
}

impl Serialize for Links {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = Link { href: &self.href };
        let mut links = serializer.serialize_map(None)?;
        links.serialize_entry(SELF, &link)?;
        if self.name != SELF {
            links.serialize_entry(self.name, &link)?;
        }
        links.end()
    }
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
}

#[derive(Serialize)]
struct Page<'a, B> {
    #[serde(rename = "_embedded")]
    embedded: Embedded<'a, B>,
    #[serde(rename = "_links")]
    links: Links,
    page: Counts,
}

struct Embedded<'a, B> {
    collection: &'static str,
    resources: &'a [Resource<B>],
}

impl<B: Serialize> Serialize for Embedded<'_, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.collection, self.resources)])
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    size: u64,
    total_elements: u64,
    total_pages: u64,
    number: u64,
}

fn hal(status: StatusCode, document: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_string(document) else {
        return Problem::internal().into_response();
    };
    let media = HeaderValue::from_static(HAL_JSON);
    (status, [(header::CONTENT_TYPE, media)], text).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn value(document: &impl Serialize) -> Value {
        serde_json::to_value(document).expect("a document")
    }

    fn orders() -> Hal {
        let config = Config::new([("BASE_URL", "http://localhost:8081/")]);
        Hal::new(&config, "orders", "order")
    }

    #[test]
    fn a_resource_links_to_itself_twice() {
        let resource = orders().resource(1, json!({ "item": "tv" }));
        assert_eq!(
            value(&resource),
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
        let orders = orders();
        let resources = [orders.resource(3, json!({ "item": "tv" }))];
        let page = value(&orders.page(&paging, &resources, 3));
        assert_eq!(
            page["page"],
            json!({ "size": 2, "totalElements": 3, "totalPages": 2, "number": 1 })
        );
        assert_eq!(page["_embedded"]["orders"][0]["item"], "tv");
        assert_eq!(
            page["_links"],
            json!({ "self": { "href": "http://localhost:8081/orders" } })
        );
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

    #[test]
    fn what_has_no_members_is_no_resource() {
        let answer = orders().ok(7, 7);
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
