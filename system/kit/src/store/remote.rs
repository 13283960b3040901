//! A database on another host: the port, over [`crate::rpc`].

use std::{borrow::Cow, io, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError};
use crate::{
    BoxFuture,
    net::Net,
    rpc::{self, RpcError},
    signal::{Signal, Signals},
    spawn::Spawn,
    stop::Stop,
};

/// Bounds of a remote database's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// On making a connection.
    pub connect_timeout: Duration,
    /// On one call, connecting included. A look at the outbox may wait on top of it.
    pub call_timeout: Duration,
}

/// A database elsewhere, served by [`serve_database`]. Clones share one connection.
#[derive(Clone)]
pub struct RemoteDatabase {
    client: rpc::Client,
    call_timeout: Duration,
}

impl RemoteDatabase {
    /// The database at `host:port`. Nothing is connected before the first call.
    pub fn new(net: Net, spawn: Spawn, host: &str, port: u16, settings: Settings) -> Self {
        let connection = rpc::Settings {
            connect_timeout: settings.connect_timeout,
        };
        Self {
            client: rpc::Client::new(net, spawn, host, port, connection),
            call_timeout: settings.call_timeout,
        }
    }

    fn call<'a, Rep: DeserializeOwned + Send + 'a>(
        &'a self,
        request: Request<'a>,
    ) -> BoxFuture<'a, Result<Rep, StoreError>> {
        let wait = match request {
            Request::Outbox { wait_ms, .. } => Duration::from_millis(wait_ms),
            _ => Duration::ZERO,
        };
        Box::pin(async move {
            let limit = self.call_timeout.saturating_add(wait);
            match self.client.call(&request, limit).await {
                Ok(answer) => answer,
                Err(RpcError::NotSent(text)) => Err(StoreError::Unavailable(text)),
                Err(RpcError::Unknown(text)) => Err(StoreError::Unknown(text)),
                Err(RpcError::Refused(text)) => Err(StoreError::Failed(text)),
            }
        })
    }
}

/// What goes over the wire. A commit is lent, as it may be sent more than once.
#[derive(Serialize, Deserialize)]
enum Request<'a> {
    Load(Key),
    Query(Query),
    Allocate(String),
    Commit(Cow<'a, Commit>),
    Receipt(String),
    Lease { owner: String, ttl_ms: u64 },
    Outbox { limit: u64, wait_ms: u64 },
    Published { lease: Lease, row_id: u64 },
}

/// The answer without a tag: whoever asked knows its type.
#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Record(Option<Record>),
    Page(Page),
    Id(u64),
    Receipt(Receipt),
    Stored(Option<Receipt>),
    Lease(Option<Lease>),
    Rows(Vec<OutboxRow>),
    Done(()),
}

impl Database for RemoteDatabase {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.call(Request::Load(key))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.call(Request::Query(query))
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.call(Request::Allocate(collection))
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        self.call(Request::Commit(Cow::Borrowed(commit)))
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.call(Request::Receipt(commit_id))
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        self.call(Request::Lease { owner, ttl_ms })
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        self.call(Request::Outbox { limit, wait_ms })
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.call(Request::Published { lease, row_id })
    }
}

/// Serves `database` on `port` until `stop` is raised. Every executed commit is told as
/// [`Signal::Committed`] while its reply has not been sent; whoever hears it may act at that
/// moment.
///
/// # Errors
/// When the port cannot be bound.
pub async fn serve_database(
    net: &Net,
    spawn: &Spawn,
    stop: &Stop,
    port: u16,
    database: Arc<dyn Database>,
    signals: Signals,
) -> io::Result<()> {
    rpc::serve(net, spawn, stop, port, move |request: Request<'static>| {
        let (database, signals) = (Arc::clone(&database), signals.clone());
        let reply: BoxFuture<'static, _> =
            Box::pin(async move { execute(&*database, &signals, request).await });
        reply
    })
    .await
}

async fn execute(
    database: &dyn Database,
    signals: &Signals,
    request: Request<'static>,
) -> Result<Reply, StoreError> {
    Ok(match request {
        Request::Load(key) => Reply::Record(database.load(key).await?),
        Request::Query(query) => Reply::Page(database.query(query).await?),
        Request::Allocate(collection) => Reply::Id(database.allocate(collection).await?),
        Request::Commit(commit) => {
            let receipt = database.commit(&commit).await?;
            let executed = commit.outbox.iter().filter(|_| !receipt.replayed);
            signals.tell(Signal::Committed {
                events: executed.map(|event| event.id.clone()).collect(),
                commit: commit.into_owned().id,
                replayed: receipt.replayed,
            });
            // A simulator takes its turn here: the commit stands and its caller does not know.
            tokio::task::yield_now().await;
            Reply::Receipt(receipt)
        }
        Request::Receipt(commit_id) => Reply::Stored(database.receipt(commit_id).await?),
        Request::Lease { owner, ttl_ms } => Reply::Lease(database.lease(owner, ttl_ms).await?),
        Request::Outbox { limit, wait_ms } => Reply::Rows(database.outbox(limit, wait_ms).await?),
        Request::Published { lease, row_id } => {
            Reply::Done(database.published(lease, row_id).await?)
        }
    })
}
