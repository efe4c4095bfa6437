//! One pass over every picture: what it is, in a few hundred bytes each, and what cannot be
//! read. Keeps no picture; draws no conclusion.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use models::picture::{self, MAX_FILE_BYTES, PictureError};
use models::{Preprocessor, RgbFrame};
use sha2::{Digest, Sha256};

use super::colour;
use super::layout::File;
use crate::duplicates::Fingerprint;
use crate::loader::in_parallel;

/// Pictures decoded before their inputs are embedded: 224 x 224 inputs of this many take 77 MB.
const CHUNK: usize = 128;

/// A picture that was read.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Index of its file.
    pub file: usize,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// What near-duplicates have in common.
    pub print: Fingerprint,
    /// Whether it is one plain colour.
    pub blank: bool,
}

/// A file that is no usable picture.
#[derive(Debug)]
pub struct Unreadable {
    /// Index of the file.
    pub file: usize,
    /// Why.
    pub error: PictureError,
}

impl Unreadable {
    /// Why, without the path.
    pub fn reason(&self) -> String {
        match &self.error {
            PictureError::Read { source, .. } => source.to_string(),
            PictureError::Decode { source, .. } => source.to_string(),
        }
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Survey {
    /// The pictures, in order of the files.
    pub pictures: Vec<Picture>,
    /// The rest, in order of the files.
    pub unreadable: Vec<Unreadable>,
}

/// What the label check sees of a picture.
#[derive(Clone, Debug)]
pub struct Look {
    /// The network's input, `[height, width, 3]`.
    pub input: Vec<f32>,
    /// Its colours (see [`colour::describe`]).
    pub colours: Vec<f32>,
}

/// Takes the looks at a chunk's pictures.
pub type Looks<'a> = dyn FnMut(Vec<Look>) -> anyhow::Result<()> + 'a;

/// Reads every file on `workers` threads. With a preprocessor, `looks` is given looks at
/// the pictures, chunk by chunk, in the order of the survey's pictures. `progress` is
/// called after each file.
pub fn survey(
    files: &[File],
    workers: usize,
    preprocessor: Option<&Preprocessor>,
    looks: &mut Looks<'_>,
    progress: &(dyn Fn() + Sync),
) -> anyhow::Result<Survey> {
    let mut survey = Survey::default();
    for (number, chunk) in files.chunks(CHUNK).enumerate() {
        let read = in_parallel(chunk.len(), workers, |index| {
            let file = number * CHUNK + index;
            let result = look(&chunk[index].path).map(|(digest, frame)| {
                let look = preprocessor.map(|preprocessor| {
                    let mut input = Vec::with_capacity(preprocessor.spec().len());
                    preprocessor
                        .clone()
                        .input_interleaved(frame.view(), &mut input);
                    let colours = colour::describe(frame.view());
                    Look { input, colours }
                });
                (picture_of(file, digest, &frame), look)
            });
            progress();
            (file, result)
        });
        let mut chunk_looks = Vec::new();
        for (file, result) in read {
            match result {
                Ok((picture, look)) => {
                    survey.pictures.push(picture);
                    chunk_looks.extend(look);
                }
                Err(error) => survey.unreadable.push(Unreadable { file, error }),
            }
        }
        if !chunk_looks.is_empty() {
            looks(chunk_looks)?;
        }
    }
    Ok(survey)
}

fn picture_of(file: usize, digest: [u8; 32], frame: &RgbFrame) -> Picture {
    let print = Fingerprint::of(frame.view());
    Picture {
        file,
        width: frame.width(),
        height: frame.height(),
        digest,
        print,
        blank: print.is_plain(),
    }
}

fn look(path: &Path) -> Result<([u8; 32], RgbFrame), PictureError> {
    let bytes = bytes(path).map_err(|source| PictureError::Read {
        path: path.into(),
        source,
    })?;
    let frame = picture::decode(&bytes).map_err(|source| PictureError::Decode {
        path: path.into(),
        source,
    })?;
    Ok((Sha256::digest(&bytes).into(), frame))
}

/// A file's bytes, no more than a picture may have and one.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::PreprocessSpec;

    #[test]
    fn inputs_come_in_the_order_of_the_pictures_and_reasons_without_paths() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            File {
                path,
                part: 0,
                class: 0,
            }
        };
        let plain = |level: u8| {
            let frame = RgbFrame::filled(40, 30, [level; 3]).unwrap();
            picture::png(frame.view()).unwrap()
        };
        let mut files: Vec<File> = (0..150u8)
            .map(|n| file(&format!("{n:03}.png"), &plain(n)))
            .collect();
        files.insert(3, file("list.jpg", b"bread, milk"));
        std::fs::create_dir(folder.path().join("x.jpg")).unwrap();
        files.push(File {
            path: folder.path().join("x.jpg"),
            ..files[0].clone()
        });
        let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(16)).unwrap();
        let mut firsts = Vec::new();
        let result = survey(
            &files,
            3,
            Some(&preprocessor),
            &mut |looks| {
                firsts.extend(looks.iter().map(|look| look.input[0]));
                Ok(())
            },
            &|| {},
        )
        .unwrap();
        assert_eq!(result.pictures.len(), 150);
        assert!(firsts.is_sorted() && firsts.len() == 150);
        assert!(result.pictures.iter().all(|picture| picture.blank));
        let reasons: Vec<_> = result
            .unreadable
            .iter()
            .map(|u| (u.file, u.reason()))
            .collect();
        assert_eq!(
            reasons,
            [
                (3, "it is not a JPEG, PNG, BMP or WebP picture".into()),
                (151, "it is no ordinary file".into())
            ]
        );
    }
}
