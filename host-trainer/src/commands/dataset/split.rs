//! `host-trainer dataset split`: a folder of class folders in, a `split.json` out, and how
//! honest it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::has_folder;
use crate::check;
use crate::commands::{default_workers, report_unreadable, usage};
use crate::dataset::Dataset;
use crate::duplicates::{self, Fingerprint};
use crate::files;
use crate::split::{Part, Split};

/// Divide a folder of labelled pictures into training, validation and test.
///
/// Near-duplicates stay on one side, unless --random. Files that cannot be read are left out.
/// Writes the same split.json as train makes; nothing is moved.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder with a folder of pictures for each class
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Share of each class held out for validation
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.1,
        allow_negative_numbers = true
    )]
    val_share: f64,
    /// Share of each class held out for testing
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.1,
        allow_negative_numbers = true
    )]
    test_share: f64,
    /// Where random numbers start from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draw pictures one by one, copies of one photograph on both sides: for comparison with
    /// published numbers that were made so
    #[arg(long)]
    random: bool,
}

const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for (name, share) in [
        ("val-share", arguments.val_share),
        ("test-share", arguments.test_share),
    ] {
        if !(0.0..=0.5).contains(&share) {
            return Err(usage(format!("--{name} is {share}; 0 to 0.5 can be")));
        }
    }
    if arguments.val_share + arguments.test_share == 0.0 {
        return Err(usage(
            "--val-share and --test-share are both 0; there is nothing to divide",
        ));
    }
    if arguments.out.exists() {
        return Err(usage(format!(
            "{} exists already; remove it or choose another file",
            arguments.out.display()
        )));
    }
    has_folder(&arguments.out)?;
    let parts = check::parts(&arguments.folder).map_err(usage)?;
    if parts != [arguments.folder.as_path()] {
        let names: Vec<_> = parts
            .iter()
            .map(|part| part.display().to_string())
            .collect();
        return Err(usage(format!(
            "{} is divided already, into {}; give one of these",
            arguments.folder.display(),
            names.join(", ")
        )));
    }
    let dataset = Dataset::scan(&arguments.folder).map_err(usage)?;
    let (dataset, prints) = readable(dataset)?;
    let (validation, test) = (arguments.val_share, arguments.test_share);
    let split = if arguments.random {
        Split::random(&dataset, validation, test, arguments.seed)
    } else {
        let groups = duplicates::groups(&prints);
        Split::by_group(&dataset, &groups, validation, test, arguments.seed)
    };
    let text = serde_json::to_string_pretty(&split)? + "\n";
    files::replace(&arguments.out, text.as_bytes())
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    print!("{}", table(&dataset, &split));
    println!();
    for (part, torn) in torn(&dataset, &prints, &split) {
        let count = split.parts.get(&part).map_or(0, Vec::len);
        println!(
            "{:<12} {torn} of {count} pictures ({:.1} %) have a near-duplicate in training",
            part.name(),
            100.0 * torn as f64 / count.max(1) as f64
        );
    }
    println!("split        {}", arguments.out.display());
    Ok(())
}

/// The dataset without what cannot be read, and its fingerprints.
fn readable(dataset: Dataset) -> anyhow::Result<(Dataset, Vec<Fingerprint>)> {
    let paths = dataset
        .items
        .iter()
        .map(|item| dataset.file(item))
        .collect();
    let found = check::fingerprints(paths, default_workers())?;
    report_unreadable(&found.unreadable);
    let items = dataset.items.iter().zip(&found.prints);
    let items: Vec<_> = items
        .filter(|(_, print)| print.is_some())
        .map(|(item, _)| item.clone())
        .collect();
    if items.is_empty() {
        bail!("no picture in {} can be read", dataset.root.display());
    }
    Ok((
        dataset.with(items),
        found.prints.into_iter().flatten().collect(),
    ))
}

/// Pictures of each class in each part.
fn table(dataset: &Dataset, split: &Split) -> String {
    let counts = PARTS.map(|part| split.select(dataset, part).counts());
    let widest = dataset
        .classes
        .iter()
        .map(|class| class.chars().count())
        .max();
    let width = widest.unwrap_or(0).max("class".len());
    let mut text = format!("{:<width$}", "class");
    PARTS
        .iter()
        .for_each(|part| text += &format!("  {:>10}", part.name()));
    text += "\n";
    let row = |name: &str, counts: [u32; 3]| {
        let counts = counts.map(|count| format!("  {count:>10}"));
        format!("{name:<width$}{}\n", counts.concat())
    };
    for class in &dataset.classes {
        text += &row(class, std::array::from_fn(|part| counts[part][class]));
    }
    text += &row(
        "all",
        std::array::from_fn(|part| counts[part].values().sum()),
    );
    text
}

/// For validation and test: how many of the pictures have a near-duplicate in training.
fn torn(dataset: &Dataset, prints: &[Fingerprint], split: &Split) -> Vec<(Part, usize)> {
    let part_of: Vec<Part> = {
        let held = |part| {
            split
                .parts
                .get(&part)
                .into_iter()
                .flatten()
                .collect::<BTreeSet<_>>()
        };
        let (validation, test) = (held(Part::Validation), held(Part::Test));
        let part = |path: &String| match () {
            () if validation.contains(path) => Part::Validation,
            () if test.contains(path) => Part::Test,
            () => Part::Train,
        };
        dataset.items.iter().map(|item| part(&item.path)).collect()
    };
    let mut torn = BTreeSet::new();
    duplicates::near_pairs(
        prints,
        default_workers(),
        &mut |a, b, _| match (part_of[a], part_of[b]) {
            (Part::Train, Part::Train) => {}
            (Part::Train, _) => _ = torn.insert(b),
            (_, Part::Train) => _ = torn.insert(a),
            _ => {}
        },
    );
    let count = |part| torn.iter().filter(|at| part_of[**at] == part).count();
    let present = |part: &Part| split.parts.contains_key(part);
    [Part::Validation, Part::Test]
        .into_iter()
        .filter(present)
        .map(|part| (part, count(part)))
        .collect()
}
