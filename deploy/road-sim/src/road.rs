//! The road: plans a scene once, then draws any of its frames and says what is to be seen.
//! Frames are pure: the same scene and index give the same bytes. No files and no clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use models::{Rect, RgbFrame};
use serde::{Deserialize, Serialize};

use crate::backdrop::Backdrop;
use crate::light::Lighting;
use crate::mesh::Mesh;
use crate::noise::SensorNoise;
use crate::raster::Pose;
use crate::scene::{SceneError, SceneSpec};
use crate::sprite::{Canvas, Sprite};
use crate::traffic::{Trip, plan, pose};
use crate::truth::Passage;

/// Sprites kept; a frame shows far fewer.
const SPRITES_KEPT: usize = 48;

/// A vehicle in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisibleVehicle {
    /// The vehicle's number, as in [`Passage::vehicle`].
    pub vehicle: u32,
    /// Its colour, one of [`crate::COLOURS`].
    pub colour: String,
    /// Its lane: 0 near, 1 far.
    pub lane: u8,
    /// The pixels it covers, without its shadow, clipped to the frame.
    pub rect: Rect,
    /// Whether no part of it lies outside the frame.
    pub fully_inside: bool,
    /// The share of `rect` that the rectangles of nearer vehicles cover, 0 to 1.
    pub hidden: f32,
}

/// A planned scene, ready to be drawn frame by frame.
#[derive(Debug)]
pub struct Road {
    spec: SceneSpec,
    trips: Vec<Trip>,
    passages: Vec<Passage>,
    backdrop: Backdrop,
    light: Lighting,
    noise: SensorNoise,
    /// Before a trip's start and after its end its shadow may still show, for at most this long.
    margin_s: f64,
    longest_s: f64,
    sprites: Mutex<BTreeMap<u32, Arc<Sprite>>>,
}

impl Road {
    /// Plans the scene and draws its background. Errors when the description breaks a limit.
    pub fn new(spec: SceneSpec) -> Result<Self, SceneError> {
        spec.check()?;
        let trips = plan(&spec)?;
        let passages = trips.iter().map(|trip| trip.passage(&spec)).collect();
        let longest = trips
            .iter()
            .map(|trip| trip.end_s(spec.width) - trip.start_s);
        Ok(Self {
            backdrop: Backdrop::draw(&spec),
            light: Lighting::of(spec.light),
            noise: SensorNoise::new(spec.seed, spec.noise),
            margin_s: 1.0,
            longest_s: longest.fold(0.0, f64::max),
            sprites: Mutex::new(BTreeMap::new()),
            trips,
            passages,
            spec,
        })
    }

    /// The scene's description.
    pub fn spec(&self) -> &SceneSpec {
        &self.spec
    }

    /// Frames in the scene.
    pub fn frame_count(&self) -> u64 {
        self.spec.frame_count()
    }

    /// When the frame is taken, milliseconds from the scene's start, rounded down.
    pub fn frame_time_ms(&self, index: u64) -> u64 {
        self.spec.frame_time_ms(index)
    }

    /// All passages, in order of entering.
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// The empty road, without noise.
    pub fn background(&self) -> &RgbFrame {
        &self.backdrop.picture
    }

    /// The vehicles in the frame, in order of entering. Empty beyond the last frame.
    pub fn visible(&self, index: u64) -> Vec<VisibleVehicle> {
        let time = self.time_s(index);
        let mut seen: Vec<VisibleVehicle> = self
            .active(time)
            .filter_map(|trip| {
                let (rect, fully_inside) = trip.rect(time, &self.spec)?;
                Some(VisibleVehicle {
                    vehicle: trip.vehicle,
                    colour: trip.colour.clone(),
                    lane: trip.lane.number,
                    rect,
                    fully_inside,
                    hidden: 0.0,
                })
            })
            .collect();
        for at in 0..seen.len() {
            let VisibleVehicle { rect, lane, .. } = seen[at];
            // Vehicles of one lane are apart, so no part is counted twice.
            let covered: u64 = seen
                .iter()
                .filter(|other| other.lane < lane)
                .filter_map(|other| other.rect.intersection(&rect))
                .map(|part| part.area())
                .sum();
            seen[at].hidden = covered as f32 / rect.area() as f32;
        }
        seen
    }

