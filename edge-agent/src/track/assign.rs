//! Which box goes on with which track: best overlap first, then what is near and alike. Each
//! track and each box is given once. Pure.

use super::boxes::Bounds;
use super::parts::Part;
use super::{Track, TrackConfig};

/// Gives for each track its box, if any. `open` are the tracks that have none yet; `free` the
/// parts of blobs that nobody has.
pub fn assign(
    tracks: &[Track],
    open: &[usize],
    parts: &[Part],
    free: &[usize],
    t_ms: u64,
    config: &TrackConfig,
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for at in open {
        let track = &tracks[*at];
        let expected = track.expected(t_ms);
        for place in free {
            let bounds = &parts[*place].bounds;
            let jumps = track.would_turn_back(bounds) || !track.may_leave_as(&parts[*place], t_ms);
            if track.hits >= config.min_hits && jumps {
                continue;
            }
            let overlap = expected.overlap(bounds);
            let score = if overlap >= config.min_overlap {
                overlap
            } else if near(&expected, bounds, config.max_jump_sizes) {
                overlap * 0.1
            } else {
                continue;
            };
            pairs.push((score, *at, *place));
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut given: Vec<(usize, usize)> = Vec::new();
    for (_, track, place) in pairs {
        if given.iter().all(|(t, p)| *t != track && *p != place) {
            given.push((track, place));
        }
    }
    given
}

/// Near enough and of about the same size.
fn near(a: &Bounds, b: &Bounds, reach: f32) -> bool {
    let ((ax, ay), (bx, by)) = (a.centre(), b.centre());
    let ratio = a.area() / b.area().max(1.0);
    (ax - bx).abs() <= reach * a.width().min(b.width())
        && (ay - by).abs() <= reach * a.height().min(b.height())
        && (0.4..=2.5).contains(&ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32) -> Bounds {
        Bounds {
            left: x,
            top: 10.0,
            right: x + 40.0,
            bottom: 50.0,
        }
    }

    #[test]
    fn the_best_overlap_wins_and_each_is_given_once() {
        let picture = square(0.0).union(&square(600.0));
        let part = |x| Part {
            bounds: square(x),
            widest: 40.0,
            cut: false,
            owner: None,
            shared: false,
            clear: [true; 4],
            blob: 0,
        };
        let track = |number, x| Track::new(number, &part(x), &picture, 0, 0);
        let tracks = [track(0, 0.0), track(1, 20.0), track(2, 300.0)];
        let boxes = [18.0, 330.0, 600.0].map(part);
        let config = TrackConfig::default();
        let given = assign(&tracks, &[0, 1, 2], &boxes, &[0, 1, 2], 40, &config);
        assert_eq!(given, [(1, 0), (2, 1)]);
        assert_eq!(assign(&tracks, &[0], &boxes, &[0], 40, &config), [(0, 0)]);
    }
}
