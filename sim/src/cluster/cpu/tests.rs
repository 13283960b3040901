use std::collections::BTreeMap;

use proptest::prelude::*;
use squall_kit::rng::Rng;

use super::*;

const ZERO: Duration = Duration::ZERO;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// A job that comes just now.
fn add(cpu: &mut Cpu, now: Duration, work: Duration) -> JobId {
    cpu.add(now, now, work)
}

#[test]
fn jobs_have_a_core_each_until_there_are_more_jobs_than_cores() {
    let mut cpu = Cpu::new(2_000, ZERO);
    let first = add(&mut cpu, ZERO, ms(100));
    let second = add(&mut cpu, ZERO, ms(40));
    assert_eq!(cpu.next_deadline(), Some(ms(40)));
    // From 10 ms on three share two cores: 30 ms of work take 45.
    let third = add(&mut cpu, ms(10), ms(60));
    assert_eq!((cpu.running(), cpu.next_deadline()), (3, Some(ms(55))));
    assert_eq!(finished(&mut cpu, ms(55)), [(second, ms(55))]);
    // 30 ms are left of the third, 60 of the first, and a core for each.
    assert_eq!(
        finished(&mut cpu, ms(200)),
        [(third, ms(85)), (first, ms(115))],
        "each at its own time, however late the question"
    );
    assert_eq!((cpu.used(ms(500)), cpu.next_deadline()), (ms(200), None));
}

#[test]
fn a_limit_throttles() {
    let mut cpu = Cpu::new(200, ZERO);
    let alone = add(&mut cpu, ZERO, us(3_170));
    assert_eq!(cpu.next_deadline(), Some(us(15_850)));
    assert_eq!(cpu.used(ms(10)), ms(2));
    assert_eq!(finished(&mut cpu, ms(16)), [(alone, us(15_850))]);
}

#[test]
fn start_up_takes_its_share_and_counts() {
    let mut cpu = Cpu::new(500, ZERO);
    cpu.set_background(ZERO, 1_000);
    let job = add(&mut cpu, ZERO, ms(100));
    assert_eq!(cpu.used(ms(400)), ms(200), "as much as the limit gives");
    assert_eq!(finished(&mut cpu, ms(400)), [(job, ms(400))]);
    cpu.set_background(ms(400), 250);
    assert_eq!(
        cpu.used(ms(1_400)),
        ms(450),
        "below the limit: what it wants"
    );
    cpu.set_background(ms(1_400), 0);
    assert_eq!(cpu.used(ms(9_999)), ms(450));
}

#[test]
fn who_hangs_up_leaves_the_cores_to_the_others() {
    let mut cpu = Cpu::new(1_000, ZERO);
    let stays = add(&mut cpu, ZERO, ms(100));
    let goes = add(&mut cpu, ZERO, ms(100));
    assert_eq!(cpu.remove(ms(100), goes), Some(ms(50)));
    assert_eq!(finished(&mut cpu, ms(150)), [(stays, ms(150))]);
    assert_eq!(cpu.remove(ms(150), stays), None);
    assert_eq!(cpu.used(ms(150)), ms(150));
}

#[test]
fn a_late_start_is_made_up_for_only_with_what_lay_idle() {
    let mut cpu = Cpu::new(1_000, ZERO);
    add(&mut cpu, ZERO, us(3_170));
    assert_eq!(finished(&mut cpu, ms(4)).len(), 1);
    let second = cpu.add(ms(4), us(3_170), us(3_170));
    assert_eq!(cpu.next_deadline(), Some(us(6_340)));
    // The same capacity is not given away twice.
    cpu.add(ms(4), us(3_170), us(500));
    assert_eq!(cpu.used(ms(4)), ms(4));
    assert_eq!(finished(&mut cpu, ms(5)).len(), 1);
    assert_eq!(finished(&mut cpu, ms(7)), [(second, us(6_840))]);
    // A job that fits into the gap is finished before it was announced.
    let tiny = cpu.add(ms(7), us(6_840), us(100));
    assert_eq!(finished(&mut cpu, ms(7)), [(tiny, us(6_940))]);
    // Older gaps than a millisecond are gone.
    let late = cpu.add(ms(100), ms(50), ms(10));
    assert_eq!(finished(&mut cpu, ms(109)), [(late, ms(109))]);
}

