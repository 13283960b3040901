//! What operators do: put an item into the catalogue, count its stock, send a delivery off, report
//! its arrival.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{patch, post, put},
};
use serde::Deserialize;
use squall_kit::{
    Pod,
    http::{
        Body, Problem,
        command::command,
        hal::Hal,
        number,
        resource::{Id, Present as _},
    },
    store::StoreError,
};

use super::{
    aggregate::{Command, Rejection},
    record::Case,
};
use crate::hints;

/// Times a command is tried again that met another decision about the same item.
const CONFLICTS_MAX: u32 = 20;

/// Where operators stand.
#[derive(Clone)]
pub(super) struct Counter {
    pub(super) pod: Pod,
    pub(super) products: Hal,
    pub(super) deliveries: Hal,
}

#[derive(Clone, Debug, Deserialize)]
struct NewProduct {
    #[serde(deserialize_with = "number::text")]
    item: String,
    #[serde(deserialize_with = "number::whole")]
    stock: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Counted {
    #[serde(deserialize_with = "number::whole")]
    stock: u64,
}

/// The operators' routes. `POST` and `PUT` of a delivery's step do the same; repeating is harmless.
pub(super) fn router(counter: Counter) -> Router {
    Router::new()
        .route("/products", post(register))
        .route("/products/{id}", patch(set_stock))
        .route("/deliveries/{id}/start", put(start).post(start))
        .route("/deliveries/{id}/complete", put(complete).post(complete))
        .with_state(counter)
}

/// 201; 409 when the name is taken.
async fn register(
    State(counter): State<Counter>,
    Body(NewProduct { item, stock }): Body<NewProduct>,
) -> Result<Response, Problem> {
    if item.trim().is_empty() {
        return Err(Problem::unprocessable("item", "item: expected a name"));
    }
    let case = counter.command(Command::Register { item, stock }).await?;
    let (Some(id), Some(product)) = (case.product_id(), &case.shelf().product) else {
        return Err(Problem::internal());
    };
    Ok(counter.products.created(id, product.present()))
}

/// `stock` is the whole number of pieces now there, not how many came: repeating is harmless.
async fn set_stock(
    State(counter): State<Counter>,
    Id(product_id): Id,
    Body(Counted { stock }): Body<Counted>,
) -> Result<Response, Problem> {
    let case = counter
        .command(Command::SetStock { product_id, stock })
        .await?;
    let Some(product) = &case.shelf().product else {
        return Err(Problem::internal());
    };
    Ok(counter.products.ok(product_id, product.present()))
}

async fn start(State(counter): State<Counter>, Id(order_id): Id) -> Result<Response, Problem> {
    counter
        .move_delivery(order_id, Command::Start { order_id })
        .await
}

async fn complete(State(counter): State<Counter>, Id(order_id): Id) -> Result<Response, Problem> {
    counter
        .move_delivery(order_id, Command::Complete { order_id })
        .await
}

impl Counter {
    async fn move_delivery(&self, order_id: u64, command: Command) -> Result<Response, Problem> {
        let case = self.command(command).await?;
        let Some(delivery) = case.shelf().deliveries.get(&order_id) else {
            return Err(Problem::internal());
        };
        Ok(self.deliveries.ok(order_id, delivery.present()))
    }

    async fn command(&self, what: Command) -> Result<Case, Problem> {
        let counter = self.clone();
        command(&self.pod, "product command", async move {
            counter.carry_out(&what).await
        })
        .await
    }

    async fn carry_out(&self, command: &Command) -> Result<Case, Problem> {
        for _ in 0..CONFLICTS_MAX {
            match self.attempt(command).await {
                Ok(Ok(case)) => return Ok(case),
                Ok(Err(rejection)) => return Err(refused(&rejection)),
                Err(StoreError::Conflict { .. }) => {
                    self.pod.signals.hint(hints::PRODUCT_CONFLICT);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let detail = "too much happens to this item at once; try again";
        Err(Problem::refused(StatusCode::CONFLICT, "conflict", detail))
    }

    async fn attempt(&self, command: &Command) -> Result<Result<Case, Rejection>, StoreError> {
        let store = &self.pod.store;
        let mut unit = store.unit(store.fresh_id());
        let mut case = Case::load(&mut unit, command).await?;
        match case.decide(&mut unit, command).await? {
            Ok(true) => {
                unit.commit(&()).await?;
                Ok(Ok(case))
            }
            Ok(false) => Ok(Ok(case)),
            Err(rejection) => Ok(Err(rejection)),
        }
    }
}

fn refused(rejection: &Rejection) -> Problem {
    let detail = rejection.to_string();
    match rejection {
        Rejection::NoSuchProduct | Rejection::NoSuchDelivery => Problem::not_found(detail),
        Rejection::AlreadyRegistered { .. }
        | Rejection::Reserved { .. }
        | Rejection::AlreadyDecided { .. }
        | Rejection::WrongStatus { .. } => Problem::conflict(detail),
    }
}
