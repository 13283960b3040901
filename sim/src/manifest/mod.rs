//! Manifests: the input. YAML files with real Kubernetes and Istio objects, read into
//! [`Objects`] with every default filled in.
//!
//! Nothing is ignored in silence: what is not modelled is an error that names the file, the
//! document and the field, unless [`fields::WITHOUT_EFFECT`] says why it changes nothing here.
//! What Kubernetes' own validation refuses is refused, too.
//!
//! ```
//! use squall_sim::{manifest::{Manifests, Operation, Patch}, model::Model};
//!
//! const THREE: &[Operation] = &[Operation::add("/spec/replicas", "3")];
//!
//! let manifests = Manifests::read(&[("notes.yaml", "
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: notes}
//! spec:
//!   selector: {matchLabels: {app: notes}}
//!   template:
//!     metadata: {labels: {app: notes}}
//!     spec: {containers: [{name: notes, image: 'notes:1'}]}
//! ")])?;
//! let model = Model::read("model.yaml", "
//! network: {latency_ms: 1}
//! broker: {partitions: 1, session_timeout_s: 10, append_ms: 1}
//! programs:
//!   notes: {workers: 8, queue: 0, backlog: 8, startup_ms: 10, other_routes: {cpu_ms: 1}}
//! ")?;
//! let patched = manifests.apply(&[Patch::edit("Deployment/notes", THREE)])?;
//! assert_eq!(manifests.objects(&model)?.deployments["notes"].replicas, 1);
//! assert_eq!(patched.objects(&model)?.deployments["notes"].replicas, 3);
//! # Ok::<(), squall_sim::manifest::ManifestError>(())
//! ```

mod autoscaler;
mod configuration;
mod container;
mod deployment;
mod disruption;
mod document;
mod duration;
mod environment;
mod error;
pub mod fields;
mod kind;
mod mesh;
mod patch;
mod pod;
mod probe;
mod quantity;
mod references;
mod service;
mod shapes;
#[cfg(test)]
mod tests;
mod volume;

use std::{collections::BTreeMap, fs, path::Path};

use self::{document::Document, kind::Kind};
use crate::{model::Model, objects::Objects};

pub(crate) use self::document::{typed, values};
pub use self::{
    error::ManifestError,
    patch::{Operation, Patch, Text},
};

/// The name of the file beside the manifests that is none: see [`Model`].
pub const MODEL_FILE: &str = "model.yaml";

/// A set of manifests: what `kubectl apply` would be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    documents: Vec<Document>,
    /// Patched sets may lack what their containers refer to: that is then the experiment.
    patched: bool,
}

impl Manifests {
    /// Reads files given as (name, text), each with any number of documents.
    ///
    /// # Errors
    /// What is no YAML, no object of a known kind, or has a name that another one has.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, ManifestError> {
        let mut manifests = Self {
            documents: Vec::new(),
            patched: false,
        };
        for (file, text) in files {
            for document in Document::read(file, text)? {
                manifests.push(document)?;
            }
        }
        Ok(manifests)
    }

    /// Reads every `*.yaml` and `*.yml` in a folder but `model.yaml`, by name.
    ///
    /// # Errors
    /// As [`Manifests::read`], and a folder or file that cannot be read or has nothing in it.
    pub fn read_dir(folder: &Path) -> Result<Self, ManifestError> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(ManifestError::unreadable(folder))? {
            let path = entry.map_err(ManifestError::unreadable(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
            if yaml && name != MODEL_FILE {
                let text = fs::read_to_string(&path).map_err(ManifestError::unreadable(&path))?;
                files.insert(path.display().to_string(), text);
            }
        }
        if files.is_empty() {
            return Err(ManifestError::unreadable(folder)(
                "no *.yaml or *.yml file in this folder",
            ));
        }
        let files: Vec<_> = files
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        Self::read(&files)
    }

    /// These manifests after `patches`, in order.
    ///
    /// # Errors
    /// [`ManifestError::Patch`]: an object or a path that is not there, a value that is no JSON, a
    /// failed test, an object created twice.
    pub fn apply(&self, patches: &[Patch]) -> Result<Self, ManifestError> {
        let mut patched = self.clone();
        for patch in patches {
            patch.apply_to(&mut patched)?;
            patched.patched = true;
        }
        Ok(patched)
    }

    /// The objects, every default filled in, each held against the others and against `model`.
    ///
    /// # Errors
    /// The first field that is not modelled or has a wrong type or value, the first reference to
    /// something that is not there. A patched set may refer to a missing ConfigMap, Secret or
    /// claim: its containers cannot start, as in Kubernetes.
    pub fn objects(&self, model: &Model) -> Result<Objects, ManifestError> {
        let mut objects = Objects::default();
        for document in &self.documents {
            fields::check(document)?;
            read_object(document, model, &mut objects)?;
        }
        // A Service's named ports are those of the pods behind it.
        for document in self.documents.iter().filter(|d| d.kind == Kind::Service) {
            let service = service::read(document, &objects)?;
            objects.services.insert(service.name.clone(), service);
        }
        references::check(self, &objects, model)?;
        Ok(objects)
    }

    /// The names of all objects, `Deployment/order`, in the order they were read.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.documents.iter().map(Document::object)
    }

    fn push(&mut self, document: Document) -> Result<(), ManifestError> {
        let object = document.object();
        match self.documents.iter().find(|d| d.object() == object) {
            None => self.documents.push(document),
            Some(first) => {
                let problem = format!("the name is taken by {}", first.place());
                return Err(document.root().member("metadata.name").error(problem));
            }
        }
        Ok(())
    }

    fn find(&self, object: &str) -> Option<&Document> {
        self.documents.iter().find(|d| d.object() == object)
    }
}

fn read_object(
    document: &Document,
    model: &Model,
    objects: &mut Objects,
) -> Result<(), ManifestError> {
    let name = document.name.clone();
    match document.kind {
        Kind::Deployment => {
            let deployment = deployment::deployment(document)?;
            objects.deployments.insert(name, deployment);
        }
        Kind::StatefulSet => {
            let (set, claims) = deployment::stateful_set(document)?;
            objects.claims.extend(claims);
            objects.stateful_sets.insert(name, set);
        }
        Kind::Service => {}
        Kind::AutoscalerV1 | Kind::AutoscalerV2 => {
            let autoscaler = autoscaler::read(document)?;
            objects.autoscalers.insert(name, autoscaler);
        }
        Kind::ConfigMap => {
            let data = configuration::config_map(document)?;
            objects.config_maps.insert(name, data);
        }
        Kind::Secret => {
            let data = configuration::secret(document)?;
            objects.secrets.insert(name, data);
        }
        Kind::Claim => {
            configuration::claim(document)?;
            objects.claims.push(name);
        }
        Kind::DisruptionBudget => {
            let budget = disruption::read(document)?;
            objects.disruption_budgets.insert(name, budget);
        }
        Kind::DestinationRule => {
            let rule = mesh::destination_rule(document, &model.cluster)?;
            let (at, host) = (document.root().member("spec.host"), rule.host.clone());
            if let Some(other) = objects.destination_rules.insert(host, rule) {
                return Err(at.error(format!("DestinationRule/{} is about it, too", other.name)));
            }
        }
        Kind::VirtualService => {
            let service = mesh::virtual_service(document)?;
            let (at, host) = (document.root().member("spec.hosts"), service.host.clone());
            if let Some(other) = objects.virtual_services.insert(host, service) {
                return Err(at.error(format!("VirtualService/{} is about it, too", other.name)));
            }
        }
    }
    Ok(())
}
