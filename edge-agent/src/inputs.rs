//! Every place where bytes of others come in, each as one function that takes any bytes and
//! panics when what must hold does not. A fuzzer drives them (`cargo xtask fuzz`), and a test
//! here replays the inputs it kept. Compiled for these two only.

mod bundle;
mod config;
mod frame;

pub use crate::sink::jsonl::lines_input as lines;
pub use crate::spool::input::spool;
pub use crate::web::input::http;
pub use bundle::bundle;
pub use config::config;
pub use frame::frame;

use std::path::PathBuf;

/// A function that takes any bytes.
pub type Input = fn(&[u8]);

/// All of them, by the names of the fuzzer's targets.
pub const ALL: [(&str, Input); 6] = [
    ("config", config),
    ("bundle", bundle),
    ("spool", spool),
    ("lines", lines),
    ("frame", frame),
    ("http", http),
];

/// A new empty folder for what a target writes, one of each name in a process.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let own = format!("edge-agent-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(own);
    // Absent the first time.
    let _ = std::fs::remove_dir_all(&folder);
    let made = std::fs::create_dir_all(&folder);
    assert!(made.is_ok(), "{}: {made:?}", folder.display());
    folder
}

/// Takes values from the front of an input; zeros where it has ended.
pub(crate) struct Dish<'a>(pub &'a [u8]);

impl<'a> Dish<'a> {
    /// So many bytes, or what is left of them.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A little-endian number of so many bytes, 8 at most.
    pub fn number(&mut self, bytes: usize) -> u64 {
        let mut number = [0; 8];
        let taken = self.bytes(bytes.min(8));
        number[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(number)
    }
}

#[cfg(test)]
mod tests;
