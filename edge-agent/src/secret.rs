//! Passwords and tokens from files: refused when everyone can read them, never shown.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Something that no message and no `{:?}` shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Reads a file; the last line end is not part of the secret.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let told = |error| format!("cannot read {shown}: {error}; give the path of a file");
        let data = std::fs::metadata(path).map_err(told)?;
        if data.mode() & 0o007 != 0 {
            return Err(format!(
                "{shown} is open to every user of this machine; run: chmod o-rwx {shown}"
            ));
        }
        let text = std::fs::read_to_string(path).map_err(told)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(format!("{shown} must hold one line and nothing else"));
        }
        Ok(Self(text.to_string()))
    }

    /// One that no file holds.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn of(word: String) -> Self {
        Self(word)
    }

    /// What must not be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

#[cfg(test)]
pub mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A file of this content and mode.
    pub fn file(folder: &Path, text: &str, mode: u32) -> PathBuf {
        let path = folder.join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_secret_is_read_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Secret::read(&file(folder.path(), "hunter2 x\n", 0o640)).unwrap();
        assert_eq!(secret.reveal(), "hunter2 x");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn what_others_can_read_or_is_no_line_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        for (text, mode, told) in [
            ("hunter2\n", 0o644, "run: chmod o-rwx "),
            ("hunter2\n", 0o602, "run: chmod o-rwx "),
            ("hunter2\nx\n", 0o600, "must hold one line"),
            ("\n", 0o600, "must hold one line"),
        ] {
            let refusal = Secret::read(&file(folder.path(), text, mode)).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
        let refusal = Secret::read(&folder.path().join("no")).unwrap_err();
        assert!(refusal.contains("No such file"), "{refusal}");
    }
}
