//! A run's pictures: read, and divided into those that train, that choose the epoch and that are
//! tested on.

use std::path::{Path, PathBuf};

use anyhow::bail;
use models::PreprocessSpec;
use models::hash::sha256_hex;

use super::arguments::Arguments;
use crate::commands::{report_unreadable, usage};
use crate::dataset::Dataset;
use crate::duplicates::{self, Fingerprint};
use crate::loader::{self, Input, Loaded, Pictures};
use crate::progress;
use crate::run::{Run, RunRecord};
use crate::split::{Part, Split};
use crate::train::Preset;

/// Where a run's pictures come from.
#[derive(Debug)]
pub struct Sources {
    /// Folder of class folders.
    pub train: PathBuf,
    /// The same for validation.
    pub valid: Option<PathBuf>,
    /// More class folders that only training sees.
    pub extra: Vec<PathBuf>,
    /// Only these classes; all when empty.
    pub classes: Vec<String>,
    /// How pictures are held out when there is no validation folder.
    pub division: Division,
}

/// How pictures are held out.
#[derive(Debug)]
pub enum Division {
    /// So that near-duplicates stay together; shares for validation and test.
    Grouped([f64; 2], u64),
    /// Picture by picture; shares for validation and test.
    Random([f64; 2], u64),
    /// As it was.
    Given(Split),
}

/// The pictures of a run, divided.
#[derive(Debug)]
pub struct Data {
    /// Class names in index order.
    pub classes: Vec<String>,
    /// Training pictures in memory, extra ones included.
    pub pictures: Pictures,
    /// The training pictures that are not extra.
    pub train: Dataset,
    /// SHA-256 over the paths and lengths of all others: validation and extra pictures.
    pub others_sha256: String,
    /// Validation pictures, preprocessed.
    pub valid: Vec<Input>,
    /// The division, when there is no validation folder.
    pub split: Option<Split>,
}

impl Sources {
    /// What the command line says.
    pub fn given(arguments: &Arguments) -> anyhow::Result<Self> {
        let default_val = Path::new("./data/val");
        let held_out = arguments.split.is_some()
            || arguments.val_share.is_some()
            || arguments.test_share.is_some();
        let defaults = arguments.data_train == Path::new("./data/train") && !held_out;
        let valid = arguments.data_val.clone();
        let shares = arguments.shares();
        let seed = arguments.recipe().seed;
        let division = match (arguments.split.as_deref(), arguments.recipe) {
            (Some("group"), _) | (None, Preset::Default) => Division::Grouped(shares, seed),
            (Some("random"), _) | (None, Preset::Reference) => Division::Random(shares, seed),
            (Some(file), _) => Division::Given(Split::read(Path::new(file)).map_err(usage)?),
        };
        Ok(Self {
            train: arguments.data_train.clone(),
            valid: valid.or_else(|| (defaults && default_val.is_dir()).then(|| default_val.into())),
            extra: arguments.data_extra.clone(),
            classes: arguments.classes.clone(),
            division,
        })
    }

    /// What an earlier run had.
    pub fn recorded(run: &Run, record: &RunRecord) -> anyhow::Result<Self> {
        Ok(Self {
            train: record.data_train.clone(),
            valid: record.data_val.clone(),
            extra: record.data_extra.clone(),
            classes: record.classes.clone(),
            division: Division::Given(run.split()?.unwrap_or_default()),
        })
    }

