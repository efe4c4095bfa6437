//! The program's commands and what they share: how misuse is told from failure.

pub mod frames;
pub mod output;
pub mod pictures;
mod yuyv;

use road_sim::SceneError;

/// What the caller asked for cannot be done as asked; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

impl From<SceneError> for Misuse {
    fn from(error: SceneError) -> Self {
        Self(error.to_string())
    }
}
