//! The inner loop of the first convolution in assembly, for four pixels of two blocks: a row's
//! numbers come with one instruction, its weights with two.

use std::arch::asm;

use super::super::{Block, Windows, windows};
use super::{Half, NeonHalf};

/// See [`super::Eight::add_windows`].
///
/// # Safety
/// The same, and the processor must compute with halves.
#[inline(always)]
pub unsafe fn add<const R: usize, const T: usize>(
    sums: &mut [[NeonHalf; T]; R],
    numbers: *const Half,
    weights: *const Block<Half>,
    windows: Windows,
) {
    let to: *mut [[NeonHalf; T]; R] = sums;
    // SAFETY: the caller's; the pointer is cast to the type that it has.
    unsafe {
        match (R, T) {
            (4, 2) => four_by_two(&mut *to.cast(), numbers, weights, windows),
            _ => windows::plain(sums, numbers, weights, windows),
        }
    }
}

/// What the weights of a column do with the input of each pixel.
macro_rules! column {
    ($low:literal $high:literal: $($at:literal),*) => {
        column!($low $high: $($at),*; 16 17, 18 19, 20 21, 22 23)
    };
    ($low:literal $high:literal: $($at:literal),*; $($a:literal $b:literal),*) => {
        concat!($(
            "fmla v", $a, ".8h, ", $low, ".8h, ", $at, "\n",
            "fmla v", $b, ".8h, ", $high, ".8h, ", $at, "\n",
        )*)
    };
}

#[inline(always)]
unsafe fn four_by_two(
    sums: &mut [[NeonHalf; 2]; 4],
    numbers: *const Half,
    weights: *const Block<Half>,
    windows: Windows,
) {
    let bytes = size_of::<Half>();
    // SAFETY: reads the numbers and weights that the caller vouches for, of each row twelve; writes
    // no memory. Numbers are in v0 and v1.
    unsafe {
        asm!(
            ".arch_extension fp16",
            "2:",
            ".rept 3",
            "ldr q0, [{numbers}]",
            "ldr d1, [{numbers}, #16]",
            "add {numbers}, {numbers}, {row}",
            "ld1 {{v24.8h, v25.8h, v26.8h, v27.8h}}, [{weights}], #64",
            "ld1 {{v28.8h, v29.8h}}, [{weights}], #32",
            column!("v24" "v25": "v0.h[0]", "v0.h[2]", "v0.h[4]", "v0.h[6]"),
            column!("v26" "v27": "v0.h[1]", "v0.h[3]", "v0.h[5]", "v0.h[7]"),
            column!("v28" "v29": "v0.h[2]", "v0.h[4]", "v0.h[6]", "v1.h[0]"),
            ".endr",
            "add {numbers}, {numbers}, {rest}",
            "subs {planes}, {planes}, #1",
            "b.ne 2b",
            numbers = inout(reg) numbers => _,
            weights = inout(reg) weights => _,
            planes = inout(reg) windows.planes => _,
            row = in(reg) windows.row * bytes,
            rest = in(reg) windows.plane.wrapping_sub(3 * windows.row) * bytes,
            inout("v16") sums[0][0].0, inout("v17") sums[0][1].0,
            inout("v18") sums[1][0].0, inout("v19") sums[1][1].0,
            inout("v20") sums[2][0].0, inout("v21") sums[2][1].0,
            inout("v22") sums[3][0].0, inout("v23") sums[3][1].0,
            out("v0") _, out("v1") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _,
            options(nostack, readonly),
        );
    }
}
