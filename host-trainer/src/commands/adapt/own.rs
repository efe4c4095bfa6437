//! The pictures that the bundle was trained and tested on, if they are given: to remember, and to
//! judge by.

use std::sync::Arc;

use models::manifest::{Arithmetic, Measurement};
use models::{Bundle, Runner};

use super::Arguments;
use crate::answers::Answers;
use crate::candidate;
use crate::commands::{report_unreadable, usage};
use crate::dataset::Dataset;
use crate::metrics::Confusion;
use crate::run::Run;
use crate::split::{Part, Split};

/// The bundle's own pictures.
pub struct Own {
    /// Learned from.
    pub train: Dataset,
    /// Held out: the test part, or the validation part where there is none.
    test: Dataset,
}

impl Own {
    /// What the command line names; none without --run and --data.
    pub fn of(arguments: &Arguments, classes: &[String]) -> anyhow::Result<Option<Self>> {
        let own = match (&arguments.run, &arguments.data, &arguments.split) {
            (Some(folder), data, _) => {
                let run = Run::open(folder).map_err(usage)?;
                let record = run.record()?;
                if record.classes != classes {
                    return Err(usage(format!(
                        "{} has the classes {} and the bundle {}; give the run that the bundle was \
                         exported from",
                        folder.display(),
                        record.classes.join(", "),
                        classes.join(", ")
                    )));
                }
                let part = |part| candidate::part(&run, &record, part, data.as_deref());
                let held_out = match part(Part::Test)? {
                    Some(test) => Some(test),
                    None => part(Part::Validation)?,
                };
                part(Part::Train)?.zip(held_out)
            }
            (None, Some(data), Some(split)) => {
                let all = Dataset::scan_within(data, classes).map_err(usage)?;
                let split = Split::read(split).map_err(usage)?;
                Some((
                    split.select(&all, Part::Train),
                    split.select(&all, Part::Test),
                ))
            }
            (None, Some(_), None) => {
                return Err(usage(
                    "--data needs --split, or --run: pictures that were learned from cannot judge",
                ));
            }
            (None, None, _) => None,
        };
        match own {
            Some((train, test)) if train.items.is_empty() || test.items.is_empty() => Err(usage(
                "of the bundle's own pictures none is in the training or none in the test part; \
                 give the folder that the split was made of",
            )),
            Some((train, test)) => Ok(Some(Self { train, test })),
            None => Ok(None),
        }
    }

    /// Whether the bundle says that it was trained on these.
    pub fn are_of(&self, bundle: &Bundle) -> bool {
        self.train.fingerprint() == bundle.manifest().training.dataset_sha256
    }

    /// What the bundle answers on the test pictures.
    pub fn before(&self, bundle: &Bundle) -> anyhow::Result<Confusion> {
        let before = answers(bundle.model(), bundle, &self.test, "own test, before")?;
        report_unreadable(&before.unreadable);
        Ok(before.confusion(&bundle.manifest().labels))
    }

    /// What another network in the bundle answers on them.
    pub fn after(&self, bundle: &Bundle, model: &[u8]) -> anyhow::Result<(Measurement, Confusion)> {
        let classes = &bundle.manifest().labels;
        let after = answers(model, bundle, &self.test, "own test, after")?;
        Ok((
            after.measurement("own test", classes),
            after.confusion(classes),
        ))
    }
}

/// What the device will answer with this network in place of the bundle's: in half precision if the
/// bundle asks for it.
fn answers(
    model: &[u8],
    bundle: &Bundle,
    pictures: &Dataset,
    what: &str,
) -> anyhow::Result<Answers> {
    let manifest = bundle.manifest();
    let labels: Arc<[String]> = manifest.labels.clone().into();
    let temperature = manifest.decision.temperature;
    let load = match manifest.arithmetic {
        Arithmetic::Single => Runner::unproved,
        Arithmetic::Half => Runner::emulating_half,
    };
    let runner = || Ok(load(model, &manifest.input, labels.clone(), temperature)?);
    Answers::of(pictures, &runner, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::picture;

    #[test]
    fn a_bundle_in_half_precision_is_judged_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("data/red")).unwrap();
        let car = road_sim::portrait("red", 1, 96, 64).unwrap();
        let car = picture::png(car.view()).unwrap();
        std::fs::write(at.join("data/red/1.png"), &car).unwrap();
        let shipped = Bundle::shipped().unwrap();
        let written = |name: &str, arithmetic| {
            let mut manifest = shipped.manifest().clone();
            manifest.arithmetic = arithmetic;
            let (model, golden) = (shipped.model().to_vec(), vec![car.clone()]);
            Bundle::write(&at.join(name), manifest, model, golden, vec![]).unwrap()
        };
        let single = written("single", Arithmetic::Single);
        let half = written("half", Arithmetic::Half);
        let pictures = Dataset::scan_known(&at.join("data"), &shipped.manifest().labels).unwrap();
        let logits = |bundle: &Bundle| {
            let answers = answers(bundle.model(), bundle, &pictures, "").unwrap();
            answers.scores[0].logits().to_vec()
        };
        let gaps = logits(&single).into_iter().zip(logits(&half));
        let worst = gaps.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let half = Arithmetic::Half.golden_tolerance();
        assert!((1e-4..half).contains(&worst), "{worst}");
    }
}
