//! Which bundle is in use, which one comes back, and how many starts a new one has left. Pure:
//! what a change is; when it happens and how it is kept is decided elsewhere.

use serde::{Deserialize, Serialize};

/// The form of state that this version reads and writes.
const FORMAT: u32 = 1;
/// Bundles that are remembered as taken back.
const REMEMBERED: usize = 8;

/// The store's state. A bundle is named by its id; `None` is the bundle compiled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: u32,
    /// The bundle in use.
    pub current: Option<String>,
    /// The one that comes back when `current` is no good.
    pub previous: Option<String>,
    /// While `current` is on trial: the starts that it has left.
    pub starts_left: Option<u32>,
    /// Bundles that were taken back, oldest first.
    pub refused: Vec<String>,
}

/// What a start finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// The current bundle is good.
    Good,
    /// The current bundle is on trial, with this many further starts.
    Trial(u32),
    /// The bundle of this id had no starts left and was taken back.
    TakenBack(String),
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            current: None,
            previous: None,
            starts_left: None,
            refused: Vec::new(),
        }
    }
}

impl State {
    /// Reads the text of a state file; the error says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let state: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if state.format != FORMAT {
            return Err(format!(
                "format {}; this version reads {FORMAT}",
                state.format
            ));
        }
        let named = [&state.current, &state.previous];
        let ids = named.into_iter().flatten().chain(&state.refused);
        let wrong = ids.into_iter().find(|id| !is_id(id)).cloned();
        match wrong {
            Some(id) => Err(format!("{id:?} is no bundle's id")),
            None => Ok(state),
        }
    }

    /// The text of a state file.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Whether the current bundle has yet to prove itself.
    pub fn on_trial(&self) -> bool {
        self.starts_left.is_some()
    }

    /// Puts the bundle `id` on trial. One that is on trial itself never comes back.
    pub fn switch(&mut self, id: &str, starts: u32) {
        self.refused.retain(|refused| refused != id);
        if self.current.as_deref() == Some(id) {
            // A good bundle is not put on trial again.
            if self.on_trial() {
                self.starts_left = Some(starts);
            }
            return;
        }
        if !self.on_trial() {
            self.previous = self.current.take();
        }
        if self.previous.as_deref() == Some(id) {
            self.previous = None;
        }
        self.current = Some(id.to_string());
        self.starts_left = Some(starts);
    }

    /// Counts a start.
    pub fn start(&mut self) -> Start {
        match (self.starts_left, &self.current) {
            (Some(0), Some(id)) => {
                let id = id.clone();
                self.take_back();
                Start::TakenBack(id)
            }
            (Some(left), Some(_)) => {
                self.starts_left = Some(left - 1);
                Start::Trial(left - 1)
            }
            _ => Start::Good,
        }
    }

    /// The last start counts for nothing; there were `most` in all.
    pub fn give_back(&mut self, most: u32) {
        if let Some(left) = &mut self.starts_left {
            *left = left.saturating_add(1).min(most.max(*left));
        }
    }

    /// The trial of `id` went well. A bundle that was switched to meanwhile keeps its own trial.
    pub fn prove(&mut self, id: &str) {
        if self.current.as_deref() == Some(id) {
            self.starts_left = None;
        }
    }

    /// The trial of `id` went badly: the bundle before it comes back, unless another was
    /// switched to meanwhile.
    pub fn fail(&mut self, id: &str) {
        if self.current.as_deref() == Some(id) && self.on_trial() {
            self.take_back();
        }
    }

    /// The bundle before the current one comes back, and remembers nothing before itself.
    /// False when the current one is compiled in: nothing is before that.
    pub fn take_back(&mut self) -> bool {
        let Some(id) = self.current.take() else {
            return false;
        };
        self.refused.push(id);
        let surplus = self.refused.len().saturating_sub(REMEMBERED);
        self.refused.drain(..surplus);
        self.current = self.previous.take();
        self.starts_left = None;
        true
    }
}

