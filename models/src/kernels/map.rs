//! Where a feature map's numbers lie: blocks of eight channels, pixel by pixel, and the memory
//! that holds them. Computes nothing.

use super::number::Number;

/// Channels of a block.
pub const LANES: usize = 8;

/// Eight channels of one pixel, or eight weights; aligned so that no load crosses a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Block<N: Number>(pub [N; LANES], [N::Align; 0]);

impl<N: Number> Block<N> {
    /// Eight zeros.
    pub const ZERO: Self = Self([N::ZERO; LANES], []);

    /// The nearest to each of eight numbers.
    #[inline(always)]
    pub fn nearest(numbers: [f32; LANES]) -> Self {
        Self(N::nearest(numbers), [])
    }

    /// The numbers in blocks; the last is filled up with zeros.
    pub fn pack(numbers: &[f32]) -> Vec<Self> {
        let (eights, rest) = numbers.as_chunks::<LANES>();
        let mut blocks: Vec<Self> = eights.iter().map(|eight| Self::nearest(*eight)).collect();
        if !rest.is_empty() {
            let mut eight = [0.0; LANES];
            eight[..rest.len()].copy_from_slice(rest);
            blocks.push(Self::nearest(eight));
        }
        blocks
    }
}

/// The shape of a feature map and of the border of zeros around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Rows without the border.
    pub height: usize,
    /// Pixels of a row without the border.
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Pixels of border on each side.
    pub border: usize,
}

impl Map {
    /// Blocks of one pixel.
    pub fn depth(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Blocks of one row, border and all.
    pub fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.depth()
    }

    /// Blocks of the whole map.
    pub fn len(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// The first block of a pixel, counted without the border.
    pub fn pixel(&self, y: usize, x: usize) -> usize {
        (y + self.border) * self.row() + (x + self.border) * self.depth()
    }

    /// The first block of every pixel but the border's, row by row.
    pub fn pixels(&self) -> Vec<usize> {
        (0..self.height)
            .flat_map(|y| (0..self.width).map(move |x| self.pixel(y, x)))
            .collect()
    }

    /// Fills the border with zeros.
    pub fn clear_border<N: Number>(&self, blocks: &mut [Block<N>]) {
        if self.border == 0 {
            return;
        }
        let side = self.border * self.depth();
        let above = self.pixel(0, 0) - side;
        let below = above + self.height * self.row();
        blocks[..above].fill(Block::ZERO);
        for row in blocks[above..below].chunks_exact_mut(self.row()) {
            let right = row.len() - side;
            row[..side].fill(Block::ZERO);
            row[right..].fill(Block::ZERO);
        }
        blocks[below..self.len()].fill(Block::ZERO);
    }
}

/// A map and the buffer of the arena that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index in [`Arena::buffers`].
    pub buffer: usize,
    /// What lies there.
    pub map: Map,
}

/// The memory of all maps. Maps whose lives do not overlap share a buffer.
#[derive(Clone, Debug)]
pub struct Arena<N: Number> {
    /// The network's input, channel by channel.
    pub input: Vec<N>,
    /// Blocks, by [`Place::buffer`].
    pub buffers: Vec<Vec<Block<N>>>,
}

impl<N: Number> Arena<N> {
    /// Takes the buffer out, so that others can be read while it is written; [`Arena::put`] gives
    /// it back. Allocates nothing.
    pub fn take(&mut self, place: &Place) -> Vec<Block<N>> {
        std::mem::take(&mut self.buffers[place.buffer])
    }

    /// Gives a buffer back.
    pub fn put(&mut self, place: &Place, blocks: Vec<Block<N>>) {
        self.buffers[place.buffer] = blocks;
    }

    /// What lies there.
    pub fn read(&self, place: &Place) -> &[Block<N>] {
        &self.buffers[place.buffer]
    }
}
