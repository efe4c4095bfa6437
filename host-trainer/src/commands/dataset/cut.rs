//! `host-trainer dataset cut`: a camera's frames and a detector's boxes in, a folder of pictures
//! out, as `serve --crops`, `adapt` and `evaluate --negatives` take it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fastrand::Rng;
use models::{PictureError, RgbFrame, picture};
use tempfile::TempDir;

use crate::commands::usage;
use crate::crops::Note;
use crate::crops::cut::{Seen, Vehicle, beside, vehicles, views};

/// Room around a box, as a share of its sides: the agent's own.
const MARGIN: f32 = 0.06;
/// Of 100; as the agent keeps pictures.
const JPEG_QUALITY: u8 = 90;

/// Cut pictures of vehicles, or of places without any, out of a camera's frames.
///
/// By the boxes of a detector, a line for each frame in order: {"frame": "NAME", "detections":
/// [{"x": …, "y": …, "w": …, "h": …}]}. Pictures of one vehicle are marked as such. Pictures that
/// the agent keeps ([crops] in its config) need no cutting.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the frames
    #[arg(value_name = "DIR")]
    frames: PathBuf,
    /// The detector's boxes
    #[arg(long, value_name = "FILE")]
    boxes: PathBuf,
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Most pictures of one vehicle
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    each: u32,
    /// Smallest side of a box, pixels
    #[arg(long, value_name = "PX", default_value_t = 26)]
    min_side: u32,
    /// Cut this many places that no box touches instead: road, houses, trees
    #[arg(long, value_name = "COUNT")]
    beside: Option<u32>,
    /// Where random numbers start from
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (out, boxes) = (&arguments.out, arguments.boxes.display());
    if out.exists() {
        let out = out.display();
        return Err(usage(format!(
            "{out} exists already; choose another folder"
        )));
    }
    let text = fs::read_to_string(&arguments.boxes)
        .map_err(|error| usage(format!("cannot read {boxes}: {error}")))?;
    let mut frames: Vec<Seen> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let seen = serde_json::from_str(line).map_err(|error| {
            usage(format!(
                "{boxes}:{}: {error}; --help shows what a line is",
                number + 1
            ))
        })?;
        frames.push(seen);
    }
    let read = |frame: usize| picture::read(&arguments.frames.join(&frames[frame].frame));
    let least = arguments.min_side as f32;
    let cuts: BTreeMap<String, Vehicle> = match arguments.beside {
        Some(count) => {
            let first = frames.first().map(|_| read(0)).transpose().map_err(usage)?;
            let size = first.map_or((0, 0), |frame| (frame.width(), frame.height()));
            let mut rng = Rng::with_seed(arguments.seed);
            let places = beside(&frames, size, least, count as usize, &mut rng);
            let alone = places.into_iter().enumerate();
            alone
                .map(|(n, place)| (format!("beside{n:04}"), vec![place]))
                .collect()
        }
        None => {
            let found = vehicles(&frames, least).into_iter().enumerate();
            found
                .map(|(n, vehicle)| (format!("{n:04}"), views(&vehicle, arguments.each as usize)))
                .collect()
        }
    };
    let made = begin(out)?;
    let pictures = fill(made.path(), &cuts, read)?;
    fs::rename(made.path(), out)
        .with_context(|| format!("cannot put {} in its place", out.display()))?;
    // It is no temporary folder any more.
    let _ = made.keep();
    let what = match arguments.beside {
        Some(_) => "places without a vehicle",
        None => "vehicles",
    };
    println!(
        "cut          {pictures} pictures of {} {what} into {}",
        cuts.len(),
        out.display()
    );
    Ok(())
}

/// A folder beside `out`, to be renamed to it when it is whole: whoever finds `out` may take it for
/// all there is. Dropped before, it is removed.
fn begin(out: &Path) -> anyhow::Result<TempDir> {
    let parent = out.parent().filter(|path| !path.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let cannot = || format!("cannot make {}", out.display());
    fs::create_dir_all(parent).with_context(cannot)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    // A temporary folder is private to its owner; a result is as readable as any other folder.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent).with_context(cannot)
}

/// Cuts the pictures out of the frames and writes them into `folder`; how many.
fn fill(
    folder: &Path,
    cuts: &BTreeMap<String, Vehicle>,
    read: impl Fn(usize) -> Result<RgbFrame, PictureError>,
) -> anyhow::Result<u32> {
    let mut decoded: Option<(usize, RgbFrame)> = None;
    let mut pictures = 0;
    let mut order: Vec<_> = cuts
        .iter()
        .flat_map(|(name, views)| {
            views
                .iter()
                .map(move |(frame, place)| (*frame, name, place))
        })
        .collect();
    order.sort_by_key(|(frame, name, _)| (*frame, *name));
    for (frame, name, place) in order {
        if decoded.as_ref().is_none_or(|(index, _)| *index != frame) {
            decoded = Some((frame, read(frame)?));
        }
        let Some((_, image)) = &decoded else { continue };
        let Some(rect) = place.pixels(MARGIN, image.width(), image.height()) else {
            continue;
        };
        let stem = format!("{name}-{frame:05}");
        let bytes = picture::jpeg(image.view().crop(rect)?, JPEG_QUALITY)?;
        let note = Note {
            vehicle: Some(name.clone()),
            ..Note::default()
        };
        let write = |kind: &str, bytes: &[u8]| {
            let path = folder.join(format!("{stem}.{kind}"));
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write("jpg", &bytes)?;
        write("json", &serde_json::to_vec(&note)?)?;
        pictures += 1;
    }
    Ok(pictures)
}
