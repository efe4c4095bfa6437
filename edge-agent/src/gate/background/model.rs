//! One cell of the scene: its usual appearances with their share of the time (a mixture after
//! Stauffer and Grimson 1999, "Adaptive background mixture models for real-time tracking"), and
//! what a new look at it shows. Knows no other cells.

use super::super::cells::Cell;

/// Appearances kept a cell: the road, the road in another light, and whatever stands there.
const MODES: usize = 3;

/// A mode is background while the modes seen more often than it fill less than this share.
const BACKGROUND_SHARE: f32 = 0.7;

/// Means follow slow changes this much faster than shares of time do.
const MEAN_SPEED: f32 = 10.0;

/// Differences from noise: this many mean absolute deviations.
const NOISE_FACTOR: f32 = 4.0;

/// Light on one cell may be this much weaker or stronger than usual.
const LIGHT: std::ops::RangeInclusive<f32> = 0.4..=2.2;

/// Largest change of light from one frame to the next that is followed, as a share.
const LIGHT_STEP: f32 = 0.05;

/// Lamps are not white: of the light they add this share may be missing or too much in red and
/// blue, from halogen to LED.
const LAMP_TINT: f32 = 0.15;

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
    /// At night lamps light the scene instead of sun and sky.
    pub night: Option<Night>,
}

/// The scene by night.
#[derive(Clone, Copy, Debug)]
pub struct Night {
    /// Texture of a plain surface, which is the sensor's noise.
    pub noise: f32,
    /// Whether what is darker can be a shadow.
    pub shadows: bool,
}

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What is usually there.
    Background,
    /// What is usually there, evenly darker.
    Shadow,
    /// At night: what is usually there, evenly brighter, as lamps light it. A plain bright
    /// surface looks the same; what is around it tells.
    Lit,
    /// Almost what is usually there: foreground only beside surer cells.
    Doubtful,
    /// Something else.
    Foreground,
}

/// One appearance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    share: f32,
    /// What it looks like.
    pub cell: Cell,
}

/// What is known of one cell.
#[derive(Clone, Debug)]
pub struct Model {
    /// Sorted by share, largest first.
    pub modes: [Mode; MODES],
    /// Mean absolute deviation of brightness, colour and texture of the matched mode.
    noise: [f32; 3],
    /// How much brighter than usual the background was when it was last seen here.
    light: f32,
}

impl Model {
    pub fn new(cell: &Cell) -> Self {
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
    pub fn judge_lit(
        &mut self,
        cell: &Cell,
        gain: f32,
        tolerance: &Tolerance,
        swaying: bool,
    ) -> (Seen, Option<usize>, Cell) {
        let in_gain = cell.in_light(1.0 / gain);
        let (what, matched) = self.judge(&in_gain, tolerance);
        if what == Seen::Background {
            self.follow_light(cell, matched);
            return (what, matched, in_gain);
        }
        if swaying || tolerance.night.is_some() {
            return (what, matched, in_gain);
        }
        let in_light = cell.in_light(1.0 / self.light);
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
    pub fn judge(&self, cell: &Cell, tolerance: &Tolerance) -> (Seen, Option<usize>) {
        let mut best: Option<(usize, f32)> = None;
        let mut nearest_background = f32::INFINITY;
        let (mut shadow, mut lit) = (false, false);
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
                shadow |= tolerance.night.is_none_or(|night| night.shadows)
                    && shaded(cell, &mode.cell, tolerance);
                lit |= tolerance
                    .night
                    .is_some_and(|night| lit_up(cell, &mode.cell, tolerance, night));
            }
            more_common += mode.share;
        }
        let what = if nearest_background <= 1.0 {
            Seen::Background
        } else if shadow {
            Seen::Shadow
        } else if lit {
            Seen::Lit
        } else if nearest_background <= 1.6 {
            Seen::Doubtful
        } else {
            Seen::Foreground
        };
        (what, best.map(|(index, _)| index))
    }

    pub fn learn(&mut self, cell: &Cell, matched: Option<usize>, rate: f32) {
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
    pub fn adopt(&mut self, cell: &Cell) {
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

/// Whether the cell is the same surface with less light: everything shrinks alike.
fn shaded(cell: &Cell, usual: &Cell, tolerance: &Tolerance) -> bool {
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

/// Whether the cell is the same surface in the light of lamps: nothing of its detail is gone,
/// none is new.
fn lit_up(cell: &Cell, usual: &Cell, tolerance: &Tolerance, night: Night) -> bool {
    let share = cell.luma / usual.luma.max(1.0);
    // Light brings out detail, but no noise.
    let detail = (usual.texture - night.noise).max(0.0);
    let tint = LAMP_TINT * (cell.luma - usual.luma);
    share > 1.0
        && (cell.red - usual.red * share).abs() <= tolerance.chroma + tint
        && (cell.blue - usual.blue * share).abs() <= tolerance.chroma + tint
        && cell.texture >= usual.texture - tolerance.texture
        && cell.texture <= usual.texture + detail * (share - 1.0) + tolerance.texture
}
