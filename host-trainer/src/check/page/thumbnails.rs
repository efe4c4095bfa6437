//! Small pictures for a page, as `data:` addresses; no more than were asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::loader::in_parallel;
use crate::progress;
use crate::thumbnail;

/// Thumbnails by path.
#[derive(Debug)]
pub struct Thumbnails {
    found: HashMap<PathBuf, String>,
}

impl Thumbnails {
    /// Reads each path once, on `workers` threads; what cannot be read has no thumbnail.
    pub fn of(paths: &[&Path], workers: usize) -> Self {
        let mut paths = paths.to_vec();
        paths.sort();
        paths.dedup();
        let bar = progress::bar(paths.len() as u64, "making thumbnails");
        let read = in_parallel(paths.len(), workers, |index| {
            let address = thumbnail::address(paths[index]);
            bar.inc(1);
            address
        });
        bar.finish_and_clear();
        let found = paths.into_iter().zip(read);
        Self {
            found: found
                .filter_map(|(path, uri)| Some((path.to_path_buf(), uri?)))
                .collect(),
        }
    }

    /// The thumbnail of a path.
    pub fn get(&self, path: &Path) -> Option<&str> {
        self.found.get(path).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use models::picture;

    use super::*;

    #[test]
    fn each_picture_is_read_once_and_a_missing_one_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let frame = road_sim::portrait("red", 1, 640, 400).unwrap();
        std::fs::write(&path, picture::png(frame.view()).unwrap()).unwrap();
        let missing = folder.path().join("b.png");
        let thumbnails = Thumbnails::of(&[&path, &missing, &path], 2);
        assert_eq!(thumbnails.get(&missing), None);
        let address = thumbnails.get(&path).unwrap();
        assert!(address.starts_with("data:image/jpeg;base64,"));
    }
}
