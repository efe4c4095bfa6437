//! Small pictures for a page, as data URIs. Bounded in number by what is asked for, in size
//! each by [`SIDE`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use models::resample::resize;
use models::{RgbFrame, picture};

use crate::loader::in_parallel;
use crate::progress;

/// Longest side, pixels.
const SIDE: u32 = 160;
/// Of the JPEG, 1 to 100.
const QUALITY: u8 = 72;

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
            let frame = picture::read(paths[index]).ok();
            bar.inc(1);
            frame.and_then(|frame| data_uri(&frame))
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

fn data_uri(frame: &RgbFrame) -> Option<String> {
    let longest = frame.width().max(frame.height()).max(SIDE);
    let side =
        |length: u32| (u64::from(length) * u64::from(SIDE) / u64::from(longest)).max(1) as u32;
    let small = resize(frame.view(), side(frame.width()), side(frame.height()));
    let jpeg = picture::jpeg(small.view(), QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_is_small_and_a_missing_picture_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let frame = road_sim::portrait("red", 1, 640, 400).unwrap();
        std::fs::write(&path, picture::png(frame.view()).unwrap()).unwrap();
        let missing = folder.path().join("b.png");
        let thumbnails = Thumbnails::of(&[&path, &missing, &path], 2);
        assert_eq!(thumbnails.get(&missing), None);
        let uri = thumbnails.get(&path).unwrap();
        let data = uri.strip_prefix("data:image/jpeg;base64,").unwrap();
        let small = picture::decode(&STANDARD.decode(data).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (160, 100));
        assert!(uri.len() < 16_000, "{}", uri.len());
    }
}
