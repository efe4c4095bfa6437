//! `--find-lr`: tries learning rates in one short run instead of training.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use models::{PreprocessSpec, Preprocessor};

use super::arguments::Arguments;
use super::data::Sources;
use crate::commands::{pretrained, usage};
use crate::files;
use crate::net;
use crate::plot::{self, Axis, Line, Lines, Mark, Scale, Unit};
use crate::progress;
use crate::train::{self, Job, RateTrial};

/// Rates that are tried.
const STEPS: usize = 150;
/// The chart's name, without its ending.
const CHART: &str = "find-lr";

/// Runs the trial, prints the losses and draws them into `--save-ret`.
pub fn run(arguments: &Arguments, workers: usize) -> anyhow::Result<()> {
    let spec = PreprocessSpec::imagenet(arguments.input_size());
    let preprocessor = Preprocessor::new(&spec).map_err(|e| usage(format!("--input-size: {e}")))?;
    let weights = pretrained(&arguments.pretrained, arguments.model)?;
    let data = Sources::given(arguments)?.read(&spec, workers)?;
    let recipe = arguments.recipe();
    net::seed(recipe.seed);
    let (mut net, _) = super::start(arguments, weights, &data, &preprocessor, workers)?;
    let interrupted = AtomicBool::new(false);
    let job = Job {
        pictures: &data.pictures,
        valid: &data.valid,
        classes: &data.classes,
        preprocessor: &preprocessor,
        recipe: &recipe,
        teachers: None,
        workers,
        resident: arguments.augment_on.resident(net.device()),
        interrupted: &interrupted,
    };
    let bar = progress::bar(STEPS as u64, "trying rates");
    let trial = train::find_lr(&mut net, &job, STEPS, &mut || bar.inc(1))?;
    bar.finish_and_clear();
    println!("\n{:>12}  loss", "rate");
    let every = trial.losses.len().div_ceil(20).max(1);
    for (rate, loss) in trial.losses.iter().step_by(every) {
        println!("{rate:12.2e}  {loss:.3}");
    }
    draw(&trial, &arguments.save_ret)?;
    println!("\nsuggestion   --lr {:.1e}", trial.suggestion);
    let chart = arguments.save_ret.join(CHART);
    println!("chart        {}.svg and .png", chart.display());
    Ok(())
}

fn draw(trial: &RateTrial, folder: &Path) -> anyhow::Result<()> {
    let chart = plot::lines(&Lines {
        title: "Loss at growing learning rates".into(),
        x: Axis {
            scale: Scale::Log,
            ..Axis::new("learning rate", Unit::Number)
        },
        y: Axis::new("training loss, smoothed", Unit::Number),
        lines: vec![Line {
            name: "loss".into(),
            points: trial.losses.clone(),
            ..Line::default()
        }],
        marks: vec![Mark::Upright {
            x: trial.suggestion,
            label: format!("suggestion {:.1e}", trial.suggestion),
        }],
    });
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let put = |ending: &str, bytes: &[u8]| {
        let path = folder.join(CHART).with_extension(ending);
        files::replace(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    put("svg", chart.svg().as_bytes())?;
    put("png", &chart.png()?)
}
