//! The inner loop of a matrix product in assembly, eight inputs at a time. For the sizes of tiles
//! that take most of the time; plain code for the others.

use std::arch::asm;

use super::super::{Block, products};
use super::{Half, NeonHalf};

/// See [`super::Eight::add_products`].
///
/// # Safety
/// The same, and the processor must compute with halves.
#[inline(always)]
pub unsafe fn add<const R: usize, const T: usize>(
    sums: &mut [[NeonHalf; T]; R],
    rows: [*const Half; R],
    weights: *const Block<Half>,
    fours: usize,
) {
    // The loops below do two fours at a time, and at least two.
    if fours == 0 || !fours.is_multiple_of(2) {
        // SAFETY: the caller's.
        return unsafe { products::plain(sums, rows, weights, fours) };
    }
    let (to, eights): (*mut [[NeonHalf; T]; R], _) = (sums, fours / 2);
    // SAFETY: the caller's; the pointers are cast to the type that they have.
    unsafe {
        match (R, T) {
            (8, 2) => eight_by_two(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (5, 2) => five_by_two(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (4, 2) => four_by_two(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (1, 2) => one_by_two(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (7, 3) => seven_by_three(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (4, 3) => four_by_three(&mut *to.cast(), rows.as_ptr(), weights, eights),
            (1, 3) => one_by_three(&mut *to.cast(), rows.as_ptr(), weights, eights),
            _ => products::plain(sums, rows, weights, fours),
        }
    }
}

/// A function for so many pixels of two blocks; for each pixel its number, a name for its row, the
/// register of its inputs, of which only the lower sixteen have lanes to multiply with, and those of
/// its sums. Weights are in the last four.
macro_rules! two_blocks {
    ($name:ident: $($r:literal $row:ident $in:tt $a:tt $b:tt),*) => {
        #[inline(always)]
        unsafe fn $name(
            sums: &mut [[NeonHalf; 2]; [$($r),*].len()],
            rows: *const *const Half,
            weights: *const Block<Half>,
            eights: usize,
        ) {
            // SAFETY: reads `eights` times eight numbers of each row and the weights of each, which
            // the caller vouches for; writes no memory.
            unsafe {
                asm!(
                    ".arch_extension fp16",
                    "2:",
                    $(concat!("ld1 {{", $in, ".8h}}, [{", stringify!($row), "}], #16"),)*
                    ".irp pair, 0, 1, 2, 3",
                    "ld1 {{v28.8h, v29.8h, v30.8h, v31.8h}}, [{weights}], #64",
                    $(
                        concat!("fmla ", $a, ".8h, v28.8h, ", $in, ".h[2 * \\pair]"),
                        concat!("fmla ", $b, ".8h, v29.8h, ", $in, ".h[2 * \\pair]"),
                    )*
                    $(
                        concat!("fmla ", $a, ".8h, v30.8h, ", $in, ".h[2 * \\pair + 1]"),
                        concat!("fmla ", $b, ".8h, v31.8h, ", $in, ".h[2 * \\pair + 1]"),
                    )*
                    ".endr",
                    "subs {eights}, {eights}, #1",
                    "b.ne 2b",
                    weights = inout(reg) weights => _,
                    eights = inout(reg) eights => _,
                    $($row = inout(reg) *rows.add($r) => _,)*
                    $(
                        inout($a) sums[$r][0].0,
                        inout($b) sums[$r][1].0,
                        out($in) _,
                    )*
                    out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

two_blocks!(one_by_two: 0 a "v0" "v8" "v9");
two_blocks!(four_by_two:
    0 a "v0" "v8" "v9", 1 b "v1" "v10" "v11", 2 c "v2" "v12" "v13", 3 d "v3" "v14" "v15");
two_blocks!(five_by_two:
    0 a "v0" "v8" "v9", 1 b "v1" "v10" "v11", 2 c "v2" "v12" "v13", 3 d "v3" "v14" "v15",
    4 e "v4" "v16" "v17");
two_blocks!(eight_by_two:
    0 a "v0" "v8" "v9", 1 b "v1" "v10" "v11", 2 c "v2" "v12" "v13", 3 d "v3" "v14" "v15",
    4 e "v4" "v16" "v17", 5 f "v5" "v18" "v19", 6 g "v6" "v20" "v21", 7 h "v7" "v22" "v23");

/// The same for three blocks.
macro_rules! three_blocks {
    ($name:ident: $($r:literal $row:ident $in:tt $a:tt $b:tt $c:tt),*) => {
        #[inline(always)]
        unsafe fn $name(
            sums: &mut [[NeonHalf; 3]; [$($r),*].len()],
            rows: *const *const Half,
            weights: *const Block<Half>,
            eights: usize,
        ) {
            // SAFETY: as for two blocks.
            unsafe {
                asm!(
                    ".arch_extension fp16",
                    "2:",
                    $(concat!("ld1 {{", $in, ".8h}}, [{", stringify!($row), "}], #16"),)*
                    ".irp lane, 0, 1, 2, 3, 4, 5, 6, 7",
                    "ld1 {{v28.8h, v29.8h, v30.8h}}, [{weights}], #48",
                    $(
                        concat!("fmla ", $a, ".8h, v28.8h, ", $in, ".h[\\lane]"),
                        concat!("fmla ", $b, ".8h, v29.8h, ", $in, ".h[\\lane]"),
                        concat!("fmla ", $c, ".8h, v30.8h, ", $in, ".h[\\lane]"),
                    )*
                    ".endr",
                    "subs {eights}, {eights}, #1",
                    "b.ne 2b",
                    weights = inout(reg) weights => _,
                    eights = inout(reg) eights => _,
                    $($row = inout(reg) *rows.add($r) => _,)*
                    $(
                        inout($a) sums[$r][0].0,
                        inout($b) sums[$r][1].0,
                        inout($c) sums[$r][2].0,
                        out($in) _,
                    )*
                    out("v28") _, out("v29") _, out("v30") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

three_blocks!(one_by_three: 0 a "v0" "v8" "v9" "v10");
three_blocks!(four_by_three:
    0 a "v0" "v8" "v9" "v10", 1 b "v1" "v11" "v12" "v13",
    2 c "v2" "v14" "v15" "v16", 3 d "v3" "v17" "v18" "v19");
three_blocks!(seven_by_three:
    0 a "v0" "v7" "v8" "v9", 1 b "v1" "v10" "v11" "v12", 2 c "v2" "v13" "v14" "v15",
    3 d "v3" "v16" "v17" "v18", 4 e "v4" "v19" "v20" "v21", 5 f "v5" "v22" "v23" "v24",
    6 g "v6" "v25" "v26" "v27");
