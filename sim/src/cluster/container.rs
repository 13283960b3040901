//! The life of a pod's container: started, terminated, started again after its back-off. A state
//! machine that knows nothing but time; [`Pods`](super::pods::Pods) act on what it says.

use std::time::Duration;

use squall_kit::stop::Stop;

use crate::{
    objects::container::PodTemplate,
    platform::{
        probe::{ContainerProbes, ProbeSettings},
        restart::{BackOffSettings, CrashLoopBackOff},
        termination::{Step, Termination},
    },
};

/// Where a container is in its life.
enum Life {
    /// It is to be started at this time.
    Waiting(Duration),
    /// It runs.
    Running(Running),
    /// It will never run again.
    Gone,
}

/// One start of a container.
struct Running {
    stop: Stop,
    /// It is on its way out.
    ending: Option<Termination>,
}

/// A container and the number of its present or last start.
pub(crate) struct Container {
    life: Life,
    /// Counted from 1; 0 before the first start. Tells a notice of this start from a late one.
    pub(crate) start: u64,
    pub(crate) probes: ContainerProbes,
    back_off: CrashLoopBackOff,
    /// The pod was deleted: nothing is started again.
    deleted: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Start it.
    Start,
    /// Its grace is over: kill it.
    Kill,
}

impl Container {
    /// To be started now, for the first time.
    pub(crate) fn new(
        now: Duration,
        template: &PodTemplate,
        probing: ProbeSettings,
        back_off: BackOffSettings,
    ) -> Self {
        let (probes, grace) = (&template.container.probes, template.termination_grace);
        Self {
            life: Life::Waiting(now),
            start: 0,
            probes: ContainerProbes::new(probes, grace, probing, now),
            back_off: CrashLoopBackOff::new(back_off),
            deleted: false,
        }
    }

    /// True from its start until its end, however it ends.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running(_))
    }

    /// True while it runs and is not on its way out.
    pub(crate) fn is_staying(&self) -> bool {
        matches!(&self.life, Life::Running(running) if running.ending.is_none())
    }

    /// True when it never runs again.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.life, Life::Gone)
    }

    /// True once its pod was deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// How often it was started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.start.saturating_sub(1)
    }

    /// The pod's Ready condition, as far as its container decides it.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_alive() && self.probes.is_ready()
    }

    /// The stop signal of the present start.
    pub(crate) fn stop(&self) -> Option<&Stop> {
        match &self.life {
            Life::Running(running) => Some(&running.stop),
            Life::Waiting(_) | Life::Gone => None,
        }
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        match &self.life {
            Life::Waiting(until) => Some(*until),
            Life::Running(running) => {
                let ending = running.ending.as_ref().and_then(Termination::next_deadline);
                self.probes.next_deadline().into_iter().chain(ending).min()
            }
            Life::Gone => None,
        }
    }

    /// What is due now. SIGTERM is sent here.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Due> {
        match &mut self.life {
            Life::Waiting(until) => (now >= *until).then_some(Due::Start),
            Life::Running(running) => match running.ending.as_mut()?.due(now)? {
                Step::Terminate => {
                    running.stop.raise();
                    None
                }
                Step::Kill => Some(Due::Kill),
            },
            Life::Gone => None,
        }
    }

    /// It is being started; gives the start's number and its stop signal.
    pub(crate) fn begin(&mut self, now: Duration) -> (u64, Stop) {
        assert!(!self.is_alive(), "a container is started twice");
        let stop = Stop::new();
        self.life = Life::Running(Running {
            stop: stop.clone(),
            ending: None,
        });
        self.probes.container_started(now);
        self.start += 1;
        (self.start, stop)
    }

    /// It could not be started; it is tried again at this time.
    pub(crate) fn postpone(&mut self, until: Duration) {
        assert!(!self.is_alive(), "what runs cannot be postponed");
        self.life = Life::Waiting(until);
    }

    /// It is not started before this time.
    pub(crate) fn not_before(&mut self, at: Duration) {
        if let Life::Waiting(until) = &mut self.life {
            *until = at.max(*until);
        }
    }

    /// It is started now, if it waits for that.
    pub(crate) fn hurry(&mut self, now: Duration) {
        if let Life::Waiting(until) = &mut self.life {
            *until = now.min(*until);
        }
    }

    /// preStop, SIGTERM, grace, SIGKILL; then it starts again. False: it is on its way already.
    pub(crate) fn terminate(
        &mut self,
        now: Duration,
        template: &PodTemplate,
        grace: Duration,
    ) -> bool {
        let Life::Running(running) = &mut self.life else {
            return false;
        };
        if running.ending.is_some() {
            return false;
        }
        let pre_stop = template.container.pre_stop;
        running.ending = Some(Termination::begin(now, pre_stop, grace));
        true
    }

    /// Its pod is deleted: the same, and it never starts again.
    pub(crate) fn delete(&mut self, now: Duration, template: &PodTemplate) {
        self.deleted = true;
        self.probes.stop_for_deletion();
        if !self.is_alive() {
            self.life = Life::Gone;
        }
        self.terminate(now, template, template.termination_grace);
    }

    /// It has ended.
    pub(crate) fn end(&mut self, now: Duration) {
        self.probes.container_ended();
        self.life = if self.deleted {
            Life::Gone
        } else {
            Life::Waiting(self.back_off.exited(now))
        };
    }
}
