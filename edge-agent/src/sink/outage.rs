//! What is said of a peer that takes no events: each reason once, until it is back. Pure.

use std::collections::BTreeSet;

/// Different reasons that are remembered; further ones are not told.
const REMEMBERED: usize = 32;

/// Remembers what was told.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    told: BTreeSet<String>,
}

impl Outage {
    /// Whether this reason is to be told.
    pub fn is_news(&mut self, why: &str) -> bool {
        self.told.len() < REMEMBERED && self.told.insert(why.to_string())
    }

    /// The peer is back: whether that is to be told.
    pub fn is_over(&mut self) -> bool {
        !std::mem::take(&mut self.told).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once_in_an_outage() {
        let mut outage = Outage::default();
        assert!(!outage.is_over());
        assert!(outage.is_news("refused") && outage.is_news("401"));
        assert!(!outage.is_news("refused") && !outage.is_news("401"));
        assert!(outage.is_over() && !outage.is_over());
        assert!(outage.is_news("refused"));
    }

    #[test]
    fn reasons_without_end_are_a_few_lines() {
        let mut outage = Outage::default();
        let told = (0..1000).filter(|n| outage.is_news(&n.to_string()));
        assert_eq!(told.count(), REMEMBERED);
    }
}
