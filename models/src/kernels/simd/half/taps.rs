//! The inner loop of a depthwise convolution in assembly: an input's eight halves come with one
//! instruction that also steps to the next pixel.

use std::arch::asm;

use super::super::{Block, Taps, taps};
use super::{Half, NeonHalf};

/// What a column of the kernel, with its weights' register, does with an input.
macro_rules! column {
    ($column:literal: $weights:ident) => {
        column!($column $weights; 0 v0, 1 v1, 2 v2, 3 v3, 4 v4, 5 v5, 6 v6, 7 v7)
    };
    ($column:literal $weights:ident; $($x:literal $sum:ident),*) => {
        concat!($(
            ".if (", $x, " < {X}) && (", $column, " < {K}) && (\\pixel == ", $x, " * {S} + ", $column, ")\n",
            "fmla ", stringify!($sum), ".8h, ", stringify!($weights), ".8h, v30.8h\n",
            ".endif\n",
        )*)
    };
}

/// Most pixels.
const WIDEST: usize = 8;

/// See [`super::Eight::add_taps`].
///
/// # Safety
/// The same, and the processor must compute with halves.
#[inline(always)]
pub unsafe fn add<const K: usize, const S: usize, const X: usize>(
    sums: &mut [[NeonHalf; 1]; X],
    weights: *const Block<Half>,
    taps: Taps<Half>,
) {
    // With few pixels the registers' moves cost more than the loads save.
    if X < 4 {
        // SAFETY: the caller's.
        return unsafe { taps::plain::<NeonHalf, K, S, X>(sums, weights, taps) };
    }
    // Those beyond `X` are never touched.
    let mut all = [sums[0][0].0; WIDEST];
    for (all, sum) in all.iter_mut().zip(&*sums) {
        *all = sum[0].0;
    }
    let bytes = size_of::<Block<Half>>();
    // SAFETY: reads the weights and inputs that the caller vouches for; writes no memory. The
    // weights of a row are in v20 to v24; an input in v30; the sum of pixel x in vx. The assembler
    // writes the loops out.
    unsafe {
        asm!(
            ".arch_extension fp16",
            "2:",
            ".if {K} == 5",
            "ld1 {{v20.8h, v21.8h, v22.8h, v23.8h}}, [{weights}], #64",
            "ld1 {{v24.8h}}, [{weights}], #16",
            ".else",
            "ld1 {{v20.8h, v21.8h, v22.8h}}, [{weights}], #48",
            ".endif",
            "mov {input}, {line}",
            ".irp pixel, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
            ".if \\pixel < ({X} - 1) * {S} + {K}",
            "ld1 {{v30.8h}}, [{input}], {depth}",
            column!(0: v20), column!(1: v21), column!(2: v22), column!(3: v23), column!(4: v24),
            ".endif",
            ".endr",
            "add {line}, {line}, {row_length}",
            "subs {rows}, {rows}, #1",
            "b.ne 2b",
            K = const K,
            S = const S,
            X = const X,
            weights = inout(reg) weights => _,
            line = inout(reg) taps.corner => _,
            input = out(reg) _,
            depth = in(reg) taps.depth * bytes,
            row_length = in(reg) taps.row_length * bytes,
            rows = inout(reg) K => _,
            inout("v0") all[0], inout("v1") all[1], inout("v2") all[2], inout("v3") all[3],
            inout("v4") all[4], inout("v5") all[5], inout("v6") all[6], inout("v7") all[7],
            out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v30") _,
            options(nostack, readonly),
        );
    }
    for (sum, all) in sums.iter_mut().zip(all) {
        sum[0].0 = all;
    }
}
