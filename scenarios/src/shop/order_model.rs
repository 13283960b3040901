//! One order as customers see it, whatever happens behind the counter.

use std::{collections::BTreeMap, fmt};

use squall_reports::{
    history::{History, Name, Outcome, What},
    sla::{Model, Operation, Operations},
};

/// How an order behaves: absent until it is placed; then it follows its delivery by itself and
/// never back, until somebody cancels it in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderModel;

/// What is known of an order. Its delivery may have moved on since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seen {
    /// It was not accepted.
    Absent,
    /// It stands, and its delivery has come at least this far.
    Standing(Stage),
    /// Product is asked whether it can be cancelled.
    Canceling,
    /// The same, and it is known that product will refuse.
    CancelingInVain,
    /// It is cancelled for good.
    Canceled,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The caller's own label is shown.
    Ordered,
    Backordered,
    Prepared,
    Started,
    Completed,
}

/// What customers do with an order, and what they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The request's number.
    request: u64,
    what: Do,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Do {
    /// It is accepted.
    Place,
    /// It is looked at: this status, or none at all.
    See(Option<Name>),
    /// The cancellation is taken.
    Cancel,
    /// The cancellation comes too late.
    CancelTooLate,
    /// There is nothing to be cancelled.
    CancelNothing,
    /// A cancellation of which nobody knows what became.
    PerhapsCancel,
}

impl Model for OrderModel {
    type State = Seen;
    type Operation = Asked;

    fn init(&self) -> Seen {
        Seen::Absent
    }

    fn step(&self, state: &Seen, asked: &Asked) -> Option<Seen> {
        match (&asked.what, *state) {
            (Do::Place, Seen::Absent) => Some(Seen::Standing(Stage::Ordered)),
            (Do::Place, _) => None,
            (Do::See(None) | Do::CancelNothing, Seen::Absent) => Some(Seen::Absent),
            (Do::See(None) | Do::CancelNothing, _) => None,
            (Do::See(Some(status)), state) => see(state, status),
            (Do::Cancel, Seen::Standing(Stage::Completed) | Seen::Absent) => None,
            (Do::Cancel, Seen::Standing(_)) => Some(Seen::Canceling),
            (Do::Cancel, Seen::CancelingInVain) => None,
            (Do::Cancel, other) => Some(other),
            (Do::CancelTooLate, Seen::Standing(_)) => Some(Seen::Standing(Stage::Completed)),
            (Do::CancelTooLate, Seen::Canceling | Seen::CancelingInVain) => {
                Some(Seen::CancelingInVain)
            }
            (Do::CancelTooLate, Seen::Absent | Seen::Canceled) => None,
            (Do::PerhapsCancel, Seen::Standing(stage)) if stage < Stage::Completed => {
                Some(Seen::Canceling)
            }
            (Do::PerhapsCancel, other) => Some(other),
        }
    }
}

/// An order in this state, or in one that it has come to by itself, shows this status.
fn see(state: Seen, status: &str) -> Option<Seen> {
    let stage = match status {
        // What is not paid does not exist.
        "PENDING" | "REFUSED" => return None,
        "CANCELING" => {
            let is_asked = matches!(state, Seen::Canceling | Seen::CancelingInVain);
            return is_asked.then_some(state);
        }
        "CANCELED" => {
            let is_agreed = matches!(state, Seen::Canceling | Seen::Canceled);
            return is_agreed.then_some(Seen::Canceled);
        }
        "BACKORDERED" => Stage::Backordered,
        "PREPARED" => Stage::Prepared,
        "STARTED" => Stage::Started,
        "COMPLETED" => Stage::Completed,
        _ => Stage::Ordered,
    };
    match state {
        Seen::Standing(before) if before <= stage => Some(Seen::Standing(stage)),
        // A refused cancellation puts back what the delivery has come to: it has arrived.
        Seen::Canceling | Seen::CancelingInVain if stage == Stage::Completed => {
            Some(Seen::Standing(stage))
        }
        _ => None,
    }
}

