//! Where downloads are kept between runs: `car-colour` in the user's cache folder. Looks only;
//! creates nothing.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The folder; none when the environment names no place for it.
pub fn folder() -> Option<PathBuf> {
    Some(user()?.join("car-colour"))
}

/// The user's cache folder: `$XDG_CACHE_HOME`, else `~/.cache`.
pub fn user() -> Option<PathBuf> {
    user_from(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
}

fn user_from(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The XDG specification says that a relative value is to be ignored.
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.filter(|value| !value.is_empty()).map(PathBuf::from);
    xdg.or_else(|| Some(home?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_xdg_then_home() {
        let case = |xdg: Option<&str>, home: Option<&str>| {
            user_from(xdg.map(OsString::from), home.map(OsString::from))
        };
        assert_eq!(case(Some("/x"), Some("/h")), Some("/x".into()));
        assert_eq!(case(None, Some("/h")), Some("/h/.cache".into()));
        assert_eq!(case(Some("relative"), Some("/h")), Some("/h/.cache".into()));
        assert_eq!(case(None, Some("")), None);
    }
}
