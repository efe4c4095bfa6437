//! A tensor as torch describes it: a storage, where in it, which shape and strides. Turning its
//! bytes into numbers; no files and no pickles.

use crate::weights::Array;
use crate::weights::number;

pub(super) use crate::weights::number::Element;

/// Numbers in a row that tensors look into.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storage {
    /// Its name in the file.
    pub(super) key: String,
    pub(super) element: Element,
    pub(super) elements: usize,
}

impl Storage {
    /// Its length in bytes.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.elements.checked_mul(self.element.bytes())
    }
}

/// A tensor: part of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) storage: Storage,
    /// Of its first number, in elements.
    pub(super) offset: usize,
    /// Length along each axis.
    pub(super) shape: Vec<usize>,
    /// Distance of neighbours along each axis, in elements.
    pub(super) strides: Vec<usize>,
}

impl View {
    /// How many numbers it has; none when its shape is too large to be counted.
    pub(super) fn count(&self) -> Option<usize> {
        let product = |count: usize, length: &usize| count.checked_mul(*length);
        self.shape.iter().try_fold(1, product)
    }

    /// Its numbers, row-major, out of the storage's bytes.
    pub(super) fn array(&self, bytes: &[u8]) -> Result<Array, String> {
        let lies = || self.lies_within();
        if self.strides.len() != self.shape.len() || lies() != Some(true) {
            return Err("reaches beyond its storage".into());
        }
        if self.storage.bytes() != Some(bytes.len()) {
            return Err("has a storage of another length than it says".into());
        }
        let all = number::floats(self.storage.element, bytes)?;
        let count = self.count().unwrap_or(0);
        let mut values = Vec::with_capacity(count);
        if count > 0 {
            self.collect(&all, self.offset, 0, &mut values);
        }
        Ok(Array {
            shape: self.shape.clone(),
            values,
        })
    }

    /// Whether its last number is in the storage; none when the arithmetic overflows.
    fn lies_within(&self) -> Option<bool> {
        if self.count()? == 0 {
            return Some(true);
        }
        let mut last = self.offset;
        for (length, stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add((length - 1).checked_mul(*stride)?)?;
        }
        Some(last < self.storage.elements)
    }

    /// Appends what lies under the axes from `axis` on. No deeper than there are axes.
    fn collect(&self, all: &[f32], from: usize, axis: usize, values: &mut Vec<f32>) {
        let (Some(length), Some(stride)) = (self.shape.get(axis), self.strides.get(axis)) else {
            values.extend(all.get(from));
            return;
        };
        if *stride == 1 && axis + 1 == self.shape.len() {
            values.extend_from_slice(&all[from..from + length]);
            return;
        }
        for index in 0..*length {
            self.collect(all, from + index * stride, axis + 1, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(offset: usize, shape: &[usize], strides: &[usize]) -> View {
        View {
            storage: Storage {
                key: "0".into(),
                element: Element::F32,
                elements: 6,
            },
            offset,
            shape: shape.into(),
            strides: strides.into(),
        }
    }

    fn values(view: &View) -> Result<Vec<f32>, String> {
        let bytes: Vec<u8> = (0..6).flat_map(|n| (n as f32).to_le_bytes()).collect();
        view.array(&bytes).map(|array| array.values)
    }

    #[test]
    fn strides_and_offsets_are_honoured() {
        for (view, expected) in [
            (view(0, &[2, 3], &[3, 1]), vec![0., 1., 2., 3., 4., 5.]),
            (view(0, &[3, 2], &[1, 3]), vec![0., 3., 1., 4., 2., 5.]),
            (view(1, &[2], &[3]), vec![1., 4.]),
            (view(5, &[], &[]), vec![5.]),
            (view(4, &[3], &[0]), vec![4., 4., 4.]),
            (view(9, &[2, 0], &[1, 1]), vec![]),
            (view(0, &[usize::MAX, 0], &[1, 1]), vec![]),
            // The stride of an axis of length 1 says nothing.
            (view(0, &[2, 1], &[1, 77]), vec![0., 1.]),
        ] {
            assert_eq!(values(&view).unwrap(), expected, "{view:?}");
        }
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        for view in [
            view(1, &[2, 3], &[3, 1]),
            view(6, &[], &[]),
            view(0, &[2], &[usize::MAX]),
            view(usize::MAX, &[2], &[1]),
            view(0, &[usize::MAX, 3], &[0, 0]),
            view(0, &[2], &[]),
        ] {
            let text = values(&view).unwrap_err();
            assert_eq!(text, "reaches beyond its storage", "{view:?}");
        }
    }
}
