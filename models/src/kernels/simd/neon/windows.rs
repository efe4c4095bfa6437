//! The inner loop of the first convolution in assembly, for four pixels of two blocks: a row's
//! numbers and the weights of a column come with one instruction each, which compilers do not emit.

use std::arch::asm;

use super::super::{Block, Windows, windows};
use super::Neon;

/// See [`super::Eight::add_windows`].
///
/// # Safety
/// The same, and the processor must have NEON.
#[inline(always)]
pub unsafe fn add<const R: usize, const T: usize>(
    sums: &mut [[Neon; T]; R],
    numbers: *const f32,
    weights: *const Block<f32>,
    windows: Windows,
) {
    let to: *mut [[Neon; T]; R] = sums;
    // SAFETY: the caller's; the pointer is cast to the type that it has.
    unsafe {
        match (R, T) {
            (4, 2) => four_by_two(&mut *to.cast(), numbers, weights, windows),
            _ => windows::plain(sums, numbers, weights, windows),
        }
    }
}

/// The weights of a column, and for each pixel the input that they multiply.
macro_rules! column {
    ($($at:literal),*) => { column!($($at),*; 0 1 2 3, 4 5 6 7, 8 9 10 11, 12 13 14 15) };
    ($($at:literal),*; $($a:literal $b:literal $c:literal $d:literal),*) => {
        concat!(
            "ld1 {{v28.4s, v29.4s, v30.4s, v31.4s}}, [{weights}], #64\n",
            $(
                "fmla v", $a, ".4s, v28.4s, ", $at, "\n", "fmla v", $b, ".4s, v29.4s, ", $at, "\n",
                "fmla v", $c, ".4s, v30.4s, ", $at, "\n", "fmla v", $d, ".4s, v31.4s, ", $at, "\n",
            )*
        )
    };
}

#[inline(always)]
unsafe fn four_by_two(
    sums: &mut [[Neon; 2]; 4],
    numbers: *const f32,
    weights: *const Block<f32>,
    windows: Windows,
) {
    let bytes = size_of::<f32>();
    // SAFETY: reads the numbers and weights that the caller vouches for; writes no memory. Twelve
    // numbers of a row are in v20 to v22.
    unsafe {
        asm!(
            "2:",
            ".rept 3",
            "ld1 {{v20.4s, v21.4s, v22.4s}}, [{numbers}], {row}",
            column!("v20.s[0]", "v20.s[2]", "v21.s[0]", "v21.s[2]"),
            column!("v20.s[1]", "v20.s[3]", "v21.s[1]", "v21.s[3]"),
            column!("v20.s[2]", "v21.s[0]", "v21.s[2]", "v22.s[0]"),
            ".endr",
            "add {numbers}, {numbers}, {rest}",
            "subs {planes}, {planes}, #1",
            "b.ne 2b",
            numbers = inout(reg) numbers => _,
            weights = inout(reg) weights => _,
            planes = inout(reg) windows.planes => _,
            row = in(reg) windows.row * bytes,
            rest = in(reg) windows.plane.wrapping_sub(3 * windows.row) * bytes,
            inout("v0") sums[0][0].0[0], inout("v1") sums[0][0].0[1],
            inout("v2") sums[0][1].0[0], inout("v3") sums[0][1].0[1],
            inout("v4") sums[1][0].0[0], inout("v5") sums[1][0].0[1],
            inout("v6") sums[1][1].0[0], inout("v7") sums[1][1].0[1],
            inout("v8") sums[2][0].0[0], inout("v9") sums[2][0].0[1],
            inout("v10") sums[2][1].0[0], inout("v11") sums[2][1].0[1],
            inout("v12") sums[3][0].0[0], inout("v13") sums[3][0].0[1],
            inout("v14") sums[3][1].0[0], inout("v15") sums[3][1].0[1],
            out("v20") _, out("v21") _, out("v22") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, readonly),
        );
    }
}
