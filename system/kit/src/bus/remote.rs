//! A broker on another host: [`RemoteBroker`] calls what [`serve_broker`] serves.

use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Duration;

use super::{Batch, Broker, Bus, BusError, Member, Position};
use crate::{
    BoxFuture,
    event::Event,
    net::Net,
    rpc::{self, Client, RpcError},
    spawn::Spawn,
    stop::Stop,
};

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bound on making a connection, within each call's own timeout.
    pub connect_timeout: Duration,
    /// Bound on a call; a poll gets its own waiting time on top.
    pub call_timeout: Duration,
}

impl Default for Settings {
    /// 1 s and 3 s.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            call_timeout: Duration::from_secs(3),
        }
    }
}

/// A broker behind the network. Connects when first used, and again after a broken connection.
pub struct RemoteBroker {
    client: Client,
    settings: Settings,
}

#[derive(Serialize, Deserialize)]
enum Request {
    Append {
        topic: String,
        events: Vec<Event>,
    },
    Poll {
        member: Member,
        limit: u64,
        wait_ms: u64,
    },
    Acknowledge {
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    },
    Leave {
        member: Member,
    },
    Lag {
        topic: String,
        group: String,
    },
}

/// Written without a tag: the caller knows which of them it asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Positions(Vec<Position>),
    Batch(Batch),
    Done(()),
    Count(u64),
}

impl RemoteBroker {
    /// The broker at `host:port`. Nothing is connected before the first call.
    pub fn new(net: Net, spawn: Spawn, host: &str, port: u16, settings: Settings) -> Self {
        let client = rpc::Settings {
            connect_timeout: settings.connect_timeout,
        };
        Self {
            client: Client::new(net, spawn, host, port, client),
            settings,
        }
    }

    fn call<'a, T: DeserializeOwned + Send + 'a>(
        &'a self,
        request: Request,
        wait_ms: u64,
    ) -> BoxFuture<'a, Result<T, BusError>> {
        let limit = self.settings.call_timeout + Duration::from_millis(wait_ms);
        Box::pin(async move {
            let reply = self
                .client
                .call::<_, Result<T, BusError>>(&request, limit)
                .await;
            reply.unwrap_or_else(|error| match error {
                // Whether it was executed makes no difference: everything may be repeated.
                RpcError::NotSent(text) | RpcError::Unknown(text) => {
                    Err(BusError::Unavailable(text))
                }
                RpcError::Refused(text) => Err(BusError::Failed(text)),
            })
        })
    }
}

impl Broker for RemoteBroker {
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>> {
        self.call(Request::Append { topic, events }, 0)
    }

    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>> {
        let request = Request::Poll {
            member,
            limit,
            wait_ms,
        };
        self.call(request, wait_ms)
    }

    fn acknowledge(
        &self,
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    ) -> BoxFuture<'_, Result<(), BusError>> {
        let request = Request::Acknowledge {
            member,
            generation,
            handled,
        };
        self.call(request, 0)
    }

    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>> {
        self.call(Request::Leave { member }, 0)
    }

    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>> {
        self.call(Request::Lag { topic, group }, 0)
    }
}

/// Serves `bus` on `port` until `stop` is raised.
///
/// # Errors
/// When the port cannot be bound.
pub async fn serve_broker(
    bus: Bus,
    net: &Net,
    spawn: &Spawn,
    stop: &Stop,
    port: u16,
) -> io::Result<()> {
    rpc::serve(net, spawn, stop, port, move |request| {
        let bus = bus.clone();
        Box::pin(async move { answer(bus.broker(), request).await })
    })
    .await
}

async fn answer(broker: &dyn Broker, request: Request) -> Result<Reply, BusError> {
    match request {
        Request::Append { topic, events } => {
            broker.append(topic, events).await.map(Reply::Positions)
        }
        Request::Poll {
            member,
            limit,
            wait_ms,
        } => broker.poll(member, limit, wait_ms).await.map(Reply::Batch),
        Request::Acknowledge {
            member,
            generation,
            handled,
        } => broker
            .acknowledge(member, generation, handled)
            .await
            .map(Reply::Done),
        Request::Leave { member } => broker.leave(member).await.map(Reply::Done),
        Request::Lag { topic, group } => broker.lag(topic, group).await.map(Reply::Count),
    }
}
