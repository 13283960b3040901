//! What plans are drawn from.

use serde::Serialize;

use crate::{
    fault::{Moment, Text},
    topology::Topology,
};

/// Everything that can vary in a plan for one system.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Space {
    /// What can be struck.
    pub topology: Topology,
    /// Journeys that users can make, by name.
    pub journeys: Vec<Text>,
    /// How many journeys the calm run had in which the topology's moments were counted.
    pub calm_journeys: u32,
    /// Settings with the values worth trying.
    pub settings: Vec<Tunable>,
    /// Names of changes of its manifests.
    pub variations: Vec<Text>,
    /// The phases that a journey goes through, each with the moment at which it begins.
    pub phases: Vec<(Text, Moment)>,
    /// Deployments that may have 1 to so many pods.
    pub replicas: Vec<(Text, u32)>,
}

/// A setting and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tunable {
    /// The deployment.
    pub deployment: Text,
    /// The environment variable.
    pub name: Text,
    /// At least one value.
    pub values: Vec<Text>,
}
