//! resilience4j's settings under the names that Spring Boot gives them, with its own defaults
//! (resilience4j: `CircuitBreakerConfig`, `TimeLimiterConfig`, `BulkheadConfig`).

use std::{str::FromStr, time::Duration};

use crate::{
    config::{Config, ConfigError},
    signal::CallOutcome,
};

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlidingWindowType {
    /// The last calls.
    CountBased,
    /// The last seconds.
    TimeBased,
}

/// How a result is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// As a success.
    Success,
    /// As a failure.
    Failure,
    /// Not at all: its permit is given back.
    Nothing,
}

/// Bad results, which resilience4j calls exceptions, by the names of [`CallOutcome`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// `Failure`: the call failed.
    pub failure: bool,
    /// `Timeout`: the time limiter ended it.
    pub timeout: bool,
    /// `Rejected`: the bulkhead is full.
    pub rejected: bool,
    /// `BadRequest`: a refusal that says nothing about the callee's health.
    pub bad_request: bool,
}

/// Settings of one instance: `resilience4j.circuitbreaker.instances.<name>.<property>`, else
/// `resilience4j.circuitbreaker.configs.default.<property>`, else the default; likewise
/// `resilience4j.timelimiter…` and `resilience4j.bulkhead…`. Times are as Spring reads them: `60s`,
/// `500ms`, or a number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resilience4jSettings {
    /// `slidingWindowType`.
    pub sliding_window_type: SlidingWindowType,
    /// `slidingWindowSize`: calls or seconds.
    pub sliding_window_size: u32,
    /// `minimumNumberOfCalls`: fewer in the window open nothing.
    pub minimum_number_of_calls: u32,
    /// `failureRateThreshold`, in percent.
    pub failure_rate_threshold: f64,
    /// `slowCallRateThreshold`, in percent.
    pub slow_call_rate_threshold: f64,
    /// `slowCallDurationThreshold`: what takes longer is slow.
    pub slow_call_duration_threshold: Duration,
    /// `waitDurationInOpenState`.
    pub wait_duration_in_open_state: Duration,
    /// `permittedNumberOfCallsInHalfOpenState`.
    pub permitted_number_of_calls_in_half_open_state: u32,
    /// `maxWaitDurationInHalfOpenState`; `None`, its 0, waits for ever.
    pub max_wait_duration_in_half_open_state: Option<Duration>,
    /// `automaticTransitionFromOpenToHalfOpenEnabled`.
    pub automatic_transition: bool,
    /// `recordExceptions`, comma-separated: what counts as a failure, all by default. The others
    /// count as successes.
    pub record: Exceptions,
    /// `ignoreExceptions`, comma-separated: what does not count, nothing by default. It wins over
    /// `recordExceptions`.
    pub ignore: Exceptions,
    /// `resilience4j.timelimiter`: `timeoutDuration`. It ends the call.
    pub timeout: Duration,
    /// `resilience4j.bulkhead`: `maxConcurrentCalls`. Further ones are turned away at once.
    pub max_concurrent_calls: usize,
}

impl Default for Resilience4jSettings {
    fn default() -> Self {
        Self {
            sliding_window_type: SlidingWindowType::CountBased,
            sliding_window_size: 100,
            minimum_number_of_calls: 100,
            failure_rate_threshold: 50.0,
            slow_call_rate_threshold: 100.0,
            slow_call_duration_threshold: Duration::from_secs(60),
            wait_duration_in_open_state: Duration::from_secs(60),
            permitted_number_of_calls_in_half_open_state: 10,
            max_wait_duration_in_half_open_state: None,
            automatic_transition: false,
            record: Exceptions {
                failure: true,
                timeout: true,
                rejected: true,
                bad_request: true,
            },
            ignore: Exceptions::default(),
            timeout: Duration::from_secs(1),
            max_concurrent_calls: 25,
        }
    }
}

