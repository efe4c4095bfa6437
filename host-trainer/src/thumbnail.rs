//! A small copy of a picture as a `data:` address, for pages that must hold all they show.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use models::picture;
use models::resample::resize;

/// Longest side, pixels.
const SIDE: u32 = 176;
/// Of the JPEG, 1 to 100.
const QUALITY: u8 = 74;

/// The picture in `path`; none when it cannot be read.
pub fn address(path: &Path) -> Option<String> {
    let frame = picture::read(path).ok()?;
    let longest = frame.width().max(frame.height()).max(SIDE);
    let side =
        |length: u32| (u64::from(length) * u64::from(SIDE) / u64::from(longest)).max(1) as u32;
    let small = resize(frame.view(), side(frame.width()), side(frame.height()));
    let bytes = picture::jpeg(small.view(), QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_keeps_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let frame = road_sim::portrait("red", 1, 704, 352).unwrap();
        std::fs::write(&path, picture::png(frame.view()).unwrap()).unwrap();
        let address = address(&path).unwrap();
        assert!(address.len() < 16_000, "{}", address.len());
        let bytes = address.strip_prefix("data:image/jpeg;base64,").unwrap();
        let small = picture::decode(&STANDARD.decode(bytes).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (176, 88));
        assert_eq!(super::address(&folder.path().join("gone.png")), None);
    }
}
