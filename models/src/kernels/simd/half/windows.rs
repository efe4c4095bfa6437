//! The inner loop of the first convolution in assembly, for eight or four pixels of two blocks: a
//! row's numbers come with two instructions, and so do its weights.

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
            (8, 2) => eight_by_two(&mut *to.cast(), numbers, weights, windows),
            (4, 2) => four_by_two(&mut *to.cast(), numbers, weights, windows),
            _ => windows::plain(sums, numbers, weights, windows),
        }
    }
}

/// A function for so many pixels of two blocks; for each pixel the registers of its sums and, for each
/// column, its input. Numbers of a row are read into v0 to v2 by the instructions given.
macro_rules! two_blocks {
    ($name:ident: $($load:literal)*; $($r:literal $a:tt $b:tt $one:tt $two:tt $three:tt),*) => {
        #[inline(always)]
        unsafe fn $name(
            sums: &mut [[NeonHalf; 2]; [$($r),*].len()],
            numbers: *const Half,
            weights: *const Block<Half>,
            windows: Windows,
        ) {
            let bytes = size_of::<Half>();
            // SAFETY: reads the numbers and weights that the caller vouches for; writes no memory.
            unsafe {
                asm!(
                    ".arch_extension fp16",
                    "2:",
                    ".rept 3",
                    $($load,)*
                    "add {numbers}, {numbers}, {row}",
                    "ld1 {{v24.8h, v25.8h, v26.8h, v27.8h}}, [{weights}], #64",
                    "ld1 {{v28.8h, v29.8h}}, [{weights}], #32",
                    $(
                        concat!("fmla ", $a, ".8h, v24.8h, ", $one),
                        concat!("fmla ", $b, ".8h, v25.8h, ", $one),
                    )*
                    $(
                        concat!("fmla ", $a, ".8h, v26.8h, ", $two),
                        concat!("fmla ", $b, ".8h, v27.8h, ", $two),
                    )*
                    $(
                        concat!("fmla ", $a, ".8h, v28.8h, ", $three),
                        concat!("fmla ", $b, ".8h, v29.8h, ", $three),
                    )*
                    ".endr",
                    "add {numbers}, {numbers}, {rest}",
                    "subs {planes}, {planes}, #1",
                    "b.ne 2b",
                    numbers = inout(reg) numbers => _,
                    weights = inout(reg) weights => _,
                    planes = inout(reg) windows.planes => _,
                    row = in(reg) windows.row * bytes,
                    rest = in(reg) windows.plane.wrapping_sub(3 * windows.row) * bytes,
                    $(
                        inout($a) sums[$r][0].0,
                        inout($b) sums[$r][1].0,
                    )*
                    out("v0") _, out("v1") _, out("v2") _, out("v24") _, out("v25") _,
                    out("v26") _, out("v27") _, out("v28") _, out("v29") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

two_blocks!(four_by_two: "ldr q0, [{numbers}]" "ldr d1, [{numbers}, #16]";
    0 "v8" "v9" "v0.h[0]" "v0.h[1]" "v0.h[2]", 1 "v10" "v11" "v0.h[2]" "v0.h[3]" "v0.h[4]",
    2 "v12" "v13" "v0.h[4]" "v0.h[5]" "v0.h[6]", 3 "v14" "v15" "v0.h[6]" "v0.h[7]" "v1.h[0]");
two_blocks!(eight_by_two: "ldp q0, q1, [{numbers}]" "ldr h2, [{numbers}, #32]";
    0 "v8" "v9" "v0.h[0]" "v0.h[1]" "v0.h[2]", 1 "v10" "v11" "v0.h[2]" "v0.h[3]" "v0.h[4]",
    2 "v12" "v13" "v0.h[4]" "v0.h[5]" "v0.h[6]", 3 "v14" "v15" "v0.h[6]" "v0.h[7]" "v1.h[0]",
    4 "v16" "v17" "v1.h[0]" "v1.h[1]" "v1.h[2]", 5 "v18" "v19" "v1.h[2]" "v1.h[3]" "v1.h[4]",
    6 "v20" "v21" "v1.h[4]" "v1.h[5]" "v1.h[6]", 7 "v22" "v23" "v1.h[6]" "v1.h[7]" "v2.h[0]");
