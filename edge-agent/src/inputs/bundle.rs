//! A packed bundle of any bytes: as it is, and with its checksums put right, so that what they
//! guard is reached too. What the network's own file holds is not looked at: a signature vouches
//! for it.

use models::{Archive, Bundle, Preprocessor, archive, bundle, hash, picture};
use serde_json::Value;

/// Bytes of a tar header, and where its checksum and its size stand.
const BLOCK: usize = 512;
const SUM: std::ops::Range<usize> = 148..156;
const SIZE: std::ops::Range<usize> = 124..135;

/// Greatest picture that is decoded here, bytes: larger ones take long and are no different.
const PICTURE: usize = 4 << 10;

/// See the head of this file.
pub fn bundle(bytes: &[u8]) {
    open(bytes);
    let mut bytes = bytes.to_vec();
    mend_headers(&mut bytes);
    let Ok(archive) = Archive::parse(&bytes) else {
        return;
    };
    let files: Vec<_> = archive.names().map(str::to_string).collect();
    for name in &files {
        let inside = !name.starts_with('/') && name.split('/').all(|part| part != "..");
        assert!(inside, "{name}");
    }
    let content = |name: &str| archive.file(name).unwrap_or_default().to_vec();
    let mut files: Vec<_> = files.iter().map(|n| (n.as_str(), content(n))).collect();
    let joined = archive::join(files.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
    let again = Archive::parse(&joined);
    let same = again.is_ok_and(|again| files.iter().all(|(n, b)| again.file(n) == Some(b)));
    assert!(same, "a joined archive comes apart as it was");
    vouch(&mut files);
    open(&archive::join(
        files.iter().map(|(name, bytes)| (*name, bytes.as_slice())),
    ));
}

/// Opens it as an update is opened, and uses what it says.
fn open(bytes: &[u8]) {
    let Ok(archive) = Archive::parse(bytes) else {
        return;
    };
    let Ok(bundle) = Bundle::from_archive("input", &archive) else {
        return;
    };
    let mut preprocessor = Preprocessor::new(&bundle.manifest().input).ok();
    for golden in &bundle.manifest().golden {
        let bytes = bundle.file(&golden.file).unwrap_or_default();
        if bytes.len() <= PICTURE
            && let Ok(frame) = picture::decode(bytes)
            && let Some(preprocessor) = &mut preprocessor
        {
            preprocessor.fit(frame.view());
        }
    }
}

/// Writes the right checksum into each header that is where the one before says.
fn mend_headers(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + BLOCK) {
        header[SUM].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[SIZE]).unwrap_or_default();
        let size = usize::from_str_radix(size, 8).unwrap_or(0);
        at += BLOCK + size.min(bytes.len()).next_multiple_of(BLOCK);
        // The end's blocks are of zeros.
        if bytes[at.min(bytes.len())..].iter().all(|byte| *byte == 0) {
            return;
        }
    }
}

/// Writes the right sizes and hashes into the manifest, and its own beside it.
fn vouch(files: &mut Vec<(&str, Vec<u8>)>) {
    let own = |name: &str| name == bundle::MANIFEST || name == bundle::MANIFEST_SHA256;
    let Some(at) = files.iter().position(|(name, _)| *name == bundle::MANIFEST) else {
        return;
    };
    if let Ok(mut manifest) = serde_json::from_slice::<Value>(&files[at].1)
        && let Some(Value::Object(entries)) = manifest.get_mut("files")
    {
        for (name, bytes) in files.iter().filter(|(name, _)| !own(name)) {
            let entry = serde_json::json!({
                "bytes": bytes.len(),
                "sha256": hash::sha256_hex(bytes),
            });
            entries.insert((*name).to_string(), entry);
        }
        files[at].1 = manifest.to_string().into_bytes();
    }
    let digest = hash::sha256_hex(&files[at].1);
    let line = format!("{digest}  {}\n", bundle::MANIFEST);
    files.retain(|(name, _)| *name != bundle::MANIFEST_SHA256);
    files.push((bundle::MANIFEST_SHA256, line.into_bytes()));
}