/// What was asked of each order. A request with a refusal changed nothing and is left out.
pub(super) fn operations(history: &History) -> Operations<Asked> {
    let mut orders = Operations::new();
    // Requests to orders under way: where they begin, and what about.
    let mut open: BTreeMap<u64, (usize, About)> = BTreeMap::new();
    // Where the first request begins that may have placed an order which nobody was told of.
    let mut untold: Option<usize> = None;
    for (place, entry) in history.entries.iter().enumerate() {
        match &entry.what {
            What::Requested {
                request,
                method,
                path,
                ..
            } => {
                open.extend(About::read(method, path).map(|about| (*request, (place, about))));
            }
            What::Answered {
                request,
                outcome,
                status,
                problem,
                location,
                shown,
                ..
            } => {
                let Some((called, about)) = open.remove(request) else {
                    continue;
                };
                let told = Told {
                    outcome: *outcome,
                    status: *status,
                    problem: problem.as_deref(),
                    location: location.as_deref(),
                    shown: shown.clone(),
                };
                match about.ended(&told) {
                    Ended::Known(id, what) => {
                        let answered = Some(place);
                        orders
                            .entry(id)
                            .or_default()
                            .push(operation(*request, called, answered, what));
                    }
                    Ended::Unknown => about.left_open(*request, called, &mut orders, &mut untold),
                    Ended::Nothing => {}
                }
            }
            What::Cancelled { request } => {
                if let Some((called, about)) = open.remove(request) {
                    about.left_open(*request, called, &mut orders, &mut untold);
                }
            }
            _ => {}
        }
    }
    for (request, (called, about)) in open {
        about.left_open(request, called, &mut orders, &mut untold);
    }
    with_untold(orders, untold)
}

/// An order that somebody found and nobody was told of may be one of those whose answer was lost.
fn with_untold(mut orders: Operations<Asked>, untold: Option<usize>) -> Operations<Asked> {
    for operations in orders.values_mut() {
        let placed = operations.iter().any(|it| it.what.what == Do::Place);
        if let Some(called) = untold.filter(|_| !placed) {
            operations.push(operation(0, called, None, Do::Place));
        }
    }
    orders
}

fn operation(request: u64, called: usize, answered: Option<usize>, what: Do) -> Operation<Asked> {
    Operation {
        called,
        answered,
        what: Asked { request, what },
    }
}

/// What a request is about.
#[derive(Clone, Copy)]
enum About {
    Placing,
    Looking(u64),
    Canceling(u64),
}

/// An answer.
struct Told<'a> {
    outcome: Outcome,
    status: Option<u16>,
    problem: Option<&'a str>,
    location: Option<&'a str>,
    shown: Option<Name>,
}

enum Ended {
    Known(u64, Do),
    Unknown,
    /// It surely had no effect and showed nothing.
    Nothing,
}

impl About {
    fn read(method: &str, path: &str) -> Option<Self> {
        let id = |path: &str| path.strip_prefix("/orders/")?.parse().ok();
        match method {
            "POST" => (path == "/orders").then_some(Self::Placing),
            "GET" => id(path).map(Self::Looking),
            "DELETE" => id(path).map(Self::Canceling),
            _ => None,
        }
    }

    fn ended(self, told: &Told<'_>) -> Ended {
        let unknown = told.outcome == Outcome::Unknown;
        match (self, told.status) {
            (Self::Placing, Some(201)) => {
                let id = told
                    .location
                    .and_then(|it| it.rsplit('/').next()?.parse().ok());
                id.map_or(Ended::Unknown, |id| Ended::Known(id, Do::Place))
            }
            (Self::Looking(id), Some(200)) => {
                // Without a label nothing is shown: as good as one.
                let status = told.shown.clone().unwrap_or_else(|| "".into());
                Ended::Known(id, Do::See(Some(status)))
            }
            (Self::Looking(id), Some(404)) => Ended::Known(id, Do::See(None)),
            (Self::Canceling(id), Some(204)) => Ended::Known(id, Do::Cancel),
            (Self::Canceling(id), Some(404)) => Ended::Known(id, Do::CancelNothing),
            // Too much happened to the order at once: it says nothing about it.
            (Self::Canceling(_), Some(409)) if told.problem == Some(CONFLICT) => Ended::Nothing,
            (Self::Canceling(id), Some(409)) => Ended::Known(id, Do::CancelTooLate),
            (Self::Placing | Self::Canceling(_), _) if unknown => Ended::Unknown,
            _ => Ended::Nothing,
        }
    }

    /// There is no answer that says what became of it.
    fn left_open(
        self,
        request: u64,
        called: usize,
        orders: &mut Operations<Asked>,
        untold: &mut Option<usize>,
    ) {
        match self {
            Self::Placing => *untold = Some(untold.map_or(called, |first| first.min(called))),
            Self::Looking(_) => {}
            Self::Canceling(id) => {
                let perhaps = operation(request, called, None, Do::PerhapsCancel);
                orders.entry(id).or_default().push(perhaps);
            }
        }
    }
}

