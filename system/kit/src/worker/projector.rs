//! Read models: a view of each aggregate, folded from its events and from nothing else (CQRS).

use super::consumer::{Consumer, Handled};
use crate::{
    Pod,
    event::Event,
    planted::{self, Bug},
    store::{Entity, StoreError, Unit},
};

/// Keeps one `View` per key up to date.
#[derive(Clone, Debug)]
pub struct Projector<View> {
    /// How events come.
    pub consumer: Consumer,
    /// The index of `View` that finds the view of a key.
    pub index: &'static str,
    /// The key of the view that an event is about. Events that differ in [`Event::key`] may come in
    /// any order and side by side: their views must differ, too.
    pub key: fn(&Event) -> String,
    /// Brings the view up to the event; false when the event does not concern it. A view appears
    /// with the first event that concerns its default.
    pub fold: fn(&mut View, &Event) -> bool,
}

impl<View: Entity + Default> Projector<View> {
    /// Views found in `index` by [`Event::key`].
    pub fn new(
        consumer: Consumer,
        index: &'static str,
        fold: fn(&mut View, &Event) -> bool,
    ) -> Self {
        Self {
            consumer,
            index,
            key: |event| event.key.clone(),
            fold,
        }
    }

    /// Projects until `pod.stop` is raised; see [`Consumer::run`].
    pub async fn run(self, pod: Pod) {
        let Self {
            consumer,
            index,
            key,
            fold,
        } = self;
        let policing = consumer.run(pod, move |unit, event| {
            Box::pin(project(unit, event, index, key, fold))
        });
        policing.await;
    }
}

async fn project<View: Entity + Default>(
    unit: &mut Unit,
    event: &Event,
    index: &'static str,
    key: fn(&Event) -> String,
    fold: fn(&mut View, &Event) -> bool,
) -> Result<Handled, StoreError> {
    let found = match unit.newest::<View>(index, &key(event)).await {
        Err(_away) if planted::is(Bug::ProjectorSkipsOnError) => {
            let event_id = event.id.clone();
            return Err(StoreError::AlreadyConsumed { event_id });
        }
        found => found?,
    };
    if let Some(mut view) = found {
        if !fold(&mut view.value, event) {
            return Ok(Handled::Ignored);
        }
        unit.put(view.id, &view.value);
        return Ok(Handled::Applied);
    }
    let mut view = View::default();
    if !fold(&mut view, event) {
        return Ok(Handled::Ignored);
    }
    unit.insert(&view).await?;
    Ok(Handled::Applied)
}
