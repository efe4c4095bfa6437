//! Boxes that hide a newcomer: where a box is much larger than the one known vehicle in it,
//! the rest of it is given a box of its own. Pure geometry.

use super::boxes::Bounds;

/// A box may exceed the vehicle by this share of its side before it counts as two.
const SWELL_SHARE: f32 = 0.3;

/// The vehicle must be in the box with this share of itself.
const INSIDE_SHARE: f32 = 0.6;

/// How far a vehicle may be from where it is expected when its box hides another.
const ROOM_PX: f32 = 4.0;

/// Where a vehicle of known size is expected.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The part inside the picture.
    pub visible: Bounds,
    /// Width of the whole vehicle.
    pub width: f32,
    /// Height of the whole vehicle.
    pub height: f32,
}

/// Splits the boxes by the places where vehicles are expected. Gives each part with the number
/// of the box that it came from.
pub fn split(boxes: &[Bounds], known: &[Place], least_px: f32) -> Vec<(Bounds, usize)> {
    let mut parts = Vec::with_capacity(boxes.len());
    for (index, whole) in boxes.iter().enumerate() {
        let mut inside = known
            .iter()
            .filter(|place| place.visible.covered_by(whole) >= INSIDE_SHARE);
        let cut = match (inside.next(), inside.next()) {
            (Some(place), None) => cut(whole, place, least_px),
            // With no vehicle there is nothing to go by; with several their tracks sort it out.
            _ => None,
        };
        match cut {
            Some((own, rest)) => parts.extend([(own, index), (rest, index)]),
            None => parts.push((*whole, index)),
        }
    }
    parts
}

/// The vehicle's part of the box and the largest rest, if that is large enough.
fn cut(whole: &Bounds, place: &Place, least_px: f32) -> Option<(Bounds, Bounds)> {
    // Shares of the whole vehicle: of one that an edge hides only a strip is visible, and any
    // other vehicle would stand out most along that strip.
    let (wide, high) = (place.width.max(1.0), place.height.max(1.0));
    let place = &place.visible;
    let above = (place.top - whole.top) / high;
    let below = (whole.bottom - place.bottom) / high;
    let before = (place.left - whole.left) / wide;
    let behind = (whole.right - place.right) / wide;
    let most = above.max(below).max(before).max(behind);
    let side = if most == above || most == below {
        high
    } else {
        wide
    };
    if most < SWELL_SHARE || most * side < least_px {
        return None;
    }
    let (mut own, mut rest) = (*whole, *whole);
    if most == above {
        (own.top, rest.bottom) = (place.top, place.top);
    } else if most == below {
        (own.bottom, rest.top) = (place.bottom, place.bottom);
    } else if most == before {
        (own.left, rest.right) = (place.left, place.left);
    } else {
        (own.right, rest.left) = (place.right, place.right);
    }
    // Across the cut the vehicle is no larger either; a few pixels let it change its speed.
    let room = Bounds {
        left: place.left - ROOM_PX,
        top: place.top - ROOM_PX,
        right: place.right + ROOM_PX,
        bottom: place.bottom + ROOM_PX,
    };
    Some((own.clipped(&room)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::Rect;

    fn bounds(x: u32, y: u32, width: u32, height: u32) -> Bounds {
        Bounds::of(&Rect {
            x,
            y,
            width,
            height,
        })
    }

    fn place(visible: Bounds, width: f32) -> Place {
        Place {
            visible,
            width,
            height: visible.height(),
        }
    }

    #[test]
    fn a_newcomer_above_gets_its_own_box() {
        let leaving = bounds(540, 240, 100, 80);
        let parts = split(
            &[bounds(540, 204, 100, 116)],
            &[place(leaving, 100.0)],
            12.0,
        );
        assert_eq!(parts, [(leaving, 0), (bounds(540, 204, 100, 36), 0)]);
    }

    #[test]
    fn a_newcomer_below_a_vehicle_that_has_almost_left() {
        let leaving = bounds(0, 184, 36, 68);
        let parts = split(&[bounds(0, 184, 104, 140)], &[place(leaving, 190.0)], 12.0);
        assert_eq!(
            parts,
            [(bounds(0, 184, 40, 68), 0), (bounds(0, 252, 104, 72), 0)]
        );
    }

    #[test]
    fn a_little_growth_an_unknown_and_a_pair_stay_whole() {
        let whole = bounds(100, 100, 110, 50);
        let grown = place(bounds(100, 100, 100, 48), 100.0);
        assert_eq!(split(&[whole], &[grown], 12.0).len(), 1);
        let elsewhere = place(bounds(400, 100, 50, 48), 50.0);
        assert_eq!(split(&[whole], &[elsewhere], 12.0).len(), 1);
        let pair = [100, 160].map(|x| place(bounds(x, 100, 50, 50), 50.0));
        assert_eq!(split(&[whole], &pair, 12.0), [(whole, 0)]);
    }
}