fn finished(cpu: &mut Cpu, now: Duration) -> Vec<(JobId, Duration)> {
    cpu.finished(now).collect()
}

/// What is done to a container's cores, and so long after the step before.
#[derive(Clone, Debug)]
enum Step {
    Add { work_ns: u64, late_ns: u64 },
    Remove(usize),
    Background(u64),
}

fn steps(grain_ns: u64) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        4 => (0_u64..20_000_000, 0_u64..1_000_000)
            .prop_map(|(work_ns, late_ns)| Step::Add { work_ns, late_ns }),
        1 => (0_usize..8).prop_map(Step::Remove),
        1 => (0_u64..3_000).prop_map(Step::Background),
    ];
    let after = (0..10_000_000 / grain_ns).prop_map(move |grains| grains * grain_ns);
    proptest::collection::vec((after, step), 1..60)
}

/// A container's cores together with everything that was ever asked of them.
struct Bench {
    cpu: Cpu,
    now: Duration,
    /// Job, when it would have begun, and its work.
    running: Vec<(JobId, Duration, Duration)>,
    /// Work of what is over, as far as it was done, in femtoseconds.
    done: u128,
    /// The background's use, in femtoseconds of a millicore.
    background: u128,
}

impl Bench {
    fn new(limit_milli: u64) -> Self {
        Self {
            cpu: Cpu::new(limit_milli, ZERO),
            now: ZERO,
            running: Vec::new(),
            done: 0,
            background: 0,
        }
    }

    /// Moves on; what is finished must have had the time for it.
    fn pass(&mut self, after_ns: u64) {
        self.now += Duration::from_nanos(after_ns);
        let before = self.cpu.attained;
        let finished = finished(&mut self.cpu, self.now);
        self.background += self.cpu.background_milli * (self.cpu.attained - before);
        for (id, at) in finished {
            let index = self.running.iter().position(|(running, ..)| *running == id);
            let (_, since, work) = self.running.remove(index.expect("it was running"));
            assert!(at >= since + work && at <= self.now, "{work:?} by {at:?}");
            self.done += femtos(work);
        }
    }

    fn take(&mut self, step: &Step, lateness: bool) {
        match *step {
            Step::Add { work_ns, late_ns } => {
                let late = Duration::from_nanos(if lateness { late_ns } else { 0 });
                let since = self.now.saturating_sub(late);
                let work = Duration::from_nanos(work_ns);
                let id = self.cpu.add(self.now, since, work);
                self.running.push((id, since, work));
            }
            Step::Remove(index) if index < self.running.len() => {
                let (id, _, work) = self.running.remove(index);
                let left = id.finished_at.saturating_sub(self.cpu.attained);
                self.done += femtos(work) - left;
                if self.cpu.remove(self.now, id).is_none() {
                    self.cpu.finished.retain(|(finished, _)| *finished != id);
                }
            }
            Step::Remove(_) => {}
            Step::Background(milli) => self.cpu.set_background(self.now, milli),
        }
    }

    /// Work of finished jobs, what others attained, and the background make what is used.
    fn assert_conserved(&self) {
        let attained: u128 = self
            .running
            .iter()
            .map(|(id, _, work)| femtos(*work) - id.finished_at.saturating_sub(self.cpu.attained))
            .sum();
        let jobs = (self.done + attained) * CORE;
        assert_eq!(jobs + self.background, self.cpu.used);
    }
}

