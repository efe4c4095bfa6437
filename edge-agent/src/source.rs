//! Where frames come from. Opening is separate from using, so that a source that was lost is
//! simply opened again. No decisions about what a frame shows, nor about when to open again.

mod replay;
#[cfg(test)]
pub mod scripted;
mod sim;
pub mod v4l2;

use std::io;
use std::path::PathBuf;

use models::{PictureError, RgbFrame};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

pub use replay::ReplayConfig;
use road_sim::SceneSpec;
use v4l2::{CameraConfig, CameraError};

use crate::config::BadValue;
use crate::decode::DecodeError;

/// The `[source]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// Recorded pictures.
    Replay(ReplayConfig),
    /// The drawn road.
    Sim(SceneSpec),
    /// A camera.
    V4l2(CameraConfig),
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self::Sim(SceneSpec::default())
    }
}

impl SourceConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        match self {
            Self::Replay(replay) => replay.check(),
            Self::Sim(spec) => spec
                .check()
                .map_err(|error| BadValue::new("source:", error.to_string())),
            Self::V4l2(camera) => camera.check(),
        }
    }

    /// Whether frames come when they happen: such a source does not wait, has no end, and is
    /// opened again when it is lost.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::V4l2(_))
    }
}

/// Why a `[source]` table is refused, with the place in the text. Each kind is read by itself for
/// that: the tag makes serde read the table without places. `None` for an unknown kind.
pub fn refusal(mut table: Spanned<DeValue<'_>>) -> Option<toml::de::Error> {
    let DeValue::Table(keys) = table.get_mut() else {
        return None;
    };
    let kind = keys.remove("kind")?;
    let rest = ValueDeserializer::from(table);
    match kind.get_ref().as_str()? {
        "replay" => ReplayConfig::deserialize(rest).err(),
        "sim" => SceneSpec::deserialize(rest).err(),
        "v4l2" => CameraConfig::deserialize(rest).err(),
        _ => None,
    }
}

/// One picture with its place in time.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub image: RgbFrame,
    /// Its number in the source, counted from 0; dropped frames keep theirs.
    pub index: u64,
    /// Its time on the source's own clock; for a live source the system's monotonic clock.
    pub t_ms: u64,
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A picture file is not usable. The next frame may be there.
    #[error("frame {index} dropped: {source}")]
    Picture {
        /// The frame's number.
        index: u64,
        /// Which file, and why.
        source: PictureError,
    },
    /// A frame is damaged. The next one may be whole.
    #[error("frame {index} dropped: {flaw}")]
    Flawed {
        /// The frame's number.
        index: u64,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// No frame will come any more, unless the source is opened again.
    #[error("{0}")]
    Lost(Loss),
}

/// What is wrong with one frame.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// The driver says so.
    #[error("the camera marked it as damaged")]
    Marked,
    /// It cannot be decoded.
    #[error("{0}")]
    Decode(DecodeError),
    /// It stands in a file that cannot be decoded.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DecodeError,
    },
}

/// Why a source gives nothing more.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// The device or file answers with an error.
    #[error("{0}")]
    Gone(io::Error),
    /// It is there, and silent.
    #[error("no frame for {ms} ms")]
    Silent {
        /// For how long.
        ms: u64,
    },
    /// Frames come, all of them damaged.
    #[error("no whole frame for {ms} ms, lastly because {flaw}")]
    Flawed {
        /// For how long.
        ms: u64,
        /// What is wrong with the last one.
        flaw: Flaw,
    },
}

/// Why a source cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not there or not readable.
    #[error("source.folder: {0}; give a folder of pictures")]
    Folder(PictureError),
    /// The folder has nothing to replay.
    #[error("source.folder: {} has no pictures; looked for {}", .0.display(), models::picture::EXTENSIONS.join(", "))]
    Empty(PathBuf),
    /// The file is not there or not readable.
    #[error("source.file: cannot read {}: {source}; give a file of frames", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has not even one frame.
    #[error("source.file: {} has no whole frame; a frame of {what}", path.display())]
    NoFrame {
        /// The file.
        path: PathBuf,
        /// What a frame would be.
        what: String,
    },
    /// Frames of this size cannot be decoded.
    #[error("source: {0}")]
    Layout(DecodeError),
    /// The list of times is not usable.
    #[error("{}:{line}: {reason}; each line is {{\"frame\": \"NAME\", \"t_ms\": NUMBER}}, times rising", path.display())]
    Timestamps {
        /// The list.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The scene cannot be drawn.
    #[error("source: {0}")]
    Scene(road_sim::SceneError),
    /// The camera cannot be used.
    #[error("source.device: {0}")]
    Camera(CameraError),
}

impl OpenError {
    /// Whether trying again later cannot help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Camera(error) => error.is_permanent(),
            _ => true,
        }
    }
}

/// Gives frames in order.
pub trait FrameSource {
    /// Lines on what came out otherwise than asked for when it was opened; each is given once.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Waits a moment for the next frame; whether `next` has an answer without waiting.
    fn wait(&mut self) -> Result<bool, SourceError> {
        Ok(true)
    }

    /// The next frame; `None` at the end. After a dropped frame the source goes on with the
    /// frame after; a source that was lost gives nothing more.
    fn next(&mut self) -> Result<Option<Frame>, SourceError>;

    /// Takes back a frame that is done with, so that its memory is used again.
    fn recycle(&mut self, _frame: Frame) {}
}

/// Opens a source, as often as needed.
pub trait Opener {
    /// Whether the source is opened again when it was lost.
    fn is_live(&self) -> bool;

    /// Opens it.
    fn open(&mut self) -> Result<Box<dyn FrameSource>, OpenError>;
}

impl Opener for SourceConfig {
    fn is_live(&self) -> bool {
        Self::is_live(self)
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, OpenError> {
        open(self)
    }
}

/// Opens what the config describes.
pub fn open(config: &SourceConfig) -> Result<Box<dyn FrameSource>, OpenError> {
    Ok(match config {
        SourceConfig::Replay(config) => Box::new(replay::Replay::open(config)?),
        SourceConfig::Sim(spec) => Box::new(sim::Sim::open(spec.clone())?),
        SourceConfig::V4l2(config) => {
            Box::new(v4l2::Camera::open(config).map_err(OpenError::Camera)?)
        }
    })
}

#[cfg(test)]
mod tests;
