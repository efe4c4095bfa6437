//! Which part of a blob is which known vehicle, and what of it is none of them. The cells of a
//! blob go to the vehicle that is expected there; the rest, if large enough, is a newcomer.
//! Pure geometry, no memory.

use super::boxes::Bounds;
use super::groups::groups;
use crate::gate::Blob;

/// A vehicle belongs to a blob that covers this share of where it is expected …
const MEMBER_SHARE: f32 = 0.3;
/// … or that lies in its place with this share of its cells.
const PIECE_SHARE: f32 = 0.6;

/// A vehicle may be this much off its expected place, as a share of its side, and in pixels.
const ROOM_SHARE: f32 = 0.12;
const ROOM_PX: f32 = 8.0;
/// The same for one that was not seen whole yet and may grow.
const GROWING_SHARE: f32 = 0.4;

/// A rest of a blob smaller than this, as a share of the vehicle's sides and in pixels, is the
/// vehicle's own ragged edge.
const REST_SHARE: f32 = 0.3;
const REST_PX: f32 = 12.0;

/// A vehicle with a smaller share of its cells is hidden.
const SEEN_SHARE: f32 = 0.12;

/// Where a vehicle is expected.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The part inside the picture.
    pub visible: Bounds,
    /// Whether it has just come, so that its size is not known and may grow fast.
    pub grows: bool,
}

/// What a blob, or a part of it, is.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its box.
    pub bounds: Bounds,
    /// Width of the widest thing in it, pixels.
    pub widest: f32,
    /// Whether an edge of the picture or region cuts it.
    pub cut: bool,
    /// Which of the known vehicles it is.
    pub owner: Option<usize>,
    /// Whether the blob holds other things too.
    pub shared: bool,
    /// Which sides are the blob's own outline and not a border to another thing: left, top,
    /// right, bottom.
    pub clear: [bool; 4],
    /// The blob that it is of.
    pub blob: usize,
}

/// Divides the blobs among the known vehicles.
pub fn divide(blobs: &[Blob], known: &[Known], picture: &Bounds) -> Vec<Part> {
    let mut parts = Vec::with_capacity(blobs.len());
    for (index, blob) in blobs.iter().enumerate() {
        divide_one(index, blob, known, picture, &mut parts);
    }
    parts
}

fn divide_one(index: usize, blob: &Blob, known: &[Known], picture: &Bounds, parts: &mut Vec<Part>) {
    let whole = |owner| Part {
        bounds: Bounds::of(&blob.rect),
        widest: blob.widest_px as f32,
        cut: blob.cut,
        owner,
        shared: false,
        clear: [true; 4],
        blob: index,
    };
    let members = members(blob, known);
    if members.is_empty() {
        parts.push(whole(None));
        return;
    }
    let owners: Vec<Option<usize>> = blob
        .cells
        .iter()
        .map(|cell| nearest(centre(cell, blob.cell_px), &members, known))
        .collect();
    let rests = rests(blob, &owners, &members, known);
    if let ([only], true) = (&members[..], rests.is_empty()) {
        parts.push(whole(Some(*only)));
        return;
    }
    for member in &members {
        let own = |at: &usize| owners[*at] == Some(*member);
        let cells: Vec<usize> = (0..owners.len()).filter(own).collect();
        if (cells.len() as f32) < SEEN_SHARE * expected_cells(&known[*member], blob.cell_px) {
            continue;
        }
        let bounds = around(blob, &cells);
        let clear = clear(blob, &owners, Some(*member), &bounds);
        parts.push(Part {
            bounds,
            widest: bounds.width(),
            cut: is_cut(blob, &bounds, picture),
            owner: Some(*member),
            shared: true,
            clear,
            ..whole(None)
        });
    }
    for rest in rests {
        let bounds = around(blob, &rest);
        parts.push(Part {
            bounds,
            widest: bounds.width(),
            cut: is_cut(blob, &bounds, picture),
            shared: true,
            ..whole(None)
        });
    }
}

/// Whether the edge that cuts the blob cuts this part of it. Where the region's edge runs is not
/// known here: it may cut any part.
fn is_cut(blob: &Blob, part: &Bounds, picture: &Bounds) -> bool {
    let touches = |bounds: &Bounds| bounds.touches(picture).contains(&true);
    blob.cut && (touches(part) || !touches(&Bounds::of(&blob.rect)))
}

