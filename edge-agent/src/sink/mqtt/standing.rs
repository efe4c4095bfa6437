//! Which connections count: only one that lasted makes up for those that failed before it. A
//! broker that lets everybody in and ends each connection soon is tried ever more seldom. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::sink::back_off::BackOff;
use crate::sink::outage::Outage;

/// No connection has to last longer to count.
const LONG: Duration = Duration::from_secs(600);

/// The connection that there is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Connection {
    /// None, or nothing was acknowledged in it.
    New,
    /// It counts from then on.
    Until(Instant),
    Proven,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Standing {
    back_off: BackOff,
    outage: Outage,
    lasting: Duration,
    connection: Connection,
}

impl Standing {
    /// Before the first connection.
    pub fn new(most_wait: Duration) -> Self {
        Self {
            back_off: BackOff::new(most_wait),
            outage: Outage::default(),
            // Longer than another agent with the same client id waits before it takes the place.
            lasting: (most_wait * 2).min(LONG),
            connection: Connection::New,
        }
    }

    /// The broker acknowledged something. Whether to tell that it is back.
    pub fn acknowledged(&mut self, now: Instant) -> bool {
        if self.connection == Connection::New {
            self.connection = Connection::Until(now + self.lasting);
        }
        self.has_lasted(now)
    }

    /// When the connection will count; none before an acknowledgement, and when it counts.
    pub fn due(&self) -> Option<Instant> {
        match self.connection {
            Connection::Until(due) => Some(due),
            Connection::New | Connection::Proven => None,
        }
    }

    /// Looks at the time while nothing is unacknowledged. Whether to tell that it is back.
    pub fn has_lasted(&mut self, now: Instant) -> bool {
        if self.due().is_none_or(|due| now < due) {
            return false;
        }
        self.connection = Connection::Proven;
        self.back_off.reset();
        self.outage.is_over()
    }

    /// Whether the connection counts.
    pub fn is_proven(&self) -> bool {
        self.connection == Connection::Proven
    }

    /// The connection failed. Whether to tell the reason, and how long to wait.
    pub fn failed(&mut self, why: &str) -> (bool, Duration) {
        self.connection = Connection::New;
        (self.outage.is_news(why), self.back_off.wait())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(4);

    #[test]
    fn connections_that_do_not_last_are_made_ever_more_seldom_and_told_once() {
        let mut standing = Standing::new(MOST);
        let mut now = Instant::now();
        let mut waits = Vec::new();
        let mut told = 0;
        for _ in 0..6 {
            assert!(!standing.acknowledged(now));
            // As long as the other agent of this name waits.
            now += MOST;
            assert!(!standing.acknowledged(now));
            assert!(!standing.is_proven());
            let (news, wait) = standing.failed("closed");
            told += u32::from(news);
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 4000, 4000]);
        assert_eq!(told, 1);
    }

    #[test]
    fn one_that_lasts_is_told_and_the_next_failure_begins_anew() {
        let mut standing = Standing::new(MOST);
        assert_eq!(standing.failed("away"), (true, MOST / 8));
        assert_eq!(standing.failed("away"), (false, MOST / 4));
        assert_eq!(standing.due(), None);
        let now = Instant::now();
        assert!(!standing.acknowledged(now));
        let due = standing.due().unwrap();
        assert_eq!(due, now + MOST * 2);
        assert!(standing.has_lasted(due));
        assert!(standing.is_proven());
        assert_eq!(standing.due(), None);
        assert!(!standing.acknowledged(due) && !standing.has_lasted(due));
        assert_eq!(standing.failed("away"), (true, MOST / 8));
    }

    #[test]
    fn one_that_acknowledges_nothing_counts_at_no_time() {
        let mut standing = Standing::new(MOST);
        assert!(standing.failed("away").0);
        assert!(!standing.has_lasted(Instant::now() + LONG));
        assert!(!standing.is_proven());
    }
}
