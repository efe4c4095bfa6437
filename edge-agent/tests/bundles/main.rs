//! Signed bundles on a device that nobody visits, with the true program: what is let in, what a
//! trial does, and what is left after the power went at any moment.

#[path = "../common/mod.rs"]
mod common;
mod device;
mod faults;
#[path = "../service/manager.rs"]
#[allow(dead_code, reason = "the service's tests use the rest")]
mod manager;
mod signer;
mod trials;

use std::fs;
use std::process::Command;

use device::{Device, SHIPPED, version};
use serde_json::Value;

#[test]
fn a_signed_bundle_is_installed_listed_and_taken_back() {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(
        told.out,
        format!(
            "installed car-colour 1.1.0 ({a})\non trial for 10 minutes, from the agent's next start or reload on\n"
        )
    );
    let told = device.agent(&["bundle", "list"]);
    let expected = format!("{a}  car-colour 1.1.0  in use, on trial, 3 starts left\n");
    assert!(told.out.starts_with(&expected), "{}", told.out);
    assert!(told.out.contains("compiled in  comes back if need be"));
    let check = device.agent(&["check"]);
    assert_eq!(check.code, 0, "{}", check.out);
    let told = format!("ok   bundle: car-colour 1.1.0 ({a}), 4 golden pictures answered");
    assert!(check.out.contains(&told), "{}", check.out);
    // A check is no start.
    assert_eq!(device.state()["starts_left"], 3);
    assert_eq!(
        device.start(),
        format!("bundle {a} is on trial, 2 starts left")
    );
    let told = device.agent(&["bundle", "rollback"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(device.state()["current"], Value::Null);
    let told = device.agent(&["bundle", "rollback"]);
    assert_eq!(told.code, 1);
    assert!(told.err.contains("nothing is before it"), "{}", told.err);
    // It comes in again only on purpose.
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 1);
    assert_eq!(
        told.err,
        format!("bundle {a} was taken back here before; say --again to try it once more\n")
    );
    let told = device.agent(&["bundle", "install", "--again", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
}

#[test]
fn an_older_version_that_is_played_back_is_refused() {
    let device = Device::new();
    device.archive("new", version("0.10.0"));
    let old = device.archive("old", version("0.9.0"));
    let odd = device.archive("odd", version("spring"));
    assert_eq!(device.agent(&["bundle", "install", "new.tar"]).code, 0);
    for (archive, told) in [
        (
            "old.tar",
            format!(
                "bundle {old} is car-colour 0.9.0, and 0.10.0 is in use; say --allow-older if an \
                 older one is meant\n"
            ),
        ),
        (
            "odd.tar",
            format!(
                "bundle {odd} is car-colour spring, and 0.10.0 is in use; which of them is older \
                 cannot be told; say --allow-older if this one is meant\n"
            ),
        ),
    ] {
        let refused = device.agent(&["bundle", "install", archive]);
        assert_eq!((refused.code, refused.err), (1, told));
    }
    let told = device.agent(&["bundle", "install", "--allow-older", "old.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    // The one compiled in counts as well.
    let other = Device::new();
    other.archive("old", version("0.0.9"));
    let refused = other.agent(&["bundle", "install", "old.tar"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(
        refused.err.contains(&format!("and {SHIPPED} is in use")),
        "{}",
        refused.err
    );
}

#[test]
fn what_nobody_vouches_for_changes_nothing() {
    let device = Device::new();
    let a = device.archive("good", version("1.1.0"));
    device.install_as_good("good");
    let state = device.state();

    device.unsigned_archive("unsigned", version("1.2.0"));
    let id = device.unsigned_archive("stranger", version("0.5.1"));
    let stranger = signer::Signer::new(8);
    stranger.sign(&device.path("stranger.tar"), &format!("bundle:{id}"));
    device.archive("changed", version("0.3.2"));
    let mut bytes = fs::read(device.path("changed.tar")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(device.path("changed.tar"), bytes).unwrap();
    // An old archive under a new name, with the old one's signature, and with one for the new.
    device.unsigned_archive("other", version("0.3.3"));
    device
        .signer
        .sign(&device.path("other.tar"), &format!("bundle:{a}"));
    device.unsigned_archive("default", version("0.3.4"));
    device.signer.sign(
        &device.path("default.tar"),
        "timestamp:1 file:default.tar hashed",
    );
    fs::write(device.path("text.tar"), "<html>404</html>").unwrap();
    device
        .signer
        .sign(&device.path("text.tar"), "bundle:000000000000");
    // Signed, and yet its network does not answer as its manifest says.
    device.archive("golden", |text| {
        let at = text.find("\"logits\": [").unwrap() + 11;
        format!(
            "{}\n 9{}",
            &text[..at],
            text[at..].trim_start().trim_start_matches('-')
        )
    });
    fs::write(device.path("comment.tar.minisig"), "x").unwrap();
    fs::write(device.path("comment.tar"), "x").unwrap();

    for (file, told) in [
        ("gone.tar", "cannot read gone.tar: No such file"),
        (
            "unsigned.tar",
            "cannot read unsigned.tar.minisig: No such file",
        ),
        (
            "comment.tar",
            "comment.tar.minisig is no minisign signature; sign the archive with",
        ),
        (
            "stranger.tar",
            "stranger.tar.minisig was made with another key than the public key key.pub; nothing was installed",
        ),
        (
            "changed.tar",
            "changed.tar.minisig does not fit changed.tar: the archive was changed",
        ),
        (
            "other.tar",
            &format!("other.tar.minisig vouches for \"bundle:{a}\" and not for bundle:"),
        ),
        (
            "default.tar",
            "default.tar.minisig vouches for \"timestamp:1 file:default.tar hashed\" and not for",
        ),
        (
            "text.tar",
            "text.tar: it is no whole tar archive (its end is missing); pack or copy it again",
        ),
        (
            "golden.tar",
            "bundle golden.tar: the golden picture golden/0.png gets logits that differ",
        ),
    ] {
        let refused = device.agent(&["bundle", "install", file]);
        assert_eq!(refused.code, 1, "{file}: {}", refused.out);
        assert!(refused.err.starts_with(told), "{file}: {}", refused.err);
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
        assert_eq!(device.state(), state, "{file}");
        assert_eq!(device.stored(), std::slice::from_ref(&a), "{file}");
    }
    fs::write(device.path("key.pub"), "no key").unwrap();
    let refused = device.agent(&["bundle", "install", "good.tar"]);
    assert!(
        refused
            .err
            .starts_with("key.pub is no minisign public key; give")
    );
}

#[test]
fn misuse_is_told() {
    let device = Device::new();
    let folder = device.path("");
    for (words, told) in [
        (&["bundle", "list"][..], "no store; give --store DIR"),
        (
            &["bundle", "install", "a.tar"],
            "no public key; give --public-key FILE",
        ),
        (
            &["bundle", "install", "a.tar", "--public-key", "key.pub"],
            "no store; give --store DIR",
        ),
    ] {
        let refused = common::run(&folder, words);
        assert_eq!(refused.code, 2, "{words:?}");
        assert!(refused.err.starts_with(told), "{}", refused.err);
    }
    device.configure("", "path = \"x\"");
    let refused = device.agent(&["run"]);
    assert_eq!(refused.code, 78);
    assert_eq!(
        refused.err,
        "agent.toml: bundle.path and bundle.store are both set; take one of them away\n"
    );
}

#[test]
fn the_minisign_tool_and_tar_make_what_is_installed() {
    let device = Device::new();
    let there = Command::new("minisign").arg("-v").output();
    if there.is_err() {
        eprintln!("skipped: this machine has no minisign");
        return;
    }
    let a = device.unsigned_archive("a", version("1.1.0"));
    fs::remove_file(device.path("a.tar")).unwrap();
    for words in [
        &["tar", "-cf", "a.tar", "a"][..],
        &["minisign", "-G", "-W", "-f", "-p", "key.pub", "-s", "key"],
        &[
            "minisign",
            "-S",
            "-s",
            "key",
            "-t",
            &format!("bundle:{a}"),
            "-m",
            "a.tar",
        ],
    ] {
        let mut tool = Command::new(words[0]);
        tool.args(&words[1..]).current_dir(device.path(""));
        let told = tool.output().unwrap();
        assert!(told.status.success(), "{words:?}: {told:?}");
    }
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(device.state()["current"], a);
}
