//! A folder of pictures as a camera: in the order of their names at a steady rate, or as the
//! folder's `timestamps.jsonl` says. Does not wait between frames.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Frame, FrameSource, OpenError, SourceError};
use crate::config::{BadValue, within};

/// The list of times that a folder may hold.
pub const TIMESTAMPS: &str = "timestamps.jsonl";

/// The `[source]` table with `kind = "replay"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Frames a second, where the folder has no `timestamps.jsonl`.
    #[serde(default = "default_fps")]
    pub fps: f32,
}

fn default_fps() -> f32 {
    25.0
}

impl ReplayConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        within("source.fps", self.fps, 0.01, 1000.0)
    }
}

/// An opened folder.
#[derive(Debug)]
pub struct Replay {
    frames: Vec<(PathBuf, u64)>,
    next: usize,
}

#[derive(Deserialize)]
struct Stamp {
    frame: String,
    t_ms: u64,
}

impl Replay {
    /// Lists the frames; none is read yet.
    pub fn open(config: &ReplayConfig) -> Result<Self, OpenError> {
        let listed = models::picture::list(&config.folder).map_err(OpenError::Folder)?;
        let stamps = config.folder.join(TIMESTAMPS);
        let frames: Vec<(PathBuf, u64)> = if stamps.is_file() {
            read_timestamps(&config.folder, &stamps)?
        } else {
            let step_ms = 1000.0 / f64::from(config.fps);
            let time = |index: usize| (index as f64 * step_ms).round() as u64;
            listed
                .into_iter()
                .enumerate()
                .map(|(i, path)| (path, time(i)))
                .collect()
        };
        if frames.is_empty() {
            return Err(OpenError::Empty(config.folder.clone()));
        }
        Ok(Self { frames, next: 0 })
    }
}

fn read_timestamps(folder: &Path, path: &Path) -> Result<Vec<(PathBuf, u64)>, OpenError> {
    let failed = |line: usize, reason: String| OpenError::Timestamps {
        path: path.to_path_buf(),
        line,
        reason,
    };
    let file = std::fs::File::open(path).map_err(|error| failed(1, error.to_string()))?;
    let mut frames: Vec<(PathBuf, u64)> = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| failed(index + 1, error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let stamp: Stamp =
            serde_json::from_str(&line).map_err(|error| failed(index + 1, error.to_string()))?;
        if frames
            .last()
            .is_some_and(|(_, before)| *before >= stamp.t_ms)
        {
            let reason = format!("{} is not after the line before", stamp.t_ms);
            return Err(failed(index + 1, reason));
        }
        frames.push((folder.join(stamp.frame), stamp.t_ms));
    }
    Ok(frames)
}

impl FrameSource for Replay {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some((path, t_ms)) = self.frames.get(self.next) else {
            return Ok(None);
        };
        let index = self.next as u64;
        self.next += 1;
        match models::picture::read(path) {
            Ok(image) => Ok(Some(Frame {
                image,
                index,
                t_ms: *t_ms,
            })),
            Err(source) => Err(SourceError::Picture { index, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::RgbFrame;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let picture = RgbFrame::filled(4, 4, [1, 2, 3]).unwrap();
        for name in names {
            let bytes = models::picture::png(picture.view()).unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn replay(folder: &Path) -> Result<Replay, OpenError> {
        Replay::open(&ReplayConfig {
            folder: folder.to_path_buf(),
            fps: 30.0,
        })
    }

    #[test]
    fn names_give_the_order_and_the_rate_the_times() {
        let folder = folder(&["b.png", "a.png", "c.png"]);
        let mut replay = replay(folder.path()).unwrap();
        let mut seen = Vec::new();
        while let Some(frame) = replay.next().unwrap() {
            seen.push((frame.index, frame.t_ms));
        }
        assert_eq!(seen, [(0, 0), (1, 33), (2, 67)]);
    }

    #[test]
    fn listed_times_win_and_a_missing_frame_is_only_dropped() {
        let folder = folder(&["a.png", "b.png"]);
        let list = "{\"frame\":\"b.png\",\"t_ms\":5}\n{\"frame\":\"gone.png\",\"t_ms\":9}\n{\"frame\":\"a.png\",\"t_ms\":12}\n";
        std::fs::write(folder.path().join(TIMESTAMPS), list).unwrap();
        let mut replay = replay(folder.path()).unwrap();
        assert_eq!(replay.next().unwrap().unwrap().t_ms, 5);
        let error = replay.next().unwrap_err().to_string();
        assert!(
            error.starts_with("frame 1 dropped: cannot read "),
            "{error}"
        );
        assert!(error.contains("gone.png"), "{error}");
        let last = replay.next().unwrap().unwrap();
        assert_eq!((last.index, last.t_ms), (2, 12));
        assert!(replay.next().unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let empty = folder(&[]);
        let error = replay(empty.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("has no pictures; looked for jpg, jpeg, png, bmp, webp"),
            "{error}"
        );
        let error = replay(&empty.path().join("no")).unwrap_err().to_string();
        assert!(error.starts_with("source.folder: cannot read "), "{error}");
        let list = "{\"frame\":\"a.png\",\"t_ms\":5}\n{\"frame\":\"b.png\",\"t_ms\":5}\n";
        std::fs::write(empty.path().join(TIMESTAMPS), list).unwrap();
        let error = replay(empty.path()).unwrap_err().to_string();
        assert!(
            error.contains("timestamps.jsonl:2: 5 is not after the line before"),
            "{error}"
        );
    }
}
