//! What weather, night and wind make of the picture: lamps and their light, rain, shade that
//! moves, a swaying camera. Each follows from the scene and the frame's number alone. No
//! vehicles and no sensor noise.

mod lamps;
mod rain;
mod shade;
mod sway;

pub(crate) use lamps::Lamps;
pub(crate) use rain::{MIRRORED, Rain, wet};
pub(crate) use shade::MovingShade;
pub(crate) use sway::Sway;

/// A sum of three slow waves between -1 and 1, different for each `seed`.
fn waves(time_s: f64, period_s: f64, seed: u64) -> f64 {
    let turn = std::f64::consts::TAU * time_s / period_s;
    let phase = |shift: u32| f64::from((seed >> shift) as u16) / 10_000.0;
    let sum = (turn + phase(0)).sin() * 0.5
        + (turn * 1.73 + phase(16)).sin() * 0.3
        + (turn * 3.1 + phase(32)).sin() * 0.2;
    sum.clamp(-1.0, 1.0)
}
