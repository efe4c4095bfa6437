//! Bytes of requests and answers in memory, counted over all of them and bounded. What would
//! not fit is refused, not waited for: whoever holds memory may be slow on purpose.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// The unit of counting.
const BLOCK_BYTES: usize = 64 << 10;

/// A bound on memory, shared by its clones.
#[derive(Clone, Debug)]
pub struct Memory {
    blocks: Arc<Semaphore>,
}

/// Bytes that count until the last [`Bytes`] made of them is dropped.
#[derive(Debug)]
pub struct Held {
    bytes: Vec<u8>,
    blocks: Option<OwnedSemaphorePermit>,
    memory: Memory,
}

impl Memory {
    /// Room for about `bytes`.
    pub fn new(bytes: u64) -> Self {
        let blocks = bytes as usize / BLOCK_BYTES;
        Self {
            blocks: Arc::new(Semaphore::new(blocks)),
        }
    }

    /// No bytes yet.
    pub fn nothing(&self) -> Held {
        Held {
            bytes: Vec::new(),
            blocks: None,
            memory: self.clone(),
        }
    }

    /// Counts bytes that are there already. [`Problem::Busy`] when they do not fit.
    pub fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, Problem> {
        let mut held = self.nothing();
        held.take_room(bytes.len())?;
        held.bytes = bytes;
        Ok(held.into())
    }
}

impl Held {
    /// How many bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds bytes. [`Problem::Busy`] when they do not fit.
    pub fn extend(&mut self, more: &[u8]) -> Result<(), Problem> {
        self.take_room(self.bytes.len() + more.len())?;
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    fn take_room(&mut self, bytes: usize) -> Result<(), Problem> {
        let had = self.blocks.as_ref().map_or(0, |held| held.num_permits());
        let missing = bytes.div_ceil(BLOCK_BYTES).saturating_sub(had);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| Problem::Busy)?;
        let blocks = self.memory.blocks.clone().try_acquire_many_owned(missing);
        let blocks = blocks.map_err(|_| Problem::Busy)?;
        match &mut self.blocks {
            Some(held) => held.merge(blocks),
            None => self.blocks = Some(blocks),
        }
        Ok(())
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Held> for Bytes {
    fn from(held: Held) -> Self {
        Bytes::from_owner(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_use_ends() {
        let memory = Memory::new(4 * BLOCK_BYTES as u64);
        let first = memory.hold(vec![1; 3 * BLOCK_BYTES]).unwrap();
        let part = first.slice(..10);
        drop(first);
        let mut second = memory.nothing();
        second.extend(&[2; BLOCK_BYTES]).unwrap();
        assert!(matches!(second.extend(&[2]), Err(Problem::Busy)));
        assert!(matches!(memory.hold(vec![3]), Err(Problem::Busy)));
        drop(part);
        second.extend(&[2]).unwrap();
        assert_eq!(second.len(), BLOCK_BYTES + 1);
        assert!(memory.hold(vec![3; 2 * BLOCK_BYTES]).is_ok());
    }
}
