//! All loads of a run: begins them, lets their users arrive, and ends them. A state machine that
//! the world loop advances.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    net::{
        Net,
        client::{ClientSettings, HttpClient},
    },
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
};
use squall_reports::history::{Name, What};

use super::{
    Arrival, Extent, Load,
    arrivals::Arrivals,
    desk::{Counts, Desk, Gauge},
    siege::{self, Camp},
    template::Variables,
    user::User,
};
use crate::{
    engine::{HostId, World},
    recorder::Recorder,
};

/// A host that users run on.
#[derive(Clone)]
pub(crate) struct LoadHost {
    pub(crate) name: Name,
    pub(crate) id: HostId,
    pub(crate) net: Net,
    pub(crate) spawn: Spawn,
}

/// Everybody who sends requests.
pub(crate) struct Crowd {
    groups: Vec<Group>,
    hosts: Vec<LoadHost>,
    counts: Counts,
    seed: u64,
}

struct Group {
    desk: Desk,
    /// When its time is up, if it has a time.
    ends: Option<Duration>,
    phase: Phase,
    users: u64,
    /// Journeys of an open load that are under way.
    under_way: Arc<AtomicU64>,
}

enum Phase {
    Waiting,
    /// A closed load, whose users go on by themselves.
    Closed,
    Open(Arrivals),
    Over,
}

// === impl Crowd ===

impl Crowd {
    pub(crate) fn new(
        loads: &[Load],
        hosts: Vec<LoadHost>,
        recorder: &Recorder,
        seed: u64,
    ) -> Self {
        assert!(!hosts.is_empty(), "users need a host");
        let counts = Counts::default();
        let groups = loads.iter().map(|load| Group {
            desk: Desk {
                load: *load,
                recorder: recorder.clone(),
                counts: counts.clone(),
                ended: Stop::new(),
                camp: Camp::default(),
            },
            ends: ends(load, seed),
            phase: Phase::Waiting,
            users: 0,
            under_way: Arc::default(),
        });
        Self {
            groups: groups.collect(),
            hosts,
            counts,
            seed,
        }
    }

    /// Requests, counted.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Does what is due. `now` is time since the run's start.
    pub(crate) fn advance(&mut self, now: Duration, world: &mut dyn World) {
        for group in &mut self.groups {
            group.advance(now, &self.hosts, self.seed, world);
        }
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.groups.iter().filter_map(Group::next_deadline).min()
    }

    /// The time of all loads is up.
    pub(crate) fn end(&mut self) {
        for group in &mut self.groups {
            group.end();
        }
    }
}

// === impl Group ===

impl Group {
    fn next_deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Waiting => Some(self.desk.load.begins),
            Phase::Closed => self.ends,
            Phase::Open(arrivals) => {
                let next = arrivals.next();
                Some(self.ends.map_or(next, |ends| ends.min(next)))
            }
            Phase::Over => None,
        }
    }

    fn advance(&mut self, now: Duration, hosts: &[LoadHost], seed: u64, world: &mut dyn World) {
        if matches!(self.phase, Phase::Waiting) && now >= self.desk.load.begins {
            self.begin(hosts, seed, world);
        }
        if !matches!(self.phase, Phase::Over) && self.ends.is_some_and(|ends| now >= ends) {
            self.end();
        }
        self.admit(now, hosts, seed, world);
    }

    fn begin(&mut self, hosts: &[LoadHost], seed: u64, world: &mut dyn World) {
        let load = self.desk.load;
        match load.arrival {
            Arrival::Closed { users, think } => {
                self.phase = Phase::Closed;
                for _ in 0..users {
                    let (user, host) = self.user(hosts, seed);
                    world.start(host, "user", Box::pin(user.come_again(think)));
                }
            }
            Arrival::Siege { users, delay } => {
                self.phase = Phase::Closed;
                self.desk.camp.pitch(users);
                for number in 0..users {
                    let (user, host) = self.user(hosts, seed);
                    if number == 0 {
                        user.begin_siege();
                    }
                    world.start(host, "user", Box::pin(user.besiege(delay)));
                }
            }
            Arrival::Open {
                rate_per_s,
                spacing,
                ..
            } => {
                let rng = Rng::stream(seed, &format!("load/{}/arrivals", load.name));
                let arrivals = Arrivals::new(load.begins, rate_per_s, spacing, rng);
                self.phase = Phase::Open(arrivals);
            }
        }
    }

    /// Lets everybody in who is due.
    fn admit(&mut self, now: Duration, hosts: &[LoadHost], seed: u64, world: &mut dyn World) {
        let Arrival::Open { max_in_flight, .. } = self.desk.load.arrival else {
            return;
        };
        while let Phase::Open(arrivals) = &mut self.phase {
            let used_up = match self.desk.load.extent {
                Extent::For(_) => false,
                Extent::Journeys(most) => arrivals.count() >= u64::from(most),
            };
            if used_up {
                self.phase = Phase::Over;
                return;
            }
            if arrivals.next() > now {
                return;
            }
            let intended = arrivals.pop();
            let (user, host) = self.user(hosts, seed);
            if self.under_way.load(Ordering::Relaxed) >= u64::from(max_in_flight) {
                user.turn_away();
                continue;
            }
            let place = Gauge::raise(&self.under_way);
            let journey = async move {
                user.come_once(intended).await;
                drop(place);
            };
            world.start(host, "user", Box::pin(journey));
        }
    }

    fn user(&mut self, hosts: &[LoadHost], seed: u64) -> (User, HostId) {
        let load = &self.desk.load;
        let turn = usize::try_from(self.users % hosts.len() as u64).expect("below a length");
        let host = &hosts[turn];
        self.users += 1;
        let name = format!("{}-{}", load.name, self.users);
        let rng = Rng::stream(seed, &format!("load/{name}"));
        let user = User {
            name: name.into(),
            host: Arc::clone(&host.name),
            desk: self.desk.clone(),
            client: client(load, host),
            rng,
            variables: Variables::default(),
            step: 0,
        };
        (user, host.id)
    }

    fn end(&mut self) {
        self.desk.ended.raise();
        self.phase = Phase::Over;
    }
}

/// When a load's time is up, if it has a time.
fn ends(load: &Load, seed: u64) -> Option<Duration> {
    let Extent::For(time) = load.extent else {
        return None;
    };
    let lasts = match load.arrival {
        Arrival::Siege { .. } => {
            let rng = Rng::stream(seed, &format!("load/{}/clock", load.name));
            siege::lasts(time, &rng)
        }
        Arrival::Closed { .. } | Arrival::Open { .. } => time,
    };
    Some(load.begins + lasts)
}

/// One user's own connections.
fn client(load: &Load, host: &LoadHost) -> HttpClient {
    let settings = ClientSettings {
        connect_timeout: load.timeout,
        idle_connections: usize::from(load.keep_alive),
        ..ClientSettings::default()
    };
    // What users do is in the history by their own entries.
    let silent = Signals::silent();
    HttpClient::new(host.net.clone(), host.spawn.clone(), silent, settings)
}

impl User {
    /// Too many are under way: recorded, never silently left out (k6: `dropped_iterations`).
    fn turn_away(self) {
        let what = What::JourneyEnded {
            user: self.name,
            journey: self.desk.load.name.into(),
            completed: false,
            reason: Some("dropped: max_in_flight journeys were under way".into()),
            cut_after_us: None,
        };
        self.desk.recorder.record(&self.host, what);
    }
}
