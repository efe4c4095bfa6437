//! The gate: which parts of a frame are not the usual scene. Frames and times in, boxes out;
//! it remembers the scene but not what moved through it. No I/O, no vehicles, no colours.

mod background;
mod blobs;
mod cells;
mod gain;
mod region;
mod shift;
mod skyline;

use models::{Rect, RgbView};
use serde::{Deserialize, Serialize};

use crate::config::pair::pairs;
use crate::config::{BadValue, within};
use background::{Background, Seen, State, Tolerance};
pub use blobs::Blob;
use blobs::Mask;
use cells::Cells;
use shift::Shift;

/// The `[gate]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Side of the square cells that the frame is averaged into.
    pub cell_px: u32,
    /// Nothing is reported before the scene was seen for this long.
    pub warm_up_ms: u32,
    /// How long a thing that stays takes to become part of the scene.
    pub memory_ms: u32,
    /// Smallest difference in brightness that counts, 0 to 255.
    pub min_luma_difference: f32,
    /// Smallest difference in colour that counts, 0 to 255.
    pub min_chroma_difference: f32,
    /// Smallest difference in fine detail that counts, 0 to 255.
    pub min_texture_difference: f32,
    /// A shadow leaves at least this share of the light; 1 takes no shadow into account.
    pub shadow_min_share: f32,
    /// Gaps of up to twice this many cells inside a vehicle are closed.
    pub close_cells: u32,
    /// Smaller boxes are ignored.
    pub min_width_px: u32,
    /// Lower boxes are ignored.
    pub min_height_px: u32,
    /// Boxes over this share of the picture are ignored.
    pub max_area_share: f32,
    /// With this share of the picture changed the light changed: nothing is reported.
    pub flood_share: f32,
    /// Whether the camera never sways, so that its picture's shift need not be looked for.
    pub steady: bool,
    /// Corners `[x, y]` in pixels of the polygon that is watched; none: the whole picture.
    #[serde(deserialize_with = "pairs")]
    pub region_px: Vec<[f32; 2]>,
    /// Rectangles that are not watched: a waving tree, a clock in the picture.
    #[schemars(with = "Vec<crate::config::schema::Place>")]
    pub ignore_px: Vec<Rect>,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            cell_px: 4,
            warm_up_ms: 1000,
            memory_ms: 60_000,
            min_luma_difference: 5.0,
            min_chroma_difference: 3.5,
            min_texture_difference: 3.5,
            shadow_min_share: 0.4,
            close_cells: 1,
            min_width_px: 20,
            min_height_px: 16,
            max_area_share: 0.6,
            flood_share: 0.7,
            steady: false,
            region_px: Vec::new(),
            ignore_px: Vec::new(),
        }
    }
}

impl GateConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        within("gate.cell_px", self.cell_px, 1, 64)?;
        within("gate.memory_ms", self.memory_ms, 1000, 86_400_000)?;
        within(
            "gate.min_luma_difference",
            self.min_luma_difference,
            1.0,
            255.0,
        )?;
        within(
            "gate.min_chroma_difference",
            self.min_chroma_difference,
            1.0,
            255.0,
        )?;
        within(
            "gate.min_texture_difference",
            self.min_texture_difference,
            1.0,
            255.0,
        )?;
        within("gate.shadow_min_share", self.shadow_min_share, 0.05, 1.0)?;
        within("gate.close_cells", self.close_cells, 0, 16)?;
        within("gate.max_area_share", self.max_area_share, 0.01, 1.0)?;
        within("gate.flood_share", self.flood_share, 0.1, 1.0)?;
        match self.region_px.len() {
            1 | 2 => Err(BadValue::new(
                "gate.region_px",
                "needs no corner or at least three",
            )),
            _ => Ok(()),
        }
    }
}

/// Least room around a vehicle that is not learned from.
const HELD_PX: u32 = 8;

/// A camera that swayed is taken to sway for this much longer.
const SWAY_MS: u64 = 3000;

/// What sways comes back time and again. A picture that was not in its place for so long stays
/// where it is: the camera sagged or was turned a little.
const MOVED_MS: u64 = 60_000;

/// Beginning anew would take vehicles that are in the picture for the road: it waits for a moment
/// without any, but no longer than this.
const MOVED_AT_LAST_MS: u64 = 10 * MOVED_MS;

/// After a gap in time a frame counts towards that as if it came after this many milliseconds at
/// most: nobody saw where the picture was meanwhile.
const LONGEST_MS: u64 = 1000;

/// The gate of one camera.
#[derive(Debug)]
pub struct Gate {
    config: GateConfig,
    background: Background,
    shift: Shift,
    /// The last frame's shift, pixels right and down, and its time.
    shifted: (i32, i32),
    last_t_ms: u64,
    /// For how long the picture has not been in its place.
    away_ms: u64,
    swayed_t_ms: Option<u64>,
    /// The last frame's cells.
    grid: Cells,
    watched: Vec<bool>,
    /// Cells of vehicles, which are not learned.
    held: Vec<bool>,
    size_px: (u32, u32),
    flooded: bool,
}

impl Gate {
    /// A gate that has seen nothing yet.
    pub fn new(config: GateConfig) -> Self {
        let tolerance = Tolerance {
            luma: config.min_luma_difference,
            chroma: config.min_chroma_difference,
            texture: config.min_texture_difference,
            shadow_share: config.shadow_min_share,
            night: None,
        };
        let background = Background::new(tolerance, config.memory_ms as f32);
        Self {
            config,
            background,
            shift: Shift::default(),
            shifted: (0, 0),
            last_t_ms: 0,
            away_ms: 0,
            swayed_t_ms: None,
            grid: Cells::default(),
            held: Vec::new(),
            watched: Vec::new(),
            size_px: (0, 0),
            flooded: false,
        }
    }

