//! What the scene looks like when nothing passes, cell by cell. Says for each cell of a frame
//! whether it is background, shadow, lit by lamps or foreground, and learns from it. Knows
//! nothing of boxes and vehicles.

mod model;

use super::cells::Cells;
use super::gain::Gain;
use model::{Model, Night};
pub use model::{Seen, Tolerance};

/// Foreground adapts this much slower, so that a waiting vehicle stays a vehicle for longer.
const FOREGROUND_SPEED: f32 = 0.3;

/// While most of the picture changes at once, learning is this much faster.
const FLOOD_SPEED: f32 = 40.0;

/// After a gap in time a frame counts as if it came after this many milliseconds at most: one
/// frame is one look, however long nobody looked.
const LONGEST_MS: f32 = 1000.0;

/// What is known of a frame beside its cells.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// The last frame was foreground nearly everywhere: the light changed, learn quickly.
    pub flooded: bool,
    /// Cells of vehicles, from which nothing is learned.
    pub held: &'a [bool],
    /// The camera sways: steps in brightness are not steps of the light.
    pub swaying: bool,
}

/// A scene whose mean brightness is below this, 0 to 255, is dark: lamps light it and what is
/// darker is no sun's shadow. Pictures by day are above 80, by street lamps below 50.
const NIGHT_LUMA: f32 = 60.0;

/// A scene is known once it was seen for this long: the lamps of what passed when the camera began
/// have left, and a cell that they lit has been dark for longer.
const SETTLED_MS: f32 = 4_000.0;

/// One of so many cells shows a plain surface.
const PLAIN_PART: usize = 10;

/// The background of a whole scene.
#[derive(Debug)]
pub struct Background {
    tolerance: Tolerance,
    memory_ms: f32,
    models: Vec<Model>,
    learned_ms: f32,
    last_t_ms: u64,
    dark: bool,
}

impl Background {
    /// An empty memory; `memory_ms` is how long a standing thing takes to become background.
    pub fn new(tolerance: Tolerance, memory_ms: f32) -> Self {
        Self {
            tolerance,
            memory_ms,
            models: Vec::new(),
            learned_ms: 0.0,
            last_t_ms: 0,
            dark: false,
        }
    }

    /// Whether the scene was lit by lamps when it was last observed.
    pub fn is_dark(&self) -> bool {
        self.dark
    }

    /// Milliseconds of video learned from so far.
    pub fn learned_ms(&self) -> f32 {
        self.learned_ms
    }

    /// Begins anew: the next grid is the first one.
    pub fn forget(&mut self) {
        self.models.clear();
        self.learned_ms = 0.0;
        self.dark = false;
    }

    /// The usual brightness of each cell.
    fn usual_luma(&self) -> Vec<f32> {
        self.models.iter().map(|model| model.usual().luma).collect()
    }

    /// What the scene is like at night; `None` by day. Lamps cast no shadow that is dark, but a
    /// scene that was hardly seen yet may have been lit by some that have gone: there what is
    /// darker now is better taken for a shadow.
    fn night(&self, usual_luma: &[f32]) -> Option<Night> {
        let count = self.models.len().max(1);
        let luma = usual_luma.iter().sum::<f32>() / count as f32;
        if luma >= NIGHT_LUMA {
            return None;
        }
        let textures = self.models.iter().map(|model| model.usual().texture);
        let mut textures: Vec<f32> = textures.collect();
        let at = count / PLAIN_PART;
        let (_, noise, _) = textures.select_nth_unstable_by(at, f32::total_cmp);
        Some(Night {
            noise: *noise,
            shadows: self.learned_ms < SETTLED_MS,
        })
    }

    /// Says what each cell shows at `t_ms` and learns from it.
    pub fn observe(&mut self, grid: &Cells, t_ms: u64, state: State<'_>) -> Vec<Seen> {
        let State {
            flooded,
            held,
            swaying,
        } = state;
        if grid.cells.is_empty() {
            // The picture is smaller than a cell.
            return Vec::new();
        }
        if self.models.len() != grid.cells.len() {
            self.models = grid.cells.iter().map(Model::new).collect();
            self.learned_ms = 0.0;
            self.last_t_ms = t_ms;
            return vec![Seen::Background; grid.cells.len()];
        }
        let elapsed = (t_ms.saturating_sub(self.last_t_ms) as f32).min(LONGEST_MS);
        self.last_t_ms = t_ms;
        self.learned_ms += elapsed;
        // At first every frame counts the same; later the memory fades.
        let mut rate = elapsed / self.learned_ms.min(self.memory_ms).max(1.0);
        let settled = self.learned_ms >= self.memory_ms;
        if flooded {
            rate = (elapsed / self.memory_ms * FLOOD_SPEED).max(rate);
        }
        let rate = rate.min(0.5);
        let usual = self.usual_luma();
        let mut gain = Gain::measure(grid, &usual, held);
        let night = self.night(&usual);
        self.dark = night.is_some();
        if self.dark {
            gain = gain.even();
        }
        let tolerance = Tolerance {
            night,
            ..self.tolerance
        };
        let mut seen = vec![Seen::Background; grid.cells.len()];
        let mut gains = Vec::with_capacity(grid.across);
        for row in 0..grid.down {
            gain.row(row, &mut gains);
            let here = row * grid.across..(row + 1) * grid.across;
            let cells = grid.cells[here.clone()].iter().zip(&gains);
            let models = self.models[here.clone()].iter_mut();
            let told = seen[here.clone()].iter_mut().zip(&held[here]);
            for (((cell, gain), model), (seen, held)) in cells.zip(models).zip(told) {
                if cell.is_missing() {
                    continue;
                }
                let (what, matched, cell) = model.judge_lit(cell, *gain, &tolerance, swaying);
                *seen = what;
                let is_usual = what == Seen::Background;
                if *held && !flooded && !is_usual {
                    continue;
                }
                let slow = settled && !flooded && what == Seen::Foreground;
                let rate = if slow { rate * FOREGROUND_SPEED } else { rate };
                model.learn(&cell, matched, rate);
            }
        }
        seen
    }

    /// Makes what the frame shows in these cells a part of the scene at once. What was usual
    /// there stays known, so that nothing remains when it leaves soon.
    pub fn adopt(&mut self, grid: &Cells, cells: impl Iterator<Item = usize>) {
        for index in cells {
            if let (Some(model), Some(cell)) = (self.models.get_mut(index), grid.cells.get(index))
                && !cell.is_missing()
            {
                model.adopt(cell);
            }
        }
    }
}

#[cfg(test)]
mod tests;
