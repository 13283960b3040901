//! Outlier detection: hosts that answer errors are left out for a while (Envoy:
//! outlier_detection_impl.cc; platform: §5).

use std::{collections::BTreeMap, time::Duration};

use squall_reports::history::Name;

use crate::objects::mesh::OutlierDetection;

/// The longest ejection, unless the base is longer (Envoy: `max_ejection_time`).
const MAX_EJECTION_TIME: Duration = Duration::from_secs(300);

/// What a detector did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A host is left out from now on.
    Ejected(Name),
    /// A host was to be left out, and too many are already (Envoy: `ejections_overflow`).
    Overflow(Name),
    /// A host is back.
    Readmitted(Name),
}

/// One sidecar's watch over the hosts of one service.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: Option<OutlierDetection>,
    monitors: BTreeMap<Name, Monitor>,
    next_sweep: Duration,
}

/// What is known of one host.
#[derive(Clone, Debug, Default)]
struct Monitor {
    server_errors: u32,
    gateway_errors: u32,
    /// Ejections count their base time so often (Envoy: `eject_time_backoff`).
    multiplier: u32,
    ejected_at: Option<Duration>,
}

impl Detector {
    /// Without settings it never ejects.
    pub fn new(now: Duration, settings: Option<OutlierDetection>) -> Self {
        Self {
            settings,
            monitors: BTreeMap::new(),
            next_sweep: now + settings.map_or(Duration::MAX / 4, interval),
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Option<&OutlierDetection> {
        self.settings.as_ref()
    }

    /// The service has these hosts now. One that leaves takes its record along, ejection included;
    /// if it comes back it starts afresh.
    pub fn set_hosts<'a>(&mut self, hosts: impl Iterator<Item = &'a Name>) {
        let mut former = std::mem::take(&mut self.monitors);
        let kept = hosts.map(|name| (name.clone(), former.remove(name).unwrap_or_default()));
        self.monitors = kept.collect();
    }

    /// True while the host is left out.
    pub fn is_ejected(&self, host: &str) -> bool {
        let monitor = self.monitors.get(host);
        monitor.is_some_and(|monitor| monitor.ejected_at.is_some())
    }

    /// Hosts left out now.
    pub fn ejected(&self) -> usize {
        let monitors = self.monitors.values();
        monitors.filter(|m| m.ejected_at.is_some()).count()
    }

    /// A try on this host ended with this status. Errors of the sidecar's own making count as the
    /// status they give: 503 for a failed connect or a reset, 504 for a timeout (Envoy:
    /// `resultToHttpCode`, as local origin errors are not split). The host is ejected at once when
    /// a count reaches its threshold; what counts is reaching it, so a threshold of 0 is never met.
    ///
    /// `consecutiveErrors`, the documents' deprecated setting, is `consecutive_gateway_errors` with
    /// the 5xx count off: a host that answers nothing but 500 is never ejected by it
    /// (istio#8846, #12349).
    pub fn charge(&mut self, now: Duration, host: &str, status: u16) -> Vec<Finding> {
        let (Some(settings), Some(monitor)) = (self.settings, self.monitors.get_mut(host)) else {
            return Vec::new();
        };
        if !(500..=599).contains(&status) {
            (monitor.server_errors, monitor.gateway_errors) = (0, 0);
            return Vec::new();
        }
        let is_gateway_error = matches!(status, 502..=504);
        monitor.gateway_errors = if is_gateway_error {
            monitor.gateway_errors.saturating_add(1)
        } else {
            0
        };
        monitor.server_errors = monitor.server_errors.saturating_add(1);
        let by_gateway =
            is_gateway_error && monitor.gateway_errors == settings.consecutive_gateway_errors;
        let by_any = monitor.server_errors == settings.consecutive_5xx_errors;
        let mut findings = Vec::new();
        // One that is out already keeps its counts until it is back.
        if by_gateway && !self.is_ejected(host) {
            findings.push(self.eject(now, host, settings));
            self.monitor(host).gateway_errors = 0;
        }
        if by_any && !self.is_ejected(host) {
            findings.push(self.eject(now, host, settings));
            self.monitor(host).server_errors = 0;
        }
        findings
    }

    /// Does the sweeps that are due: hosts whose time is over come back, and the others' next
    /// ejection gets shorter.
    pub fn advance(&mut self, now: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(settings) = self.settings else {
            return findings;
        };
        while self.next_sweep <= now {
            let interval = interval(settings);
            if self.monitors.values().all(|m| m.multiplier == 0) {
                // Nothing to sweep, however long it was.
                let missed = (now - self.next_sweep).as_nanos() / interval.as_nanos();
                let missed = u32::try_from(missed).unwrap_or(u32::MAX);
                self.next_sweep += interval * missed;
            }
            self.sweep(settings, &mut findings);
            self.next_sweep += interval;
        }
        findings
    }

    /// The next sweep, while a host waits for it.
    pub fn next_deadline(&self) -> Option<Duration> {
        (self.ejected() > 0).then_some(self.next_sweep)
    }

    fn sweep(&mut self, settings: OutlierDetection, findings: &mut Vec<Finding>) {
        let now = self.next_sweep;
        for (name, monitor) in &mut self.monitors {
            let Some(since) = monitor.ejected_at else {
                monitor.multiplier = monitor.multiplier.saturating_sub(1);
                continue;
            };
            let base = settings.base_ejection_time;
            let time = (base * monitor.multiplier).min(longest(settings));
            if time <= now.saturating_sub(since) {
                monitor.ejected_at = None;
                (monitor.server_errors, monitor.gateway_errors) = (0, 0);
                findings.push(Finding::Readmitted(name.clone()));
            }
        }
    }

    fn eject(&mut self, now: Duration, host: &str, settings: OutlierDetection) -> Finding {
        let may = self.may_eject(settings);
        let monitor = self.monitor(host);
        if may {
            monitor.ejected_at = Some(now);
            let base = settings.base_ejection_time;
            if base * monitor.multiplier < longest(settings) + base {
                monitor.multiplier += 1;
            }
        }
        let name = self.monitors.get_key_value(host);
        let name = name.expect("an ejected host is known").0.clone();
        if may {
            Finding::Ejected(name)
        } else {
            Finding::Overflow(name)
        }
    }

    /// Now: only if the share of ejected hosts, this one included, stays within
    /// `maxEjectionPercent`. Formerly (Envoy v1.7–v1.10: "if no hosts have been ejected, Envoy will
    /// eject the host immediately"; envoy#3263): the first always, others while the share without
    /// them is below.
    fn may_eject(&self, settings: OutlierDetection) -> bool {
        let (ejected, hosts) = (self.ejected(), self.monitors.len());
        let max = settings.max_ejection_percent.min(100) as usize;
        if settings.legacy_first_eject {
            ejected == 0 || 100 * ejected < max * hosts
        } else {
            100 * (ejected + 1) <= max * hosts
        }
    }

    fn monitor(&mut self, host: &str) -> &mut Monitor {
        let monitor = self.monitors.get_mut(host);
        monitor.expect("only a known host is charged")
    }
}

/// Never nothing: sweeps would not end.
fn interval(settings: OutlierDetection) -> Duration {
    settings.interval.max(Duration::from_millis(1))
}

fn longest(settings: OutlierDetection) -> Duration {
    MAX_EJECTION_TIME.max(settings.base_ejection_time)
}

#[cfg(test)]
mod tests;
