//! Reading a kind of resource over HTTP: `GET /things` and `GET /things/{id}`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, Path, State},
    response::Response,
    routing::get,
};
use http::request::Parts;
use serde::Serialize;

use super::{
    hal::Hal,
    page::{Paging, Parameters},
    problem::Problem,
};
use crate::{
    Pod,
    store::{Entity, Query, Store, Stored},
};

/// An entity that callers may read.
pub trait Present: Entity {
    /// What they see of it: a struct or a map.
    fn present(&self) -> impl Serialize;
}

/// How the entities of one type are read.
#[derive(Clone, Debug)]
pub struct Reads {
    /// How they are represented.
    pub hal: Hal,
    /// (index, value) that an entity must have to be seen; the others are 404 and in no list.
    pub visible: Option<(&'static str, &'static str)>,
    /// Query parameters that select by the index of the same name, `?orderId=5`.
    pub filters: &'static [&'static str],
}

impl Reads {
    /// The two routes. Merge them with the commands' routers: other methods may share their paths.
    pub fn router<T: Present>(self, pod: &Pod) -> Router {
        let collection = format!("/{}", self.hal.collection());
        let one = format!("{collection}/{{id}}");
        let shared = Arc::new(Reader {
            store: pod.store.clone(),
            reads: self,
        });
        Router::new()
            .route(&collection, get(list::<T>))
            .route(&one, get(single::<T>))
            .with_state(shared)
    }

    /// True when `entity` may be seen.
    pub fn shows(&self, entity: &impl Entity) -> bool {
        self.visible.is_none_or(|(index, value)| {
            let mut indexes = entity.indexes().into_iter();
            indexes.any(|(name, found)| name == index && found == value)
        })
    }
}

/// The `{id}` of a path; what is no id has no resource, so 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::not_found(rejection.body_text()))?;
        let id = text.parse();
        id.map(Self)
            .map_err(|_| Problem::not_found(format!("{text:?} is no id")))
    }
}

struct Reader {
    store: Store,
    reads: Reads,
}

async fn list<T: Present>(
    State(reader): State<Arc<Reader>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let reads = &reader.reads;
    let paging = Paging::read(&parameters)?;
    let mut query = Query::of::<T>().page(paging.page, paging.size);
    query.sort.clone_from(&paging.sort);
    if let Some((index, value)) = reads.visible {
        query = query.filter(index, value);
    }
    for (name, value) in &parameters.0 {
        if reads.filters.contains(&name.as_str()) {
            query = query.filter(name, value);
        }
    }
    let (found, total) = reader.store.page::<T>(query).await?;
    let resources = found.iter();
    let resources =
        resources.map(|Stored { id, value, .. }| reads.hal.resource(*id, value.present()));
    let resources: Vec<_> = resources.collect();
    Ok(reads.hal.listed(&paging, &resources, total))
}

async fn single<T: Present>(
    State(reader): State<Arc<Reader>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let reads = &reader.reads;
    match reader.store.get::<T>(id).await? {
        Some(found) if reads.shows(&found.value) => Ok(reads.hal.ok(id, found.value.present())),
        _ => Err(Problem::not_found(format!(
            "no resource at {}",
            reads.hal.href(id)
        ))),
    }
}
