//! What a system brings to be explored in.

use std::borrow::Cow;

use squall_chaos::{
    fault::{Moment, Text},
    plan::Plan,
    space::{Space, Tunable},
    topology::Topology,
};
use squall_reports::{history::History, sla::Sla};
use squall_sim::{
    cluster::spec::ClusterSpec,
    load::{Load, Share},
    manifest::Patch,
};

use crate::system::System;

/// A system, its users, what can be set, and what holds whatever strikes it.
#[derive(Clone, Copy, Debug)]
pub struct Arena {
    /// `shop/explore`: what its runs are called.
    pub name: &'static str,
    /// What must hold, in plain words.
    pub claim: &'static str,
    /// The system.
    pub system: &'static System,
    /// Who prepares it, before anybody comes; `None`: it needs no preparing.
    pub operator: Option<Load>,
    /// What its users do; each share is a journey that a plan can name.
    pub journeys: &'static [Share],
    /// What the last users do, whom nothing may trouble: one share, of a name that none of
    /// `journeys` has, and that expects the answers of a healthy system.
    pub aftermath: &'static [Share],
    /// Settings worth varying: deployment, variable, values.
    pub settings: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Changes of its manifests that are as legitimate as what they say: name, change.
    pub variations: &'static [(&'static str, &'static [Patch])],
    /// Deployments that may have 1 to so many pods.
    pub replicas: &'static [(&'static str, u32)],
    /// The phases of a journey, for the systematic mode.
    pub phases: fn() -> Vec<(Text, Moment)>,
    /// Places that its code names, the kit's among them: all that coverage can reach of them.
    pub hints: fn() -> Vec<&'static str>,
    /// What holds in every run.
    pub invariants: fn() -> Vec<Box<dyn Sla>>,
}

// === impl Arena ===

impl Arena {
    /// Nobody prepares it, nothing can be set, nothing is varied, there are no phases and no
    /// hints. For `..Arena::plain(…)`: `claim`, `journeys`, `aftermath` and `invariants` have to be
    /// said.
    pub const fn plain(name: &'static str, system: &'static System) -> Self {
        Self {
            name,
            claim: "",
            system,
            operator: None,
            journeys: &[],
            aftermath: &[],
            settings: &[],
            variations: &[],
            replicas: &[],
            phases: Vec::new,
            hints: Vec::new,
            invariants: Vec::new,
        }
    }

    /// What plans for it are drawn from; `calm` is a run of it without any fault.
    pub fn space(&self, spec: &ClusterSpec, calm: &History) -> Space {
        let tunable = |(deployment, name, values): &(_, _, &'static [&'static str])| Tunable {
            deployment: Cow::Borrowed(*deployment),
            name: Cow::Borrowed(*name),
            values: values.iter().map(|&value| Cow::Borrowed(value)).collect(),
        };
        let journeys = self.journeys.iter();
        let replicas = self.replicas.iter();
        Space {
            topology: Topology::of(spec, calm),
            journeys: journeys.map(|share| share.journey.name.into()).collect(),
            calm_journeys: self.calm().journeys(),
            settings: self.settings.iter().map(tunable).collect(),
            variations: self
                .variations
                .iter()
                .map(|(name, _)| (*name).into())
                .collect(),
            phases: (self.phases)(),
            replicas: replicas
                .map(|(name, most)| ((*name).into(), *most))
                .collect(),
        }
    }

    /// A run without any fault in which everything happens that users can bring about: what it
    /// shows is what plans can wait for.
    pub fn calm(&self) -> Plan {
        let users = self.journeys.iter().map(|share| squall_chaos::plan::Users {
            journey: share.journey.name.into(),
            from_ms: 1_000,
            rate_per_s: 1.0,
            journeys: 8,
            patience_ms: squall_chaos::plan::Users::PATIENCE_MS,
        });
        Plan {
            seed: 1,
            interleaving: None,
            latency_ms: None,
            replicas: Vec::new(),
            settings: Vec::new(),
            variations: Vec::new(),
            users: users.collect(),
            aftermath: 2,
            faults: Vec::new(),
            calm_from_ms: 30_000,
        }
    }
}