impl Resilience4jSettings {
    /// The settings of instance `name`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_config(config: &Config, name: &str) -> Result<Self, ConfigError> {
        let of = |module| Properties {
            config,
            module,
            name,
        };
        let read = of("circuitbreaker");
        let default = Self::default();
        let never = default.max_wait_duration_in_half_open_state;
        let max_wait = read.time(
            "maxWaitDurationInHalfOpenState",
            never.unwrap_or(Duration::ZERO),
        )?;
        Ok(Self {
            sliding_window_type: read.parsed(
                "slidingWindowType",
                "COUNT_BASED or TIME_BASED",
                default.sliding_window_type,
            )?,
            sliding_window_size: read.count("slidingWindowSize", default.sliding_window_size)?,
            minimum_number_of_calls: read
                .count("minimumNumberOfCalls", default.minimum_number_of_calls)?,
            failure_rate_threshold: read
                .percent("failureRateThreshold", default.failure_rate_threshold)?,
            slow_call_rate_threshold: read
                .percent("slowCallRateThreshold", default.slow_call_rate_threshold)?,
            slow_call_duration_threshold: read.time(
                "slowCallDurationThreshold",
                default.slow_call_duration_threshold,
            )?,
            wait_duration_in_open_state: read.time(
                "waitDurationInOpenState",
                default.wait_duration_in_open_state,
            )?,
            permitted_number_of_calls_in_half_open_state: read.count(
                "permittedNumberOfCallsInHalfOpenState",
                default.permitted_number_of_calls_in_half_open_state,
            )?,
            max_wait_duration_in_half_open_state: (!max_wait.is_zero()).then_some(max_wait),
            automatic_transition: read.parsed(
                "automaticTransitionFromOpenToHalfOpenEnabled",
                "true or false",
                default.automatic_transition,
            )?,
            record: read.exceptions("recordExceptions", default.record)?,
            ignore: read.exceptions("ignoreExceptions", default.ignore)?,
            timeout: of("timelimiter").time("timeoutDuration", default.timeout)?,
            max_concurrent_calls: of("bulkhead").parsed(
                "maxConcurrentCalls",
                "a whole number",
                default.max_concurrent_calls,
            )?,
        })
    }

    /// How a result is recorded (resilience4j: `CircuitBreakerStateMachine.onError`).
    pub fn recorded(&self, outcome: CallOutcome) -> Recorded {
        match outcome {
            CallOutcome::ShortCircuited | CallOutcome::Cancelled => Recorded::Nothing,
            CallOutcome::Success => Recorded::Success,
            bad if self.ignore.contains(bad) => Recorded::Nothing,
            bad if self.record.contains(bad) => Recorded::Failure,
            _ => Recorded::Success,
        }
    }

    /// Calls below which a closed breaker decides nothing: a window of calls holds no more.
    pub fn minimum(&self) -> u32 {
        match self.sliding_window_type {
            SlidingWindowType::CountBased => {
                self.minimum_number_of_calls.min(self.sliding_window_size)
            }
            SlidingWindowType::TimeBased => self.minimum_number_of_calls,
        }
    }

    /// Results after which a half-open breaker decides.
    pub fn minimum_in_half_open(&self) -> u32 {
        let permitted = self.permitted_number_of_calls_in_half_open_state;
        self.minimum_number_of_calls.min(permitted)
    }
}

impl Exceptions {
    fn contains(self, outcome: CallOutcome) -> bool {
        match outcome {
            CallOutcome::Failure => self.failure,
            CallOutcome::Timeout => self.timeout,
            CallOutcome::Rejected => self.rejected,
            CallOutcome::BadRequest => self.bad_request,
            CallOutcome::Success | CallOutcome::ShortCircuited | CallOutcome::Cancelled => false,
        }
    }
}

impl FromStr for Exceptions {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut these = Self::default();
        let names = text.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            match name {
                "Failure" => these.failure = true,
                "Timeout" => these.timeout = true,
                "Rejected" => these.rejected = true,
                "BadRequest" => these.bad_request = true,
                _ => return Err(()),
            }
        }
        Ok(these)
    }
}

impl FromStr for SlidingWindowType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "COUNT_BASED" => Ok(Self::CountBased),
            "TIME_BASED" => Ok(Self::TimeBased),
            _ => Err(()),
        }
    }
}

/// A time as Spring Boot reads it (`DurationStyle.SIMPLE`).
struct Time(Duration);

impl FromStr for Time {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| ())?;
        let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs).ok_or(());
        match unit {
            "ms" | "" => Ok(Self(Duration::from_millis(number))),
            "s" => Ok(Self(seconds(1)?)),
            "m" => Ok(Self(seconds(60)?)),
            "h" => Ok(Self(seconds(3_600)?)),
            _ => Err(()),
        }
    }
}

/// A share from 0 (left out) to 100, as `CircuitBreakerConfig` checks it.
struct Percent(f64);

impl FromStr for Percent {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let value: f64 = text.parse().map_err(|_| ())?;
        (value > 0.0 && value <= 100.0)
            .then_some(Self(value))
            .ok_or(())
    }
}

