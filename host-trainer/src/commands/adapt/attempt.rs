//! Tries at a site's network: tested on vehicles that it did not learn from, and on the bundle's
//! own pictures. The first goes all the way to what was learned; while it forgets too much, the
//! next goes less far.

use anyhow::bail;
use models::Bundle;
use models::manifest::{Measurement, Quantisation};

use super::own::Own;
use crate::adapt::memory::Memory;
use crate::adapt::site::Site;
use crate::adapt::trial::{Learned, Trial};
use crate::adapt::{Base, Effort, Lesson};
use crate::gate::Limits;
use crate::metrics::Confusion;
use crate::weights::Weights;
use crate::{onnx, quantise};

/// What may be lost on the bundle's own pictures: they are not the site's.
const OWN: Limits = Limits {
    top1: 0.01,
    recall: 0.05,
};
/// How far tries go from the bundle's weights to those that were learned.
const SHARES: [f32; 4] = [1.0, 0.75, 0.5, 0.25];

/// What there is to make a site's network from.
pub struct Task<'a> {
    pub bundle: &'a Bundle,
    pub base: &'a Base,
    pub site: &'a Site,
    pub memory: &'a Memory,
    pub own: Option<&'a Own>,
    /// Whether labels are learned from, or what the bundle is sure of.
    pub with_labels: bool,
    pub effort: Effort,
}

/// What was learned, before it is decided how far to go.
struct Lessons {
    /// From all that may be learned from.
    all: Weights,
    /// From all but what it is asked; none where nothing is labelled.
    tried: Option<Learned>,
}

/// A network and how it did.
pub struct Attempt {
    /// Share of the way from the bundle's weights to those that were learned.
    pub share: f32,
    /// The network, as the bundle will have it.
    pub model: Vec<u8>,
    /// On labelled vehicles, asked of networks made like it.
    pub tried: Option<Trial>,
    /// On the bundle's own test pictures.
    pub judged: Option<(Measurement, Confusion)>,
}

/// The first try that forgets little enough. Errors when the site's vehicles are answered worse
/// than by the bundle, or every try forgets too much.
pub fn first_that_remembers(task: &Task<'_>) -> anyhow::Result<Attempt> {
    let before = task.own.map(|own| own.before(task.bundle)).transpose()?;
    let lessons = task.lessons()?;
    first_within(before.as_ref(), |share| task.attempt(&lessons, share))
}

/// The first try that loses no more than [`OWN`] against `before`, or the first where there is none.
fn first_within(
    before: Option<&Confusion>,
    mut attempt: impl FnMut(f32) -> anyhow::Result<Attempt>,
) -> anyhow::Result<Attempt> {
    let mut losses = Vec::new();
    for share in SHARES {
        if !losses.is_empty() {
            println!(
                "that forgets too much: {}; again, {:.0} % of the way",
                losses.join("; "),
                100.0 * share
            );
        }
        let attempt = attempt(share)?;
        let Some((before, (_, after))) = before.zip(attempt.judged.as_ref()) else {
            return Ok(attempt);
        };
        println!(
            "on the bundle's own test pictures: {:.3} before, {:.3} after ({} pictures)",
            before.accuracy(),
            after.accuracy(),
            after.pictures()
        );
        losses = OWN.exceeded(before, after);
        if losses.is_empty() {
            return Ok(attempt);
        }
    }
    bail!(
        "adapting loses too much on the bundle's own test pictures, even {:.0} % of the way: {}; \
         nothing was written. Label pictures of these colours, look for wrong labels, or give \
         fewer --steps",
        100.0 * SHARES[SHARES.len() - 1],
        losses.join("; ")
    )
}

