//! Moving an order out of `PENDING`, once.

use serde::{Deserialize, Serialize};
use squall_kit::store::{Store, StoreError};

use super::{
    aggregate::{Command, State},
    record::OrderRecord,
};

/// How an order was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Settled {
    /// It is paid and visible.
    Accepted,
    /// It never was and never will be.
    Refused,
}

/// Times a settlement meets another one of the same order: the second look finds it settled.
const CONFLICTS_MAX: u32 = 5;

/// Settles an order by `command` (accept or refuse), unless somebody was faster: whoever commits
/// first decides, and everybody gets to know how it was decided.
///
/// All settlements of an order are one commit id: a repetition after a lost reply is answered with
/// what was committed, whoever committed it.
pub(super) async fn settle(
    store: &Store,
    id: u64,
    command: &Command,
) -> Result<Settled, StoreError> {
    let wanted = match command {
        Command::Accept => Settled::Accepted,
        Command::Refuse { .. } => Settled::Refused,
        other => unreachable!("{other:?} settles nothing"),
    };
    let mut last = StoreError::Failed(format!("order {id} cannot be settled"));
    for _ in 0..CONFLICTS_MAX {
        match attempt(store, id, command, wanted).await {
            Err(conflict @ StoreError::Conflict { .. }) => last = conflict,
            done => return done,
        }
    }
    Err(last)
}

async fn attempt(
    store: &Store,
    id: u64,
    command: &Command,
    wanted: Settled,
) -> Result<Settled, StoreError> {
    let mut unit = store.unit(format!("orders/{id}/settled"));
    let Some(found) = unit.load::<OrderRecord>(id).await? else {
        return Err(StoreError::Failed(format!("order {id} is gone")));
    };
    let state = found.value.order.state;
    if found.value.decide(&mut unit, id, command).is_err() {
        return Ok(match state {
            State::Refused => Settled::Refused,
            _ => Settled::Accepted,
        });
    }
    unit.commit(&wanted).await?.answer()
}
