//! Hystrix's settings under their own names, with their own defaults (Hystrix 1.5:
//! `HystrixCommandProperties`, `HystrixThreadPoolProperties`).

use std::{str::FromStr, time::Duration};

use crate::config::{Config, ConfigError};

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In a thread of its group's pool. A timeout frees the caller; the thread stays with the call
    /// until the callee answers.
    Thread,
    /// With its caller, which a semaphore of the command limits. A timeout ends both.
    Semaphore,
}

impl FromStr for Isolation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "THREAD" => Ok(Self::Thread),
            "SEMAPHORE" => Ok(Self::Semaphore),
            _ => Err(()),
        }
    }
}

/// Settings of one command key: `hystrix.command.<key>.<property>`, else
/// `hystrix.command.default.<property>`, else the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HystrixSettings {
    /// `circuitBreaker.enabled`: false lets every call pass (`NoOpCircuitBreaker`), whatever is
    /// forced.
    pub enabled: bool,
    /// `circuitBreaker.forceOpen`: no call passes. Wins over `force_closed`.
    pub force_open: bool,
    /// `circuitBreaker.forceClosed`: every call passes, and it stays closed.
    pub force_closed: bool,
    /// `circuitBreaker.requestVolumeThreshold`: fewer calls in the window open nothing.
    pub request_volume_threshold: u64,
    /// `circuitBreaker.errorThresholdPercentage`.
    pub error_threshold_percentage: u64,
    /// `circuitBreaker.sleepWindowInMilliseconds`: how long it stays open before a probe.
    pub sleep_window: Duration,
    /// `metrics.rollingStats.timeInMilliseconds`: how far back the counts go.
    pub rolling_window: Duration,
    /// `metrics.healthSnapshot.intervalInMilliseconds`: the length of one bucket, and so how often
    /// the breaker looks.
    pub health_snapshot_interval: Duration,
    /// `execution.isolation.strategy`.
    pub isolation: Isolation,
    /// `execution.isolation.thread.timeoutInMilliseconds`; `None` when
    /// `execution.timeout.enabled` is false.
    pub execution_timeout: Option<Duration>,
    /// `execution.isolation.semaphore.maxConcurrentRequests`.
    pub semaphore_max_concurrent: usize,
    /// `fallback.isolation.semaphore.maxConcurrentRequests`.
    pub fallback_max_concurrent: usize,
    /// `strictBugs`, which Hystrix has not: with its own faults, where they are mended here
    /// (`hystrix_strict_bugs`).
    pub strict_bugs: bool,
}

impl Default for HystrixSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            force_open: false,
            force_closed: false,
            request_volume_threshold: 20,
            error_threshold_percentage: 50,
            sleep_window: Duration::from_millis(5000),
            rolling_window: Duration::from_millis(10_000),
            health_snapshot_interval: Duration::from_millis(500),
            isolation: Isolation::Thread,
            execution_timeout: Some(Duration::from_millis(1000)),
            semaphore_max_concurrent: 10,
            fallback_max_concurrent: 10,
            strict_bugs: false,
        }
    }
}

impl HystrixSettings {
    /// The settings of command `key` (Feign: `Interface#method(args)`).
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_config(config: &Config, key: &str) -> Result<Self, ConfigError> {
        let read = Properties {
            config,
            kind: "command",
            key,
        };
        let default = Self::default();
        let timeout = Duration::from_millis(1000);
        let timeout = read.ms("execution.isolation.thread.timeoutInMilliseconds", timeout)?;
        let timed = read.flag("execution.timeout.enabled", true)?;
        Ok(Self {
            enabled: read.flag("circuitBreaker.enabled", true)?,
            force_open: read.flag("circuitBreaker.forceOpen", false)?,
            force_closed: read.flag("circuitBreaker.forceClosed", false)?,
            request_volume_threshold: read.number(
                "circuitBreaker.requestVolumeThreshold",
                default.request_volume_threshold,
            )?,
            error_threshold_percentage: read.number(
                "circuitBreaker.errorThresholdPercentage",
                default.error_threshold_percentage,
            )?,
            sleep_window: read.ms(
                "circuitBreaker.sleepWindowInMilliseconds",
                default.sleep_window,
            )?,
            rolling_window: read.ms(
                "metrics.rollingStats.timeInMilliseconds",
                default.rolling_window,
            )?,
            health_snapshot_interval: read.ms(
                "metrics.healthSnapshot.intervalInMilliseconds",
                default.health_snapshot_interval,
            )?,
            isolation: read.parsed(
                "execution.isolation.strategy",
                "THREAD or SEMAPHORE",
                default.isolation,
            )?,
            execution_timeout: timed.then_some(timeout),
            semaphore_max_concurrent: read.number(
                "execution.isolation.semaphore.maxConcurrentRequests",
                default.semaphore_max_concurrent,
            )?,
            fallback_max_concurrent: read.number(
                "fallback.isolation.semaphore.maxConcurrentRequests",
                default.fallback_max_concurrent,
            )?,
            strict_bugs: read.flag("strictBugs", false)?,
        })
    }
}

