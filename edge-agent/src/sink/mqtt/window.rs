//! Which packet of a connection carries what, until the broker acknowledges it. Pure.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// A record of the spool.
    Record(u64),
    /// A status or a description.
    Other,
}

/// Packets handed to the client: first without, then with an identifier.
#[derive(Debug)]
pub struct Window {
    most: usize,
    handed: VecDeque<Cargo>,
    sent: BTreeMap<u16, Cargo>,
    waits_since: Option<Instant>,
}

impl Window {
    /// A window of `most` packets.
    pub fn new(most: u16) -> Self {
        Self {
            most: most.into(),
            handed: VecDeque::new(),
            sent: BTreeMap::new(),
            waits_since: None,
        }
    }

    /// Whether another packet may be handed over.
    pub fn has_room(&self) -> bool {
        self.handed.len() + self.sent.len() < self.most
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.handed.is_empty() && self.sent.is_empty()
    }

    /// A packet was handed to the client.
    pub fn hand(&mut self, cargo: Cargo) {
        self.handed.push_back(cargo);
    }

    /// The client sent the oldest packet it was handed, with this identifier.
    pub fn send(&mut self, packet: u16, now: Instant) {
        if let Some(cargo) = self.handed.pop_front() {
            self.sent.insert(packet, cargo);
            self.waits_since.get_or_insert(now);
        }
    }

    /// The broker acknowledged a packet: what it carried.
    pub fn acknowledge(&mut self, packet: u16, now: Instant) -> Option<Cargo> {
        let cargo = self.sent.remove(&packet);
        self.waits_since = (!self.sent.is_empty()).then_some(now);
        cargo
    }

    /// Since when something was sent and nothing acknowledged; none when nothing is awaited.
    pub fn waits_since(&self) -> Option<Instant> {
        self.waits_since
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn acknowledgements_find_their_cargo_in_any_order() {
        let mut window = Window::new(3);
        for cargo in [Cargo::Other, Cargo::Record(7), Cargo::Record(8)] {
            assert!(window.has_room());
            window.hand(cargo);
        }
        assert!(!window.has_room());
        let now = Instant::now();
        (1..=3).for_each(|packet| window.send(packet, now));
        assert_eq!(window.acknowledge(3, now), Some(Cargo::Record(8)));
        assert_eq!(window.acknowledge(3, now), None);
        assert!(window.has_room() && !window.is_empty());
        window.hand(Cargo::Record(9));
        window.send(3, now);
        assert_eq!(window.acknowledge(1, now), Some(Cargo::Other));
        assert_eq!(window.acknowledge(2, now), Some(Cargo::Record(7)));
        assert_eq!(window.acknowledge(3, now), Some(Cargo::Record(9)));
        assert!(window.is_empty());
    }

    #[test]
    fn any_acknowledgement_is_progress() {
        let mut window = Window::new(3);
        let start = Instant::now();
        let later = |s: u64| start + Duration::from_secs(s);
        (0..3).for_each(|number| window.hand(Cargo::Record(number)));
        // Not on its way yet.
        assert_eq!(window.waits_since(), None);
        window.send(1, later(1));
        window.send(2, later(2));
        assert_eq!(window.waits_since(), Some(later(1)));
        window.acknowledge(2, later(9));
        assert_eq!(window.waits_since(), Some(later(9)));
        window.send(3, later(10));
        assert_eq!(window.waits_since(), Some(later(9)));
        window.acknowledge(1, later(11));
        window.acknowledge(3, later(12));
        assert_eq!(window.waits_since(), None);
    }
}
