//! What the stores and the log hold: whether the system is quiet, and everything at the end.

use std::sync::Arc;

use serde_json::Value;
use squall_kit::{
    bus::{Broker, log::Log},
    store::{Database, sqlite::Sqlite},
};
use squall_reports::history::{Name, What};

use crate::{
    cluster::{
        Cluster,
        hosts::{BROKER_HOST, Content},
    },
    model::Unfinished,
};

/// Handles on everything that outlives processes.
pub(crate) struct Inspection {
    stores: Vec<(Name, Sqlite, Vec<Unfinished>)>,
    logs: Vec<Log>,
}

/// Entries for the history.
type Found = Vec<(Name, What)>;

impl Inspection {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let (mut stores, mut logs) = (Vec::new(), Vec::new());
        for backing in cluster.backings.values() {
            match &backing.content {
                Content::Store(store) => stores.push((
                    Arc::clone(&store.service),
                    store.database.clone(),
                    store.unfinished().to_vec(),
                )),
                Content::Broker(broker) => logs.push(broker.log.clone()),
            }
        }
        Self { stores, logs }
    }

    /// What is still to be done, in words: a consumer group's lag, an outbox row, an unfinished
    /// record.
    pub(crate) async fn busy(self) -> Option<String> {
        for log in &self.logs {
            if let Some(lagging) = lagging(log).await {
                return Some(lagging);
            }
        }
        for (service, database, _) in &self.stores {
            match database.outbox(1, 0).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(_) => return Some(format!("{service} has events in its outbox")),
                Err(error) => return Some(format!("{service}'s store: {error}")),
            }
        }
        self.stores.iter().find_map(|(service, database, marks)| {
            unfinished(database, marks).map(|key| format!("{service}: {key}"))
        })
    }

    /// Every record and every event.
    ///
    /// # Errors
    /// What cannot be read, and why.
    pub(crate) fn dump(&self) -> Result<Found, String> {
        let mut found = Found::new();
        for (service, database, _) in &self.stores {
            let records = database.records();
            for (key, body) in records.map_err(|error| format!("{service}'s store: {error}"))? {
                let what = What::Stored {
                    collection: key.collection.into(),
                    id: key.id,
                    body,
                };
                found.push((Arc::clone(service), what));
            }
        }
        for log in &self.logs {
            for topic in log.topics() {
                let events = log.events(&topic);
                let events = events.map_err(|error| format!("topic {topic}: {error}"))?;
                found.extend(events.into_iter().map(|d| (BROKER_HOST.into(), logged(d))));
            }
        }
        Ok(found)
    }
}

async fn lagging(log: &Log) -> Option<String> {
    for topic in log.topics() {
        for group in log.groups(&topic) {
            match log.lag(topic.clone(), group.clone()).await {
                Ok(0) => {}
                Ok(lag) => return Some(format!("{group} has {lag} events to handle")),
                Err(error) => return Some(format!("the lag of {group}: {error}")),
            }
        }
    }
    None
}

fn unfinished(database: &Sqlite, marks: &[Unfinished]) -> Option<String> {
    if marks.is_empty() {
        return None;
    }
    let records = match database.records() {
        Ok(records) => records,
        Err(error) => return Some(error.to_string()),
    };
    records.into_iter().find_map(|(key, body)| {
        let is_marked = |mark: &&Unfinished| {
            let value = body.get(&mark.member).and_then(Value::as_str);
            mark.collection == key.collection && value == Some(mark.value.as_str())
        };
        let mark = marks.iter().find(is_marked)?;
        Some(format!("{}/{} is {}", key.collection, key.id, mark.value))
    })
}

fn logged(delivery: squall_kit::bus::Delivery) -> What {
    let event = delivery.event;
    What::Logged {
        partition: delivery.position.partition,
        offset: delivery.position.offset,
        event: event.id,
        kind: event.kind.into(),
        key: event.key,
        source: event.source.into(),
        body: event.body,
    }
}