/// Whether a text can be a bundle's id, and so a folder's name.
pub fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbb";

    fn told(state: &State) -> (Option<&str>, Option<&str>, Option<u32>) {
        let State {
            current,
            previous,
            starts_left,
            ..
        } = state;
        (current.as_deref(), previous.as_deref(), *starts_left)
    }

    #[test]
    fn a_bundle_that_never_proves_itself_has_its_starts_and_no_more() {
        let mut state = State::default();
        assert_eq!(state.start(), Start::Good);
        state.switch(A, 2);
        assert_eq!(told(&state), (Some(A), None, Some(2)));
        assert_eq!(state.start(), Start::Trial(1));
        assert_eq!(state.start(), Start::Trial(0));
        assert_eq!(state.start(), Start::TakenBack(A.into()));
        assert_eq!(told(&state), (None, None, None));
        assert_eq!(state.refused, [A]);
        assert_eq!(state.start(), Start::Good);
        assert!(!state.take_back());
    }

    #[test]
    fn a_start_that_is_given_back_is_no_start() {
        let mut state = State::default();
        state.give_back(2);
        assert_eq!(told(&state), (None, None, None));
        state.switch(A, 2);
        for _ in 0..4 {
            assert_eq!(state.start(), Start::Trial(1));
            state.give_back(2);
            assert_eq!(told(&state), (Some(A), None, Some(2)));
        }
        // No more than there were.
        state.give_back(2);
        assert_eq!(told(&state), (Some(A), None, Some(2)));
        state.prove(A);
        state.give_back(2);
        assert_eq!(told(&state), (Some(A), None, None));
    }

    #[test]
    fn what_comes_back_is_the_last_good_one() {
        let mut state = State::default();
        state.switch(A, 2);
        state.prove(A);
        assert_eq!(told(&state), (Some(A), None, None));
        state.switch(B, 2);
        assert_eq!(told(&state), (Some(B), Some(A), Some(2)));
        // A third, while the second is on trial.
        state.switch("cccccccccccc", 2);
        assert_eq!(told(&state), (Some("cccccccccccc"), Some(A), Some(2)));
        state.fail(B);
        assert_eq!(told(&state), (Some("cccccccccccc"), Some(A), Some(2)));
        state.prove(B);
        assert!(state.on_trial());
        state.fail("cccccccccccc");
        assert_eq!(told(&state), (Some(A), None, None));
        // A good one is only taken back by hand.
        state.fail(A);
        assert_eq!(told(&state), (Some(A), None, None));
        assert!(state.take_back());
        assert_eq!(told(&state), (None, None, None));
    }

    #[test]
    fn switching_again_to_the_same_one_changes_little() {
        let mut state = State::default();
        state.switch(A, 2);
        state.start();
        state.switch(A, 2);
        assert_eq!(told(&state), (Some(A), None, Some(2)));
        state.prove(A);
        state.switch(A, 2);
        assert_eq!(told(&state), (Some(A), None, None));
        state.switch(B, 2);
        state.prove(B);
        state.switch(A, 2);
        assert_eq!(told(&state), (Some(A), Some(B), Some(2)));
        // Back to the one before, while on trial: nothing is before that one.
        state.switch(B, 2);
        assert_eq!(told(&state), (Some(B), None, Some(2)));
    }

    #[test]
    fn few_are_remembered() {
        let mut state = State::default();
        for number in 0..20 {
            state.switch(&format!("{number:012x}"), 1);
            state.take_back();
        }
        assert_eq!(state.refused.len(), REMEMBERED);
        assert_eq!(state.refused[7], format!("{:012x}", 19));
        state.switch(&format!("{:012x}", 19), 1);
        assert_eq!(state.refused.len(), REMEMBERED - 1);
    }

    #[test]
    fn a_state_file_is_read_strictly() {
        let mut state = State::default();
        state.switch(A, 2);
        let text = state.to_json().unwrap();
        assert_eq!(State::parse(text.as_bytes()).unwrap(), state);
        for (from, to, told) in [
            ("\"format\": 1", "\"format\": 2", "this version reads 1"),
            (A, "../../etc/xx", "no bundle's id"),
            ("refused", "refuse", "unknown field"),
            ("}", "", "EOF"),
        ] {
            let error = State::parse(text.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
