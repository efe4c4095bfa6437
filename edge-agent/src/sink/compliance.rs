//! What every sink must do, checked the same way for each: deliver in order, get over failures
//! alone, never hold up the agent, lose nothing that it could keep. Tests only; how each place
//! fails is in `places`.

mod places;

use self::places::{Broker, Crops, File, Place, Stream, Web};
use super::outlet::QUEUE;
use super::{LAST_GRACE, Outlet, Overflow};
use crate::testing::an_event;

/// Sends events and knows how many there were.
struct Sender {
    outlet: Option<Outlet>,
    sent: u64,
}

impl Sender {
    fn open(place: &dyn Place, overflow: Overflow, sent: u64) -> Self {
        let outlet = Outlet::start(place.sink(), overflow, |told| eprintln!("{told}"));
        Self {
            outlet: Some(outlet.unwrap()),
            sent,
        }
    }

    /// Sends; memory stays bounded meanwhile.
    fn send(&mut self, count: u64) {
        let outlet = self.outlet.as_mut().unwrap();
        for _ in 0..count {
            outlet.send(&an_event(self.sent));
            self.sent += 1;
            assert!(outlet.waiting() <= QUEUE);
        }
    }

    /// A sink that keeps events takes them whatever its peer does.
    fn wait_until_taken(&self) {
        while self.outlet.as_ref().unwrap().waiting() > 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn lost(&self) -> u64 {
        self.outlet.as_ref().unwrap().tally().lost
    }

    fn finish(&mut self) {
        let outlet = self.outlet.take().unwrap();
        Outlet::finish_all(vec![outlet], LAST_GRACE);
    }
}

fn wait_for(place: &dyn Place, what: &str, done: impl Fn(&[u64]) -> bool) {
    for _ in 0..12_000 {
        if done(&place.received()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let received = place.received();
    let last = received.last();
    panic!(
        "waited two minutes for {what}; {} came, the last {last:?}",
        received.len()
    );
}

fn wait_for_all(place: &dyn Place, what: &str, count: u64) {
    wait_for(place, what, |received| received.len() as u64 >= count);
    assert_eq!(place.received(), (0..count).collect::<Vec<_>>(), "{what}");
}

fn delivers_in_order(place: &dyn Place) {
    let mut sender = Sender::open(place, Overflow::Wait, 0);
    sender.send(300);
    wait_for_all(place, "all events", 300);
    // What is handed over just before the end gets there, or is kept for the next start.
    sender.send(50);
    sender.finish();
    let _next = Sender::open(place, Overflow::Wait, 350);
    wait_for_all(place, "the events before the end", 350);
}

fn gets_over_failures(place: &dyn Place) {
    let mut sender = Sender::open(place, Overflow::Wait, 0);
    for _ in 0..3 {
        sender.send(50);
        place.fail();
        sender.send(QUEUE as u64 / 2);
        place.mend();
        wait_for_all(place, "the events of a failure", sender.sent);
    }
    assert_eq!(sender.lost(), 0);
}

fn holds_up_nobody(place: &dyn Place) {
    let mut sender = Sender::open(place, Overflow::Drop, 0);
    sender.send(10);
    wait_for_all(place, "the first events", 10);
    // Nothing lets go of the sink before these calls have returned.
    place.stick();
    for _ in 0..8 {
        sender.send(QUEUE as u64 / 2);
        if place.keeps() {
            sender.wait_until_taken();
        }
    }
    place.mend();
    let last = sender.sent - 1;
    wait_for(place, "the last event", |received| {
        received.last() == Some(&last)
    });
    let received = place.received();
    assert!(received.is_sorted(), "the order was lost");
    assert_eq!(received.len() as u64 + sender.lost(), sender.sent);
    assert!(received.len() >= QUEUE, "{} came", received.len());
    if place.keeps() {
        assert_eq!(sender.lost(), 0);
    }
}

fn is_safe_to_end_while_it_fails(place: &dyn Place) {
    let mut sender = Sender::open(place, Overflow::Drop, 0);
    sender.send(10);
    wait_for_all(place, "the first events", 10);
    place.fail();
    sender.send(100);
    // Returns although nothing can be delivered.
    sender.finish();
    place.mend();
    let mut next = Sender::open(place, Overflow::Drop, 110);
    next.send(1);
    wait_for(place, "the event after the restart", |received| {
        received.last() == Some(&110)
    });
    if place.keeps() {
        wait_for_all(place, "what was kept", 111);
    }
}

/// Every check on a fresh place each.
fn complies<P: Place>(make: impl Fn() -> Option<P>) {
    for check in [
        delivers_in_order as fn(&dyn Place),
        gets_over_failures,
        holds_up_nobody,
        is_safe_to_end_while_it_fails,
    ] {
        let Some(place) = make() else {
            return;
        };
        check(&place);
    }
}

#[test]
fn the_event_log_complies() {
    complies(|| Some(File::new()));
}

#[test]
fn the_keeper_of_crops_complies() {
    complies(|| Some(Crops::new()));
}

#[test]
fn a_stream_complies() {
    complies(|| Some(Stream::new()));
}

#[test]
fn the_mqtt_sink_complies() {
    complies(Broker::new);
}

#[test]
fn the_webhook_complies() {
    complies(|| Some(Web::new()));
}
