//! What each cell looks like when nothing passes: up to three appearances a cell with their
//! share of the time (a mixture after Stauffer and Grimson 1999, "Adaptive background mixture
//! models for real-time tracking"). Says for each cell of a frame whether it is background,
//! shadow or foreground. Knows nothing of boxes and vehicles.

use super::cells::{Cell, Cells};
use super::gain::Gain;

/// Appearances kept a cell: the road, the road in another light, and whatever stands there.
const MODES: usize = 3;

/// A mode is background while the modes seen more often than it fill less than this share.
const BACKGROUND_SHARE: f32 = 0.7;

/// Means follow slow changes this much faster than shares of time do.
const MEAN_SPEED: f32 = 10.0;

/// Foreground adapts this much slower, so that a waiting vehicle stays a vehicle for longer.
const FOREGROUND_SPEED: f32 = 0.3;

/// While most of the picture changes at once, learning is this much faster.
const FLOOD_SPEED: f32 = 40.0;

/// After a gap in time a frame counts as if it came after this many milliseconds at most: one
/// frame is one look, however long nobody looked.
const LONGEST_MS: f32 = 1000.0;

/// Differences from noise: this many mean absolute deviations.
const NOISE_FACTOR: f32 = 4.0;

/// Smallest differences that count, and how deep a shadow may be.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Brightness, 8-bit units.
    pub luma: f32,
    /// Colour, 8-bit units.
    pub chroma: f32,
    /// Texture, 8-bit units.
    pub texture: f32,
    /// A shadow leaves at least this share of the light.
    pub shadow_share: f32,
}

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What is usually there.
    Background,
    /// What is usually there, evenly darker.
    Shadow,
    /// Almost what is usually there: foreground only beside surer cells.
    Doubtful,
    /// Something else.
    Foreground,
}

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

#[derive(Clone, Copy, Debug, Default)]
struct Mode {
    share: f32,
    cell: Cell,
}

#[derive(Clone, Debug)]
struct Model {
    /// Sorted by share, largest first.
    modes: [Mode; MODES],
    /// Mean absolute deviation of brightness, colour and texture of the matched mode.
    noise: [f32; 3],
    /// How much brighter than usual the background was when it was last seen here.
    light: f32,
}

/// Light on one cell may be this much weaker or stronger than usual.
const LIGHT: std::ops::RangeInclusive<f32> = 0.4..=2.2;

/// Largest change of light from one frame to the next that is followed, as a share.
const LIGHT_STEP: f32 = 0.05;

