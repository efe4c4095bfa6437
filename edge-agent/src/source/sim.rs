//! The drawn road as a camera. Draws each frame when it is asked for; does not wait.

use road_sim::{Road, SceneSpec};

use super::{Frame, FrameSource, OpenError, SourceError};

/// An opened scene.
pub struct Sim {
    road: Road,
    next: u64,
}

impl Sim {
    /// Plans the scene.
    pub fn open(spec: SceneSpec) -> Result<Self, OpenError> {
        Ok(Self {
            road: Road::new(spec).map_err(OpenError::Scene)?,
            next: 0,
        })
    }
}

impl FrameSource for Sim {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        let index = self.next;
        if index >= self.road.frame_count() {
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(Frame {
            image: self.road.frame(index),
            index,
            t_ms: self.road.frame_time_ms(index),
        }))
    }
}
