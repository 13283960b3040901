//! What the stories share: small programs, small clusters, and a nemesis that follows a script.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};
use squall_kit::{BoxFuture, Error, Pod};
use squall_reports::history::{Entry, Outcome as Known, PodPhase, What};
use squall_sim::{
    cluster::spec::ClusterSpec,
    controls::{Calm, Controls, Nemesis},
    load::{Answer, Arrival, Extent, Journey, Load, Request, Share, Step},
    range::TimeRange,
    simulation::{EngineKind, Outcome, Simulation},
};

/// So many milliseconds.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

// === Programs ===

/// Answers `GET /who` with its name.
pub(crate) fn who(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    async fn name(State(name): State<Arc<str>>) -> Json<Value> {
        Json(json!({ "pod": *name }))
    }
    Box::pin(async move {
        let router = Router::new()
            .route("/who", get(name).post(name))
            .with_state(Arc::clone(&pod.name));
        pod.serve(8080, router).await
    })
}

// === Loads ===

/// `GET /who`, and nothing but 200 is fine.
pub(crate) const GET_WHO: Request = Request {
    method: "GET",
    target: "who:8080",
    path: "/who",
    headers: &[],
    body: None,
    expect: &[Answer::Status(200)],
    accept: &[],
    save: &[],
};

/// One `GET /who` and no more.
pub(crate) const ASK: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "ask",
        steps: &[Step::Request(GET_WHO)],
    },
}];

/// `siege -c users` on `GET /who` for a time, without pause.
pub(crate) const fn siege(users: u32, extent: Extent) -> Load {
    Load {
        name: "siege",
        begins: Duration::ZERO,
        extent,
        arrival: Arrival::Closed {
            users,
            think: TimeRange::ZERO,
        },
        mix: ASK,
        timeout: ms(2_000),
        keep_alive: false,
    }
}

/// One user who asks every tenth of a second.
pub(crate) const fn visitor(seconds: u64) -> Load {
    Load {
        name: "visitor",
        arrival: Arrival::Closed {
            users: 1,
            think: TimeRange::ms(100, 100),
        },
        ..siege(1, Extent::For(Duration::from_secs(seconds)))
    }
}

// === Runs ===