/// Settings of one pool: `hystrix.threadpool.<group>.<property>`, else
/// `hystrix.threadpool.default.<property>`, else the default. Feign: the group is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadPoolSettings {
    /// `coreSize`: threads, and so calls at once.
    pub core_size: usize,
    /// `maxQueueSize`: calls that may wait for a thread; −1 for none.
    pub max_queue_size: i64,
    /// `queueSizeRejectionThreshold`: waiting calls from which on further ones are rejected, where
    /// there is a queue.
    pub queue_size_rejection_threshold: usize,
}

impl Default for ThreadPoolSettings {
    fn default() -> Self {
        Self {
            core_size: 10,
            max_queue_size: -1,
            queue_size_rejection_threshold: 5,
        }
    }
}

impl ThreadPoolSettings {
    /// The settings of `group`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_config(config: &Config, group: &str) -> Result<Self, ConfigError> {
        let read = Properties {
            config,
            kind: "threadpool",
            key: group,
        };
        let default = Self::default();
        Ok(Self {
            core_size: read.number("coreSize", default.core_size)?,
            max_queue_size: read.number("maxQueueSize", default.max_queue_size)?,
            queue_size_rejection_threshold: read.number(
                "queueSizeRejectionThreshold",
                default.queue_size_rejection_threshold,
            )?,
        })
    }

    /// Calls that really can wait: both limits hold, and no queue is no queue.
    pub fn queue(&self) -> usize {
        let limit = usize::try_from(self.max_queue_size).unwrap_or(0);
        limit.min(self.queue_size_rejection_threshold)
    }
}

struct Properties<'a> {
    config: &'a Config,
    kind: &'a str,
    key: &'a str,
}

impl Properties<'_> {
    fn parsed<T: FromStr>(
        &self,
        property: &str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let name = |key| format!("hystrix.{}.{key}.{property}", self.kind);
        let general = self.config.parsed(&name("default"), expected, default)?;
        self.config.parsed(&name(self.key), expected, general)
    }

    fn number<T: FromStr>(&self, property: &str, default: T) -> Result<T, ConfigError> {
        self.parsed(property, "a whole number", default)
    }

    fn flag(&self, property: &str, default: bool) -> Result<bool, ConfigError> {
        self.parsed(property, "true or false", default)
    }

    /// A length of time, at least a millisecond: nothing here works with none.
    fn ms(&self, property: &str, default: Duration) -> Result<Duration, ConfigError> {
        let default_ms = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        let ms = self.parsed(property, "milliseconds", default_ms)?;
        Ok(Duration::from_millis(ms.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_own_setting_wins_over_the_general_one() {
        let config = Config::new([
            (
                "hystrix.command.default.execution.isolation.thread.timeoutInMilliseconds",
                "610",
            ),
            (
                "hystrix.command.default.circuitBreaker.requestVolumeThreshold",
                "30",
            ),
            (
                "hystrix.command.PayClient#pay.circuitBreaker.requestVolumeThreshold",
                "40",
            ),
            ("hystrix.threadpool.pay.maxQueueSize", "100"),
        ]);
        let pay = HystrixSettings::from_config(&config, "PayClient#pay").expect("good settings");
        assert_eq!(pay.execution_timeout, Some(Duration::from_millis(610)));
        assert_eq!(pay.request_volume_threshold, 40);
        assert_eq!(pay.sleep_window, Duration::from_millis(5000));
        let pool = ThreadPoolSettings::from_config(&config, "pay").expect("good settings");
        assert_eq!(
            (pool.core_size, pool.queue()),
            (10, 5),
            "the rejection threshold holds, too"
        );
        assert_eq!(ThreadPoolSettings::default().queue(), 0);
    }

    #[test]
    fn a_bad_setting_is_named() {
        let name = "hystrix.command.default.execution.isolation.strategy";
        let config = Config::new([(name, "FIBER")]);
        let error = HystrixSettings::from_config(&config, "x").expect_err("no such strategy");
        assert!(error.to_string().contains(name), "{error}");
    }
}
