//! Where frames come from. Opening is separate from using, so that a source that was lost is
//! simply opened again. No decisions about what a frame shows.

mod replay;
mod sim;

use std::path::PathBuf;

use models::{PictureError, RgbFrame};
use serde::{Deserialize, Serialize};

pub use replay::ReplayConfig;
use road_sim::SceneSpec;

/// The `[source]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// A folder of pictures.
    Replay(ReplayConfig),
    /// The drawn road.
    Sim(SceneSpec),
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self::Sim(SceneSpec::default())
    }
}

impl SourceConfig {
    /// Whether frames are of the moment at which they come.
    pub fn live(&self) -> bool {
        match self {
            Self::Replay(_) | Self::Sim(_) => false,
        }
    }
}

/// One picture with its place in time.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub image: RgbFrame,
    /// Its number in the source, counted from 0; dropped frames keep theirs.
    pub index: u64,
    /// Its time on the source's own clock.
    pub t_ms: u64,
}

/// Why one frame is missing. The next one may be there.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A picture file is not usable.
    #[error("frame {index} dropped: {source}")]
    Picture {
        /// The frame's number.
        index: u64,
        /// Which file, and why.
        source: PictureError,
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
}

/// Gives frames in order.
pub trait FrameSource {
    /// The next frame; `None` at the end. After an error the source goes on with the frame after.
    fn next(&mut self) -> Result<Option<Frame>, SourceError>;
}

/// Opens what the config describes.
pub fn open(config: &SourceConfig) -> Result<Box<dyn FrameSource>, OpenError> {
    Ok(match config {
        SourceConfig::Replay(config) => Box::new(replay::Replay::open(config)?),
        SourceConfig::Sim(spec) => Box::new(sim::Sim::open(spec.clone())?),
    })
}
