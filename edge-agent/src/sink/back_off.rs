//! How long to wait before a peer is tried again. Pure.

use std::time::Duration;

/// Wait after the first failure.
const FIRST: Duration = Duration::from_millis(500);

/// Doubles with each failure up to a cap.
#[derive(Clone, Debug)]
pub struct BackOff {
    next: Duration,
    most: Duration,
}

impl BackOff {
    /// Starts at half a second.
    pub fn new(most: Duration) -> Self {
        Self {
            next: FIRST.min(most),
            most,
        }
    }

    /// After a failure: how long to wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.next = FIRST.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_begin_anew() {
        let mut back_off = BackOff::new(Duration::from_secs(3));
        let ms: Vec<u128> = (0..5).map(|_| back_off.wait().as_millis()).collect();
        assert_eq!(ms, [500, 1000, 2000, 3000, 3000]);
        back_off.reset();
        assert_eq!(back_off.wait(), FIRST);
    }
}