/// The background of a whole scene.
#[derive(Debug)]
pub struct Background {
    tolerance: Tolerance,
    memory_ms: f32,
    models: Vec<Model>,
    learned_ms: f32,
    last_t_ms: u64,
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
        }
    }

    /// Milliseconds of video learned from so far.
    pub fn learned_ms(&self) -> f32 {
        self.learned_ms
    }

    /// Says what each cell shows at `t_ms` and learns from it.
    pub fn observe(&mut self, grid: &Cells, t_ms: u64, state: State<'_>) -> Vec<Seen> {
        let State {
            flooded,
            held,
            swaying,
        } = state;
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
        let usual = self.models.iter().map(|model| &model.modes[0].cell);
        let gain = Gain::measure(grid, usual, held);
        let tolerance = self.tolerance;
        let mut seen = Vec::with_capacity(grid.cells.len());
        let mut gains = Vec::with_capacity(grid.across);
        let rows = grid.cells.chunks_exact(grid.across.max(1));
        for (row, cells) in rows.enumerate() {
            gain.row(row, &mut gains);
            let first = row * grid.across;
            for (column, cell) in cells.iter().enumerate() {
                if cell.is_missing() {
                    seen.push(Seen::Background);
                    continue;
                }
                let model = &mut self.models[first + column];
                let (what, matched, cell) =
                    model.judge_lit(cell, gains[column], &tolerance, swaying);
                seen.push(what);
                let is_usual = what == Seen::Background;
                if held[first + column] && !flooded && !is_usual {
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

fn scaled(cell: &Cell, by: f32) -> Cell {
    Cell {
        luma: cell.luma * by,
        red: cell.red * by,
        blue: cell.blue * by,
        texture: cell.texture * by,
    }
}

impl Model {
    fn new(cell: &Cell) -> Self {
        let mut modes = [Mode::default(); MODES];
        modes[0] = Mode {
            share: 1.0,
            cell: *cell,
        };
        Self {
            modes,
            noise: [1.0; 3],
            light: 1.0,
        }
    }

    /// The largest deviation in units of what is tolerated: up to 1 is the same appearance.
    fn distance(&self, cell: &Cell, mode: &Cell, tolerance: &Tolerance) -> f32 {
        let allowed = |least: f32, noise: f32| least.max((noise * NOISE_FACTOR).min(3.0 * least));
        let luma = (cell.luma - mode.luma).abs() / allowed(tolerance.luma, self.noise[0]);
        let chroma = allowed(tolerance.chroma, self.noise[1]);
        let red = (cell.red - mode.red).abs() / chroma;
        let blue = (cell.blue - mode.blue).abs() / chroma;
        let texture =
            (cell.texture - mode.texture).abs() / allowed(tolerance.texture, self.noise[2]);
        luma.max(red).max(blue).max(texture)
    }

    /// What the cell shows, seen in the light of the scene around, and the cell as it would be
    /// in the usual light. Light that changes by small steps from frame to frame, as at the edge
    /// of a cloud's shade, is followed cell by cell: a vehicle's edge is a large step.
    fn judge_lit(
        &mut self,
        cell: &Cell,
        gain: f32,
        tolerance: &Tolerance,
        swaying: bool,
    ) -> (Seen, Option<usize>, Cell) {
        let in_gain = scaled(cell, 1.0 / gain);
        let (what, matched) = self.judge(&in_gain, tolerance);
        if what == Seen::Background {
            self.follow_light(cell, matched);
            return (what, matched, in_gain);
        }
        if swaying {
            return (what, matched, in_gain);
        }
        let in_light = scaled(cell, 1.0 / self.light);
        // A noisy cell's wide tolerance would let a vehicle's edge pass as light.
        let noise = std::mem::take(&mut self.noise);
        let small_step = Tolerance {
            luma: tolerance.luma.max(LIGHT_STEP * cell.luma / self.light),
            ..*tolerance
        };
        let (lit, lit_matched) = self.judge(&in_light, &small_step);
        self.noise = noise;
        if lit == Seen::Background {
            self.follow_light(cell, lit_matched);
            return (lit, lit_matched, in_light);
        }
        (what, matched, in_gain)
    }

    fn follow_light(&mut self, cell: &Cell, matched: Option<usize>) {
        let Some(mode) = matched else {
            return;
        };
        let light = cell.luma / self.modes[mode].cell.luma.max(1.0);
        if LIGHT.contains(&light) {
            self.light = light;
        }
    }

    /// What the cell shows, and which mode it belongs to.
    fn judge(&self, cell: &Cell, tolerance: &Tolerance) -> (Seen, Option<usize>) {
        let mut best: Option<(usize, f32)> = None;
        let mut nearest_background = f32::INFINITY;
        let mut shadow = false;
        let mut more_common = 0.0;
        for (index, mode) in self.modes.iter().enumerate() {
            if mode.share <= 0.0 {
                break;
            }
            let distance = self.distance(cell, &mode.cell, tolerance);
            if distance <= 1.0 && best.is_none_or(|(_, least)| distance < least) {
                best = Some((index, distance));
            }
            if more_common < BACKGROUND_SHARE {
                nearest_background = nearest_background.min(distance);
                shadow |= self.shaded(cell, &mode.cell, tolerance);
            }
            more_common += mode.share;
        }
        let what = if nearest_background <= 1.0 {
            Seen::Background
        } else if shadow {
            Seen::Shadow
        } else if nearest_background <= 1.6 {
            Seen::Doubtful
        } else {
            Seen::Foreground
        };
        (what, best.map(|(index, _)| index))
    }

    /// Whether the cell is the same surface with less light: everything shrinks alike.
    fn shaded(&self, cell: &Cell, usual: &Cell, tolerance: &Tolerance) -> bool {
        let share = cell.luma / usual.luma.max(1.0);
        if share >= 1.0 || share < tolerance.shadow_share {
            return false;
        }
        // Open shade is lit by the sky: it turns a little bluer than the sunlit surface.
        let sky = 0.06 * (usual.luma - cell.luma);
        (cell.red - usual.red * share).abs() <= tolerance.chroma + sky
            && (cell.blue - usual.blue * share).abs() <= tolerance.chroma + sky
            && (cell.texture - usual.texture * share).abs() <= tolerance.texture
    }

    fn learn(&mut self, cell: &Cell, matched: Option<usize>, rate: f32) {
        for mode in &mut self.modes {
            mode.share *= 1.0 - rate;
        }
        match matched {
            Some(index) => {
                let mode = &mut self.modes[index];
                mode.share += rate;
                let speed = (rate * MEAN_SPEED).min(0.1).max(rate);
                let known = &mut mode.cell;
                let off = [
                    (cell.luma - known.luma).abs(),
                    (cell.red - known.red)
                        .abs()
                        .max((cell.blue - known.blue).abs()),
                    (cell.texture - known.texture).abs(),
                ];
                known.luma += (cell.luma - known.luma) * speed;
                known.red += (cell.red - known.red) * speed;
                known.blue += (cell.blue - known.blue) * speed;
                known.texture += (cell.texture - known.texture) * speed;
                for (noise, off) in self.noise.iter_mut().zip(off) {
                    *noise += (off - *noise) * speed.min(0.05);
                }
            }
            None => {
                let last = MODES - 1;
                self.modes[last] = Mode {
                    share: rate,
                    cell: *cell,
                };
            }
        }
        self.settle();
    }

    /// Gives the appearance half of the time.
    fn adopt(&mut self, cell: &Cell) {
        for mode in &mut self.modes {
            mode.share *= 0.5;
        }
        self.modes[MODES - 1] = Mode {
            share: 0.5,
            cell: *cell,
        };
        self.settle();
    }

    /// Makes the shares sum up to 1 and sorts by them.
    fn settle(&mut self) {
        let total: f32 = self.modes.iter().map(|mode| mode.share).sum();
        let scale = 1.0 / total.max(f32::MIN_POSITIVE);
        for mode in &mut self.modes {
            mode.share *= scale;
        }
        for _ in 1..MODES {
            for low in 1..MODES {
                if self.modes[low].share > self.modes[low - 1].share {
                    self.modes.swap(low, low - 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
