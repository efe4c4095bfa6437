//! The source and its pictures: whether it opens, how large a first picture is, and whether the
//! config's places lie in it.

use super::row::Row;
use crate::config::Config;
use crate::source::{self, FrameSource, SourceError};

/// With so many damaged frames at the beginning there is no whole one to be had.
const MOST_FLAWED: u32 = 20;

/// Opens the source as a run would and looks at one picture: a row for the source, and one for
/// places that do not fit the picture.
pub fn rows(config: &Config) -> Vec<Row> {
    let mut source = match source::open(&config.source) {
        Ok(source) => source,
        Err(error) => {
            // A run waits for a camera that is away.
            let waits = config.source.is_live() && !error.is_permanent();
            let row = if waits {
                let advice = "the agent will wait for it; `edge-agent devices` lists what is there";
                Row::warn("source", error.to_string(), advice)
            } else {
                let advice = "correct [source]; `edge-agent devices` lists cameras";
                Row::fail("source", error.to_string(), advice)
            };
            return vec![row];
        }
    };
    let notes = source.notes().join("; ");
    let size_px = match first_size(source.as_mut()) {
        Ok(size_px) => size_px,
        Err(problem) => {
            let advice = "the agent will go on trying; look at the camera and its cable";
            return vec![Row::warn("source", problem, advice)];
        }
    };
    let told = format!("opened, {} x {} pixels", size_px.0, size_px.1);
    let mut rows = vec![match notes.is_empty() {
        true => Row::ok("source", told),
        false => Row::warn(
            "source",
            format!("{told}; {notes}"),
            "correct [source] if that matters",
        ),
    }];
    if let Err(bad) = config.check_picture(size_px.0, size_px.1) {
        let advice = "a run would refuse this config";
        rows.push(Row::fail("places", bad.to_string(), advice));
    }
    rows
}

/// Width and height of the first whole picture.
fn first_size(source: &mut dyn FrameSource) -> Result<(u32, u32), String> {
    let mut flawed = 0;
    loop {
        match source.wait() {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => return Err(error.to_string()),
        }
        match source.next() {
            Ok(Some(frame)) => return Ok((frame.image.width(), frame.image.height())),
            Ok(None) => return Err("it has no frame".into()),
            Err(error @ SourceError::Lost(_)) => return Err(error.to_string()),
            Err(error) if flawed == MOST_FLAWED => {
                return Err(format!("its first frames are damaged, lastly: {error}"));
            }
            Err(_) => flawed += 1,
        }
    }
}
