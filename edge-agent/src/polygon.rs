//! Polygons in the picture: whether a point lies inside. Geometry only.

use crate::config::BadValue;

/// Most corners of a polygon in the config.
const MOST_CORNERS: usize = 64;

/// A part of a polygon that is smaller than this is of no use.
const STRIDE_PX: usize = 4;

/// Whether the point lies inside, by the even-odd rule: a ray to the right crosses the outline
/// an odd number of times. Of the outline itself the left and upper edges belong to the inside,
/// so that a point on the border of two polygons is in one of them.
pub fn contains(corners: &[[f32; 2]], x: f32, y: f32) -> bool {
    let Some(mut previous) = corners.last() else {
        return false;
    };
    let mut inside = false;
    for corner in corners {
        let ([ax, ay], [bx, by]) = (*corner, *previous);
        if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            inside = !inside;
        }
        previous = corner;
    }
    inside
}

/// Whether any of the polygon lies in a picture of this size, looked for at every few pixels.
pub fn meets(corners: &[[f32; 2]], width_px: u32, height_px: u32) -> bool {
    let points = |side: u32| (0..side).step_by(STRIDE_PX).map(|at| at as f32 + 0.5);
    points(height_px).any(|y| points(width_px).any(|x| contains(corners, x, y)))
}

/// Refuses what has no inside. `key` names it in the refusal.
pub fn check(key: &str, corners: &[[f32; 2]]) -> Result<(), BadValue> {
    let refuse = |problem: String| Err(BadValue::new(key.to_string(), problem));
    if !(3..=MOST_CORNERS).contains(&corners.len()) {
        return refuse(format!(
            "has {} corners; allowed: 3 to {MOST_CORNERS}",
            corners.len()
        ));
    }
    if let Some(corner) = corners
        .iter()
        .flatten()
        .find(|value| !(0.0..=100_000.0).contains(*value))
    {
        return refuse(format!("has a corner at {corner}; allowed: 0 to 100000"));
    }
    let first = corners[0];
    let flat = |next: &[[f32; 2]]| cross(first, next[0], next[1]) == 0.0;
    if corners.windows(2).all(flat) {
        return refuse("has no inside: its corners lie on one line".into());
    }
    Ok(())
}

/// Twice the area of the triangle, with a sign.
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_polygons() {
        let square = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        let right = [[10.0, 0.0], [20.0, 0.0], [20.0, 10.0], [10.0, 10.0]];
        // An L: the notch at its upper right is outside.
        let bent = [
            [0.0, 0.0],
            [4.0, 0.0],
            [4.0, 6.0],
            [10.0, 6.0],
            [10.0, 10.0],
            [0.0, 10.0],
        ];
        for (x, y, in_square, in_right, in_bent) in [
            (5.0, 5.0, true, false, false),
            (2.0, 5.0, true, false, true),
            (9.0, 9.0, true, false, true),
            (15.0, 5.0, false, true, false),
            (10.0, 5.0, false, true, false),
            (0.0, 0.0, true, false, true),
            (5.0, 10.0, false, false, false),
            (-1.0, 5.0, false, false, false),
        ] {
            assert_eq!(contains(&square, x, y), in_square, "{x}, {y}");
            assert_eq!(contains(&right, x, y), in_right, "{x}, {y}");
            assert_eq!(contains(&bent, x, y), in_bent, "{x}, {y}");
        }
        assert!(!contains(&[], 0.0, 0.0));
    }

    #[test]
    fn a_polygon_meets_the_picture_or_lies_beyond_it() {
        let beyond = [[640.0, 0.0], [900.0, 0.0], [900.0, 300.0], [640.0, 300.0]];
        let around = [
            [-50.0, -50.0],
            [900.0, -50.0],
            [900.0, 900.0],
            [-50.0, 900.0],
        ];
        // Its box crosses the picture, itself it passes the corner.
        let corner = [[620.0, 400.0], [700.0, 320.0], [720.0, 420.0]];
        for (polygon, expected) in [
            (&beyond[..], false),
            (&around, true),
            (&corner, false),
            (&[[600.0, 10.0], [900.0, 10.0], [900.0, 90.0]], true),
            // What of it the picture shows is three rows high at most, and between two looks.
            (&[[600.0, 9.0], [900.0, 9.0], [900.0, 29.0]], false),
        ] {
            assert_eq!(meets(polygon, 640, 360), expected, "{polygon:?}");
        }
    }

    #[test]
    fn what_has_no_inside_is_refused() {
        let told = |corners: &[[f32; 2]]| check("lane 1: polygon_px", corners).unwrap_err();
        for (corners, expected) in [
            (
                &[[0.0, 0.0], [1.0, 1.0]][..],
                "lane 1: polygon_px has 2 corners; allowed: 3 to 64",
            ),
            (
                &[[0.0, 0.0], [f32::NAN, 1.0], [3.0, 0.0]],
                "lane 1: polygon_px has a corner at NaN; allowed: 0 to 100000",
            ),
            (
                &[[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]],
                "lane 1: polygon_px has no inside: its corners lie on one line",
            ),
        ] {
            assert_eq!(told(corners).to_string(), expected);
        }
        assert_eq!(check("x", &[[0.0, 0.0], [1.0, 1.0], [3.0, 0.0]]), Ok(()));
    }
}
