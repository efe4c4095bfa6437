//! A lane with a traffic light: vehicles follow each other, stop at the line while it is red
//! and go on. The follow-the-leader rule is the Intelligent Driver Model (Treiber, Hennecke and
//! Helbing 2000, "Congested traffic states in empirical observations and microscopic
//! simulations").

use fastrand::Rng;

use super::course::{Course, STEP_S};

/// Where vehicles appear, metres before the picture.
const ENTRY_M: f64 = -45.0;

/// Strongest wanted acceleration and braking, metres a second squared.
const ACCELERATION: f64 = 1.8;
const BRAKING: f64 = 2.6;

/// Distance kept at standstill, metres, and while driving, seconds.
const STANDING_GAP_M: f64 = 1.6;
const HEADWAY_S: f64 = 1.0;

/// A vehicle that wants to pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// When it arrives, seconds.
    pub at_s: f64,
    /// Length and speed, metres and metres a second.
    pub length_m: f64,
    pub speed: f64,
}

/// When the light is red: seconds from, to.
pub(super) fn red_phases(rng: &mut Rng, duration_s: f64) -> Vec<(f64, f64)> {
    let mut phases = Vec::new();
    let mut from = 6.0 + 4.0 * rng.f64();
    while from < duration_s {
        let to = from + 20.0 + 20.0 * rng.f64();
        phases.push((from, to));
        from = to + 12.0 + 5.0 * rng.f64();
    }
    phases
}

struct Car {
    front: f64,
    speed: f64,
    wish: Wish,
    entered_s: Option<f64>,
    places: Vec<(f64, f64)>,
}

/// When each vehicle enters and how it moves, in order; those that do not leave within the
/// duration are missing. The stop line and the picture's end are in metres from the entry edge.
pub(super) fn drive(
    wishes: &[Wish],
    red: &[(f64, f64)],
    (line_m, end_m): (f64, f64),
    pixels_per_metre: f64,
    duration_s: f64,
) -> Vec<(f64, Course)> {
    let mut waiting = wishes.iter().copied().peekable();
    let mut cars: Vec<Car> = Vec::new();
    for step in 0..(duration_s / STEP_S) as usize {
        let now = step as f64 * STEP_S;
        let room = cars.last().map_or(f64::INFINITY, |car| {
            car.front - car.wish.length_m - ENTRY_M - 4.0
        });
        if let Some(wish) = waiting.next_if(|wish| wish.at_s <= now && room > 0.0) {
            let ahead = cars.last().map_or(wish.speed, |car| car.speed);
            cars.push(Car {
                front: ENTRY_M,
                speed: wish.speed.min(ahead + 1.0),
                wish,
                entered_s: None,
                places: Vec::new(),
            });
        }
        let is_red = red.iter().any(|(from, to)| (*from..*to).contains(&now));
        let mut leader: Option<(f64, f64)> = None;
        for car in &mut cars {
            let mut limit = leader;
            let to_line = line_m - car.front;
            if is_red && to_line > 0.0 && to_line > car.speed * car.speed / (2.0 * 4.5) {
                let nearer = limit.is_none_or(|(rear, _)| line_m < rear);
                if nearer {
                    limit = Some((line_m + STANDING_GAP_M - 0.3, 0.0));
                }
            }
            let wanted = acceleration(car, limit);
            car.speed = (car.speed + wanted * STEP_S).max(0.0);
            if car.speed < 0.03 && wanted <= 0.02 {
                car.speed = 0.0;
            }
            car.front += car.speed * STEP_S;
            leader = Some((car.front - car.wish.length_m, car.speed));
            if car.front >= 0.0 && car.front - car.wish.length_m <= end_m + 1.0 {
                car.entered_s.get_or_insert(now);
                car.places.push((car.front * pixels_per_metre, 0.0));
            }
        }
    }
    let way_m = |car: &Car| end_m + car.wish.length_m;
    cars.into_iter()
        .take_while(|car| car.front > way_m(car) + 0.5)
        .filter_map(|car| Some((car.entered_s?, Course::Timed(car.places))))
        .collect()
}

fn acceleration(car: &Car, ahead: Option<(f64, f64)>) -> f64 {
    let free = 1.0 - (car.speed / car.wish.speed).powi(4);
    let held = ahead.map_or(0.0, |(rear, speed)| {
        let gap = (rear - car.front).max(0.1);
        let closing = car.speed * (car.speed - speed) / (2.0 * (ACCELERATION * BRAKING).sqrt());
        let wanted = STANDING_GAP_M + (car.speed * HEADWAY_S + closing).max(0.0);
        (wanted / gap).powi(2)
    });
    (ACCELERATION * (free - held)).max(-7.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vehicles_stop_at_the_line_and_never_touch() {
        let wishes: Vec<Wish> = (0..6)
            .map(|n| Wish {
                at_s: n as f64 * 2.0,
                length_m: 4.4,
                speed: 8.0,
            })
            .collect();
        let driven = drive(&wishes, &[(4.0, 34.0)], (10.0, 15.0), 10.0, 120.0);
        assert_eq!(driven.len(), 6);
        let front = |n: usize, t: f64| driven[n].1.driven(t - driven[n].0) / 10.0;
        let first_standing = (0..6).find(|n| front(*n, 30.0) < 15.0).unwrap();
        let standing = front(first_standing, 30.0);
        assert!((8.5..10.0).contains(&standing), "{standing}");
        assert!((front(first_standing, 31.0) - standing).abs() < 0.05);
        for pair in 0..5 {
            for tenth in 0..600 {
                let t = tenth as f64 / 10.0;
                let gap = front(pair, t) - 4.4 - front(pair + 1, t);
                if t > driven[pair + 1].0 && front(pair, t) < 19.0 {
                    assert!(gap > 0.5, "{gap} at {t}");
                }
            }
        }
    }
}