struct Properties<'a> {
    config: &'a Config,
    module: &'a str,
    name: &'a str,
}

impl Properties<'_> {
    fn parsed<T: FromStr>(
        &self,
        property: &str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let Self {
            config,
            module,
            name,
        } = self;
        let general = format!("resilience4j.{module}.configs.default.{property}");
        let own = format!("resilience4j.{module}.instances.{name}.{property}");
        let general = config.parsed(&general, expected, default)?;
        config.parsed(&own, expected, general)
    }

    /// A number of calls or seconds, at least one.
    fn count(&self, property: &str, default: u32) -> Result<u32, ConfigError> {
        let default = std::num::NonZeroU32::new(default).unwrap_or(std::num::NonZeroU32::MIN);
        let count = self.parsed(property, "a whole number above 0", default)?;
        Ok(count.get())
    }

    fn percent(&self, property: &str, default: f64) -> Result<f64, ConfigError> {
        let percent = self.parsed(property, "a number above 0, at most 100", Percent(default))?;
        Ok(percent.0)
    }

    fn time(&self, property: &str, default: Duration) -> Result<Duration, ConfigError> {
        let time = self.parsed(property, "a time such as 60s or 500ms", Time(default))?;
        Ok(time.0)
    }

    fn exceptions(&self, property: &str, default: Exceptions) -> Result<Exceptions, ConfigError> {
        let expected = "names among Failure, Timeout, Rejected, BadRequest";
        self.parsed(property, expected, default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAY: &str = "resilience4j.circuitbreaker.instances.pay.";

    #[test]
    fn an_instances_own_setting_wins_over_the_general_one() {
        let settings = [
            (
                "resilience4j.circuitbreaker.configs.default.slidingWindowSize".to_owned(),
                "20",
            ),
            (format!("{PAY}slidingWindowSize"), "30"),
            (format!("{PAY}slidingWindowType"), "TIME_BASED"),
            (format!("{PAY}waitDurationInOpenState"), "5s"),
            (format!("{PAY}maxWaitDurationInHalfOpenState"), "1500"),
            (format!("{PAY}ignoreExceptions"), "Rejected, BadRequest"),
            (
                "resilience4j.timelimiter.instances.pay.timeoutDuration".to_owned(),
                "610ms",
            ),
        ];
        let config = Config::new(settings);
        let pay = Resilience4jSettings::from_config(&config, "pay").expect("good settings");
        let other = Resilience4jSettings::from_config(&config, "x").expect("good settings");
        assert_eq!(
            (pay.sliding_window_size, other.sliding_window_size),
            (30, 20)
        );
        assert_eq!(pay.sliding_window_type, SlidingWindowType::TimeBased);
        assert_eq!(pay.wait_duration_in_open_state, Duration::from_secs(5));
        assert_eq!(
            pay.max_wait_duration_in_half_open_state,
            Some(Duration::from_millis(1500))
        );
        assert_eq!(pay.recorded(CallOutcome::Rejected), Recorded::Nothing);
        assert_eq!(pay.recorded(CallOutcome::Timeout), Recorded::Failure);
        assert_eq!(pay.timeout, Duration::from_millis(610));
        let none = Resilience4jSettings::from_config(&Config::default(), "pay");
        assert_eq!(none.expect("defaults"), Resilience4jSettings::default());
    }

    #[test]
    fn a_bad_setting_is_named() {
        let bad = [
            ("slidingWindowSize", "0"),
            ("failureRateThreshold", "101"),
            ("waitDurationInOpenState", "5 parsecs"),
            ("slidingWindowType", "COUNT"),
            ("recordExceptions", "IOException"),
        ];
        for (property, value) in bad {
            let config = Config::new([(format!("{PAY}{property}"), value)]);
            let error = Resilience4jSettings::from_config(&config, "pay").expect_err(property);
            let error = error.to_string();
            assert!(error.contains(property) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn platform_6_the_minimum_is_what_the_window_can_hold() {
        let settings = Resilience4jSettings {
            sliding_window_size: 10,
            ..Default::default()
        };
        assert_eq!(
            (settings.minimum(), settings.minimum_in_half_open()),
            (10, 10)
        );
        let timed = Resilience4jSettings {
            sliding_window_type: SlidingWindowType::TimeBased,
            minimum_number_of_calls: 4,
            ..settings
        };
        assert_eq!((timed.minimum(), timed.minimum_in_half_open()), (4, 4));
    }
}