    /// Tells where vehicles are in the last frame: they stay foreground however long they stand.
    /// What is no vehicle any more becomes part of the scene.
    pub fn hold(&mut self, vehicles: &[Rect], given_up: &[Rect]) {
        let cell_px = self.config.cell_px.max(1);
        let (across, down) = (self.grid.across, self.grid.down);
        // A vehicle's shadow and the blur at its edges lie around it.
        let cells = |rect: &Rect| {
            let span = |from: u32, to: u32, most: usize| {
                let room = HELD_PX.max((to - from) / 8);
                let from = from.saturating_sub(room) / cell_px;
                from as usize..((to + room).div_ceil(cell_px) as usize).min(most)
            };
            let columns = span(rect.x, rect.right(), across);
            span(rect.y, rect.bottom(), down)
                .flat_map(move |row| columns.clone().map(move |column| row * across + column))
        };
        self.held.fill(false);
        for index in vehicles.iter().flat_map(cells) {
            self.held[index] = true;
        }
        for rect in given_up {
            self.background.adopt(&self.grid, cells(rect));
        }
    }

    /// By how many pixels right and down the last frame's picture is moved against the usual one,
    /// in which blobs are told.
    pub fn shift(&self) -> (i32, i32) {
        self.shifted
    }

    /// What is not the usual scene in the frame taken at `t_ms`. A frame of another size
    /// starts the gate afresh.
    pub fn observe(&mut self, view: RgbView<'_>, t_ms: u64) -> Vec<Blob> {
        let shift = self.look_for_shift(view, t_ms);
        let config = &self.config;
        let grid = Cells::measure(view, config.cell_px, shift);
        let (across, down) = (grid.across, grid.down);
        if self.size_px != (view.width(), view.height()) {
            self.size_px = (view.width(), view.height());
            let (polygon, ignore) = (&config.region_px, &config.ignore_px);
            self.watched = region::watched(polygon, ignore, across, down, config.cell_px);
            self.held = vec![false; across * down];
            self.background.forget();
            (self.flooded, self.swayed_t_ms) = (false, None);
        }
        if shift != (0, 0) {
            self.swayed_t_ms = Some(t_ms);
        }
        let swaying = |at: u64| t_ms.saturating_sub(at) < SWAY_MS;
        let swaying = self.swayed_t_ms.is_some_and(swaying);
        let state = State {
            flooded: self.flooded,
            held: &self.held,
            swaying,
        };
        let mut seen = self.background.observe(&grid, t_ms, state);
        if shift != (0, 0) {
            extend(&mut seen, &grid);
        }
        self.grid = grid;
        let foreground = seen
            .iter()
            .filter(|seen| **seen == Seen::Foreground)
            .count();
        self.flooded = foreground as f32 > config.flood_share * seen.len() as f32;
        if self.flooded || self.background.learned_ms() < config.warm_up_ms as f32 {
            return Vec::new();
        }
        let mut mask = Mask::foreground(&seen, &self.watched, across);
        if swaying {
            mask.thin_out();
        }
        mask.close(config.close_cells as usize);
        let mut blobs = mask.blobs(&self.watched, config.cell_px, view.width(), view.height());
        if self.background.is_dark() {
            // Bright sides look like the lit road: what is missing at the top says nothing.
            for blob in &mut blobs {
                blob.widest_px = blob.rect.width;
            }
        }
        let largest =
            f64::from(config.max_area_share) * f64::from(view.width()) * f64::from(view.height());
        blobs.retain(|blob| {
            blob.rect.width >= config.min_width_px
                && blob.rect.height >= config.min_height_px
                && blob.rect.area() as f64 <= largest
        });
        blobs
    }

    /// The frame's shift. Of a camera that was moved for good the picture is new from here on.
    fn look_for_shift(&mut self, view: RgbView<'_>, t_ms: u64) -> (i32, i32) {
        let elapsed = t_ms.saturating_sub(self.last_t_ms).min(LONGEST_MS);
        self.last_t_ms = t_ms;
        self.shifted = if self.config.steady {
            (0, 0)
        } else {
            self.shift.estimate(view)
        };
        self.away_ms = match self.shifted {
            (0, 0) => 0,
            _ => self.away_ms + elapsed,
        };
        let busy = self.held.contains(&true) && self.away_ms < MOVED_AT_LAST_MS;
        if self.away_ms >= MOVED_MS && !busy {
            self.shift = Shift::default();
            self.shifted = self.shift.estimate(view);
            self.background.forget();
            (self.away_ms, self.flooded, self.swayed_t_ms) = (0, false, None);
        }
        self.shifted
    }
}

/// Cells that the moved picture does not show are as their nearest neighbours, so that what is
/// cut by the picture's edge stays cut by it.
fn extend(seen: &mut [Seen], grid: &Cells) {
    let (across, down) = (grid.across, grid.down);
    let present = |row: usize, column: usize| !grid.cells[row * across + column].is_missing();
    let Some(row) = (0..down).find(|row| (0..across).any(|column| present(*row, column))) else {
        return;
    };
    let Some(first) = (0..across).find(|column| present(row, *column)) else {
        return;
    };
    let last = (0..across)
        .rfind(|column| present(row, *column))
        .unwrap_or(first);
    let bottom = (0..down).rfind(|row| present(*row, first)).unwrap_or(row);
    for y in 0..down {
        for x in 0..across {
            let (from_y, from_x) = (y.clamp(row, bottom), x.clamp(first, last));
            seen[y * across + x] = seen[from_y * across + from_x];
        }
    }
}

#[cfg(test)]
mod tests;