    /// Draws the frame. Beyond the last frame the road is empty.
    pub fn frame(&self, index: u64) -> RgbFrame {
        let time = self.time_s(index);
        let mut frame = self.backdrop.picture.clone();
        let mut trips: Vec<&Trip> = self.active(time).collect();
        // Far vehicles first; nearer ones cover them.
        trips.sort_by_key(|trip| (std::cmp::Reverse(trip.lane.number), trip.vehicle));
        let sprites = self.sprites(&trips);
        for (trip, sprite) in trips.iter().zip(&sprites) {
            let lit = &self.backdrop.lit[usize::from(trip.lane.number)];
            lay(
                &mut frame,
                sprite,
                trip,
                trip.left(time, self.spec.width),
                lit,
            );
        }
        self.noise
            .add(index, self.spec.width as usize * 3, frame.data_mut());
        frame
    }

    fn time_s(&self, index: u64) -> f64 {
        index as f64 / f64::from(self.spec.fps)
    }

    /// Trips of which a part or a shadow may show.
    fn active(&self, time_s: f64) -> impl Iterator<Item = &Trip> {
        let from = self
            .trips
            .partition_point(|trip| trip.start_s + self.longest_s + self.margin_s < time_s);
        let margin = self.margin_s;
        let across = self.spec.width;
        self.trips[from..]
            .iter()
            .take_while(move |trip| trip.start_s - margin <= time_s)
            .filter(move |trip| trip.end_s(across) + margin >= time_s)
    }

    /// The trips' sprites, drawn now or earlier.
    fn sprites(&self, trips: &[&Trip]) -> Vec<Arc<Sprite>> {
        let mut kept = self.sprites.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() > SPRITES_KEPT {
            kept.retain(|vehicle, _| trips.iter().any(|trip| trip.vehicle == *vehicle));
        }
        trips
            .iter()
            .filter_map(|trip| {
                if let Some(sprite) = kept.get(&trip.vehicle) {
                    return Some(sprite.clone());
                }
                // Colours were checked when the scene was planned.
                let look = trip.look().ok()?;
                let pose = pose(&trip.lane);
                let pose = Pose {
                    scale: pose.scale * look.scale,
                    ..pose
                };
                let row_part = trip.lane.ground_row.fract();
                let canvas = Canvas::around(&trip.extent, row_part);
                let mesh = Mesh::of(&look);
                let sprite = Arc::new(Sprite::draw(&look, &mesh, &pose, &self.light, canvas));
                kept.insert(trip.vehicle, sprite.clone());
                Some(sprite)
            })
            .collect()
    }
}

/// Lays the sprite over the frame, its vehicle's left edge at the column `left`, darkened by
/// `lit` (256 is full light) a column and channel.
fn lay(frame: &mut RgbFrame, sprite: &Sprite, trip: &Trip, left: f64, lit: &[[u16; 3]]) {
    let (width, height) = (frame.width() as i64, frame.height() as i64);
    let whole = left.floor();
    // Between two columns the sprite is mixed from both, in 256ths.
    let late = ((left - whole) * 256.0) as u32;
    let early = 256 - late;
    let first_column = whole as i64 - sprite.origin.0 as i64;
    let top = (trip.lane.ground_row + trip.extent.top).floor() as i64;
    let first_row = top - sprite.origin.1 as i64;
    let (from, to) = (
        first_column.max(0),
        (first_column + sprite.width as i64 + 1).min(width),
    );
    for row in first_row.max(0)..(first_row + sprite.height as i64).min(height) {
        let line = (row - first_row) as usize * sprite.width;
        let cells = line..line + sprite.width;
        let (colour, cover) = (&sprite.colour[cells.clone()], &sprite.cover[cells.clone()]);
        let shadow = &sprite.shadow[cells];
        for column in from..to {
            let here = (column - first_column) as usize;
            let mixed = |plane: &[u8]| {
                let a = plane.get(here).map_or(0, |v| u32::from(*v));
                let b = here.checked_sub(1).map_or(0, |i| u32::from(plane[i]));
                a * early + b * late
            };
            let (covered, shaded) = (mixed(cover), mixed(shadow));
            if covered == 0 && shaded == 0 {
                continue;
            }
            let at = (row * width + column) as usize * 3;
            let light = lit[column as usize];
            for channel in 0..3 {
                let value = &mut frame.data_mut()[at + channel];
                let under = u32::from(*value) * (65_280 - shaded) / 65_280;
                let a = colour.get(here).map_or(0, |c| u32::from(c[channel]));
                let b = here
                    .checked_sub(1)
                    .map_or(0, |i| u32::from(colour[i][channel]));
                let over = (a * early + b * late) / 256 * u32::from(light[channel]) / 256;
                *value = (over + under * (65_280 - covered) / 65_280).min(255) as u8;
            }
        }
    }
}
