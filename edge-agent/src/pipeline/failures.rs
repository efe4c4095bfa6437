//! When the network cannot be run: one vehicle is told without a colour, several in a row are
//! more than a bad view, and the bundle, or the machine, is at fault. Pure.

use models::RunnerError;

/// So many vehicles in a row without a colour for this are too many.
const TOO_MANY: u32 = 5;

/// The failures since the network last ran.
#[derive(Debug, Default)]
pub struct Failures {
    in_a_row: u32,
    newest: Option<RunnerError>,
}

impl Failures {
    /// The judgement; of a failure what is told `instead`.
    pub fn note<T>(
        &mut self,
        judged: Result<Option<T>, RunnerError>,
        instead: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        match judged {
            Ok(judged) => {
                if judged.is_some() {
                    *self = Self::default();
                }
                judged
            }
            Err(error) => {
                self.in_a_row += 1;
                self.newest = Some(error);
                instead()
            }
        }
    }

    /// The newest failure, if the network did not run since.
    pub fn newest(&self) -> Option<&RunnerError> {
        self.newest.as_ref()
    }

    /// Begins anew after too many, and says so.
    pub fn settle(&mut self) -> Result<(), RunnerError> {
        if self.in_a_row < TOO_MANY {
            return Ok(());
        }
        self.in_a_row = 0;
        self.newest.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_are_too_many() {
        let mut failures = Failures::default();
        let fail = || Err(RunnerError::Run("no".into()));
        for round in 0..3 {
            for _ in 1..TOO_MANY {
                assert_eq!(failures.note(fail(), || Some(0)), Some(0));
                assert!(failures.newest().is_some());
                failures.settle().unwrap();
            }
            // A vehicle without any view says nothing of the network.
            assert_eq!(failures.note(Ok(None), || Some(0)), None);
            assert!(failures.newest().is_some());
            assert_eq!(failures.note(Ok(Some(round)), || Some(9)), Some(round));
            assert!(failures.newest().is_none());
        }
        for _ in 0..TOO_MANY {
            failures.note::<u32>(fail(), || None);
        }
        assert!(failures.settle().is_err());
        failures.settle().unwrap();
    }
}