/// What order answers when a cancellation met too many events.
const CONFLICT: &str = "urn:squall:refused:conflict";

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {} ", self.request)?;
        match &self.what {
            Do::Place => write!(f, "placed it"),
            Do::See(Some(status)) => write!(f, "saw {status:?}"),
            Do::See(None) => write!(f, "saw no such order"),
            Do::Cancel => write!(f, "cancelled it"),
            Do::CancelTooLate => write!(f, "was told that it is too late to cancel"),
            Do::CancelNothing => write!(f, "was told that there is nothing to cancel"),
            Do::PerhapsCancel => write!(f, "perhaps cancelled it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_reports::{
        check::{Check, Verdict},
        history::Entry,
        sla::{Linearizable, Sla},
    };

    use super::*;

    /// Requests one after the other: method, path, status, what is shown.
    fn judge(requests: &[(&str, &str, u16, Option<&str>)]) -> Check {
        let mut entries = Vec::new();
        for (number, (method, path, status, shown)) in (1..).zip(requests) {
            let asked = What::Requested {
                request: number,
                user: "ann".into(),
                journey: "buy".into(),
                method: (*method).into(),
                target: "gateway:8080".into(),
                route: (*path).into(),
                path: (*path).to_owned(),
                intended_us: 0,
            };
            let told = What::Answered {
                request: number,
                outcome: match status {
                    200..400 => Outcome::Ok,
                    400..500 => Outcome::Fail,
                    _ => Outcome::Unknown,
                },
                status: Some(*status),
                bytes: 0,
                problem: None,
                location: (*status == 201).then(|| "http://order:8080/orders/1".to_owned()),
                shown: shown.map(Into::into),
                error: None,
            };
            entries.extend([asked, told].map(|what| Entry {
                at_us: number,
                host: "clients-1".into(),
                what,
            }));
        }
        let promise = Linearizable {
            objects: "orders",
            model: OrderModel,
            operations,
        };
        promise.judge(&History { entries })
    }

    const PLACE: (&str, &str, u16, Option<&str>) = ("POST", "/orders", 201, None);
    const LOST: (&str, &str, u16, Option<&str>) = ("POST", "/orders", 504, None);

    fn see(status: &'static str) -> (&'static str, &'static str, u16, Option<&'static str>) {
        ("GET", "/orders/1", 200, Some(status))
    }

    fn cancel(status: u16) -> (&'static str, &'static str, u16, Option<&'static str>) {
        ("DELETE", "/orders/1", status, None)
    }

    #[test]
    fn an_order_goes_its_way() {
        let absent = ("GET", "/orders/1", 404, None);
        for way in [
            &[
                absent,
                PLACE,
                see("new"),
                see("PREPARED"),
                see("COMPLETED"),
                cancel(409),
            ][..],
            &[
                PLACE,
                cancel(204),
                cancel(204),
                see("CANCELING"),
                see("CANCELED"),
            ],
            &[
                PLACE,
                cancel(204),
                cancel(409),
                see("CANCELING"),
                see("COMPLETED"),
            ],
            &[
                PLACE,
                see("STARTED"),
                cancel(504),
                see("STARTED"),
                see("CANCELED"),
            ],
            &[LOST, absent, see("new"), see("BACKORDERED")],
        ] {
            let check = judge(way);
            assert_eq!(check.verdict, Verdict::Pass, "{way:?}: {check:?}");
        }
    }

    #[test]
    fn an_order_that_goes_back_or_comes_from_nowhere_is_named() {
        let absent = ("GET", "/orders/1", 404, None);
        for way in [
            &[see("new")][..],
            &[LOST, see("PENDING")],
            &[PLACE, absent],
            &[PLACE, see("STARTED"), see("PREPARED")],
            &[PLACE, see("CANCELED")],
            &[PLACE, cancel(204), see("CANCELED"), see("COMPLETED")],
            &[PLACE, cancel(204), cancel(409), see("CANCELED")],
            &[PLACE, see("COMPLETED"), cancel(204)],
            &[PLACE, PLACE],
        ] {
            let check = judge(way);
            assert_eq!(check.verdict, Verdict::Fail, "{way:?}");
        }
    }

    #[test]
    fn is_vacuous_when_nobody_asked() {
        assert_eq!(judge(&[]).verdict, Verdict::Vacuous);
    }
}
