//! `POST /pays`: a payment is approved, once for each idempotency key.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use squall_kit::{
    Pod,
    http::{
        Problem,
        command::command,
        hal::Hal,
        idempotency::{Kept, KeyedRequest, MaybeKeyed},
        number,
        resource::Present as _,
    },
    store::{StoreError, Unit},
};

use super::{
    aggregate::{Command, Pay, Rejection},
    record::{Case, PayRecord},
};
use crate::hints;

/// Times a request is tried again that met another one about the same payment.
const CONFLICTS_MAX: u32 = 5;

/// What approving takes.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) pod: Pod,
    pub(super) hal: Hal,
    /// The most that one payment takes.
    pub(super) limit: f64,
}

/// The body of the request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPay {
    #[serde(deserialize_with = "number::whole")]
    order_id: u64,
    #[serde(deserialize_with = "number::decimal")]
    price: f64,
    #[serde(default, deserialize_with = "number::optional_text")]
    status: Option<String>,
}

/// 201 with the payment. The same key and body give the first answer, the same key and another body
/// 422, as does a price over the limit; an abandoned key 409.
pub(super) async fn post(
    State(desk): State<Desk>,
    MaybeKeyed { request, body }: MaybeKeyed<NewPay>,
) -> Result<Response, Problem> {
    if body.price > desk.limit {
        let detail = format!("price: expected at most {}, got {}", desk.limit, body.price);
        return Err(Problem::unprocessable("price", detail));
    }
    let pod = desk.pod.clone();
    let pay = Pay {
        order_id: body.order_id,
        price: body.price,
        status: body.status,
        canceled: false,
    };
    let approving = async move { desk.approve(request, pay).await };
    let answer = command(&pod, "approve payment", approving).await?;
    Ok(answer.into_response())
}

impl Desk {
    async fn approve(&self, request: Option<KeyedRequest>, pay: Pay) -> Result<Kept, Problem> {
        let command = Command::Approve(pay);
        for _ in 0..CONFLICTS_MAX {
            match self.attempt(request.as_ref(), &command).await {
                Err(Trouble::Store(StoreError::Conflict { .. })) => {
                    self.pod.signals.hint(hints::PAY_CONFLICT);
                }
                Err(Trouble::Store(error)) => return Err(error.into()),
                Err(Trouble::Problem(problem)) => return Err(problem),
                Ok(answer) => {
                    self.pod.signals.hint(hints::PAY_COMMITTED);
                    return Ok(answer);
                }
            }
        }
        let detail = "too many requests about this payment at once";
        Err(Problem::refused(StatusCode::CONFLICT, "conflict", detail))
    }

    async fn attempt(
        &self,
        request: Option<&KeyedRequest>,
        command: &Command,
    ) -> Result<Kept, Trouble> {
        let store = &self.pod.store;
        let Some(request) = request else {
            let mut unit = store.unit(store.fresh_id());
            let answer = self.decide(&mut unit, Case::without_key(), command).await?;
            unit.commit(&()).await?;
            return Ok(answer);
        };
        // In this order: a payment that a repetition of this request finds has its answer already,
        // while one that was not there yet makes the commit fail or give its answer.
        let mut unit = store.unit(request.commit_id());
        let case = Case::by_key(&mut unit, request.key()).await?;
        match request.first_answer(store).await {
            Ok(None) => {}
            Ok(Some(first)) => {
                self.pod.signals.hint(hints::PAY_REPEATED);
                return Ok(first);
            }
            Err(problem) => {
                if problem.status == StatusCode::UNPROCESSABLE_ENTITY {
                    self.pod.signals.hint(hints::PAY_KEY_REUSED);
                }
                return Err(problem.into());
            }
        }
        let answer = self.decide(&mut unit, case, command).await?;
        let receipt = unit.commit(&request.keep(answer)).await?;
        Ok(request.answer(&receipt)?)
    }

    async fn decide(
        &self,
        unit: &mut Unit,
        mut case: Case,
        command: &Command,
    ) -> Result<Kept, Trouble> {
        let decided = case.decide(unit, command).await?;
        if decided == Err(Rejection::Abandoned) {
            self.pod.signals.hint(hints::PAY_REFUSED_LATE);
        }
        decided.map_err(refused)?;
        let (Some(pay_id), Command::Approve(pay)) = (case.pay_id, command) else {
            unreachable!("an approved payment has an id");
        };
        let pay = PayRecord(pay.clone());
        Ok(self.hal.kept(pay_id, pay.present())?)
    }
}

fn refused(rejection: Rejection) -> Problem {
    let name = match rejection {
        Rejection::Abandoned => "payment-abandoned",
        Rejection::AlreadyAsked | Rejection::NothingPaid => "payment-conflict",
    };
    Problem::refused(StatusCode::CONFLICT, name, rejection.to_string())
}

enum Trouble {
    Store(StoreError),
    Problem(Problem),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
