//! How a vehicle pulls in to the far kerb, stands there and leaves. Distances only.

use super::course::{Course, STEP_S};

/// Braking and acceleration, metres a second squared.
const BRAKING: f64 = 1.6;
const ACCELERATION: f64 = 1.5;

/// The stretch on which it changes from lane to kerb, metres.
const SWERVE_M: f64 = 7.0;

/// A stay at the kerb.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// Metres from the picture's edge to where its front stands, and to where it has left.
    pub stop_m: f64,
    pub way_m: f64,
    /// Metres a second in the lane.
    pub speed: f64,
    /// How long it stands, seconds.
    pub stands_s: f64,
    /// How far aside of the lane it stands, pixels.
    pub aside_px: f64,
}

impl Stay {
    /// Arriving, standing and, from the second part on, leaving.
    pub fn courses(&self, pixels_per_metre: f64) -> (Course, Course) {
        let mut arriving = Vec::new();
        let mut front = 0.0;
        let mut time = 0.0;
        while time < 60.0 {
            let left = self.stop_m - front;
            let speed = self.speed.min((2.0 * BRAKING * left.max(0.0)).sqrt());
            let aside = self.aside_px * ease(1.0 - left / SWERVE_M);
            arriving.push((front * pixels_per_metre, aside));
            if left < 0.01 {
                break;
            }
            front += speed.max(0.12) * STEP_S;
            time += STEP_S;
        }
        let stand = (self.stop_m * pixels_per_metre, self.aside_px);
        let standing = (self.stands_s / STEP_S) as usize;
        arriving.extend(std::iter::repeat_n(stand, standing));
        let mut leaving = Vec::new();
        let (mut front, mut speed) = (self.stop_m, 0.0);
        while front < self.way_m + 2.0 {
            let aside = self.aside_px * ease(1.0 - (front - self.stop_m) / SWERVE_M);
            leaving.push((front * pixels_per_metre, aside));
            speed = self.speed.min(speed + ACCELERATION * STEP_S);
            front += speed * STEP_S;
        }
        (Course::Timed(arriving), Course::Timed(leaving))
    }
}

/// From 0 to 1 without a jolt.
fn ease(share: f64) -> f64 {
    let t = share.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Both courses as one.
pub(super) fn joined(first: Course, second: Course) -> Course {
    match (first, second) {
        (Course::Timed(mut places), Course::Timed(rest)) => {
            places.extend(rest);
            Course::Timed(places)
        }
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_at_the_kerb_and_leaves() {
        let stay = Stay {
            stop_m: 12.0,
            way_m: 25.0,
            speed: 6.0,
            stands_s: 30.0,
            aside_px: 17.0,
        };
        let (arriving, leaving) = stay.courses(10.0);
        assert_eq!(arriving.aside(0.0), 0.0);
        assert_eq!((arriving.driven(20.0), arriving.aside(20.0)), (120.0, 17.0));
        assert_eq!((leaving.driven(0.0), leaving.aside(0.0)), (120.0, 17.0));
        let whole = joined(arriving, leaving);
        let left = whole.when(250.0);
        assert!((33.0..45.0).contains(&left), "{left}");
        assert_eq!(whole.aside(left), 0.0);
    }
}
