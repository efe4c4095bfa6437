//! Makes the report of what the steps of a check found: indices become paths and names. Decides
//! nothing but which sizes are odd.

use std::path::PathBuf;

use super::copies::{Copies, Relations};
use super::layout::Layout;
use super::network::Judged;
use super::report::{
    ClassCount, LARGE_PIXELS, LONGEST_ASPECT, Labels, Member, Odd, Oddity, Report, SMALLEST_SIDE,
    Sets, Suspect, Unreadable,
};
use super::survey::{Picture, Survey};

impl Report {
    /// The report without a word about labels.
    pub fn new(
        folders: &[PathBuf],
        layout: &Layout,
        survey: &Survey,
        relations: &Relations,
    ) -> Self {
        let mut classes: Vec<ClassCount> = Vec::new();
        for class in &layout.classes {
            classes.push(ClassCount {
                class: class.clone(),
                pictures: vec![0; layout.parts.len()],
            });
        }
        for picture in &survey.pictures {
            let file = &layout.files[picture.file];
            classes[file.class].pictures[file.part] += 1;
        }
        let member = |picture: &Picture| member(layout, picture);
        let sets = |copies: &Copies| {
            let named = |sets: &[Vec<usize>]| {
                let named =
                    |set: &Vec<usize>| set.iter().map(|at| member(&survey.pictures[*at])).collect();
                sets.iter().map(named).collect()
            };
            Sets {
                exact: named(&copies.exact),
                near: named(&copies.near),
            }
        };
        let odd = survey.pictures.iter().filter_map(|picture| {
            Some(Odd {
                member: member(picture),
                width: picture.width,
                height: picture.height,
                oddity: oddity(picture)?,
            })
        });
        let mut odd: Vec<Odd> = odd.collect();
        odd.sort_by_key(|odd| (odd.oddity, odd.width.min(odd.height)));
        let unreadable = survey.unreadable.iter().map(|unreadable| Unreadable {
            path: layout.files[unreadable.file].path.clone(),
            reason: unreadable.reason(),
        });
        let numbers = relations.photograph.iter().enumerate();
        Self {
            folders: folders.to_vec(),
            parts: layout.parts.clone(),
            files: layout.files.len(),
            readable: survey.pictures.len(),
            photographs: numbers.filter(|(at, number)| at == *number).count(),
            classes,
            unreadable: unreadable.collect(),
            empty_class_folders: layout.empty.clone(),
            stray: layout.stray.clone(),
            not_pictures: layout.not_pictures.clone(),
            odd,
            contradictions: sets(&relations.contradictions),
            leaks: sets(&relations.leaks),
            repeats: sets(&relations.repeats),
            labels: None,
        }
    }

    /// Adds what was found about labels.
    pub fn add_labels(&mut self, judged: Judged, layout: &Layout, survey: &Survey) {
        let name = |class: usize| layout.classes[class].clone();
        let suspects = judged.suspects.into_iter().map(|suspect| Suspect {
            member: member(layout, &survey.pictures[suspect.picture]),
            suggested: name(suspect.suggested),
            given_probability: suspect.given_probability,
            suggested_probability: suspect.suggested_probability,
        });
        self.labels = Some(Labels {
            network: judged.network,
            pictures: judged.pictures,
            unjudged_classes: judged.unjudged.into_iter().map(name).collect(),
            agreement: judged.agreement,
            estimated_wrong: judged.wrong.iter().map(|(c, n)| (name(*c), *n)).collect(),
            suspects: suspects.collect(),
        });
    }
}

fn member(layout: &Layout, picture: &Picture) -> Member {
    let file = &layout.files[picture.file];
    Member {
        path: file.path.clone(),
        part: layout.parts[file.part].clone(),
        class: layout.classes[file.class].clone(),
    }
}

fn oddity(picture: &Picture) -> Option<Oddity> {
    let (short, long) = (
        picture.width.min(picture.height),
        picture.width.max(picture.height),
    );
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    match picture {
        _ if short < SMALLEST_SIDE => Some(Oddity::TooSmall),
        _ if long > short * LONGEST_ASPECT => Some(Oddity::Strip),
        _ if picture.blank => Some(Oddity::Blank),
        _ if pixels > LARGE_PIXELS => Some(Oddity::Large),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::Fingerprint;
    use models::RgbFrame;

    #[test]
    fn sizes_are_odd_from_their_limits_on() {
        let print = Fingerprint::of(RgbFrame::filled(4, 4, [0; 3]).unwrap().view());
        let found = |width, height, blank| {
            oddity(&Picture {
                file: 0,
                width,
                height,
                digest: [0; 32],
                print,
                blank,
            })
        };
        assert_eq!(found(32, 128, false), None);
        assert_eq!(found(31, 100, false), Some(Oddity::TooSmall));
        assert_eq!(found(129, 32, false), Some(Oddity::Strip));
        assert_eq!(found(200, 200, true), Some(Oddity::Blank));
        assert_eq!(found(4096, 4096, false), None);
        assert_eq!(found(4096, 4097, false), Some(Oddity::Large));
    }
}
