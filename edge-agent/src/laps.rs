//! Where a frame's time goes: the stages that a frame passes, and who listens to them. Reads no
//! clock itself.

/// A stage of a frame's way, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the source's bytes to pixels.
    Decode,
    /// What in the picture is not the usual scene.
    Gate,
    /// Which vehicle it is.
    Track,
    /// Views judged and kept.
    Views,
    /// The network, the vote and the event.
    Classify,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Decode,
        Self::Gate,
        Self::Track,
        Self::Views,
        Self::Classify,
    ];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Gate => "gate",
            Self::Track => "track",
            Self::Views => "views",
            Self::Classify => "classify",
        }
    }
}

/// Hears that a stage has ended.
pub trait Laps {
    /// What was done since the last call was this stage.
    fn lap(&mut self, stage: Stage);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLaps;

impl Laps for NoLaps {
    fn lap(&mut self, _: Stage) {}
}

impl<L: Laps> Laps for Option<L> {
    fn lap(&mut self, stage: Stage) {
        if let Some(laps) = self {
            laps.lap(stage);
        }
    }
}

impl<A: Laps, B: Laps> Laps for (&mut A, &mut B) {
    fn lap(&mut self, stage: Stage) {
        self.0.lap(stage);
        self.1.lap(stage);
    }
}
