//! A drawn road with cars of known colours: the demo camera, and pictures with ground truth.
//! A fixed camera looks across a two-lane road; each frame follows from the scene's seed alone.
//! No photographs, no files, no clock: what is here draws, the program writes.
//!
//! ```text
//! SceneSpec ─ traffic ─▶ trips ─┐            ┌─▶ frame(index)
//! body ─ mesh ─ raster ─ shade ─┴─▶ Road ────┼─▶ visible(index)
//! backdrop ─ walkers ─ weather ──┘           └─▶ passages()
//! ```

mod backdrop;
mod body;
mod field;
mod lay;
mod light;
mod material;
mod mesh;
mod noise;
mod paint;
mod portrait;
mod raster;
mod road;
mod scenario;
mod scene;
mod sprite;
mod traffic;
mod truth;
mod vector;
mod walkers;
mod weather;

pub use paint::{PAINTS, Paint, Shade};
pub use portrait::portrait;
pub use road::{Road, VisibleVehicle};
pub use scenario::Scenario;
pub use scene::{Lane, Light, SceneError, SceneSpec};
pub use truth::{Direction, Passage, Waypoint};

/// The vehicle colours a scene can be asked for, alphabetical.
pub const COLOURS: [&str; 12] = [
    "black", "blue", "brown", "green", "grey", "orange", "pink", "purple", "red", "silver",
    "white", "yellow",
];
