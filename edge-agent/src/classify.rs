//! `edge-agent classify`: pictures in, one line a picture out. No camera, no tracking, no vote.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use models::{Bundle, Ranked, Runner, Scores, picture};
use serde::Serialize;

use crate::event::{Reason, UNKNOWN};
use crate::log;
use crate::vote::top3;

/// Arguments of `classify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the bundle; without it the one compiled in.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// One JSON object a picture.
    #[arg(long)]
    json: bool,
    /// Pictures, or folders that are searched for pictures.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What is said of one picture.
#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    path: String,
    colour: String,
    score: f32,
    top3: Vec<Ranked>,
    reason: Option<Reason>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let bundle = match &args.bundle {
        Some(folder) => Bundle::open(folder)?,
        None => Bundle::shipped()?,
    };
    let mut runner = Runner::new(&bundle)?;
    let reject_below = bundle.manifest().decision.reject_below;
    let mut failed = false;
    let mut complain = |told: &dyn std::fmt::Display| {
        log::error(format_args!("{told}"));
        failed = true;
    };
    let mut pictures = Vec::new();
    for path in &args.paths {
        match expand(path) {
            Ok(found) => pictures.extend(found),
            Err(told) => complain(&told),
        }
    }
    let width = pictures
        .iter()
        .map(|path| path.display().to_string().chars().count())
        .max();
    let mut out = io::stdout().lock();
    for path in &pictures {
        let frame = match picture::read(path) {
            Ok(frame) => frame,
            Err(error) => {
                complain(&error);
                continue;
            }
        };
        let answer = answer(path, &runner.classify(frame.view())?, reject_below);
        let line = if args.json {
            serde_json::to_string(&answer)?
        } else {
            readable(&answer, width.unwrap_or(0))
        };
        if let Err(error) = writeln!(out, "{line}") {
            // Whoever reads may have seen enough.
            let ended = error.kind() == io::ErrorKind::BrokenPipe;
            return if ended {
                Ok(ExitCode::SUCCESS)
            } else {
                Err(error.into())
            };
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The pictures that a path stands for; or one line on why there are none.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let found = picture::list(path).map_err(|error| error.to_string())?;
    if found.is_empty() {
        let known = picture::EXTENSIONS.join(", ");
        return Err(format!(
            "{} has no pictures; looked for {known}",
            path.display()
        ));
    }
    Ok(found)
}

fn answer(path: &Path, scores: &Scores, reject_below: f32) -> Answer {
    let top3 = top3(scores);
    let sure = scores.probabilities()[scores.best_index()] >= reject_below;
    let best = top3.first().map_or(UNKNOWN, |best| best.colour.as_str());
    Answer {
        path: path.to_string_lossy().into_owned(),
        colour: if sure { best } else { UNKNOWN }.to_string(),
        score: top3.first().map_or(0.0, |best| best.score),
        reason: (!sure).then_some(Reason::Unsure),
        top3,
    }
}

fn readable(answer: &Answer, width: usize) -> String {
    let named = |ranked: &Ranked| format!("{} {:.2}", ranked.colour, ranked.score);
    let path = &answer.path;
    let Answer {
        colour,
        score,
        top3,
        reason,
        ..
    } = answer;
    let rest = match reason {
        Some(reason) => {
            let all: Vec<String> = top3.iter().map(named).collect();
            format!("{}: {}", reason.name(), all.join(", "))
        }
        None => format!("next: {}", top3.get(1).map_or("none".to_string(), named)),
    };
    format!("{path:<width$}  {colour:<7}  {score:.2}  ({rest})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn scores(probabilities: [f32; 4]) -> Scores {
        let labels: Arc<[String]> = ["grey", "red", "silver", "white"].map(String::from).into();
        Scores::from_logits(labels, probabilities.iter().map(|p| p.ln()).collect(), 1.0)
    }

    #[test]
    fn a_sure_answer() {
        let answer = answer(Path::new("a/b.jpg"), &scores([0.02, 0.95, 0.01, 0.02]), 0.5);
        assert_eq!(
            readable(&answer, 10),
            "a/b.jpg     red      0.95  (next: grey 0.02)"
        );
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"path":"a/b.jpg","colour":"red","score":0.95,"top3":[{"colour":"red","score":0.95},{"colour":"grey","score":0.02},{"colour":"white","score":0.02}],"reason":null}"#
        );
    }

    #[test]
    fn an_unsure_answer_still_has_its_three() {
        let answer = answer(Path::new("x.png"), &scores([0.4, 0.1, 0.35, 0.15]), 0.5);
        assert_eq!(
            (answer.colour.as_str(), answer.reason),
            ("unknown", Some(Reason::Unsure))
        );
        assert_eq!(
            readable(&answer, 5),
            "x.png  unknown  0.40  (unsure: grey 0.40, silver 0.35, white 0.15)"
        );
    }
}
