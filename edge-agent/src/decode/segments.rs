//! Where a JPEG begins and ends, told from its markers. Finds what a camera or a cable tore;
//! decodes nothing.

/// Start of image, end of image, start of scan, define Huffman tables, application's data.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DHT: u8 = 0xc4;
const APP1: u8 = 0xe1;

/// What is wrong with the order of a JPEG's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The start marker is missing.
    #[error("it does not begin as a JPEG does")]
    NoStart,
    /// The end marker is missing.
    #[error("the JPEG is cut off before its end")]
    CutOff,
    /// The start of another picture comes before the end of this one.
    #[error("another JPEG begins inside this one")]
    Doubled,
    /// A part's length is impossible.
    #[error("a part of the JPEG has an impossible length")]
    Length,
    /// It ends without a scan.
    #[error("the JPEG holds no picture")]
    Empty,
}

/// The places in one JPEG that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// First byte after the end marker.
    pub end: usize,
    /// The first scan's marker.
    pub first_scan: usize,
    /// Whether Huffman tables come before it.
    pub has_tables: bool,
    /// Whether camera data (Exif) may say which way is up.
    pub has_orientation: bool,
}

/// Walks over the JPEG that `bytes` begin with; what follows it is ignored.
pub fn walk(bytes: &[u8]) -> Result<Places, Flaw> {
    if bytes.get(..2) != Some(&[0xff, SOI]) {
        return Err(match bytes.len() {
            0 | 1 => Flaw::CutOff,
            _ => Flaw::NoStart,
        });
    }
    let mut at = 2;
    let mut first_scan = None;
    let (mut has_tables, mut has_orientation) = (false, false);
    loop {
        // Decoders skip what stands between two parts, so this does too.
        at = find(bytes, at, |next| next != 0 && next != 0xff)?;
        let marker = bytes[at + 1];
        match marker {
            EOI => {
                let first_scan = first_scan.ok_or(Flaw::Empty)?;
                return Ok(Places {
                    end: at + 2,
                    first_scan,
                    has_tables,
                    has_orientation,
                });
            }
            SOI => return Err(Flaw::Doubled),
            // Markers without a length: restarts, and one for temporary use.
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let length = bytes.get(at + 2..at + 4).ok_or(Flaw::CutOff)?;
                let length = usize::from(length[0]) << 8 | usize::from(length[1]);
                if length < 2 {
                    return Err(Flaw::Length);
                }
                has_tables |= marker == DHT && first_scan.is_none();
                has_orientation |= marker == APP1 && bytes[at + 4..].starts_with(b"Exif");
                if marker == SOS {
                    first_scan.get_or_insert(at);
                }
                at += 2 + length;
                if marker == SOS {
                    // Inside a scan FF stands only before 00 and before a restart's marker.
                    let ends = |next| next != 0 && next != 0xff && !(0xd0..=0xd7).contains(&next);
                    at = find(bytes, at, ends)?;
                }
            }
        }
    }
}

/// The next FF whose following byte is `wanted`.
fn find(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> Result<usize, Flaw> {
    let rest = bytes.get(from..).ok_or(Flaw::CutOff)?;
    rest.windows(2)
        .position(|pair| pair[0] == 0xff && wanted(pair[1]))
        .map(|at| from + at)
        .ok_or(Flaw::CutOff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, a comment that holds an end marker, tables, a scan with a restart, the end.
    const WHOLE: &[u8] = &[
        0xff, 0xd8, 0xff, 0xfe, 0, 6, 0xff, 0xd9, 1, 2, 0xff, 0xc4, 0, 3, 9, 0xff, 0xda, 0, 2, 7,
        0xff, 0, 8, 0xff, 0xd0, 6, 0xff, 0xd9,
    ];

    #[test]
    fn a_whole_one_is_measured_and_what_follows_is_ignored() {
        let places = Places {
            end: WHOLE.len(),
            first_scan: 15,
            has_tables: true,
            has_orientation: false,
        };
        assert_eq!(walk(WHOLE), Ok(places));
        let mut longer = WHOLE.to_vec();
        longer.extend([0; 40]);
        assert_eq!(walk(&longer), Ok(places));
        let without: Vec<u8> = [&WHOLE[..10], &WHOLE[15..]].concat();
        assert_eq!(walk(&without).map(|places| places.has_tables), Ok(false));
        let exif = [&WHOLE[..2], b"\xff\xe1\0\x08Exif\0\0", &WHOLE[2..]].concat();
        assert_eq!(walk(&exif).map(|places| places.has_orientation), Ok(true));
    }

    #[test]
    fn every_cut_is_noticed() {
        for length in 0..WHOLE.len() {
            assert_eq!(walk(&WHOLE[..length]), Err(Flaw::CutOff), "{length} bytes");
        }
    }

    #[test]
    fn flaws_are_told_apart() {
        let doubled = [&WHOLE[..22], WHOLE].concat();
        assert_eq!(walk(&doubled), Err(Flaw::Doubled));
        assert_eq!(walk(b"no picture"), Err(Flaw::NoStart));
        assert_eq!(walk(&[0xff, 0xd8, 0xff, 0xe0, 0, 1, 0]), Err(Flaw::Length));
        assert_eq!(walk(&[0xff, 0xd8, 0xff, 0xd9]), Err(Flaw::Empty));
        assert_eq!(
            Flaw::CutOff.to_string(),
            "the JPEG is cut off before its end"
        );
    }
}
