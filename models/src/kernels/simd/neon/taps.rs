//! The inner loop of a depthwise convolution in assembly: an input's eight numbers come with one
//! instruction that also steps to the next pixel, which compilers do not emit.

use std::arch::asm;

use super::super::{Block, Taps, taps};
use super::Neon;

/// What a column of the kernel, with its weights' registers, does with an input.
macro_rules! column {
    ($column:literal: $low:ident $high:ident) => {
        column!($column $low $high; 0 v0 v10, 1 v1 v11, 2 v2 v12, 3 v3 v13, 4 v4 v14, 5 v5 v15, 6 v6 v16, 7 v7 v17)
    };
    ($column:literal $low:ident $high:ident; $($x:literal $sum_low:ident $sum_high:ident),*) => {
        concat!($(
            ".if (", $x, " < {X}) && (", $column, " < {K}) && (\\pixel == ", $x, " * {S} + ", $column, ")\n",
            "fmla ", stringify!($sum_low), ".4s, ", stringify!($low), ".4s, v30.4s\n",
            "fmla ", stringify!($sum_high), ".4s, ", stringify!($high), ".4s, v31.4s\n",
            ".endif\n",
        )*)
    };
}

/// Most pixels.
const WIDEST: usize = 8;

/// See [`super::Eight::add_taps`].
///
/// # Safety
/// The same, and the processor must have NEON.
#[inline(always)]
pub unsafe fn add<const K: usize, const S: usize, const X: usize>(
    sums: &mut [[Neon; 1]; X],
    weights: *const Block<f32>,
    taps: Taps<f32>,
) {
    // With few pixels the registers' moves cost more than the loads save.
    if X < 4 {
        // SAFETY: the caller's.
        return unsafe { taps::plain::<Neon, K, S, X>(sums, weights, taps) };
    }
    // Those beyond `X` are never touched.
    let mut all = [sums[0][0].0; WIDEST];
    for (all, sum) in all.iter_mut().zip(&*sums) {
        *all = sum[0].0;
    }
    let bytes = size_of::<Block<f32>>();
    // SAFETY: reads the weights and inputs that the caller vouches for; writes no memory. The
    // weights of a row are in v20 to v29, low and high half in turn; an input in v30 and v31; the
    // sums of pixel x in vx and v1x. The assembler writes the loops out.
    unsafe {
        asm!(
            "2:",
            "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{weights}], #64",
            ".if {K} == 5",
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{weights}], #64",
            "ld1 {{v28.4s, v29.4s}}, [{weights}], #32",
            ".else",
            "ld1 {{v24.4s, v25.4s}}, [{weights}], #32",
            ".endif",
            "mov {input}, {line}",
            ".irp pixel, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
            ".if \\pixel < ({X} - 1) * {S} + {K}",
            "ld1 {{v30.4s, v31.4s}}, [{input}], {depth}",
            column!(0: v20 v21), column!(1: v22 v23), column!(2: v24 v25), column!(3: v26 v27),
            column!(4: v28 v29),
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
            inout("v0") all[0][0], inout("v10") all[0][1],
            inout("v1") all[1][0], inout("v11") all[1][1],
            inout("v2") all[2][0], inout("v12") all[2][1],
            inout("v3") all[3][0], inout("v13") all[3][1],
            inout("v4") all[4][0], inout("v14") all[4][1],
            inout("v5") all[5][0], inout("v15") all[5][1],
            inout("v6") all[6][0], inout("v16") all[6][1],
            inout("v7") all[7][0], inout("v17") all[7][1],
            out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v25") _,
            out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, readonly),
        );
    }
    for (sum, all) in sums.iter_mut().zip(all) {
        sum[0].0 = all;
    }
}
