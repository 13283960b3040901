//! The systems of the catalogue: their contexts, manifests and models.

use std::{borrow::Cow, collections::BTreeMap, path::Path, sync::Arc};

use squall_sim::{
    cluster::spec::{ClusterSpec, Program},
    manifest::{ManifestError, Manifests, Operation, Patch},
    model::Model,
};

use crate::plain;

/// A documented system.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Its name, `shop`; also its topic's.
    pub name: &'static str,
    /// Its bounded contexts.
    pub contexts: &'static [Context],
    /// Its manifests: (file, text). None: those of [`plain`].
    pub manifests: &'static [(&'static str, &'static str)],
    /// Its model: (file, text).
    pub model: (&'static str, &'static str),
}

/// A bounded context as it is served for real.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The name others dial it by.
    pub name: &'static str,
    /// Its documented port.
    pub port: u16,
    /// Its `run`.
    pub program: Program,
}

/// A system on a cluster: its manifests, and what this scenario changes in them.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Which.
    pub system: &'static System,
    /// What is different here; in order.
    pub patches: Vec<Patch>,
    /// Somebody's own files instead of the system's.
    pub own: Option<Arc<Files>>,
    /// What is different here in the model.
    pub modelled: Option<fn(&mut Model)>,
}

/// Manifests, and the model beside them.
#[derive(Clone, Debug)]
pub struct Files {
    /// The manifests.
    pub manifests: Manifests,
    /// What they cannot say.
    pub model: Model,
}

// === impl System ===

impl System {
    /// A system without manifests of its own: it is deployed as [`plain`] says.
    pub const fn plain(name: &'static str, contexts: &'static [Context]) -> Self {
        Self {
            name,
            contexts,
            manifests: &[],
            model: ("", ""),
        }
    }

    /// What it is applied from.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn files(&self) -> Result<Files, ManifestError> {
        if self.manifests.is_empty() {
            return plain::files(self.contexts);
        }
        let (file, text) = self.model;
        Ok(Files {
            manifests: Manifests::read(self.manifests)?,
            model: Model::read(file, text)?,
        })
    }

    /// Somebody's own files for it: every manifest in `folder`, and its `model.yaml`, if it has
    /// one, else the system's own.
    ///
    /// # Errors
    /// What cannot be read, or does not fit together.
    pub fn files_in(&self, folder: &Path) -> Result<Files, ManifestError> {
        let manifests = Manifests::read_dir(folder)?;
        let model = match Model::read_beside(folder)? {
            Some(model) => model,
            None => self.files()?.model,
        };
        let files = Files { manifests, model };
        self.spec(&files, &[])?;
        Ok(files)
    }

    fn spec(&self, files: &Files, patches: &[Patch]) -> Result<ClusterSpec, ManifestError> {
        let contexts = self.contexts.iter();
        let programs: BTreeMap<String, Program> = contexts
            .map(|context| (context.name.to_owned(), context.program))
            .collect();
        let manifests = files.manifests.apply(patches)?;
        ClusterSpec::read(self.name, manifests, files.model.clone(), programs)
    }
}

// === impl Context ===

impl Context {
    /// A context: its name, its documented port, and its `run` as a closure that boxes it,
    /// `|pod| Box::pin(run(pod))`.
    pub const fn new(name: &'static str, port: u16, program: Program) -> Self {
        Self {
            name,
            port,
            program,
        }
    }
}

// === impl Cluster ===

impl Cluster {
    /// The system's own manifests with these changes.
    pub fn new(system: &'static System, patches: impl IntoIterator<Item = Patch>) -> Self {
        Self {
            system,
            patches: patches.into_iter().collect(),
            own: None,
            modelled: None,
        }
    }

    /// The same with so many pods of a deployment.
    #[must_use]
    pub fn replicas(mut self, deployment: &str, count: u32) -> Self {
        let operation = Operation::Add {
            path: "/spec/replicas".into(),
            value: count.to_string().into(),
        };
        self.patches.push(Patch::Edit {
            object: format!("Deployment/{deployment}").into(),
            operations: Cow::Owned(vec![operation]),
        });
        self
    }

    /// The same with a changed model.
    #[must_use]
    pub fn modelled(self, change: fn(&mut Model)) -> Self {
        Self {
            modelled: Some(change),
            ..self
        }
    }

    /// What a simulation is made from.
    ///
    /// # Errors
    /// What is wrong with the manifests or the changes.
    pub fn spec(&self) -> Result<ClusterSpec, ManifestError> {
        let mut files = match &self.own {
            Some(files) => Files::clone(files),
            None => self.system.files()?,
        };
        if let Some(change) = self.modelled {
            change(&mut files.model);
        }
        self.system.spec(&files, &self.patches)
    }
}
