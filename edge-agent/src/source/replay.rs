//! Recorded frames as a camera: a folder of pictures or one file of frames, at a steady rate or
//! at the times of the folder's `timestamps.jsonl`, once or again and again. Does not wait
//! between frames.

mod file;
mod folder;

use std::path::PathBuf;

use models::{PictureError, RgbFrame};
use serde::{Deserialize, Serialize};

use self::file::{JpegFile, RawFile};
use self::folder::Folder;
use super::{Flaw, Frame, FrameSource, Loss, OpenError, SourceError};
use crate::config::{BadValue, within};
use crate::decode::{MAX_SIDE_PX, PixelFormat};

/// The `[source]` table with `kind = "replay"`.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayConfig {
    /// A folder of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// A file of frames: .mjpeg, .yuyv or .nv12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Frames a second, where the folder has no `timestamps.jsonl`.
    #[serde(default = "default_fps")]
    pub fps: f32,
    /// Pixels across, of .yuyv and .nv12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_px: Option<u32>,
    /// Pixels down, of .yuyv and .nv12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_px: Option<u32>,
    /// Wider pictures are shrunk by a whole factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_width_px: Option<u32>,
    /// How often all of it is played; 0: for ever.
    #[serde(default = "default_repeat")]
    pub repeat: u32,
}

fn default_fps() -> f32 {
    25.0
}

fn default_repeat() -> u32 {
    1
}

impl ReplayConfig {
    /// Refuses values out of range, and what does not go together.
    pub fn check(&self) -> Result<(), BadValue> {
        within("source.fps", self.fps, 0.01, 1000.0)?;
        for (key, pixels) in [
            ("source.width_px", self.width_px),
            ("source.height_px", self.height_px),
            ("source.max_width_px", self.max_width_px),
        ] {
            if let Some(pixels) = pixels {
                within(key, pixels, 1, MAX_SIDE_PX)?;
            }
        }
        let file = match (&self.folder, &self.file) {
            (Some(_), None) => return Ok(()),
            (None, Some(file)) => file,
            (None, None) => {
                let problem = "is missing; give a folder of pictures, or file = a file of frames";
                return Err(BadValue::new("source.folder", problem));
            }
            (Some(_), Some(_)) => {
                let problem = "does not go with source.folder; give one of them";
                return Err(BadValue::new("source.file", problem));
            }
        };
        match self.format() {
            Some(PixelFormat::Mjpeg) => Ok(()),
            Some(format) if self.width_px.is_none() || self.height_px.is_none() => {
                let format = format.name();
                let problem = format!("is missing; a .{format} file needs width_px and height_px");
                Err(BadValue::new("source.width_px", problem))
            }
            Some(_) => Ok(()),
            None => {
                let file = file.display();
                let problem = format!("= {file} is no known kind; allowed: .mjpeg, .yuyv, .nv12");
                Err(BadValue::new("source.file", problem))
            }
        }
    }

    /// How the file's frames are written, by its name.
    fn format(&self) -> Option<PixelFormat> {
        let extension = self.file.as_ref()?.extension()?.to_str()?;
        let is = |name: &str| extension.eq_ignore_ascii_case(name);
        if is("mjpg") {
            return Some(PixelFormat::Mjpeg);
        }
        PixelFormat::ALL
            .into_iter()
            .find(|format| is(format.name()))
    }
}

/// Why a recording has no picture at this place.
#[derive(Debug)]
enum ReelError {
    Picture(PictureError),
    Flawed(Flaw),
    Broken(std::io::Error),
}

/// A recording that can be played again.
trait Reel {
    /// The next picture; `None` at the end, after which it stands at its beginning again.
    fn next(&mut self, spare: &mut Vec<u8>) -> Result<Option<RgbFrame>, ReelError>;

    /// The times of the pictures, rising, if the recording has its own.
    fn times(&self) -> Option<&[u64]> {
        None
    }
}

/// An opened recording.
pub struct Replay {
    reel: Box<dyn Reel>,
    step_ms: f64,
    /// Rounds to play; `None`: for ever.
    rounds: Option<u32>,
    round: u64,
    /// Place in this round.
    place: usize,
    index: u64,
    ended: bool,
    spare: Vec<u8>,
}

impl Replay {
    /// Opens it; no frame is decoded yet.
    pub fn open(config: &ReplayConfig) -> Result<Self, OpenError> {
        let reel: Box<dyn Reel> = match (&config.folder, &config.file, config.format()) {
            (Some(folder), ..) => Box::new(Folder::open(folder, config.max_width_px)?),
            (_, Some(file), Some(PixelFormat::Mjpeg)) => {
                Box::new(JpegFile::open(file, config.max_width_px)?)
            }
            (_, Some(file), format) => {
                let format = format.unwrap_or(PixelFormat::Yuyv);
                let size = (config.width_px.unwrap_or(0), config.height_px.unwrap_or(0));
                Box::new(RawFile::open(file, format, size, config.max_width_px)?)
            }
            (None, None, _) => return Err(OpenError::Empty(PathBuf::new())),
        };
        Ok(Self {
            reel,
            step_ms: 1000.0 / f64::from(config.fps),
            rounds: (config.repeat > 0).then_some(config.repeat),
            round: 0,
            place: 0,
            index: 0,
            ended: false,
            spare: Vec::new(),
        })
    }

    /// The time of the frame at this place; the next round goes on where the last one ended.
    fn time(&self) -> u64 {
        let Some(times) = self.reel.times() else {
            return (self.index as f64 * self.step_ms).round() as u64;
        };
        let (first, last) = (
            times.first().copied().unwrap_or(0),
            times.last().copied().unwrap_or(0),
        );
        let step = match times {
            [.., before, last] => last - before,
            _ => self.step_ms.round() as u64,
        };
        let round = last - first + step.max(1);
        times.get(self.place).copied().unwrap_or(last) + self.round * round
    }
}

impl FrameSource for Replay {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let (mut index, mut t_ms) = (self.index, self.time());
        let mut result = self.reel.next(&mut self.spare);
        if matches!(result, Ok(None)) {
            self.round += 1;
            let done = self
                .rounds
                .is_some_and(|rounds| self.round >= rounds.into());
            if done || self.place == 0 {
                self.ended = true;
                return Ok(None);
            }
            self.place = 0;
            (index, t_ms) = (self.index, self.time());
            result = self.reel.next(&mut self.spare);
        }
        self.index += 1;
        self.place += 1;
        match result {
            Ok(None) => Ok(None),
            Ok(Some(image)) => Ok(Some(Frame { image, index, t_ms })),
            Err(ReelError::Picture(source)) => Err(SourceError::Picture { index, source }),
            Err(ReelError::Flawed(flaw)) => Err(SourceError::Flawed { index, flaw }),
            Err(ReelError::Broken(error)) => Err(SourceError::Lost(Loss::Gone(error))),
        }
    }

    fn recycle(&mut self, frame: Frame) {
        self.spare = frame.image.into_data();
    }
}

#[cfg(test)]
mod tests;
