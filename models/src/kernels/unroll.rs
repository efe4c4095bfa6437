//! Loops written out. The sums of a tile stay in registers only when every index is known to the
//! compiler, and it does not promise to write out a loop by itself.

/// `unroll!(i in N of 0 1 2 => body)` is `body` with `i` each of the listed numbers that is below
/// the constant `N`; the list is as long as `N` can be. Long lists within each other make long
/// compilations.
macro_rules! unroll {
    ($i:ident in $n:tt of $($at:literal)* => $body:expr) => {
        $(if $at < $n {
            #[allow(non_upper_case_globals)]
            const $i: usize = $at;
            $body;
        })*
    };
}

pub(super) use unroll;

#[cfg(test)]
mod tests {
    fn below<const N: usize>() -> Vec<usize> {
        let mut seen = Vec::new();
        unroll!(i in N of 0 1 2 => seen.push(i));
        seen
    }

    #[test]
    fn every_index_comes_once_and_in_order() {
        assert!(below::<0>().is_empty());
        assert_eq!(below::<2>(), [0, 1]);
        assert_eq!(below::<3>(), [0, 1, 2]);
    }
}
