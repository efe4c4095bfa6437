//! What each cell looks like when nothing passes: up to three appearances a cell with their
//! share of the time (a mixture after Stauffer and Grimson 1999, "Adaptive background mixture
//! models for real-time tracking"). Says for each cell of a frame whether it is background,
//! shadow or foreground. Knows nothing of boxes and vehicles.

use super::cells::{Cell, Cells};

/// Appearances kept a cell: the road, the road in another light, and whatever stands there.
const MODES: usize = 3;

/// A mode is background while the modes seen more often than it fill less than this share.
const BACKGROUND_SHARE: f32 = 0.5;

/// Means follow slow changes this much faster than shares of time do.
const MEAN_SPEED: f32 = 10.0;

/// Foreground adapts this much slower, so that a waiting vehicle stays a vehicle for longer.
const FOREGROUND_SPEED: f32 = 0.3;

/// While most of the picture changes at once, learning is this much faster.
const FLOOD_SPEED: f32 = 40.0;

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
}

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

    /// Says what each cell shows at `t_ms` and learns from it. `flooded` tells that the last
    /// frame was foreground nearly everywhere: the light changed, learn quickly.
    pub fn observe(&mut self, grid: &Cells, t_ms: u64, flooded: bool) -> Vec<Seen> {
        if self.models.len() != grid.cells.len() {
            self.models = grid.cells.iter().map(Model::new).collect();
            self.learned_ms = 0.0;
            self.last_t_ms = t_ms;
            return vec![Seen::Background; grid.cells.len()];
        }
        let elapsed = t_ms.saturating_sub(self.last_t_ms) as f32;
        self.last_t_ms = t_ms;
        self.learned_ms += elapsed;
        // At first every frame counts the same; later the memory fades.
        let mut rate = elapsed / self.learned_ms.min(self.memory_ms).max(1.0);
        let settled = self.learned_ms >= self.memory_ms;
        if flooded {
            rate = (elapsed / self.memory_ms * FLOOD_SPEED).max(rate);
        }
        let rate = rate.min(0.5);
        let gain = self.gain(grid);
        let tolerance = self.tolerance;
        let mut seen = Vec::with_capacity(grid.cells.len());
        for (model, cell) in self.models.iter_mut().zip(&grid.cells) {
            let cell = scaled(cell, 1.0 / gain);
            let (what, matched) = model.judge(&cell, &tolerance);
            let slow = settled && !flooded && what == Seen::Foreground;
            model.learn(
                &cell,
                matched,
                if slow { rate * FOREGROUND_SPEED } else { rate },
            );
            seen.push(what);
        }
        seen
    }

    /// How much brighter the whole scene is than remembered: the median over the cells, which
    /// vehicles move only when they cover half of the picture.
    fn gain(&self, grid: &Cells) -> f32 {
        const BINS: usize = 256;
        const PER_UNIT: f32 = 100.0;
        let mut histogram = [0u32; BINS];
        let mut total = 0;
        for (model, cell) in self.models.iter().zip(&grid.cells) {
            let usual = model.modes[0].cell.luma;
            if usual > 20.0 && usual < 235.0 {
                let bin = (cell.luma / usual * PER_UNIT + 0.5) as usize;
                histogram[bin.min(BINS - 1)] += 1;
                total += 1;
            }
        }
        let mut below = 0;
        for (bin, count) in histogram.iter().enumerate() {
            below += count;
            if total > 0 && below * 2 >= total {
                let gain = bin as f32 / PER_UNIT;
                return if (gain - 1.0).abs() < 0.025 {
                    1.0
                } else {
                    gain.clamp(0.25, 2.5)
                };
            }
        }
        1.0
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
        let total: f32 = self.modes.iter().map(|mode| mode.share).sum();
        for mode in &mut self.modes {
            mode.share /= total.max(f32::MIN_POSITIVE);
        }
        self.modes.sort_by(|a, b| b.share.total_cmp(&a.share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        luma: 10.0,
        chroma: 6.0,
        texture: 6.0,
        shadow_share: 0.4,
    };

    fn grid(luma: f32, red: f32) -> Cells {
        let cell = Cell {
            luma,
            red,
            blue: 0.0,
            texture: 2.0,
        };
        Cells {
            across: 1,
            down: 1,
            cells: vec![cell],
        }
    }

    /// What a single cell is called after `road` was seen for a while and then `now`.
    fn after_road(now: Cells) -> Seen {
        let mut background = Background::new(TOLERANCE, 10_000.0);
        for frame in 0..100 {
            background.observe(&grid(100.0, 0.0), frame * 40, false);
        }
        // One cell alone would be taken for a change of the light of the whole scene.
        background.models[0].judge(&now.cells[0], &TOLERANCE).0
    }

    #[test]
    fn tells_road_shadow_and_car_apart() {
        for (luma, red, expected) in [
            (104.0, 0.0, Seen::Background),
            (60.0, 0.0, Seen::Shadow),
            (20.0, 0.0, Seen::Foreground),
            (60.0, 30.0, Seen::Foreground),
            (112.0, 0.0, Seen::Doubtful),
            (200.0, 0.0, Seen::Foreground),
        ] {
            assert_eq!(
                after_road(grid(luma, red)),
                expected,
                "luma {luma} red {red}"
            );
        }
    }

    #[test]
    fn a_thing_that_stays_becomes_background_and_the_road_is_remembered() {
        let mut background = Background::new(TOLERANCE, 10_000.0);
        let mut t_ms = 0;
        let mut show = |background: &mut Background, red: f32, frames: u32| {
            let mut last = Seen::Background;
            for _ in 0..frames {
                t_ms += 40;
                last = background.observe(&grid(100.0, red), t_ms, false)[0];
            }
            last
        };
        show(&mut background, 0.0, 500);
        assert_eq!(
            show(&mut background, 60.0, 25),
            Seen::Foreground,
            "after a second"
        );
        assert_eq!(
            show(&mut background, 60.0, 2000),
            Seen::Background,
            "after 80 seconds"
        );
        // The road comes back: its share has faded, yet it is learned again as fast as any.
        show(&mut background, 0.0, 1);
        assert_eq!(show(&mut background, 0.0, 2000), Seen::Background);
    }

    #[test]
    fn another_exposure_is_not_foreground() {
        let cells: Vec<Cell> = (0..64)
            .map(|i| Cell {
                luma: 60.0 + i as f32,
                red: 0.0,
                blue: 0.0,
                texture: 2.0,
            })
            .collect();
        let bright = cells.iter().map(|cell| scaled(cell, 1.4)).collect();
        let mut background = Background::new(TOLERANCE, 10_000.0);
        for frame in 0..50 {
            let grid = Cells {
                across: 8,
                down: 8,
                cells: cells.clone(),
            };
            background.observe(&grid, frame * 40, false);
        }
        let seen = background.observe(
            &Cells {
                across: 8,
                down: 8,
                cells: bright,
            },
            2000,
            false,
        );
        assert!(seen.iter().all(|seen| *seen == Seen::Background));
    }
}
