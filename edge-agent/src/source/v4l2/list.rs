//! Which cameras there are, under which names, and what each can give. Asks each node; sets
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::controls::{self, Control};
use super::error::CameraError;
use super::probe::{Identity, Offer, probe};

/// Where nodes and their stable names stand.
#[derive(Debug)]
pub struct Places {
    /// The nodes themselves.
    pub nodes: PathBuf,
    /// Folders of links to nodes, the best first.
    pub names: [PathBuf; 2],
}

impl Default for Places {
    fn default() -> Self {
        Self {
            nodes: "/dev".into(),
            names: ["/dev/v4l/by-id".into(), "/dev/v4l/by-path".into()],
        }
    }
}

/// A node, and the camera behind it if it is one for the agent.
#[derive(Debug)]
pub struct Found {
    /// The node.
    pub path: PathBuf,
    /// Names that survive a restart; by serial number first, by socket after.
    pub names: Vec<PathBuf>,
    /// What it is and gives, or why it cannot be used.
    pub camera: Result<Camera, CameraError>,
}

/// A camera for the agent.
#[derive(Debug)]
pub struct Camera {
    /// Who it is.
    pub identity: Identity,
    /// What it gives.
    pub offers: Vec<Offer>,
    /// What can be set on it.
    pub controls: Vec<Control>,
}

/// Every node that may be a camera, by number. Nodes without pictures are left out.
pub fn list(places: &Places) -> Vec<Found> {
    let mut names = names(places);
    let mut found = Vec::new();
    for path in nodes(&places.nodes) {
        let camera = probe(&path).map(|probe| Camera {
            controls: controls::list(&probe.node),
            identity: probe.identity,
            offers: probe.offers,
        });
        if matches!(camera, Err(CameraError::NotCapture { .. })) {
            continue;
        }
        found.push(Found {
            names: names.remove(&path).unwrap_or_default(),
            path,
            camera,
        });
    }
    found
}

/// The nodes `videoN` of a folder, by N.
fn nodes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("video")?.parse().ok()?;
            Some((number, folder.join(name)))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The links that lead to each node.
fn names(places: &Places) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for folder in &places.names {
        let mut links: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        links.sort();
        for link in links {
            // Links are relative, as in ../../video0: their last part is the node's name.
            let target = std::fs::read_link(&link).ok();
            if let Some(name) = target.as_deref().and_then(Path::file_name) {
                found.entry(places.nodes.join(name)).or_default().push(link);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nodes_by_number_with_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            nodes: folder.path().to_path_buf(),
            names: [folder.path().join("by-id"), folder.path().join("by-path")],
        };
        assert!(list(&places).is_empty());
        for name in ["video10", "video2", "videox", "vcs1"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for names in &places.names {
            std::fs::create_dir(names).unwrap();
            symlink("../../video2", names.join("usb-camera-index0")).unwrap();
        }
        let found = list(&places);
        let paths: Vec<_> = found.iter().map(|found| found.path.as_path()).collect();
        assert_eq!(
            paths,
            [folder.path().join("video2"), folder.path().join("video10")]
        );
        assert_eq!(
            found[0].names,
            [
                folder.path().join("by-id/usb-camera-index0"),
                folder.path().join("by-path/usb-camera-index0"),
            ]
        );
        assert!(found[1].names.is_empty());
        // Plain files are no cameras, and say so.
        for found in found {
            assert!(
                matches!(found.camera, Err(CameraError::NotVideo(_))),
                "{found:?}"
            );
        }
    }
}
