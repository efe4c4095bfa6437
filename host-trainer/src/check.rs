//! What stands in the way of trusting a folder of labelled pictures: files that cannot be read,
//! odd sizes, copies, contradicting labels, leaks between parts, likely wrong labels. Finds and
//! reports; moves, deletes and repairs nothing.

mod assemble;
mod colour;
mod copies;
mod labels;
mod layout;
mod network;
mod page;
mod report;
mod summary;
mod survey;

use layout::Layout;
pub use layout::parts;
pub use network::Network;
pub use page::page;
pub use report::{Problem, Report};
pub use summary::summary;

use std::path::PathBuf;

use copies::relate;
use models::{PictureError, Preprocessor};

use crate::duplicates::Fingerprint;
use crate::progress;
use layout::File;

/// Checks the pictures in `folders`; labels too when there is a network to look with.
pub fn check(
    folders: &[PathBuf],
    network: Option<&Network>,
    workers: usize,
) -> anyhow::Result<Report> {
    let layout = Layout::scan(folders).map_err(crate::commands::usage)?;
    let preprocessor = network
        .map(|network| Preprocessor::new(network.spec()))
        .transpose()
        .map_err(anyhow::Error::msg)?;
    let mut features = network::Features::default();
    let bar = progress::bar(layout.files.len() as u64, "reading pictures");
    let survey = survey::survey(
        &layout.files,
        workers,
        preprocessor.as_ref(),
        &mut |looks| {
            if let Some(network) = network {
                network.add_features(looks, &mut features)?;
            }
            Ok(())
        },
        &|| bar.inc(1),
    )?;
    bar.finish_and_clear();
    let place = |picture: &survey::Picture| {
        let file = &layout.files[picture.file];
        (file.part, file.class)
    };
    let relations = relate(&survey.pictures, place, workers);
    let mut report = Report::new(folders, &layout, &survey, &relations);
    if let Some(network) = network {
        let class: Vec<usize> = survey
            .pictures
            .iter()
            .map(|picture| place(picture).1)
            .collect();
        let labels = network.judge(
            &features,
            &class,
            &relations.photograph,
            layout.classes.len(),
        )?;
        report.add_labels(labels, &layout, &survey);
    }
    Ok(report)
}

/// Fingerprints of picture files.
#[derive(Debug)]
pub struct Fingerprints {
    /// In order of the files; none where one cannot be read.
    pub prints: Vec<Option<Fingerprint>>,
    /// What cannot be read.
    pub unreadable: Vec<PictureError>,
}

/// Reads pictures for their fingerprints alone.
pub fn fingerprints(paths: Vec<PathBuf>, workers: usize) -> anyhow::Result<Fingerprints> {
    let file = |path| File {
        path,
        part: 0,
        class: 0,
    };
    let files: Vec<File> = paths.into_iter().map(file).collect();
    let bar = progress::bar(files.len() as u64, "reading pictures");
    let survey = survey::survey(&files, workers, None, &mut |_| Ok(()), &|| bar.inc(1))?;
    bar.finish_and_clear();
    let mut prints = vec![None; files.len()];
    for picture in survey.pictures {
        prints[picture.file] = Some(picture.print);
    }
    let unreadable = survey.unreadable.into_iter().map(|file| file.error);
    Ok(Fingerprints {
        prints,
        unreadable: unreadable.collect(),
    })
}
