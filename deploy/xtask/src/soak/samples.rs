//! What is known of the agent at one moment, and the table of all moments.

use super::visitor::Look;

/// One moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Simulated time.
    pub hours: f64,
    /// What its page tells.
    pub look: Look,
    /// Resident memory, KiB.
    pub resident_kib: u64,
    /// The part of it that is no file's, KiB.
    pub anonymous_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// The table.
pub fn csv(samples: &[Sample]) -> String {
    let mut text = String::from(
        "hours,frames,vehicles,spooled,resident_kib,anonymous_kib,descriptors,threads\n",
    );
    for sample in samples {
        let Look {
            frames,
            vehicles,
            spooled,
        } = sample.look;
        text += &format!(
            "{:.3},{frames},{vehicles},{spooled},{},{},{},{}\n",
            sample.hours,
            sample.resident_kib,
            sample.anonymous_kib,
            sample.descriptors,
            sample.threads
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_moment() {
        let sample = Sample {
            hours: 0.1,
            look: Look {
                frames: 1800.0,
                vehicles: 100.0,
                spooled: 3.0,
            },
            resident_kib: 40_000,
            anonymous_kib: 30_000,
            descriptors: 21,
            threads: 8,
        };
        let text = csv(&[sample]);
        assert_eq!(
            text.lines().nth(1),
            Some("0.100,1800,100,3,40000,30000,21,8")
        );
    }
}