/// The vehicles that the blob shows.
fn members(blob: &Blob, known: &[Known]) -> Vec<usize> {
    let outline = Bounds::of(&blob.rect);
    let shown = |vehicle: &Known| {
        if vehicle.visible.shared(&outline) <= 0.0 {
            return false;
        }
        let inside = |cell: &&(u16, u16)| vehicle.visible.holds(centre(cell, blob.cell_px));
        let inside = blob.cells.iter().filter(inside).count() as f32;
        inside >= MEMBER_SHARE * expected_cells(vehicle, blob.cell_px)
            || inside >= PIECE_SHARE * blob.cells.len() as f32
    };
    (0..known.len()).filter(|at| shown(&known[*at])).collect()
}

fn expected_cells(vehicle: &Known, cell_px: u32) -> f32 {
    (vehicle.visible.area() / (cell_px * cell_px) as f32).max(1.0)
}

fn centre(cell: &(u16, u16), cell_px: u32) -> (f32, f32) {
    let middle = |cell: u16| (f32::from(cell) + 0.5) * cell_px as f32;
    (middle(cell.0), middle(cell.1))
}

/// The member in whose place the point lies deepest; only where it lies in nobody's place, some
/// room around each counts too.
fn nearest(point: (f32, f32), members: &[usize], known: &[Known]) -> Option<usize> {
    let deepest = |room: fn(&Known, f32) -> f32| {
        let mut best: Option<(f32, usize)> = None;
        for member in members {
            let vehicle = &known[*member];
            let (x, y) = vehicle.visible.centre();
            let reach = |side: f32| side / 2.0 + room(vehicle, side);
            let off = ((point.0 - x).abs() / reach(vehicle.visible.width()))
                .max((point.1 - y).abs() / reach(vehicle.visible.height()));
            if off <= 1.0 && best.is_none_or(|(least, _)| off < least) {
                best = Some((off, *member));
            }
        }
        best.map(|(_, member)| member)
    };
    deepest(|_, _| 0.0).or_else(|| {
        deepest(|vehicle, side| {
            let share = if vehicle.grows {
                GROWING_SHARE
            } else {
                ROOM_SHARE
            };
            ROOM_PX.max(share * side)
        })
    })
}

/// Groups of cells that belong to no member and are too large for a ragged edge.
fn rests(
    blob: &Blob,
    owners: &[Option<usize>],
    members: &[usize],
    known: &[Known],
) -> Vec<Vec<usize>> {
    let nobody = |at: &usize| owners[*at].is_none();
    let loose: Vec<usize> = (0..owners.len()).filter(nobody).collect();
    let least = |side: fn(&Bounds) -> f32| {
        let sides = members.iter().map(|member| side(&known[*member].visible));
        (sides.fold(f32::INFINITY, f32::min) * REST_SHARE).max(REST_PX)
    };
    let (wide, high) = (least(Bounds::width), least(Bounds::height));
    let mut found = groups(&blob.cells, &loose);
    found.retain(|group| {
        let bounds = around(blob, group);
        let grown = |member: &usize| known[*member].grows && close(&bounds, &known[*member]);
        if members.iter().any(grown) {
            return false;
        }
        let full = group.len() as f32 * (blob.cell_px * blob.cell_px) as f32;
        // Along one side a newcomer sticks out far, along the other it is no thin line.
        let sticks_out = bounds.width() >= wide && bounds.height() >= REST_PX
            || bounds.height() >= high && bounds.width() >= REST_PX;
        sticks_out && full >= 0.4 * bounds.area()
    });
    found
}

/// Whether the rest lies where a vehicle that enters may have grown to.
fn close(rest: &Bounds, vehicle: &Known) -> bool {
    let Known { visible, .. } = vehicle;
    let reach = |side: f32| (GROWING_SHARE * side).max(2.0 * ROOM_PX);
    let (wide, high) = (reach(visible.width()), reach(visible.height()));
    let around = Bounds {
        left: visible.left - wide,
        top: visible.top - high,
        right: visible.right + wide,
        bottom: visible.bottom + high,
    };
    rest.covered_by(&around) >= 0.5
}

/// The box around some of the blob's cells.
fn around(blob: &Blob, cells: &[usize]) -> Bounds {
    let side = blob.cell_px as f32;
    let mut bounds = Bounds {
        left: f32::INFINITY,
        top: f32::INFINITY,
        right: 0.0,
        bottom: 0.0,
    };
    for at in cells {
        let (column, row) = blob.cells[*at];
        let (x, y) = (f32::from(column) * side, f32::from(row) * side);
        bounds.left = bounds.left.min(x);
        bounds.top = bounds.top.min(y);
        bounds.right = bounds.right.max(x + side);
        bounds.bottom = bounds.bottom.max(y + side);
    }
    // The blob's last cells reach to the picture's last pixel.
    let outline = Bounds::of(&blob.rect);
    if bounds.right + side > outline.right {
        bounds.right = outline.right;
    }
    if bounds.bottom + side > outline.bottom {
        bounds.bottom = outline.bottom;
    }
    bounds
}

