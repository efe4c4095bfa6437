//! The token that clients must show: read from a file that others cannot read, compared in
//! constant time, never printed.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Fewest characters of a token.
const LEAST: usize = 16;

/// A token.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads it; or says what is wrong with the file and what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let meta = fs::metadata(path)
            .map_err(|error| format!("= {shown}: {error}; make it with a token in it"))?;
        if meta.mode() & 0o007 != 0 {
            return Err(format!(
                "= {shown} is open to everybody on this machine; `chmod o= {shown}`"
            ));
        }
        let text = fs::read_to_string(path)
            .map_err(|error| format!("= {shown}: {error}; give it a line of text"))?;
        let token = text.trim();
        if token.len() < LEAST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "= {shown} has no token of at least {LEAST} letters, digits and signs in one \
                 word; `openssl rand -hex 16` makes one"
            ));
        }
        Ok(Self(token.into()))
    }

    /// One that nobody knows.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn unguessable() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(format!("{:016x}", RandomState::new().hash_one(0)))
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
        let own = self.0.as_bytes();
        let differing = own.iter().enumerate().fold(0, |all, (index, byte)| {
            all | (byte ^ word.get(index).copied().unwrap_or(0))
        });
        differing == 0 && own.len() == word.len()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn told(text: &str, mode: u32) -> Result<Token, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let shown = file.path().display().to_string();
        Token::read(file.path()).map_err(|told| told.replace(&shown, "FILE"))
    }

    #[test]
    fn it_is_shown_as_programs_and_browsers_do() {
        let token = told("0123456789abcdef\n", 0o640).unwrap();
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
        assert_eq!(format!("{token:?}"), "Token");
    }

    #[test]
    fn a_file_that_keeps_no_secret_is_refused() {
        assert_eq!(
            told("0123456789abcdef", 0o644).unwrap_err(),
            "= FILE is open to everybody on this machine; `chmod o= FILE`"
        );
        for text in ["short", "0123456789 abcdefgh", ""] {
            assert_eq!(
                told(text, 0o600).unwrap_err(),
                "= FILE has no token of at least 16 letters, digits and signs in one word; \
                 `openssl rand -hex 16` makes one"
            );
        }
        assert_eq!(
            Token::read(Path::new("/no/such")).unwrap_err(),
            "= /no/such: No such file or directory (os error 2); make it with a token in it"
        );
    }
}
