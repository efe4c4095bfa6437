//! The upper outline of a blob, column by column: where it falls deep between two parts, things
//! stand side by side, as people on bicycles whose wheels touch. No idea of a vehicle.

/// A valley deeper than this share of the whole height parts. Between a vehicle's roof and its
/// tail there is none; between two riders it is a third and more.
const VALLEY_SHARE: f32 = 0.25;

/// Columns of the widest part. `heights` are the cells from the blob's lowest row up to its highest
/// cell in each column.
pub fn widest_part(heights: &[u16]) -> usize {
    let tallest = heights.iter().max().copied().unwrap_or(0);
    widest(heights, VALLEY_SHARE * f32::from(tallest))
}

fn widest(heights: &[u16], least_depth: f32) -> usize {
    let Some((at, depth)) = deepest_valley(heights) else {
        return heights.len();
    };
    if f32::from(depth) <= least_depth {
        return heights.len();
    }
    let (left, right) = heights.split_at(at);
    widest(left, least_depth).max(widest(right, least_depth))
}

/// The column that is farthest below the highest ones on both of its sides, and how far.
fn deepest_valley(heights: &[u16]) -> Option<(usize, u16)> {
    let mut highest = 0;
    let before: Vec<u16> = heights
        .iter()
        .map(|height| {
            highest = highest.max(*height);
            highest
        })
        .collect();
    let mut deepest = None;
    let mut highest = 0;
    for (at, height) in heights.iter().enumerate().rev() {
        highest = highest.max(*height);
        let depth = before[at].min(highest) - height;
        if depth > deepest.map_or(0, |(_, depth)| depth) {
            deepest = Some((at, depth));
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vehicle_is_one_part_and_riders_are_several() {
        // A saloon, with a roof box that leaves a small dip.
        let car = [6, 7, 7, 8, 12, 14, 15, 13, 15, 14, 12, 9, 8, 8, 7];
        assert_eq!(widest_part(&car), car.len());
        let riders = [
            5, 8, 8, 19, 20, 12, 8, 5, 4, 8, 8, 18, 19, 11, 8, 5, 8, 20, 8,
        ];
        assert_eq!(widest_part(&riders), 8);
        assert_eq!(widest_part(&[]), 0);
    }
}
