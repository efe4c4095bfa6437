//! The road: plans a scene once, then draws any of its frames and says what is to be seen.
//! Frames are pure: the same scene and index give the same bytes. No files and no clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use models::{Rect, RgbFrame};
use serde::{Deserialize, Serialize};

use crate::backdrop::Backdrop;
use crate::lay::{Place, lay, mirror};
use crate::light::Lighting;
use crate::mesh::Mesh;
use crate::noise::SensorNoise;
use crate::raster::Pose;
use crate::scenario::Scenario;
use crate::scene::{SceneError, SceneSpec};
use crate::sprite::{Canvas, Sprite};
use crate::traffic::{Trip, plan, pose};
use crate::truth::{Direction, Passage};
use crate::walkers::{Shown, Walkers};
use crate::weather::{Lamps, MovingShade, Rain, Sway, wet};

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
    walkers: Walkers,
    lamps: Option<Lamps>,
    rain: Option<Rain>,
    shade: Option<MovingShade>,
    sway: Option<Sway>,
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
        let drawn = SceneSpec {
            light: spec.scene.light(spec.light),
            ..spec.clone()
        };
        let mut backdrop = Backdrop::draw(&drawn);
        let rains = spec.scene == Scenario::Rain;
        if rains {
            wet(&mut backdrop.picture, spec.height * 158 / 360);
        }
        let lamps = (spec.scene == Scenario::Night)
            .then(|| Lamps::darken(&spec, &mut backdrop.picture, &mut backdrop.lit));
        Ok(Self {
            light: Lighting::of(drawn.light),
            noise: SensorNoise::new(spec.seed, spec.noise + spec.scene.noise()),
            walkers: Walkers::plan(&spec),
            lamps,
            rain: rains.then(|| Rain::new(&spec)),
            shade: MovingShade::of(&spec),
            sway: Sway::of(&spec),
            backdrop,
            // At night the light before a vehicle shows before it does.
            margin_s: 2.0,
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

    /// The vehicles in the frame, in order of entering, as a camera that stands still sees them.
    /// Empty beyond the last frame.
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
            let rect = seen[at].rect;
            // The lower a vehicle stands in the picture, the nearer it is.
            let covered: u64 = seen
                .iter()
                .filter(|other| other.rect.bottom() > rect.bottom())
                .filter_map(|other| other.rect.intersection(&rect))
                .map(|part| part.area())
                .sum();
            seen[at].hidden = (covered as f32 / rect.area() as f32).min(1.0);
        }
        seen
    }

    /// Draws the frame. Beyond the last frame the road is empty.
    pub fn frame(&self, index: u64) -> RgbFrame {
        let time = self.time_s(index);
        let mut frame = self.backdrop.picture.clone();
        let trips: Vec<&Trip> = self.active(time).collect();
        let sprites = self.sprites(&trips);
        let mut things: Vec<(f64, Thing)> = trips
            .iter()
            .zip(sprites)
            .map(|(trip, sprite)| (trip.ground_row(time), Thing::Vehicle(trip, sprite)))
            .collect();
        things.extend(self.walkers.at(time).map(|w| (w.foot, Thing::Walker(w))));
        // Far things first; nearer ones cover them.
        things.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (row, thing) in &things {
            if let (Thing::Vehicle(trip, _), Some(lamps)) = (thing, &self.lamps) {
                let columns = self.columns(trip, time);
                let front = match trip.lane.direction {
                    Direction::Right => columns.1,
                    Direction::Left => columns.0,
                };
                lamps.shine(&mut frame, &trip.lane, front, *row);
            }
        }
        for (row, thing) in &things {
            match thing {
                Thing::Walker(walker) => walker.lay(&mut frame),
                Thing::Vehicle(trip, sprite) => {
                    let lit = &self.backdrop.lit[usize::from(trip.lane.number)];
                    let place = Place {
                        left: trip.left(time, self.spec.width),
                        top: (*row as f32 + trip.extent.top).floor() as i64,
                        lit,
                    };
                    if self.rain.is_some() {
                        mirror(&mut frame, sprite, &place, *row as i64);
                    }
                    lay(&mut frame, sprite, &place);
                    if let Some(lamps) = &self.lamps {
                        let columns = self.columns(trip, time);
                        lamps.glow(&mut frame, &trip.lane, columns, *row);
                    }
                }
            }
        }
        if let Some(shade) = &self.shade {
            shade.apply(&mut frame, time);
        }
        if let Some(rain) = &self.rain {
            rain.apply(&mut frame, index);
        }
        if let Some(sway) = &self.sway {
            sway.apply(&mut frame, time);
        }
        self.noise
            .add(index, self.spec.width as usize * 3, frame.data_mut());
        frame
    }

    /// The columns of a vehicle's outline.
    fn columns(&self, trip: &Trip, time_s: f64) -> (f64, f64) {
        let left = trip.left(time_s, self.spec.width);
        (left, left + f64::from(trip.extent.width()))
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
            .filter(move |trip| trip.present(time_s, across))
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

/// What stands or moves on the road.
enum Thing<'a> {
    Vehicle(&'a Trip, Arc<Sprite>),
    Walker(Shown<'a>),
}
