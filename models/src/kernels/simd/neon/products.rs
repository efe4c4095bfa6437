//! The inner loop of a matrix product in assembly: four registers of weights come with one
//! instruction, which compilers do not emit. For the sizes of tiles that take most of the time;
//! plain code for the others.

use std::arch::asm;

use super::super::{Block, products};
use super::Neon;

/// See [`super::Eight::add_products`].
///
/// # Safety
/// The same, and the processor must have NEON.
#[inline(always)]
pub unsafe fn add<const R: usize, const T: usize>(
    sums: &mut [[Neon; T]; R],
    rows: [*const f32; R],
    weights: *const Block<f32>,
    fours: usize,
) {
    // The loops below do two fours at a time, and at least two.
    if fours == 0 || !fours.is_multiple_of(2) {
        // SAFETY: the caller's.
        return unsafe { products::plain(sums, rows, weights, fours) };
    }
    let to: *mut [[Neon; T]; R] = sums;
    // SAFETY: the caller's; the pointers are cast to the type that they have.
    unsafe {
        match (R, T) {
            (5, 2) => five_by_two(&mut *to.cast(), rows.as_ptr(), weights, fours),
            (4, 2) => four_by_two(&mut *to.cast(), rows.as_ptr(), weights, fours),
            (1, 2) => one_by_two(&mut *to.cast(), rows.as_ptr(), weights, fours),
            (4, 3) => four_by_three(&mut *to.cast(), rows.as_ptr(), weights, fours),
            (1, 3) => one_by_three(&mut *to.cast(), rows.as_ptr(), weights, fours),
            _ => products::plain(sums, rows, weights, fours),
        }
    }
}

/// A function for so many pixels of two blocks; for each pixel its number, a name for its row, the
/// register of its inputs and those of its sums. Weights are in the last four.
macro_rules! two_blocks {
    ($name:ident: $($r:literal $row:ident $in:literal $a:tt $b:tt $c:tt $d:tt),*) => {
        #[inline(always)]
        unsafe fn $name(
            sums: &mut [[Neon; 2]; [$($r),*].len()],
            rows: *const *const f32,
            weights: *const Block<f32>,
            fours: usize,
        ) {
            // SAFETY: reads `fours` times four numbers of each row and the weights of each, which
            // the caller vouches for; writes no memory.
            unsafe {
                asm!(
                    "2:",
                    ".rept 2",
                    $(concat!("ldr q", $in, ", [{", stringify!($row), "}], #16"),)*
                    ".irp lane, 0, 1, 2, 3",
                    "ld1 {{v28.4s, v29.4s, v30.4s, v31.4s}}, [{weights}], #64",
                    $(
                        concat!("fmla ", $a, ".4s, v28.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $b, ".4s, v29.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $c, ".4s, v30.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $d, ".4s, v31.4s, v", $in, ".s[\\lane]"),
                    )*
                    ".endr",
                    ".endr",
                    "subs {fours}, {fours}, #2",
                    "b.ne 2b",
                    weights = inout(reg) weights => _,
                    fours = inout(reg) fours => _,
                    $($row = inout(reg) *rows.add($r) => _,)*
                    $(
                        inout($a) sums[$r][0].0[0],
                        inout($b) sums[$r][0].0[1],
                        inout($c) sums[$r][1].0[0],
                        inout($d) sums[$r][1].0[1],
                    )*
                    out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                    out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                    out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

two_blocks!(one_by_two: 0 a 20 "v0" "v1" "v2" "v3");
two_blocks!(four_by_two:
    0 a 20 "v0" "v1" "v2" "v3", 1 b 21 "v4" "v5" "v6" "v7",
    2 c 22 "v8" "v9" "v10" "v11", 3 d 23 "v12" "v13" "v14" "v15");
two_blocks!(five_by_two:
    0 a 20 "v0" "v1" "v2" "v3", 1 b 21 "v4" "v5" "v6" "v7",
    2 c 22 "v8" "v9" "v10" "v11", 3 d 23 "v12" "v13" "v14" "v15",
    4 e 24 "v16" "v17" "v18" "v19");

/// The same for three blocks.
macro_rules! three_blocks {
    ($name:ident: $($r:literal $row:ident $in:literal $a:tt $b:tt $c:tt $d:tt $e:tt $f:tt),*) => {
        #[inline(always)]
        unsafe fn $name(
            sums: &mut [[Neon; 3]; [$($r),*].len()],
            rows: *const *const f32,
            weights: *const Block<f32>,
            fours: usize,
        ) {
            // SAFETY: as for two blocks.
            unsafe {
                asm!(
                    "2:",
                    ".rept 2",
                    $(concat!("ldr q", $in, ", [{", stringify!($row), "}], #16"),)*
                    ".irp lane, 0, 1, 2, 3",
                    "ld1 {{v28.4s, v29.4s, v30.4s, v31.4s}}, [{weights}], #64",
                    $(
                        concat!("fmla ", $a, ".4s, v28.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $b, ".4s, v29.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $c, ".4s, v30.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $d, ".4s, v31.4s, v", $in, ".s[\\lane]"),
                    )*
                    "ld1 {{v28.4s, v29.4s}}, [{weights}], #32",
                    $(
                        concat!("fmla ", $e, ".4s, v28.4s, v", $in, ".s[\\lane]"),
                        concat!("fmla ", $f, ".4s, v29.4s, v", $in, ".s[\\lane]"),
                    )*
                    ".endr",
                    ".endr",
                    "subs {fours}, {fours}, #2",
                    "b.ne 2b",
                    weights = inout(reg) weights => _,
                    fours = inout(reg) fours => _,
                    $($row = inout(reg) *rows.add($r) => _,)*
                    $(
                        inout($a) sums[$r][0].0[0],
                        inout($b) sums[$r][0].0[1],
                        inout($c) sums[$r][1].0[0],
                        inout($d) sums[$r][1].0[1],
                        inout($e) sums[$r][2].0[0],
                        inout($f) sums[$r][2].0[1],
                    )*
                    out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                    out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

three_blocks!(one_by_three: 0 a 24 "v0" "v1" "v2" "v3" "v4" "v5");
three_blocks!(four_by_three:
    0 a 24 "v0" "v1" "v2" "v3" "v4" "v5", 1 b 25 "v6" "v7" "v8" "v9" "v10" "v11",
    2 c 26 "v12" "v13" "v14" "v15" "v16" "v17", 3 d 27 "v18" "v19" "v20" "v21" "v22" "v23");
