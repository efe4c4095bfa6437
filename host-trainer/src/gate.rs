//! Whether one network may take another's place, by what it loses on the same labelled pictures.
//! Measures nothing and writes nothing.

use std::fmt::Write as _;

use crate::metrics::Confusion;

/// How much of an accuracy may be lost. A share of few pictures is less than one picture: one may
/// always be lost, of all pictures and of each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Of the share of right answers, 0 to 1.
    pub top1: f64,
    /// Of each class's recall, 0 to 1.
    pub recall: f64,
}

impl Limits {
    /// Half a point of top-1, two points of a class's recall.
    pub const STRICT: Self = Self {
        top1: 0.005,
        recall: 0.02,
    };

    /// What `after` loses beyond the limits against `before`, both counted on the same pictures:
    /// a phrase for each of top-1 and the classes. Empty when it may take the other's place.
    pub fn exceeded(&self, before: &Confusion, after: &Confusion) -> Vec<String> {
        let mut phrases = Vec::new();
        let all = before.pictures();
        phrases.extend(phrase("top-1", right(before), right(after), all, self.top1));
        for (class, name) in before.classes.iter().enumerate() {
            let pictures = before.counts[class].iter().sum();
            let (old, new) = (before.counts[class][class], after.counts[class][class]);
            let what = format!("recall of {name}");
            phrases.extend(phrase(&what, old, new, pictures, self.recall));
        }
        phrases
    }
}

fn right(confusion: &Confusion) -> u32 {
    (0..confusion.classes.len())
        .map(|class| confusion.counts[class][class])
        .sum()
}

/// What to say of a loss; none when it is within the limit.
fn phrase(what: &str, old: u32, new: u32, pictures: u32, limit: f64) -> Option<String> {
    let lost = old.saturating_sub(new);
    // A whole number of pictures, told from one that a rounding error made larger.
    let allowed = (limit * f64::from(pictures) + 1e-9).floor().max(1.0);
    if f64::from(lost) <= allowed {
        return None;
    }
    let share = |count: u32| 100.0 * f64::from(count) / f64::from(pictures);
    let mut text = String::new();
    let _ = write!(
        text,
        "{what} {:.1} % to {:.1} % ({lost} of {pictures} pictures, {allowed} may be lost)",
        share(old),
        share(new)
    );
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `right` of `pictures` answers of each class are right, the others are the next class.
    fn confusion(classes: &[(&str, u32, u32)]) -> Confusion {
        let names: Vec<String> = classes.iter().map(|(name, ..)| name.to_string()).collect();
        let mut confusion = Confusion::new(&names);
        for (class, (_, right, pictures)) in classes.iter().enumerate() {
            confusion.counts[class][class] = *right;
            confusion.counts[class][(class + 1) % classes.len()] += pictures - right;
        }
        confusion
    }

    #[test]
    fn a_point_of_one_class_is_let_pass_and_three_are_not() {
        let before = confusion(&[("grey", 180, 200), ("red", 750, 800)]);
        let after = |grey| confusion(&[("grey", grey, 200), ("red", 750, 800)]);
        let limits = Limits::STRICT;
        assert!(limits.exceeded(&before, &after(176)).is_empty());
        assert_eq!(
            limits.exceeded(&before, &after(175)),
            ["recall of grey 90.0 % to 87.5 % (5 of 200 pictures, 4 may be lost)"]
        );
    }

    #[test]
    fn many_small_losses_add_up_to_a_loss_of_top_1() {
        let before = confusion(&[("grey", 480, 500), ("red", 490, 500)]);
        let after = confusion(&[("grey", 477, 500), ("red", 487, 500)]);
        assert_eq!(
            Limits::STRICT.exceeded(&before, &after),
            ["top-1 97.0 % to 96.4 % (6 of 1000 pictures, 5 may be lost)"]
        );
    }

    #[test]
    fn of_few_pictures_one_may_be_lost_and_two_may_not() {
        let before = confusion(&[("grey", 8, 10), ("red", 9, 10)]);
        let after = |grey| confusion(&[("grey", grey, 10), ("red", 9, 10)]);
        assert!(Limits::STRICT.exceeded(&before, &after(7)).is_empty());
        assert_eq!(Limits::STRICT.exceeded(&before, &after(6)).len(), 2);
    }

    #[test]
    fn gains_are_no_loss() {
        let before = confusion(&[("grey", 2, 10), ("red", 3, 10)]);
        let after = confusion(&[("grey", 9, 10), ("red", 9, 10)]);
        assert!(Limits::STRICT.exceeded(&before, &after).is_empty());
    }
}
