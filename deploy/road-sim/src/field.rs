//! Smooth random fields: value noise over the plane, for texture and for the edges of shade.

/// A number from 0 to 1 that the lattice point and the seed decide.
fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ seed.wrapping_mul(0xcb1a_b31f);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / (1 << 24) as f32
}

/// Value noise with features about one unit across, 0 to 1.
pub(crate) fn smooth(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - left), ease(y - top));
    let at = |dx, dy| lattice(left as i32 + dx, top as i32 + dy, seed);
    let upper = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let lower = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    upper + (lower - upper) * v
}

/// Three octaves of value noise, 0 to 1, about 0.5 on average.
pub(crate) fn rough(x: f32, y: f32, seed: u32) -> f32 {
    let sum = smooth(x, y, seed) * 4.0
        + smooth(x * 2.03, y * 2.03, seed ^ 0x51) * 2.0
        + smooth(x * 4.1, y * 4.1, seed ^ 0xa7);
    sum / 7.0
}

/// Grain without any smoothness, -1 to 1.
pub(crate) fn grain(x: u32, y: u32, seed: u32) -> f32 {
    lattice(x as i32, y as i32, seed) * 2.0 - 1.0
}
