//! Standard output of the commands that say something and end. Unlike `println!` it does not panic
//! when that cannot be written, such as a file on the disk that is full. Not the events of a run:
//! those go to sinks.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Context;

/// Writes a text and a line end.
pub fn tell(text: impl Display) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Whoever reads may have seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write")
        }
        _ => Ok(()),
    }
}