    /// Reads and divides them.
    pub fn read(self, spec: &PreprocessSpec, workers: usize) -> anyhow::Result<Data> {
        let all = self.scan()?;
        let classes = all.classes.clone();
        let mut room = loader::KEPT_BYTES;
        let loaded = load_with_bar(&all, workers, &mut room, "reading pictures")?;
        let all = all.with(loaded.items);
        let (train, valid, split) = match (&self.valid, self.division) {
            (Some(folder), _) => {
                let valid = match self.classes.is_empty() {
                    true => Dataset::scan_known(folder, &classes),
                    false => Dataset::scan_within(folder, &classes),
                };
                (all.clone(), valid.map_err(usage)?, None)
            }
            (None, division) => {
                let split = match division {
                    Division::Given(split) => split,
                    Division::Random([valid, test], seed) => Split::random(&all, valid, test, seed),
                    Division::Grouped([valid, test], seed) => {
                        let groups = duplicates::groups(&loaded.fingerprints);
                        report_groups(&groups);
                        Split::by_group(&all, &groups, valid, test, seed)
                    }
                };
                let part = |part| split.select(&all, part);
                (part(Part::Train), part(Part::Validation), Some(split))
            }
        };
        // A photograph that was held out must not come back by another folder.
        let grouped = split.as_ref().filter(|split| split.grouped);
        let held_out: Vec<Fingerprint> = grouped.map_or_else(Vec::new, |split| {
            let held_out = split.held_out();
            let prints = all.items.iter().zip(&loaded.fingerprints);
            let prints = prints.filter(|(item, _)| held_out.contains(item.path.as_str()));
            prints.map(|(_, print)| *print).collect()
        });
        let mut others = vec![valid.fingerprint()];
        let mut extra = Pictures::default();
        let mut shown = 0;
        for folder in &self.extra {
            let more = match self.classes.is_empty() {
                true => Dataset::scan_known(folder, &classes),
                false => Dataset::scan_within(folder, &classes),
            };
            let more = more.map_err(usage)?;
            let read = load_with_bar(&more, workers, &mut room, "reading extra")?;
            others.push(more.with(read.items).fingerprint());
            let same = duplicates::shown_in(&read.fingerprints, &held_out, workers);
            shown += same.iter().filter(|same| **same).count();
            let apart = read
                .pictures
                .select(|index| !same[index], Pictures::default());
            extra = extra.select(|_| true, apart);
        }
        if shown > 0 {
            println!("duplicates   {shown} extra pictures show a held-out photograph: left out");
        }
        let extra_count = extra.count();
        let trains = |index: usize| {
            let item = &all.items[index];
            let key = (item.class, &item.path);
            let found = train
                .items
                .binary_search_by(|i| (i.class, &i.path).cmp(&key));
            found.is_ok()
        };
        let pictures = loaded.pictures.select(trains, extra);
        let (valid, unreadable) =
            loader::load_inputs(&valid, spec, workers).map_err(anyhow::Error::msg)?;
        report_unreadable(&unreadable);
        let test = split
            .as_ref()
            .map_or(0, |split| split.select(&all, Part::Test).items.len());
        println!("classes      {}: {}", classes.len(), classes.join(" "));
        println!(
            "pictures     {} train ({extra_count} of them extra), {} validation, {test} test",
            pictures.count(),
            valid.len(),
        );
        if let Some((class, _)) = train.counts().iter().find(|(_, count)| **count == 0) {
            bail!("no training picture of {class} is left; add pictures of it");
        }
        if valid.is_empty() {
            bail!(
                "no picture is left for validation; give --data-val, or more pictures of each class"
            );
        }
        Ok(Data {
            classes,
            pictures,
            train,
            others_sha256: sha256_hex(others.join("\n").as_bytes()),
            valid,
            split,
        })
    }

    fn scan(&self) -> anyhow::Result<Dataset> {
        let all = Dataset::scan(&self.train).map_err(usage)?;
        if self.classes.is_empty() {
            return Ok(all);
        }
        let mut wanted = self.classes.clone();
        wanted.sort();
        wanted.dedup();
        if let Some(absent) = wanted.iter().find(|class| !all.classes.contains(class)) {
            return Err(usage(format!(
                "--classes: {} has no folder {absent}; it has {}",
                self.train.display(),
                all.classes.join(", ")
            )));
        }
        if wanted.len() < 2 {
            return Err(usage("--classes: a classifier needs at least two classes"));
        }
        Dataset::scan_within(&self.train, &wanted).map_err(usage)
    }
}

/// How many photographs there are several pictures of.
fn report_groups(groups: &[usize]) {
    let mut sizes = std::collections::HashMap::new();
    groups
        .iter()
        .for_each(|group| *sizes.entry(group).or_insert(0usize) += 1);
    let largest = sizes.values().max().copied().unwrap_or(0);
    println!(
        "duplicates   {} pictures show {} photographs; the most pictures of one: {largest}",
        groups.len(),
        sizes.len()
    );
}

/// Reads with a bar; what is kept in memory takes from `room`, in bytes.
fn load_with_bar(
    dataset: &Dataset,
    workers: usize,
    room: &mut usize,
    what: &str,
) -> anyhow::Result<Loaded> {
    let bar = progress::bar(dataset.items.len() as u64, what);
    let loaded = loader::load(dataset, workers, room, &|| bar.inc(1));
    bar.finish_and_clear();
    report_unreadable(&loaded.unreadable);
    if loaded.items.is_empty() {
        bail!("no picture in {} can be read", dataset.root.display());
    }
    Ok(loaded)
}
