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

/// What is known of one cell.
#[derive(Clone, Debug)]
pub struct Model {
    /// The share of the time of each appearance, largest first; none: not known yet.
    shares: [f32; MODES],
    /// What each looks like.
    modes: [Cell; MODES],
    /// Mean absolute deviation of brightness, colour and texture of the matched mode.
    noise: [f32; 3],
    /// How much brighter than usual the background was when it was last seen here.
    light: f32,
}

/// The largest deviations of the same appearance: brightness, red, blue, texture.
type Allowed = [f32; 4];

impl Model {
    pub fn new(cell: &Cell) -> Self {
        let mut modes = [Cell::default(); MODES];
        modes[0] = *cell;
        Self {
            shares: [1.0, 0.0, 0.0],
            modes,
            noise: [1.0; 3],
            light: 1.0,
        }
    }

    /// What is seen here most of the time.
    pub fn usual(&self) -> &Cell {
        &self.modes[0]
    }

    fn allowed(&self, tolerance: &Tolerance) -> Allowed {
        let Tolerance {
            luma,
            chroma,
            texture,
            ..
        } = *tolerance;
        let allowed =
            |least: f32, noise: f32| larger(least, smaller(noise * NOISE_FACTOR, 3.0 * least));
        let chroma = allowed(chroma, self.noise[1]);
        [
            allowed(luma, self.noise[0]),
            chroma,
            chroma,
            allowed(texture, self.noise[2]),
        ]
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
        let step = tolerance.luma.max(LIGHT_STEP * cell.luma / self.light);
        let (chroma, texture) = (tolerance.chroma, tolerance.texture);
        let small_step = [step, chroma, chroma, texture];
        let (lit, lit_matched) = self.judge_within(&in_light, &small_step, tolerance);
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
        let light = cell.luma / self.modes[mode].luma.max(1.0);
        if LIGHT.contains(&light) {
            self.light = light;
        }
    }

    /// What the cell shows, and which mode it belongs to.
    pub fn judge(&self, cell: &Cell, tolerance: &Tolerance) -> (Seen, Option<usize>) {
        self.judge_within(cell, &self.allowed(tolerance), tolerance)
    }

    /// The same, where so much is the same appearance.
    fn judge_within(
        &self,
        cell: &Cell,
        allowed: &Allowed,
        tolerance: &Tolerance,
    ) -> (Seen, Option<usize>) {
        let (mut best, mut least) = (None, f32::INFINITY);
        let (mut background, mut nearest_background) = (0, f32::INFINITY);
        let mut more_common = 0.0;
        for (index, (mode, share)) in self.modes.iter().zip(self.shares).enumerate() {
            if share <= 0.0 {
                break;
            }
            let distance = distance(cell, mode, allowed);
            if distance <= 1.0 && distance < least {
                (best, least) = (Some(index), distance);
            }
            if more_common < BACKGROUND_SHARE {
                background = index + 1;
                nearest_background = smaller(nearest_background, distance);
            }
            more_common += share;
        }
        if nearest_background <= 1.0 {
            return (Seen::Background, best);
        }
        let usual = &self.modes[..background];
        let shaded = |usual: &Cell| shaded(cell, usual, tolerance);
        let lit_up = |usual: &Cell, night| lit_up(cell, usual, tolerance, night);
        let night = tolerance.night;
        let what = if night.is_none_or(|night| night.shadows) && usual.iter().any(shaded) {
            Seen::Shadow
        } else if night.is_some_and(|night| usual.iter().any(|usual| lit_up(usual, night))) {
            Seen::Lit
        } else if nearest_background <= 1.6 {
            Seen::Doubtful
        } else {
            Seen::Foreground
        };
        (what, best)
    }

    pub fn learn(&mut self, cell: &Cell, matched: Option<usize>, rate: f32) {
        let mut shares = self.shares.map(|share| share * (1.0 - rate));
        match matched {
            Some(matched) => {
                for (index, share) in shares.iter_mut().enumerate() {
                    *share += if index == matched { rate } else { 0.0 };
                }
                let speed = (rate * MEAN_SPEED).min(0.1).max(rate);
                let off = approach(&mut self.modes[matched], cell, speed);
                for (noise, off) in self.noise.iter_mut().zip(off) {
                    *noise += (off - *noise) * speed.min(0.05);
                }
            }
            None => {
                self.modes[MODES - 1] = *cell;
                shares[MODES - 1] = rate;
            }
        }
        self.settle(shares);
    }

    /// Gives the appearance half of the time.
    pub fn adopt(&mut self, cell: &Cell) {
        let mut shares = self.shares.map(|share| share * 0.5);
        self.modes[MODES - 1] = *cell;
        shares[MODES - 1] = 0.5;
        self.settle(shares);
    }

    /// Takes these shares, makes them sum up to 1 and sorts by them.
    fn settle(&mut self, shares: [f32; MODES]) {
        let total: f32 = shares.iter().sum();
        let scale = 1.0 / total.max(f32::MIN_POSITIVE);
        let mut shares = shares.map(|share| share * scale);
        while let Some(low) = (1..MODES).find(|low| shares[*low] > shares[low - 1]) {
            shares.swap(low, low - 1);
            self.modes.swap(low, low - 1);
        }
        self.shares = shares;
    }
}

/// The largest deviation in units of what is allowed: up to 1 is the same appearance.
fn distance(cell: &Cell, mode: &Cell, allowed: &Allowed) -> f32 {
    let [luma, red, blue, texture] = [
        (cell.luma - mode.luma).abs() / allowed[0],
        (cell.red - mode.red).abs() / allowed[1],
        (cell.blue - mode.blue).abs() / allowed[2],
        (cell.texture - mode.texture).abs() / allowed[3],
    ];
    larger(larger(luma, red), larger(blue, texture))
}

/// Moves what is known towards a new look, by this share of the way; how far they were apart in
/// brightness, colour and texture.
fn approach(known: &mut Cell, cell: &Cell, share: f32) -> [f32; 3] {
    let [luma, red, blue, texture] = [
        cell.luma - known.luma,
        cell.red - known.red,
        cell.blue - known.blue,
        cell.texture - known.texture,
    ];
    known.luma += luma * share;
    known.red += red * share;
    known.blue += blue * share;
    known.texture += texture * share;
    [luma.abs(), larger(red.abs(), blue.abs()), texture.abs()]
}

/// Like [`f32::max`], which takes twice as long because it minds what is no number.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Like [`f32::min`], as above.
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
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