proptest! {
    #[test]
    fn work_is_conserved_and_the_limit_holds_over_every_interval(
        limit in 50_u64..4_000,
        steps in steps(1),
    ) {
        let mut bench = Bench::new(limit);
        let mut samples = vec![(0, 0)];
        for (after_ns, step) in steps {
            bench.pass(after_ns);
            bench.assert_conserved();
            samples.push((femtos(bench.now), bench.cpu.used));
            bench.take(&step, false);
            bench.assert_conserved();
        }
        bench.pass(60_000_000_000_000);
        bench.assert_conserved();
        prop_assert!(bench.running.is_empty(), "there was time for everything");
        for (index, (from, before)) in samples.iter().enumerate() {
            for (to, after) in &samples[index..] {
                prop_assert!(after - before <= u128::from(limit) * (to - from));
            }
        }
    }

    /// As above, at the grain of the engine's clock: what was made up for counts with the
    /// millisecond before.
    #[test]
    fn late_starts_create_no_capacity(limit in 50_u64..4_000, steps in steps(1_000_000)) {
        let mut bench = Bench::new(limit);
        let mut samples = vec![(0, 0)];
        for (after_ns, step) in steps {
            bench.pass(after_ns);
            bench.take(&step, true);
            bench.assert_conserved();
            let sample = (femtos(bench.now), bench.cpu.used);
            match samples.last_mut() {
                Some(last) if last.0 == sample.0 => *last = sample,
                _ => samples.push(sample),
            }
        }
        for (index, (from, before)) in samples.iter().enumerate() {
            for (to, after) in &samples[index..] {
                prop_assert!(after - before <= u128::from(limit) * (to - from));
            }
        }
    }
}

/// Poisson arrivals, one core, works drawn by `draw` (ns). Gives the mean number of jobs times the
/// time, the sum of their times, both in ns, and the mean time in ns.
fn queue(load: f64, mean_ns: f64, draw: impl Fn() -> u64) -> (u128, u128, f64) {
    const JOBS: u32 = 100_000;
    let rng = Rng::stream(1, "arrivals");
    let mut cpu = Cpu::new(1_000, ZERO);
    let (mut area, mut times, mut seen) = (0_u128, 0_u128, ZERO);
    let mut began = BTreeMap::new();
    let mut arrival = ZERO;
    let mut pass = |cpu: &mut Cpu, until: Duration, began: &mut BTreeMap<_, _>| {
        while let Some(at) = cpu.next_deadline().filter(|at| *at <= until) {
            area += cpu.running() as u128 * (at - seen).as_nanos();
            seen = at;
            for (id, at) in cpu.finished(at) {
                let from: Duration = began.remove(&id).expect("it came");
                times += (at - from).as_nanos();
            }
        }
        area += cpu.running() as u128 * (until - seen).as_nanos();
        seen = until;
    };
    for _ in 0..JOBS {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time"
        )]
        let gap = rng.exponential(mean_ns / load) as u64;
        arrival += Duration::from_nanos(gap);
        pass(&mut cpu, arrival, &mut began);
        let id = add(&mut cpu, arrival, Duration::from_nanos(draw()));
        began.insert(id, arrival);
    }
    pass(&mut cpu, arrival + Duration::from_secs(3_600), &mut began);
    assert!(began.is_empty(), "all have left");
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    let mean = times as f64 / f64::from(JOBS);
    (area, times, mean)
}

#[test]
fn littles_law_holds_and_the_mean_time_is_that_of_m_g_1_ps() {
    // The theory: mean work / (1 − load), whatever the distribution (Kleinrock).
    let rng = Rng::stream(1, "works");
    let uniform = || rng.between(1_000_000, 5_000_000);
    let bimodal = || {
        if rng.chance(0.1) {
            21_000_000
        } else {
            1_000_000
        }
    };
    for (load, even) in [(0.5, true), (0.7, true), (0.5, false), (0.7, false)] {
        let (area, times, mean) = if even {
            queue(load, 3e6, uniform)
        } else {
            queue(load, 3e6, bimodal)
        };
        assert_eq!(area, times, "number = rate × time, over the same time");
        let theory = 3e6 / (1.0 - load);
        let gap = (mean - theory).abs() / theory;
        assert!(gap < 0.05, "load {load}: {mean} ns, expected {theory} ns");
    }
}
