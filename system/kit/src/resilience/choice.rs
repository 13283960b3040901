//! Whose rules a breaker follows, and with which settings.

use std::{str::FromStr, time::Duration};

use super::{
    resilience4j_settings::Resilience4jSettings,
    settings::{HystrixSettings, ThreadPoolSettings},
};
use crate::config::{Config, ConfigError};

/// Rules and settings of one breaker: setting `breaker.<name>` is `hystrix` (the default) or
/// `resilience4j`. Settings of the other library are left unread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BreakerSettings {
    /// Hystrix's.
    Hystrix {
        /// `hystrix.command.<name>.…`.
        command: HystrixSettings,
        /// `hystrix.threadpool.<name>.…`.
        pool: ThreadPoolSettings,
    },
    /// resilience4j's, `resilience4j.….instances.<name>.…`.
    Resilience4j(Resilience4jSettings),
}

impl BreakerSettings {
    /// The rules and settings of breaker `name`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_config(config: &Config, name: &str) -> Result<Self, ConfigError> {
        let choice = format!("breaker.{name}");
        match config.parsed(&choice, "hystrix or resilience4j", Library::Hystrix)? {
            Library::Hystrix => Ok(Self::Hystrix {
                command: HystrixSettings::from_config(config, name)?,
                pool: ThreadPoolSettings::from_config(config, name)?,
            }),
            Library::Resilience4j => {
                let settings = Resilience4jSettings::from_config(config, name)?;
                Ok(Self::Resilience4j(settings))
            }
        }
    }

    /// When a call is given up; `None`: never.
    pub fn execution_timeout(&self) -> Option<Duration> {
        match self {
            Self::Hystrix { command, .. } => command.execution_timeout,
            Self::Resilience4j(settings) => Some(settings.timeout),
        }
    }
}

enum Library {
    Hystrix,
    Resilience4j,
}

impl FromStr for Library {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "hystrix" => Ok(Self::Hystrix),
            "resilience4j" => Ok(Self::Resilience4j),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_chooses_and_hystrix_is_the_default() {
        let limit = (
            "resilience4j.timelimiter.instances.pay.timeoutDuration",
            "2s",
        );
        let read = |choice| BreakerSettings::from_config(&Config::new([limit, choice]), "pay");
        let hystrix = read(("breaker.other", "resilience4j")).expect("good settings");
        assert_eq!(hystrix.execution_timeout(), Some(Duration::from_secs(1)));
        let chosen = read(("breaker.pay", "resilience4j")).expect("good settings");
        assert!(matches!(chosen, BreakerSettings::Resilience4j(_)));
        assert_eq!(chosen.execution_timeout(), Some(Duration::from_secs(2)));
        let error = read(("breaker.pay", "fuse")).expect_err("no such library");
        assert!(error.to_string().contains("breaker.pay"), "{error}");
    }
}
