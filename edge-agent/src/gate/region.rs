//! Which cells are watched: inside the region's polygon and outside every ignored rectangle.
//! Geometry only.

use models::Rect;

use crate::polygon::contains;

/// Marks the watched cells of a grid of `across` × `down` cells of `cell_px` pixels. A polygon
/// of fewer than three corners means everywhere. A cell belongs to where its centre lies.
pub fn watched(
    polygon: &[[f32; 2]],
    ignore: &[Rect],
    across: usize,
    down: usize,
    cell_px: u32,
) -> Vec<bool> {
    let mut cells = Vec::with_capacity(across * down);
    for row in 0..down {
        for column in 0..across {
            let x = (column as f32 + 0.5) * cell_px as f32;
            let y = (row as f32 + 0.5) * cell_px as f32;
            let ignored = ignore.iter().any(|rect| {
                x >= rect.x as f32
                    && x < rect.right() as f32
                    && y >= rect.y as f32
                    && y < rect.bottom() as f32
            });
            cells.push(!ignored && (polygon.len() < 3 || contains(polygon, x, y)));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_and_a_hole() {
        let triangle = [[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]];
        let hole = Rect {
            x: 0,
            y: 0,
            width: 10,
            height: 10,
        };
        let cells = watched(&triangle, &[hole], 4, 4, 10);
        let rows: Vec<String> = cells
            .chunks(4)
            .map(|row| row.iter().map(|on| if *on { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(rows, [".##.", "##..", "#...", "...."]);
    }

    #[test]
    fn no_polygon_is_everywhere() {
        assert!(watched(&[], &[], 3, 2, 4).iter().all(|on| *on));
    }
}
