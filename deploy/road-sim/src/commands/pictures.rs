//! `road-sim pictures`: class folders of drawn vehicles to train on. Part are cut out of road
//! frames as a gate cuts them, small and with a loose margin; the rest are portraits.

use std::path::PathBuf;

use clap::Args;
use fastrand::Rng;
use models::{Rect, RgbFrame};
use road_sim::{COLOURS, Light, Road, SceneSpec, portrait};

use super::Misuse;
use super::output::{Output, progress};

/// Write class folders of drawn vehicles to train on
#[derive(Args)]
pub struct Arguments {
    /// Folder to write; new or empty
    #[arg(long)]
    out: PathBuf,
    /// Pictures in each class folder, 1 to 100000
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    per_class: u32,
    /// Decides every picture
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of the pictures cut out of road frames, 0 to 1
    #[arg(long, default_value_t = 0.5)]
    road_share: f64,
    /// Classes to write, parted by commas; all if left out
    #[arg(long, value_delimiter = ',')]
    colours: Vec<String>,
}

/// A road's vehicles that are cut out before another road is drawn.
const CUTS_PER_ROAD: usize = 6;

/// Writes the class folders.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if !(0.0..=1.0).contains(&arguments.road_share) {
        let text = format!(
            "--road-share {} is no share: use 0 to 1",
            arguments.road_share
        );
        return Err(Misuse(text).into());
    }
    let colours: Vec<String> = if arguments.colours.is_empty() {
        COLOURS.map(String::from).to_vec()
    } else {
        arguments.colours.clone()
    };
    let check = SceneSpec {
        colours: colours.clone(),
        ..SceneSpec::default()
    };
    check.check().map_err(Misuse::from)?;
    let output = Output::begin(&arguments.out)?;
    let from_road = (f64::from(arguments.per_class) * arguments.road_share).round() as u32;
    let bar = progress(
        colours.len() as u64 * u64::from(arguments.per_class),
        "pictures",
    );
    for (class, colour) in colours.iter().enumerate() {
        let mut rng = Rng::with_seed(arguments.seed.wrapping_add((class as u64) << 32));
        let mut written = 0;
        while written < from_road {
            for cut in road_cuts(colour, &mut rng)? {
                if written == from_road {
                    break;
                }
                written += 1;
                let png = models::picture::png(cut.view())?;
                output.write(&format!("{colour}/road-{written:05}.png"), &png)?;
                bar.inc(1);
            }
        }
        for number in 1..=arguments.per_class - from_road {
            let width = rng.u32(64..=220);
            let height = (width as f32 * (0.42 + 0.45 * rng.f32())) as u32;
            let picture = portrait(colour, rng.u64(..), width, height.max(32))?;
            let png = models::picture::png(picture.view())?;
            output.write(&format!("{colour}/portrait-{number:05}.png"), &png)?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    output.finish()?;
    println!(
        "{}: {} classes of {} pictures",
        arguments.out.display(),
        colours.len(),
        arguments.per_class
    );
    Ok(())
}

/// Vehicles cut out of one new road's frames, each vehicle once.
fn road_cuts(colour: &str, rng: &mut Rng) -> anyhow::Result<Vec<RgbFrame>> {
    const SIZES: [(u32, u32); 4] = [(320, 180), (426, 240), (512, 288), (640, 360)];
    let (width, height) = SIZES[rng.usize(..SIZES.len())];
    let road = Road::new(SceneSpec {
        width,
        height,
        seed: rng.u64(..),
        duration_ms: 30_000,
        vehicles_per_minute: 30.0,
        light: if rng.bool() {
            Light::Sun
        } else {
            Light::Overcast
        },
        noise: 0.5 + 3.0 * rng.f32(),
        colours: vec![colour.to_owned()],
        ..SceneSpec::default()
    })?;
    let mut cuts = Vec::new();
    for passage in road.passages() {
        if cuts.len() == CUTS_PER_ROAD {
            break;
        }
        let index = rng.u64(passage.first_frame..=passage.last_frame);
        let seen = road
            .visible(index)
            .into_iter()
            .find(|v| v.vehicle == passage.vehicle);
        let Some(seen) = seen.filter(|v| v.fully_inside && v.hidden < 0.1) else {
            continue;
        };
        let frame = road.frame(index);
        cuts.push(
            frame
                .view()
                .crop(loosened(seen.rect, rng, width, height))?
                .to_frame(),
        );
    }
    Ok(cuts)
}

/// The rectangle with each edge moved by its own chance: a little inwards to well outwards.
fn loosened(rect: Rect, rng: &mut Rng, width: u32, height: u32) -> Rect {
    let mut moved = |size: u32| ((rng.f32() * 0.15 - 0.03) * size as f32).round() as i64;
    let (left, right) = (moved(rect.width), moved(rect.width));
    let (top, bottom) = (moved(rect.height), moved(rect.height));
    let clip = |value: i64, end: u32| value.clamp(0, i64::from(end)) as u32;
    let x = clip(i64::from(rect.x) - left, width - 1);
    let y = clip(i64::from(rect.y) - top, height - 1);
    Rect {
        x,
        y,
        width: clip(i64::from(rect.right()) + right, width)
            .saturating_sub(x)
            .max(1),
        height: clip(i64::from(rect.bottom()) + bottom, height)
            .saturating_sub(y)
            .max(1),
    }
}
