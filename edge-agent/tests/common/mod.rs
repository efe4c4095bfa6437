//! Runs the built program on folders. Shared by the integration tests; holds no test itself.

use std::path::Path;
use std::process::{Command, Output};

use models::RgbFrame;

/// The program, to be given arguments.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_edge-agent"))
}

/// What a call gave: exit code, standard output, standard error.
pub struct Told {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program to its end in `folder`.
#[allow(dead_code, reason = "some tests start it in their own way")]
pub fn run(folder: &Path, arguments: &[&str]) -> Told {
    let told: Told = program()
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
        .into();
    assert!(!told.err.contains("panicked"), "{}", told.err);
    told
}

/// Writes a picture of one colour as PNG.
#[allow(dead_code, reason = "not every test file draws")]
pub fn plain(path: &Path, rgb: [u8; 3]) {
    let picture = RgbFrame::filled(64, 48, rgb).unwrap();
    std::fs::write(path, models::picture::png(picture.view()).unwrap()).unwrap();
}
