//! The finished runs that a run learns from: taken from the command line, written into its record,
//! and found again when it goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use models::hash::sha256_hex;

use super::Arguments;
use crate::commands::usage;
use crate::net::Net;
use crate::run::{Run, RunRecord, Teaching};
use crate::split::Split;
use crate::train::{Teacher, Teachers};
use crate::weights;

/// What the command line names; none without `--teacher`.
pub fn given(arguments: &Arguments) -> anyhow::Result<Option<Teaching>> {
    let mut runs = BTreeMap::new();
    for folder in &arguments.teacher {
        let run = Run::open(folder).map_err(|e| usage(format!("--teacher: {e}")))?;
        let hash = hash(&run).map_err(|e| usage(format!("--teacher: {e}")))?;
        runs.insert(super::absolute(folder)?, hash);
    }
    Ok((!runs.is_empty()).then_some(Teaching {
        share: arguments.teacher_share,
        runs,
    }))
}

/// The recorded teachers' networks, on the device of the learner `beside` them. Errors when one is
/// gone, is another than it was, does not answer the same question, or has learned pictures that
/// this run holds out by `split`.
pub fn teachers(
    record: &RunRecord,
    split: Option<&Split>,
    beside: &Net,
) -> anyhow::Result<Option<Teachers>> {
    let Some(teaching) = &record.teaching else {
        return Ok(None);
    };
    let mut nets = Vec::new();
    for (folder, expected) in &teaching.runs {
        nets.push(teacher(record, split, beside, folder, expected)?);
    }
    Ok(Some(Teachers {
        nets,
        share: teaching.share,
    }))
}

fn teacher(
    learner: &RunRecord,
    split: Option<&Split>,
    beside: &Net,
    folder: &Path,
    expected: &str,
) -> anyhow::Result<Teacher> {
    let run = Run::open(folder)?;
    let told = run.record()?;
    let name = folder.display();
    if told.classes != learner.classes {
        return Err(usage(format!(
            "the teacher {name} knows {}; this run is about {}",
            told.classes.join(", "),
            learner.classes.join(", ")
        )));
    }
    let same = told.data_train == learner.data_train;
    if same && run.split()?.map(|s| s.parts) != split.map(|s| s.parts.clone()) {
        return Err(usage(format!(
            "the teacher {name} was trained on pictures that this run holds out: give --split {}",
            folder.join("split.json").display()
        )));
    }
    if hash(&run)? != *expected {
        bail!("the best weights of the teacher {name} are not those that this run began with");
    }
    let file = run.weights_file("best");
    let mut net = Net::new(&told.arch(), beside.device());
    net.load_all(&weights::read(&file)?, &file.display().to_string())?;
    net.set_precision(learner.recipe.precision);
    Ok(Teacher {
        net,
        side: [told.input.height, told.input.width],
    })
}

fn hash(run: &Run) -> anyhow::Result<String> {
    let file = run.weights_file("best");
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(sha256_hex(&bytes))
}