/// Which sides of the box have little else of the blob beyond them.
fn clear(blob: &Blob, owners: &[Option<usize>], owner: Option<usize>, own: &Bounds) -> [bool; 4] {
    let reach = 2.0 * blob.cell_px as f32;
    let mut beyond = [0.0; 4];
    for (cell, whose) in blob.cells.iter().zip(owners) {
        if *whose == owner {
            continue;
        }
        let (x, y) = centre(cell, blob.cell_px);
        let (beside, stacked) = (
            (own.top..own.bottom).contains(&y),
            (own.left..own.right).contains(&x),
        );
        let counts = [
            beside && (own.left - reach..own.left).contains(&x),
            stacked && (own.top - reach..own.top).contains(&y),
            beside && (own.right..own.right + reach).contains(&x),
            stacked && (own.bottom..own.bottom + reach).contains(&y),
        ];
        for (sum, counts) in beyond.iter_mut().zip(counts) {
            *sum += f32::from(u8::from(counts));
        }
    }
    let cells = |side: f32| 2.0 * side / blob.cell_px as f32;
    let (wide, high) = (cells(own.width()), cells(own.height()));
    let most = [high, wide, high, wide];
    std::array::from_fn(|side| beyond[side] < 0.2 * most[side])
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::Rect;

    const PICTURE: Bounds = Bounds {
        left: 0.0,
        top: 0.0,
        right: 640.0,
        bottom: 360.0,
    };

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect {
            x,
            y,
            width,
            height,
        }
    }

    fn known(rect: Rect) -> Known {
        Known {
            visible: Bounds::of(&rect),
            grows: false,
        }
    }

    fn joined(rects: &[Rect]) -> Blob {
        let outline = rects.iter().map(Bounds::of);
        let outline = outline.reduce(|a, b| a.union(&b)).unwrap();
        let mut cells: Vec<(u16, u16)> = rects
            .iter()
            .flat_map(|rect| Blob::solid(*rect, false).cells)
            .collect();
        cells.sort_unstable();
        cells.dedup();
        Blob {
            rect: outline.to_rect(640, 360).unwrap(),
            cells,
            widest_px: outline.width() as u32,
            ..Blob::solid(rects[0], false)
        }
    }

    #[test]
    fn a_newcomer_is_cut_off_a_known_vehicle() {
        let (old, new) = (rect(400, 240, 120, 80), rect(480, 180, 80, 60));
        let parts = divide(&[joined(&[old, new])], &[known(old)], &PICTURE);
        assert_eq!(parts.len(), 2, "{parts:?}");
        assert_eq!(parts[0].owner, Some(0));
        assert!(parts[0].bounds.overlap(&Bounds::of(&old)) > 0.8);
        assert_eq!(parts[0].clear, [true, false, true, true]);
        assert_eq!(parts[1].owner, None);
        assert!(parts[1].bounds.overlap(&Bounds::of(&new)) > 0.7);
    }

    #[test]
    fn two_known_vehicles_share_a_blob() {
        let (far, near) = (rect(100, 180, 120, 60), rect(160, 232, 200, 80));
        let parts = divide(
            &[joined(&[far, near])],
            &[known(far), known(near)],
            &PICTURE,
        );
        assert_eq!(parts.len(), 2, "{parts:?}");
        for (part, truth) in parts.iter().zip([far, near]) {
            assert!(part.shared);
            assert!(part.bounds.overlap(&Bounds::of(&truth)) > 0.8, "{part:?}");
        }
        assert!(!parts[0].clear[3] && parts[0].clear[1]);
    }

    #[test]
    fn pieces_and_a_little_growth_belong_to_the_vehicle() {
        let old = rect(100, 100, 120, 60);
        let grown = Blob::solid(rect(96, 100, 128, 64), false);
        let parts = divide(&[grown], &[known(old)], &PICTURE);
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].owner, parts[0].shared), (Some(0), false));
        let pieces = [rect(100, 100, 40, 60), rect(160, 100, 60, 60)];
        let parts = divide(
            &pieces.map(|p| Blob::solid(p, false)),
            &[known(old)],
            &PICTURE,
        );
        assert!(parts.iter().all(|part| part.owner == Some(0)), "{parts:?}");
        let elsewhere = Blob::solid(rect(400, 100, 60, 60), false);
        assert_eq!(divide(&[elsewhere], &[known(old)], &PICTURE)[0].owner, None);
    }
}
