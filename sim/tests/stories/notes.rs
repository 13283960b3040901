//! Two small services: `notes` keeps what it is told and says so, `echoes` hears of it by events.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use squall_kit::{
    BoxFuture, Error, Pod,
    event::Event,
    http::{Problem, command::command},
    store::{Entity, StoreError, Unit},
    worker::{Consumer, Handled, Relay},
};
use squall_sim::{
    load::{Answer, Journey, Part, Request, Save, Share, Step},
    range::TimeRange,
};

use crate::{
    story::ms,
    town::{DeploymentSpec, PLAIN, StoreSpec},
};

/// The two of them.
pub(crate) const NOTES_AND_ECHOES: &[DeploymentSpec] = &[
    DeploymentSpec {
        name: "notes",
        program: notes,
        store: Some(STORE),
        ..PLAIN
    },
    DeploymentSpec {
        name: "echoes",
        program: echoes,
        store: Some(STORE),
        ..PLAIN
    },
];

/// A quick database.
pub(crate) const STORE: StoreSpec = StoreSpec {
    commit: TimeRange::ms(2, 4),
    read: TimeRange::ms(1, 2),
    unfinished: &[],
};

/// Writes a note, and reads its echo until it is there.
pub(crate) const WRITE_AND_WAIT: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "write and wait",
        steps: &[
            Step::Request(WRITE),
            Step::Until {
                request: READ_ECHO,
                member: "/text",
                values: &["tea"],
                every: ms(100),
                within: ms(20_000),
            },
        ],
    },
}];

/// Writes a note.
pub(crate) const WRITE: Request = Request {
    method: "POST",
    target: "notes:8080",
    path: "/notes",
    headers: &[("x-user", "{user}")],
    body: Some(r#"{"text": "tea", "number": {1..=9}}"#),
    expect: &[Answer::Status(201)],
    accept: &[],
    save: &[Save {
        variable: "note",
        part: Part::LocationId,
    }],
};

const READ_ECHO: Request = Request {
    method: "GET",
    target: "echoes:8080",
    path: "/echoes/{note}",
    headers: &[],
    body: None,
    expect: &[Answer::Status(200)],
    accept: &[],
    save: &[],
};

#[derive(Clone, Serialize, Deserialize)]
struct Note {
    text: String,
    number: u64,
}

impl Entity for Note {
    const COLLECTION: &'static str = "notes";
}

#[derive(Clone, Serialize, Deserialize)]
struct Echo {
    text: String,
    times: u64,
}

impl Entity for Echo {
    const COLLECTION: &'static str = "echoes";
}

fn notes(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move {
        pod.spawn
            .task("relay", Relay::new("story").run(pod.clone()));
        let router = Router::new()
            .route("/notes", post(write))
            .with_state(pod.clone());
        pod.serve(8080, router).await
    })
}

async fn write(State(pod): State<Pod>, Json(note): Json<Note>) -> Response {
    let store = pod.store.clone();
    let kept = command(&pod, "write", async move {
        let mut unit = store.unit(store.fresh_id());
        let id = unit.insert(&note).await?;
        unit.publish("Noted", &id.to_string(), &note);
        unit.commit(&id).await?;
        Ok(id)
    });
    match kept.await {
        Ok(id) => (
            StatusCode::CREATED,
            [(header::LOCATION, format!("/notes/{id}"))],
        )
            .into_response(),
        Err(problem) => Problem::into_response(problem),
    }
}

fn echoes(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move {
        let consumer = Consumer::new("echoes", "story");
        let consuming = consumer.run(pod.clone(), |unit, event| Box::pin(echo(unit, event)));
        pod.spawn.task("consumer", consuming);
        let router = Router::new()
            .route("/echoes/{id}", get(read))
            .with_state(pod.clone());
        pod.serve(8080, router).await
    })
}

async fn echo(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let id = event.key.parse().unwrap_or(0);
    let before = unit.load::<Echo>(id).await?;
    let text = event.body["text"].as_str().unwrap_or_default().to_owned();
    let times = before.map_or(0, |echo| echo.value.times) + 1;
    unit.put(id, &Echo { text, times });
    Ok(Handled::Applied)
}

async fn read(State(pod): State<Pod>, Path(id): Path<u64>) -> Response {
    match pod.store.get::<Echo>(id).await {
        Ok(Some(echo)) => Json(echo.value).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}
