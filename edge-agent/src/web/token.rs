//! The token that clients must show: a secret long enough not to be guessed, compared in constant
//! time.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::secret::Secret;

/// Fewest characters of a token.
const LEAST: usize = 16;

/// A token.
#[derive(Clone, Debug)]
pub struct Token(Secret);

impl Token {
    /// Reads it; or says what is wrong with the file and what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let secret = Secret::read(path)?;
        let token = secret.reveal();
        if token.len() < LEAST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "{} has no token of at least {LEAST} letters, digits and signs in one word; \
                 `openssl rand -hex 16` makes one",
                path.display()
            ));
        }
        Ok(Self(secret))
    }

    /// One that nobody knows.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn unguessable() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(Secret::of(format!(
            "{:016x}",
            RandomState::new().hash_one(0)
        )))
    }

    /// Whether an Authorization header shows it: as a bearer token, or, as browsers do, as the
    /// password of any user.
    pub fn is_shown_by(&self, header: &str) -> bool {
        let Some((scheme, rest)) = header.split_once(' ') else {
            return false;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(rest.trim().as_bytes());
        }
        let decoded = BASE64_STANDARD.decode(rest.trim()).unwrap_or_default();
        let colon = decoded.iter().position(|byte| *byte == b':');
        scheme.eq_ignore_ascii_case("basic")
            && colon.is_some_and(|colon| self.is(&decoded[colon + 1..]))
    }

    /// Takes as long for a wrong word as for the right one.
    fn is(&self, word: &[u8]) -> bool {
        let own = self.0.reveal().as_bytes();
        let differing = own.iter().enumerate().fold(0, |all, (index, byte)| {
            all | (byte ^ word.get(index).copied().unwrap_or(0))
        });
        differing == 0 && own.len() == word.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::tests::file;

    fn told(text: &str) -> Result<Token, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), text, 0o600);
        let shown = path.display().to_string();
        Token::read(&path).map_err(|told| told.replace(&shown, "FILE"))
    }

    #[test]
    fn it_is_shown_as_programs_and_browsers_do() {
        let token = told("0123456789abcdef\n").unwrap();
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for (header, expected) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdefg", false),
            ("Bearer ", false),
            ("0123456789abcdef", false),
            (&basic("me:0123456789abcdef"), true),
            (&basic(":0123456789abcdef"), true),
            (&basic("0123456789abcdef"), false),
            ("Basic ?", false),
        ] {
            assert_eq!(token.is_shown_by(header), expected, "{header}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn what_could_be_guessed_is_refused() {
        for text in ["short", "0123456789 abcdefgh"] {
            assert_eq!(
                told(text).unwrap_err(),
                "FILE has no token of at least 16 letters, digits and signs in one word; \
                 `openssl rand -hex 16` makes one"
            );
        }
    }
}
