//! Which packet of a connection carries what, until the broker acknowledges it. Pure.

use std::collections::{BTreeMap, VecDeque};

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
}

impl Window {
    /// A window of `most` packets.
    pub fn new(most: u16) -> Self {
        Self {
            most: most.into(),
            handed: VecDeque::new(),
            sent: BTreeMap::new(),
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
    pub fn send(&mut self, packet: u16) {
        if let Some(cargo) = self.handed.pop_front() {
            self.sent.insert(packet, cargo);
        }
    }

    /// The broker acknowledged a packet: what it carried.
    pub fn acknowledge(&mut self, packet: u16) -> Option<Cargo> {
        self.sent.remove(&packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_find_their_cargo_in_any_order() {
        let mut window = Window::new(3);
        for cargo in [Cargo::Other, Cargo::Record(7), Cargo::Record(8)] {
            assert!(window.has_room());
            window.hand(cargo);
        }
        assert!(!window.has_room());
        (1..=3).for_each(|packet| window.send(packet));
        assert_eq!(window.acknowledge(3), Some(Cargo::Record(8)));
        assert_eq!(window.acknowledge(3), None);
        assert!(window.has_room() && !window.is_empty());
        window.hand(Cargo::Record(9));
        window.send(3);
        assert_eq!(window.acknowledge(1), Some(Cargo::Other));
        assert_eq!(window.acknowledge(2), Some(Cargo::Record(7)));
        assert_eq!(window.acknowledge(3), Some(Cargo::Record(9)));
        assert!(window.is_empty());
    }
}
