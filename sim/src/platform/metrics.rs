//! The metrics pipeline: from what containers use to what an autoscaler sees, with its delay.

use std::{collections::BTreeMap, time::Duration};

/// How metrics are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// `--metric-resolution`: 15 s in today's manifests, 60 s by default in older ones
    /// (platform §3).
    pub resolution: Duration,
    /// What a sample is averaged over, at most the resolution. metrics-server since 0.4: from the
    /// scrape before; older ones took the kubelet's own rate over about 15 s.
    pub window: Duration,
}

/// What a container has used, as its kubelet counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since the container was started.
    pub cpu: Duration,
    /// When it was started.
    pub started_at: Duration,
}

/// A pod's CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths of a core, averaged over the window, rounded up as quantities are.
    pub milli: u64,
    /// When it was taken: the window's end.
    pub at: Duration,
    /// What it was averaged over.
    pub window: Duration,
}

/// The metrics-server of a cluster. A container that was not there, or was another one, when the
/// window began has no metric yet.
#[derive(Clone, Debug)]
pub struct MetricsServer {
    settings: MetricsSettings,
    next_scrape: Duration,
    /// The reading with which the window that is open began.
    opened: Option<(Duration, BTreeMap<String, Usage>)>,
    latest: BTreeMap<String, Sample>,
}

impl MetricsServer {
    /// First scraping a resolution after `now`, then every resolution.
    pub fn new(settings: MetricsSettings, now: Duration) -> Self {
        let MetricsSettings { resolution, window } = settings;
        assert!(
            !window.is_zero() && window <= resolution,
            "0 < window <= resolution"
        );
        Self {
            settings,
            next_scrape: now + resolution,
            opened: None,
            latest: BTreeMap::new(),
        }
    }

    /// When [`Self::read`] is due: when a window begins and when it ends.
    pub fn next_deadline(&self) -> Duration {
        match self.opened {
            Some(_) => self.next_scrape,
            None => self.next_scrape.saturating_sub(self.settings.window),
        }
    }

    /// Reads all running containers, by the names of their pods, at a deadline. True when there
    /// are new samples.
    pub fn read(&mut self, now: Duration, running: BTreeMap<String, Usage>) -> bool {
        assert!(now >= self.next_deadline(), "readings come at deadlines");
        let Some((since, before)) = self.opened.take() else {
            self.opened = Some((now, running));
            return false;
        };
        let pairs = running.iter().filter_map(|(pod, usage)| {
            let first = before.get(pod)?;
            let sample = sample(first, usage, since, now)?;
            Some((pod.clone(), sample))
        });
        self.latest = pairs.collect();
        self.next_scrape = now + self.settings.resolution;
        if self.settings.window == self.settings.resolution {
            self.opened = Some((now, running));
        }
        true
    }

    /// The samples of the last scrape, by the names of the pods.
    pub fn latest(&self) -> &BTreeMap<String, Sample> {
        &self.latest
    }
}

fn sample(first: &Usage, last: &Usage, since: Duration, now: Duration) -> Option<Sample> {
    let window = now.checked_sub(since).filter(|window| !window.is_zero())?;
    // After a restart the counter is another one.
    let used = last.cpu.checked_sub(first.cpu)?;
    if first.started_at != last.started_at {
        return None;
    }
    let milli = (used.as_nanos() * 1000).div_ceil(window.as_nanos());
    Some(Sample {
        milli: u64::try_from(milli).unwrap_or(u64::MAX),
        at: now,
        window,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::{MetricsServer, MetricsSettings, Sample, Usage};

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn server(resolution: u64, window: u64) -> MetricsServer {
        let settings = MetricsSettings {
            resolution: s(resolution),
            window: s(window),
        };
        MetricsServer::new(settings, s(0))
    }

    /// Containers that keep half a core busy from their start on.
    fn half_busy(started: &[(&str, u64)], now: Duration) -> BTreeMap<String, Usage> {
        let usage = |at: u64| Usage {
            cpu: (now - s(at)) / 2,
            started_at: s(at),
        };
        started
            .iter()
            .map(|(pod, at)| ((*pod).to_owned(), usage(*at)))
            .collect()
    }

    #[test]
    fn a_sample_is_the_average_between_two_scrapes() {
        let mut server = server(60, 60);
        assert_eq!(server.next_deadline(), s(0));
        assert!(!server.read(s(0), half_busy(&[("a", 0)], s(0))));
        assert_eq!(server.next_deadline(), s(60));
        assert!(server.read(s(60), half_busy(&[("a", 0), ("b", 30)], s(60))));
        let sample = Sample {
            milli: 500,
            at: s(60),
            window: s(60),
        };
        assert_eq!(server.latest().get("a"), Some(&sample));
        assert_eq!(server.latest().get("b"), None, "too young: one reading");
        // `a` has been restarted, `c` has come, `b` is there for the second time.
        assert!(server.read(
            s(120),
            half_busy(&[("a", 100), ("b", 30), ("c", 110)], s(120))
        ));
        let pods: Vec<&str> = server.latest().keys().map(String::as_str).collect();
        assert_eq!(pods, ["b"]);
    }

    #[test]
    fn a_restarted_container_has_no_sample_even_if_it_has_used_more() {
        let mut server = server(60, 60);
        server.read(s(60), half_busy(&[("a", 50)], s(60)));
        server.read(s(120), half_busy(&[("a", 70)], s(120)));
        assert!(server.latest().is_empty());
    }

    #[test]
    fn a_short_window_opens_before_the_scrape() {
        let mut server = server(60, 15);
        let mut readings = Vec::new();
        for _ in 0..4 {
            let at = server.next_deadline();
            readings.push((at.as_secs(), server.read(at, half_busy(&[("a", 0)], at))));
        }
        assert_eq!(
            readings,
            [(45, false), (60, true), (105, false), (120, true)]
        );
        assert_eq!(
            server.latest().get("a").map(|sample| sample.window),
            Some(s(15))
        );
    }
}
