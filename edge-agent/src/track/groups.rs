//! Which cells of a blob hang together. Pure geometry, no memory.

/// The groups of the given cells that touch each other by a side or a corner. `cells` are columns
/// and rows, `loose` the places of the given ones in that list, rising; each is in one group. The
/// group of the last one comes first.
pub fn groups(cells: &[(u16, u16)], loose: &[usize]) -> Vec<Vec<usize>> {
    let Some(first) = loose.first() else {
        return Vec::new();
    };
    let (mut left, mut top) = cells[*first];
    let (mut right, mut bottom) = cells[*first];
    for at in loose {
        let (x, y) = cells[*at];
        (left, top) = (left.min(x), top.min(y));
        (right, bottom) = (right.max(x), bottom.max(y));
    }
    let (across, down) = (usize::from(right - left) + 1, usize::from(bottom - top) + 1);
    let place = |x: u16, y: u16| usize::from(y - top) * across + usize::from(x - left);
    // A large vehicle has very many cells: each looks at the eight places around it only. In each
    // place the cell that no group has yet.
    let mut open: Vec<Option<usize>> = vec![None; across * down];
    for at in loose {
        let (x, y) = cells[*at];
        open[place(x, y)] = Some(*at);
    }
    let mut groups = Vec::new();
    for start in loose.iter().rev() {
        let (x, y) = cells[*start];
        if open[place(x, y)] != Some(*start) {
            continue;
        }
        open[place(x, y)] = None;
        let mut group = vec![*start];
        let mut next = 0;
        while let Some(at) = group.get(next).copied() {
            next += 1;
            let (x, y) = cells[at];
            let known = group.len();
            for y in y.saturating_sub(1).max(top)..=y.saturating_add(1).min(bottom) {
                for x in x.saturating_sub(1).max(left)..=x.saturating_add(1).min(right) {
                    group.extend(open[place(x, y)].take());
                }
            }
            group[known..].sort_unstable();
        }
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// The same, each cell held against each other one.
    fn plain(cells: &[(u16, u16)], loose: &[usize]) -> Vec<Vec<usize>> {
        let mut left = loose.to_vec();
        let mut groups = Vec::new();
        while let Some(start) = left.pop() {
            let mut group = vec![start];
            let mut next = 0;
            while let Some(at) = group.get(next).copied() {
                next += 1;
                let (x, y) = cells[at];
                let touches = |other: &mut usize| {
                    let (a, b) = cells[*other];
                    a.abs_diff(x) <= 1 && b.abs_diff(y) <= 1
                };
                group.extend(left.extract_if(.., touches));
            }
            groups.push(group);
        }
        groups
    }

    #[test]
    fn cells_are_grouped_as_if_each_were_held_against_each_other_one() {
        let mut random = Random(7);
        let mut most = 0;
        for round in 0..300 {
            let (across, down) = (1 + random.below(14) as u16, 1 + random.below(9) as u16);
            let (left, top) = match round % 3 {
                0 => (0, 0),
                1 => (u16::MAX - across + 1, u16::MAX - down + 1),
                _ => (40, 7),
            };
            let mut cells = Vec::new();
            for y in 0..down {
                for x in 0..across {
                    if random.below(10) < 7 {
                        let at = random.below(cells.len() as u32 + 1) as usize;
                        cells.insert(at, (left + x, top + y));
                    }
                }
            }
            let loose: Vec<usize> = (0..cells.len()).filter(|_| random.below(2) == 0).collect();
            let groups = groups(&cells, &loose);
            assert_eq!(groups, plain(&cells, &loose), "{cells:?} {loose:?}");
            most = most.max(groups.len());
        }
        assert!(most > 3, "{most}");
    }
}