impl Task<'_> {
    fn lessons(&self) -> anyhow::Result<Lessons> {
        let (base, site, memory) = (self.base, self.site, self.memory);
        let pictures: Vec<usize> = (0..site.crops.len()).collect();
        let lesson = Lesson {
            labelled: self.with_labels.then_some(pictures.as_slice()),
            effort: self.effort,
        };
        let all = base.learned(site, memory, &lesson)?;
        let tried = match self.with_labels {
            true => Some(Learned::across(base, site, memory, None, self.effort)?),
            false if site.with_class().is_empty() => None,
            false => Some(Learned::without_labels(site, all.clone())),
        };
        Ok(Lessons { all, tried })
    }

    fn attempt(&self, lessons: &Lessons, share: f32) -> anyhow::Result<Attempt> {
        let (base, classes) = (self.base, &self.bundle.manifest().labels);
        let tried = lessons.tried.as_ref();
        let tried = tried.map(|learned| learned.tried(base, self.site, classes, share));
        let tried = tried.transpose()?;
        if let Some(tried) = &tried {
            let (before, after) = (tried.before.accuracy(), tried.after.accuracy());
            println!(
                "on {}: {before:.3} before, {after:.3} after ({} pictures)",
                tried.asked,
                tried.after.pictures()
            );
            not_worse(before, after, tried.asked)?;
        }
        let model = self.model(&lessons.all, share)?;
        let judged = self.own.map(|own| own.after(self.bundle, &model));
        Ok(Attempt {
            share,
            tried,
            judged: judged.transpose()?,
            model,
        })
    }

    /// The network so large a share of the way, as the bundle will have it.
    fn model(&self, learned: &Weights, share: f32) -> anyhow::Result<Vec<u8>> {
        let base = self.base;
        let folded = quantise::fold(&base.arch, &base.moved(learned, share)?.weights());
        let parameters = match self.bundle.manifest().quantisation {
            Quantisation::None => quantise::float(folded),
            Quantisation::WeightsInt8 => quantise::weights_int8(folded),
        };
        let [height, width] = [base.spec.height, base.spec.width];
        Ok(onnx::write(&base.arch, &parameters, height, width))
    }
}

/// An error when fewer of the site's pictures are answered right than before.
fn not_worse(before: f64, after: f64, asked: &str) -> anyhow::Result<()> {
    if after < before {
        bail!(
            "adapting makes it worse here: {before:.3} to {after:.3} of the labelled pictures of \
             {asked}; nothing was written. Look for wrong labels, or label more"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(count: u32) -> Confusion {
        let mut confusion = Confusion::new(&["grey".to_string(), "red".to_string()]);
        confusion.counts[0] = vec![count, 100 - count];
        confusion.counts[1] = vec![0, 100];
        confusion
    }

    /// A try that answers so many of a hundred grey pictures right.
    fn of(share: f32, count: u32) -> Attempt {
        let measured = Measurement {
            split: "own test".into(),
            pictures: 200,
            top1: 0.0,
            macro_f1: 0.0,
            recall: std::collections::BTreeMap::new(),
        };
        Attempt {
            share,
            model: Vec::new(),
            tried: None,
            judged: Some((measured, right(count))),
        }
    }

    #[test]
    fn a_try_that_forgets_too_much_is_followed_by_one_that_goes_less_far() {
        let before = right(90);
        // Two of two hundred may be lost.
        let counts = |share: f32| if share > 0.6 { 87 } else { 88 };
        let mut tried = Vec::new();
        let kept = first_within(Some(&before), |share| {
            tried.push(share);
            Ok(of(share, counts(share)))
        });
        assert_eq!(kept.unwrap().share, 0.5);
        assert_eq!(tried, [1.0, 0.75, 0.5]);
        let told = first_within(Some(&before), |share| Ok(of(share, 80)));
        let told = told.err().unwrap().to_string();
        assert!(
            told.starts_with(
                "adapting loses too much on the bundle's own test pictures, even 25 % of the \
                 way: top-1 95.0 % to 90.0 % (10 of 200 pictures, 2 may be lost); recall of grey"
            ),
            "{told}"
        );
        // Without own pictures nothing is known to be forgotten.
        assert_eq!(
            first_within(None, |share| Ok(of(share, 0))).unwrap().share,
            1.0
        );
    }

    #[test]
    fn worse_is_refused_and_as_good_is_not() {
        not_worse(0.5, 0.5, "some").unwrap();
        let told = not_worse(0.75, 0.5, "vehicles that were not learned from")
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with("adapting makes it worse here: 0.750 to 0.500 of the labelled"),
            "{told}"
        );
    }
}
