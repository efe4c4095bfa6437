//! A folder of pictures, in the order of their names or of the folder's list of times. JPEGs go
//! through the camera's decoder; other formats, and pictures that say which way is up, through
//! the one for picture files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use models::{PictureError, RgbFrame, picture};
use serde::Deserialize;

use super::{Flaw, OpenError, Reel, ReelError};
use crate::decode::{Decoder, Layout, PixelFormat, segments};

/// The list of times that a folder may hold.
pub const TIMESTAMPS: &str = "timestamps.jsonl";

/// A listed folder.
pub struct Folder {
    paths: Vec<PathBuf>,
    times: Option<Vec<u64>>,
    next: usize,
    decoder: Decoder,
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Stamp {
    frame: String,
    t_ms: u64,
}

impl Folder {
    /// Lists the frames; none is read yet.
    pub fn open(folder: &Path, max_width: Option<u32>) -> Result<Self, OpenError> {
        let listed = picture::list(folder).map_err(OpenError::Folder)?;
        let stamps = folder.join(TIMESTAMPS);
        let (paths, times) = if stamps.is_file() {
            let (paths, times) = read_timestamps(folder, &stamps)?;
            (paths, Some(times))
        } else {
            (listed, None)
        };
        if paths.is_empty() {
            return Err(OpenError::Empty(folder.to_path_buf()));
        }
        let layout = Layout::packed(PixelFormat::Mjpeg, 0, 0);
        Ok(Self {
            paths,
            times,
            next: 0,
            decoder: Decoder::new(layout, max_width).map_err(OpenError::Layout)?,
            bytes: Vec::new(),
        })
    }

    fn read(&mut self, at: usize, spare: &mut Vec<u8>) -> Result<RgbFrame, ReelError> {
        let path = &self.paths[at];
        let failed = |source| {
            let path = path.clone();
            ReelError::Picture(PictureError::Read { path, source })
        };
        self.bytes.clear();
        let file = File::open(path).map_err(failed)?;
        file.take(picture::MAX_FILE_BYTES + 1)
            .read_to_end(&mut self.bytes)
            .map_err(failed)?;
        let is_frame = self.bytes.starts_with(&[0xff, 0xd8])
            && segments::walk(&self.bytes).is_ok_and(|places| !places.has_orientation);
        if is_frame {
            return self.decoder.decode(&self.bytes, spare).map_err(|source| {
                let path = path.clone();
                ReelError::Flawed(Flaw::File { path, source })
            });
        }
        let frame = picture::decode(&self.bytes).map_err(|source| {
            let path = path.clone();
            ReelError::Picture(PictureError::Decode { path, source })
        })?;
        Ok(self.decoder.fit(frame, spare))
    }
}

impl Reel for Folder {
    fn next(&mut self, spare: &mut Vec<u8>) -> Result<Option<RgbFrame>, ReelError> {
        if self.next == self.paths.len() {
            self.next = 0;
            return Ok(None);
        }
        self.next += 1;
        self.read(self.next - 1, spare).map(Some)
    }

    fn times(&self) -> Option<&[u64]> {
        self.times.as_deref()
    }
}

fn read_timestamps(folder: &Path, path: &Path) -> Result<(Vec<PathBuf>, Vec<u64>), OpenError> {
    let failed = |line: usize, reason: String| OpenError::Timestamps {
        path: path.to_path_buf(),
        line,
        reason,
    };
    let file = File::open(path).map_err(|error| failed(1, error.to_string()))?;
    let (mut paths, mut times): (Vec<PathBuf>, Vec<u64>) = (Vec::new(), Vec::new());
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| failed(index + 1, error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let stamp: Stamp =
            serde_json::from_str(&line).map_err(|error| failed(index + 1, error.to_string()))?;
        if times.last().is_some_and(|before| *before >= stamp.t_ms) {
            let reason = format!("{} is not after the line before", stamp.t_ms);
            return Err(failed(index + 1, reason));
        }
        paths.push(folder.join(stamp.frame));
        times.push(stamp.t_ms);
    }
    Ok((paths, times))
}