type Act = Box<dyn FnOnce(&mut Controls<'_>) + Send>;

/// Acts at stated times.
#[derive(Default)]
pub(crate) struct Script(Vec<(Duration, Option<Act>)>);

impl Script {
    /// At this time of the run, this.
    #[must_use]
    pub(crate) fn at(
        mut self,
        at: Duration,
        act: impl FnOnce(&mut Controls<'_>) + Send + 'static,
    ) -> Self {
        self.0.push((at, Some(Box::new(act))));
        self
    }
}

impl Nemesis for Script {
    fn hear(&mut self, _entry: &Entry) -> bool {
        false
    }

    fn advance(&mut self, now: Duration, controls: &mut Controls<'_>) {
        for (_, act) in self.0.iter_mut().filter(|(at, _)| *at <= now) {
            if let Some(act) = act.take() {
                act(controls);
            }
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let waiting = self.0.iter().filter(|(_, act)| act.is_some());
        waiting.map(|(at, _)| *at).min()
    }

    fn finish(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}
}

/// Runs for `seconds` and fails the test when the run itself is broken.
pub(crate) fn play(cluster: ClusterSpec, loads: &[Load], script: Script, seconds: u64) -> Told {
    let told = Told(run(cluster, loads, Box::new(script), seconds, 1));
    assert_eq!(told.0.broken, Vec::<String>::new());
    told
}

/// A run without faults.
pub(crate) fn calm(cluster: ClusterSpec, loads: &[Load], seconds: u64) -> Told {
    let told = Told(run(cluster, loads, Box::new(Calm), seconds, 1));
    assert_eq!(told.0.broken, Vec::<String>::new());
    told
}

/// Any run.
pub(crate) fn run(
    cluster: ClusterSpec,
    loads: &[Load],
    nemesis: Box<dyn Nemesis>,
    seconds: u64,
    seed: u64,
) -> Outcome {
    let simulation = Simulation::new(cluster, loads, seed, EngineKind::Events);
    let simulation = simulation.expect("a spec without mistakes");
    simulation.run(
        nemesis,
        Duration::from_secs(seconds),
        Duration::from_secs(30),
    )
}

/// What a run told.
pub(crate) struct Told(pub(crate) Outcome);

/// One request of a history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) sent: Duration,
    pub(crate) intended: Duration,
    pub(crate) user: String,
    pub(crate) route: String,
    pub(crate) path: String,
    /// When it was answered, with what.
    pub(crate) answered: Option<(Duration, Option<u16>, Known)>,
    pub(crate) cancelled: bool,
    pub(crate) error: Option<String>,
}

impl Told {
    /// Every entry with its time and host.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Duration, &str, &What)> {
        let entries = self.0.history.entries.iter();
        entries.map(|entry| {
            (
                Duration::from_micros(entry.at_us),
                &*entry.host,
                &entry.what,
            )
        })
    }

    /// Every request, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let mut asked: BTreeMap<u64, Asked> = BTreeMap::new();
        for (at, _, what) in self.entries() {
            match what {
                What::Requested {
                    request,
                    user,
                    route,
                    path,
                    intended_us,
                    ..
                } => {
                    let new = Asked {
                        sent: at,
                        intended: Duration::from_micros(*intended_us),
                        user: user.to_string(),
                        route: route.to_string(),
                        path: path.clone(),
                        ..Asked::default()
                    };
                    assert!(
                        asked.insert(*request, new).is_none(),
                        "a number given twice"
                    );
                }
                What::Answered {
                    request,
                    status,
                    outcome,
                    error,
                    ..
                } => {
                    let one = asked.get_mut(request).expect("answered after it was sent");
                    one.answered = Some((at, *status, *outcome));
                    one.error.clone_from(error);
                }
                What::Cancelled { request } => {
                    asked
                        .get_mut(request)
                        .expect("cancelled after it was sent")
                        .cancelled = true;
                }
                _ => {}
            }
        }
        asked.into_values().collect()
    }

    /// Requests sent in this span that were answered 200, and those that were not.
    pub(crate) fn ok_and_not(&self, from: Duration, to: Duration) -> (usize, usize) {
        let asked = self.asked();
        let within = asked
            .iter()
            .filter(|one| (from..to).contains(&one.sent) && !one.cancelled);
        let (ok, not): (Vec<_>, Vec<_>) =
            within.partition(|one| matches!(one.answered, Some((_, Some(200), _))));
        (ok.len(), not.len())
    }

    /// How many requests each pod served.
    pub(crate) fn served(&self) -> BTreeMap<String, u64> {
        let mut served = BTreeMap::new();
        for (_, host, what) in self.entries() {
            if matches!(what, What::Hint { name } if name.starts_with("served ")) {
                *served.entry(host.to_owned()).or_default() += 1;
            }
        }
        served
    }

    /// The phases of a pod or store, with their times and reasons.
    pub(crate) fn life(&self, pod: &str) -> Vec<(Duration, PodPhase, &str)> {
        let of_pod = self.entries().filter(|(_, host, _)| *host == pod);
        of_pod
            .filter_map(|(at, _, what)| match what {
                What::Pod { phase, reason, .. } => Some((at, *phase, reason.as_str())),
                _ => None,
            })
            .collect()
    }

    /// What the store of a service held at the end.
    pub(crate) fn stored(&self, service: &str) -> Vec<&Value> {
        let of_service = self.entries().filter(|(_, host, _)| *host == service);
        of_service
            .filter_map(|(_, _, what)| match what {
                What::Stored { body, .. } => Some(body),
                _ => None,
            })
            .collect()
    }

    /// Journeys that ended by themselves: well, and badly.
    pub(crate) fn journeys(&self) -> (usize, Vec<String>) {
        let (mut well, mut badly) = (0, Vec::new());
        for (_, _, what) in self.entries() {
            match what {
                What::JourneyEnded {
                    completed: true, ..
                } => well += 1,
                What::JourneyEnded {
                    cut_after_us: Some(_),
                    ..
                } => {}
                What::JourneyEnded { reason, .. } => badly.extend(reason.clone()),
                _ => {}
            }
        }
        (well, badly)
    }
}
