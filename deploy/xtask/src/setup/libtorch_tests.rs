//! Tests of the decisions around libtorch; the download itself is run by `cargo xtask setup`.

use super::*;
use crate::temp::Temp;

#[test]
fn the_users_libtorch_is_told_from_cargos_default() {
    let link = Path::new("/here/.libtorch");
    let case = |libtorch: Option<&str>, python: Option<&str>| {
        choice(libtorch.map(OsStr::new), python.map(OsStr::new), link)
    };
    assert_eq!(case(None, None), Choice::Link);
    assert_eq!(case(Some("/here/.libtorch"), None), Choice::Link);
    assert_eq!(case(Some("/cuda"), None), Choice::Own("/cuda".into()));
    assert_eq!(case(Some(""), None), Choice::Own("".into()));
    assert_eq!(case(Some("/here/.libtorch"), Some("1")), Choice::Python);
    assert_eq!(case(Some("/cuda"), Some("1")), Choice::Python);
}

#[test]
fn a_folder_is_complete_only_with_every_file_and_the_version() {
    let mut temp = Temp::new().file("build-version", "2.11.0\n");
    for file in FILES {
        assert!(!complete(temp.path()), "complete without {file}");
        temp = temp.file(file, "");
    }
    assert!(complete(temp.path()));
    let temp = temp.file("build-version", "2.10.0");
    assert!(!complete(temp.path()));
}

#[test]
fn a_link_of_the_users_is_kept_and_one_of_ours_is_renewed() {
    let temp = Temp::new()
        .file("cuda/lib/libtorch.so", "")
        .file("cache/libtorch-2.10.0/lib/libtorch.so", "")
        .file("cache/libtorch-2.11.0/lib/libtorch.so", "");
    let (link, cache) = (temp.path().join(".libtorch"), temp.path().join("cache"));
    assert!(!foreign(&link, &cache), "absent");
    symlink(temp.path().join("cuda"), &link).unwrap();
    assert!(foreign(&link, &cache), "the user's");
    fs::remove_file(&link).unwrap();
    symlink(cache.join("libtorch-2.10.0"), &link).unwrap();
    assert!(!foreign(&link, &cache), "ours, an older one");
    let home = home(&cache);
    point(&link, &home).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), home);
    point(&link, &home).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(temp.path().join("gone"), &link).unwrap();
    assert!(!foreign(&link, &cache), "dangling");
    point(&link, &home).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), home);
}

#[test]
fn an_unusable_folder_in_the_links_place_is_not_removed() {
    let temp = Temp::new().file(".libtorch/notes.txt", "");
    let error = point(&temp.path().join(".libtorch"), Path::new("/home-of-it")).unwrap_err();
    assert!(error.to_string().contains("remove it"), "{error}");
    assert!(temp.path().join(".libtorch/notes.txt").is_file());
}

#[test]
fn every_unpacked_library_belongs_to_a_complete_folder() {
    for (_, members) in PARTS {
        for member in members.iter().filter(|member| !member.ends_with("/*")) {
            let name = Path::new(member).file_name().unwrap().to_str().unwrap();
            assert!(FILES.contains(&format!("lib/{name}").as_str()), "{name}");
        }
    }
}
