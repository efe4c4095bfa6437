//! Calling the program in a folder, away from the user's own cache and the network, and drawing
//! pictures for it. No tests.

#![allow(dead_code)] // Each test program uses a part of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use models::picture;

/// `host-trainer` ready to run in `folder`, with downloads kept in `folder/cache` and nobody to
/// fetch them from.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-trainer"));
    command
        .current_dir(folder)
        .env("OMP_WAIT_POLICY", "passive")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("CAR_COLOUR_WEIGHTS_URL", "http://127.0.0.1:9/models/")
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("TORCH_HOME")
        .args(arguments);
    command
}

/// The same from a command line whose words have no spaces.
pub fn command_line(folder: &Path, line: &str) -> Command {
    command(folder, &line.split_whitespace().collect::<Vec<_>>())
}

/// Runs the program to its end.
pub fn host_trainer(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// The exit code and the only line on standard error.
pub fn complaint(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code().unwrap(), text.trim_end().to_string())
}

/// Standard output of a run that must have succeeded.
pub fn success(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `folder/<class>/<n>.png`, drawn in the colour that the class is named after.
pub fn draw(folder: &Path, classes: &[&str], each: u64) {
    for (index, class) in classes.iter().enumerate() {
        fs::create_dir_all(folder.join(class)).unwrap();
        for n in 0..each {
            let frame = road_sim::portrait(class, n * 100 + index as u64, 60, 45).unwrap();
            let bytes = picture::png(frame.view()).unwrap();
            fs::write(folder.join(class).join(format!("{n}.png")), bytes).unwrap();
        }
    }
}
