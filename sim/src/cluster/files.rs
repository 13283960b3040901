//! What keeps a database's files, and for how long.

use std::path::Path;

use crate::objects::container::{Volume, VolumeKind};

/// Where the files of a container lie that end with it, or do not (Kubernetes: volumes). A
/// StatefulSet's claims outlive its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// In the container: they end with it.
    Container,
    /// On an `emptyDir`: they outlive the container, not the pod.
    Pod,
    /// On a claimed volume: they outlive both.
    Claim,
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The container: it is started again in its pod.
    Container,
    /// The pod: another one takes its place.
    Pod,
}

impl Files {
    /// Where those at the path `data` lie: on what is mounted there, or at the nearest path above.
    pub(crate) fn at(data: &str, mounts: &[(String, String)], volumes: &[Volume]) -> Self {
        let above = mounts
            .iter()
            .filter(|(_, path)| Path::new(data).starts_with(path));
        let nearest = above.max_by_key(|(_, path)| Path::new(path).components().count());
        let volume = nearest.and_then(|(mounted, _)| {
            let mut volumes = volumes.iter();
            volumes.find(|volume| volume.name == *mounted)
        });
        match volume.map(|volume| &volume.kind) {
            Some(VolumeKind::Claim(_)) => Self::Claim,
            Some(VolumeKind::EmptyDir) => Self::Pod,
            // A ConfigMap is mounted for reading only.
            Some(VolumeKind::Configuration(_)) | None => Self::Container,
        }
    }

    /// True when they are there after that.
    pub(crate) fn survive(self, end: End) -> bool {
        match self {
            Self::Container => false,
            Self::Pod => end == End::Container,
            Self::Claim => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mounts: &[(&str, &str)]) -> Files {
        let volume = |name: &str, kind| Volume {
            name: name.to_owned(),
            kind,
        };
        let volumes = [
            volume("claim", VolumeKind::Claim("claim-store-0".to_owned())),
            volume("empty", VolumeKind::EmptyDir),
        ];
        let mounts = mounts.iter();
        let mounts = mounts.map(|(volume, path)| ((*volume).to_owned(), (*path).to_owned()));
        let mounts: Vec<(String, String)> = mounts.collect();
        Files::at("/var/lib/mysql", &mounts, &volumes)
    }

    #[test]
    fn the_nearest_mount_decides() {
        assert_eq!(at(&[("claim", "/var/lib/mysql")]), Files::Claim);
        assert_eq!(at(&[("empty", "/var/lib/mysql")]), Files::Pod);
        assert_eq!(at(&[]), Files::Container);
        assert_eq!(at(&[("claim", "/var/lib")]), Files::Claim);
        assert_eq!(at(&[("claim", "/var/lib/my")]), Files::Container);
        assert_eq!(at(&[("claim", "/var/lib/mysql/logs")]), Files::Container);
        assert_eq!(
            at(&[("claim", "/var"), ("empty", "/var/lib/mysql")]),
            Files::Pod
        );
    }

    #[test]
    fn an_empty_dir_outlives_a_container_and_not_its_pod() {
        let survive = |files: Files| [End::Container, End::Pod].map(|end| files.survive(end));
        assert_eq!(survive(Files::Container), [false, false]);
        assert_eq!(survive(Files::Pod), [true, false]);
        assert_eq!(survive(Files::Claim), [true, true]);
    }
}
