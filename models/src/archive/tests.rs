//! Archives that are bundles, and many that are not. Whole bundles are made in `tests/`.

use super::*;

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in entries {
        append(&mut out, name, bytes);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Changes the first header and mends its checksum.
fn with_header(mut bytes: Vec<u8>, change: impl Fn(&mut [u8])) -> Vec<u8> {
    change(&mut bytes[..BLOCK]);
    let header: [u8; BLOCK] = bytes[..BLOCK].try_into().unwrap();
    let sum = format!("{:06o}\0 ", checksum(&header));
    bytes[148..156].copy_from_slice(sum.as_bytes());
    bytes
}

fn names(bytes: &[u8]) -> Vec<String> {
    let archive = Archive::parse(bytes).unwrap();
    archive.names().map(String::from).collect()
}

fn refusal(bytes: &[u8]) -> String {
    Archive::parse(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_packed_is_found_again() {
    let long = vec![7u8; 1025];
    let bytes = archive(&[(MANIFEST, b"{}"), ("golden/0.png", &long), ("a", b"")]);
    let found = Archive::parse(&bytes).unwrap();
    assert_eq!(names(&bytes), ["a", "golden/0.png", MANIFEST]);
    assert_eq!(found.file("golden/0.png"), Some(&long[..]));
    assert_eq!(found.file("a"), Some(&b""[..]));
    assert_eq!(found.file("b"), None);
}

#[test]
fn a_folder_in_front_is_left_away() {
    for home in ["./", "my-bundle/", "./my-bundle/"] {
        let manifest = format!("{home}manifest.json");
        let model = format!("{home}model.onnx");
        let bytes = archive(&[(&model, b"m"), (&manifest, b"{}")]);
        assert_eq!(names(&bytes), [MANIFEST, "model.onnx"], "{home}");
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for name in [
        "../evil",
        "/etc/passwd",
        "golden/../../evil",
        "a/b/c",
        ".hidden",
        "a\\b",
        "golden/",
        "",
        "über",
    ] {
        let bytes = archive(&[(MANIFEST, b"{}"), (name, b"x")]);
        let told = refusal(&bytes);
        assert!(told.contains("has a path that no bundle has"), "{told}");
        assert!(told.ends_with("`edge-agent bundle pack`"), "{told}");
    }
    // Beside the bundle's folder, not in it.
    let bytes = archive(&[("home/manifest.json", b"{}"), ("evil", b"x")]);
    assert!(refusal(&bytes).contains("\"evil\" has a path"));
    let bytes = archive(&[("../manifest.json", b"{}"), ("evil", b"x")]);
    assert!(refusal(&bytes).contains("\"evil\" has a path"));
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for (kind, told) in [
        (b'1', "is a link"),
        (b'2', "is a link"),
        (b'3', "is a device"),
        (b'6', "is a device"),
        (b'L', "is an extension"),
        (b'x', "is an extension"),
        (b'g', "is an extension"),
        (b'S', "is an extension"),
    ] {
        let bytes = with_header(archive(&[(MANIFEST, b"")]), |header| header[156] = kind);
        let refused = refusal(&bytes);
        assert!(refused.contains(told), "{}: {refused}", char::from(kind));
    }
    let bytes = archive(&[("sub", b""), (MANIFEST, b"{}")]);
    let folder = with_header(bytes, |header| header[156] = b'5');
    assert_eq!(names(&folder), [MANIFEST]);
}

#[test]
fn sizes_are_bounded_and_true() {
    for (size, told) in [
        ("77777777777\0", "has 8589934591 bytes"),
        ("00000010000\0", "a file is cut off"),
        ("\u{7f}0000000000\0", "has no size"),
        ("-0000000001\0", "has no size"),
    ] {
        let bytes = with_header(archive(&[(MANIFEST, b"{}")]), |header| {
            header[124..136].copy_from_slice(size.as_bytes());
        });
        let refused = refusal(&bytes);
        assert!(refused.contains(told), "{size:?}: {refused}");
    }
    let many: Vec<(String, &[u8])> = (0..200).map(|n| (format!("f{n}"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), *b)).collect();
    assert!(refusal(&archive(&many)).contains("too many entries"));
}

#[test]
fn torn_archives_are_told_from_whole_ones() {
    let whole = archive(&[(MANIFEST, b"{}"), ("model.onnx", &[1; 700])]);
    for length in 0..whole.len() - BLOCK {
        assert!(Archive::parse(&whole[..length]).is_err(), "{length}");
    }
    let mut flipped = whole.clone();
    flipped[3] ^= 1;
    assert!(refusal(&flipped).contains("checksum"));
    let mut longer = whole.clone();
    longer.push(1);
    assert!(refusal(&longer).contains("something follows its end"));
    assert!(refusal(&archive(&[("a", b"")])).contains("no manifest.json"));
    assert!(refusal(&archive(&[(MANIFEST, b""), (MANIFEST, b"")])).contains("there twice"));
    assert!(refusal(b"<html>").contains("its end is missing"));
    assert!(refusal(&[b'x'; 1024]).contains("checksum"));
}
