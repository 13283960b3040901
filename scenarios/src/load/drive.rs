//! Users of the real world, in a closed loop or at a rate.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    net::{
        Net,
        client::{ClientSettings, HttpClient},
        tcp::Tcp,
    },
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
};
use squall_sim::load::pause;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Report, Tally, Target, tally::Times};

/// Requests of an open load that may be under way at one time; further ones are dropped, and
/// counted as failed.
const MOST_UNDER_WAY: u64 = 10_000;

/// A load.
#[derive(Clone, Debug)]
pub struct Drive {
    /// What is asked.
    pub target: Target,
    /// How fast.
    pub pace: Pace,
    /// How long; `None`: until it is told to end.
    pub span: Option<Span>,
    /// A connection is kept for the next request.
    pub keep_alive: bool,
    /// It gives up after so many failed requests; those under way then can fail, too.
    pub most_failures: u64,
    /// What the pauses are drawn from.
    pub seed: u64,
}

/// How fast requests come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// A closed loop.
    Users {
        /// How many.
        count: u32,
        /// The longest pause after a request, drawn by siege's rule.
        delay: Duration,
    },
    /// An open loop: so many a second, at constant distances; more than 0.
    Rate(f64),
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// For a time, exactly: siege 4.0 counts clock seconds and ends up to a second earlier.
    /// Requests of a closed loop that are under way then are counted nowhere (siege); an open loop
    /// sends rate × time, rounded up, and waits for all.
    For(Duration),
    /// So many requests by each user; of an open loop, in all.
    Requests(u64),
}

/// What all tasks share.
struct Field {
    drive: Drive,
    began: Instant,
    /// It is over: requests under way are let go.
    end: Stop,
    /// Too much has failed: no new request, but those under way end, and count.
    enough: Stop,
    spawn: Spawn,
    tally: Mutex<Tally>,
}

impl Drive {
    /// Runs it within a tokio runtime, until it is over or `end` is raised.
    pub async fn run(self, end: Stop) -> Report {
        let field = Arc::new(Field {
            drive: self,
            began: Instant::now(),
            end,
            enough: Stop::new(),
            spawn: Spawn::tokio(),
            tally: Mutex::default(),
        });
        match field.drive.pace {
            Pace::Users { count, delay } => closed(&field, count, delay).await,
            Pace::Rate(per_s) => open(&field, per_s).await,
        }
        let elapsed_us = field.now_us();
        let tally = field.tally().clone();
        let gave_up = field.gives_up(&tally);
        tally.report(elapsed_us, gave_up)
    }

    fn client(&self, spawn: &Spawn) -> HttpClient {
        let calls = usize::try_from(MOST_UNDER_WAY).unwrap_or(usize::MAX);
        let settings = ClientSettings {
            connect_timeout: self.target.call().timeout,
            calls,
            idle_connections: if self.keep_alive { calls } else { 0 },
            answer_limit_bytes: 1 << 30,
            ..ClientSettings::default()
        };
        HttpClient::new(
            Net::new(Tcp::default()),
            spawn.clone(),
            Signals::silent(),
            settings,
        )
    }
}

async fn closed(field: &Arc<Field>, count: u32, delay: Duration) {
    let users: Vec<_> = (0..count)
        .map(|number| {
            let rng = Rng::stream(field.drive.seed, &format!("user-{number}"));
            let field = Arc::clone(field);
            let spawn = field.spawn.clone();
            spawn.result("user", async move { user(&field, delay, &rng).await })
        })
        .collect();
    if let Some(Span::For(time)) = field.drive.span {
        let clock = Arc::clone(field);
        field.spawn.task("clock", async move {
            sleep_until(clock.began + time).await;
            clock.end.raise();
        });
    }
    for user in users {
        user.await;
    }
}

async fn user(field: &Field, delay: Duration, rng: &Rng) {
    let client = field.drive.client(&field.spawn);
    let most = match field.drive.span {
        Some(Span::Requests(count)) => count,
        Some(Span::For(_)) | None => u64::MAX,
    };
    for _ in 0..most {
        let sent_us = field.now_us();
        field.exchange(&client, sent_us).await;
        if field.end.is_raised() {
            return;
        }
        let pause = pause(delay, rng);
        // A timer would take a millisecond for no time at all.
        if !pause.is_zero() {
            tokio::select! {
                biased;
                () = field.end.raised() => return,
                () = sleep(pause) => {}
            }
        }
        // Siege looks at its failures after the pause.
        if field.enough.is_raised() {
            return;
        }
    }
}

async fn open(field: &Arc<Field>, per_s: f64) {
    let client = field.drive.client(&field.spawn);
    let most = match field.drive.span {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count; a cast saturates"
        )]
        Some(Span::For(time)) => (per_s * time.as_secs_f64()).ceil() as u64,
        Some(Span::Requests(count)) => count,
        None => u64::MAX,
    };
    let under_way = Arc::new(AtomicU64::new(0));
    let idle = Stop::new();
    for number in 0..most {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let intended = Duration::from_secs_f64(number as f64 / per_s);
        tokio::select! {
            biased;
            () = field.end.raised() => break,
            () = field.enough.raised() => break,
            () = sleep_until(field.began + intended) => {}
        }
        if under_way.load(Ordering::Relaxed) >= MOST_UNDER_WAY {
            field
                .tally()
                .fail("dropped: too many requests were under way");
            continue;
        }
        under_way.fetch_add(1, Ordering::Relaxed);
        let (client, count) = (client.clone(), Arc::clone(&under_way));
        let (field, hold) = (Arc::clone(field), idle.hold());
        let spawn = field.spawn.clone();
        spawn.task("request", async move {
            field.exchange(&client, micros(intended)).await;
            count.fetch_sub(1, Ordering::Relaxed);
            drop(hold);
        });
    }
    idle.released().await;
}

impl Field {
    /// Sends one request and counts its end; the load's own end leaves it uncounted.
    async fn exchange(&self, client: &HttpClient, intended_us: u64) {
        let sent_us = self.now_us();
        let result = tokio::select! {
            biased;
            () = self.end.raised() => return,
            result = client.call(self.drive.target.call()) => result,
        };
        let ended_us = self.now_us();
        let mut tally = self.tally();
        let times = Times {
            intended_us,
            sent_us,
            ended_us,
        };
        tally.count(times, &result);
        if self.gives_up(&tally) {
            self.enough.raise();
        }
    }

    fn gives_up(&self, tally: &Tally) -> bool {
        tally.failed() >= self.drive.most_failures
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        micros(self.began.elapsed())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
