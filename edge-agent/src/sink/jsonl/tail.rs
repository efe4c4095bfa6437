//! The end of a file of lines whose last line may be unfinished. Reads no more than it must.

use std::io;

use crate::disk::DiskFile;

/// Bytes looked at in one go.
const CHUNK: u64 = 16 * 1024;

/// Bytes up to and with the last line end.
pub fn whole_lines(file: &DiskFile) -> io::Result<u64> {
    let mut end = file.len();
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        buffer.resize(usize::try_from(end - start).unwrap_or(0), 0);
        file.read_at(&mut buffer, start)?;
        if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Puts the end in order; gives the bytes that were cut off. A last line that only lacks its
/// line end is given one and kept.
pub fn mend(file: &mut DiskFile) -> io::Result<u64> {
    let whole = whole_lines(file)?;
    let torn = file.len() - whole;
    if torn == 0 {
        return Ok(0);
    }
    if torn <= CHUNK {
        let mut line = vec![0; usize::try_from(torn).unwrap_or(0)];
        file.read_at(&mut line, whole)?;
        if serde_json::from_slice::<serde_json::Map<_, _>>(&line).is_ok() {
            file.append(b"\n")?;
            return Ok(0);
        }
    }
    file.truncate(whole)?;
    Ok(torn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    #[test]
    fn only_an_unfinished_last_line_goes() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(3 * CHUNK as usize);
        for (text, kept) in [
            ("", ""),
            ("{\"a\":1}\n", "{\"a\":1}\n"),
            ("{\"a\":1}\n{\"a\":", "{\"a\":1}\n"),
            ("{\"a\":1}\n{\"a\":2}", "{\"a\":1}\n{\"a\":2}\n"),
            ("{\"a\"", ""),
            ("not json\n\n5", "not json\n\n"),
            ("{\"a\":1}\n\0\0\0\0", "{\"a\":1}\n"),
            (&format!("{{}}\n{long}"), "{}\n"),
            (&long, ""),
        ] {
            let path = folder.path().join("lines");
            std::fs::write(&path, text).unwrap();
            let mut file = Disk::default().append_to(&path).unwrap();
            mend(&mut file).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), kept, "{text:.40}");
        }
    }
}
