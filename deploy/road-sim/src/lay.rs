//! Lays a vehicle's sprite over a frame, and its mirror image on a wet road. No planning.

use models::RgbFrame;

use crate::sprite::Sprite;
use crate::weather::MIRRORED;

/// Where a sprite goes.
pub(crate) struct Place<'a> {
    /// Column of the left edge of its vehicle.
    pub left: f64,
    /// Row of the top of its vehicle.
    pub top: i64,
    /// The light that each column gets, 256 is all.
    pub lit: &'a [[u16; 3]],
}

/// Lays the sprite over the frame.
pub(crate) fn lay(frame: &mut RgbFrame, sprite: &Sprite, place: &Place<'_>) {
    let (width, height) = (frame.width() as i64, frame.height() as i64);
    let whole = place.left.floor();
    // Between two columns the sprite is mixed from both, in 256ths.
    let late = ((place.left - whole) * 256.0) as u32;
    let early = 256 - late;
    let first_column = whole as i64 - sprite.origin.0 as i64;
    let first_row = place.top - sprite.origin.1 as i64;
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
            let light = place.lit[column as usize];
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

/// Mixes the mirror image of the sprite into the road below the row on which it stands.
pub(crate) fn mirror(frame: &mut RgbFrame, sprite: &Sprite, place: &Place<'_>, ground_row: i64) {
    let (width, height) = (frame.width() as i64, frame.height() as i64);
    let first_column = place.left.floor() as i64 - sprite.origin.0 as i64;
    let first_row = place.top - sprite.origin.1 as i64;
    for row in ground_row.max(0)..height {
        let above = 2 * ground_row - row - 1 - first_row;
        if above < 0 {
            break;
        }
        if above >= sprite.height as i64 {
            continue;
        }
        let depth = (row - ground_row) as f32 / sprite.height as f32;
        let strength = (MIRRORED * (1.0 - depth).max(0.0) * 256.0) as u32;
        for column in first_column.max(0)..(first_column + sprite.width as i64).min(width) {
            let from = above as usize * sprite.width + (column - first_column) as usize;
            let cover = u32::from(sprite.cover[from]);
            if cover == 0 {
                continue;
            }
            let at = (row * width + column) as usize * 3;
            for (value, colour) in frame.data_mut()[at..at + 3]
                .iter_mut()
                .zip(sprite.colour[from])
            {
                let under = u32::from(*value) * (65_280 - cover * strength) / 65_280;
                *value = (under + u32::from(colour) * strength / 256).min(255) as u8;
            }
        }
    }
}
