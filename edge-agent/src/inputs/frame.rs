//! A camera's frame of any bytes: refused, or a picture of the size that it says, the same
//! each time.

use super::Dish;
use crate::decode::{Decoder, Layout, PixelFormat, Ycbcr};

/// The layout stands before the frame: format and YCbCr encoding (1 byte), width, height, stride,
/// greatest width (2 bytes each).
pub fn frame(bytes: &[u8]) {
    let mut dish = Dish(bytes);
    let kind = dish.number(1) as usize;
    let layout = Layout {
        format: PixelFormat::ALL[kind % 3],
        ycbcr: Ycbcr::ALL[kind / 3 % 4],
        width: dish.number(2) as u32,
        height: dish.number(2) as u32,
        stride: dish.number(2) as u32,
    };
    let max_width = Some(dish.number(2) as u32).filter(|width| *width > 0);
    let Ok(mut decoder) = Decoder::new(layout, max_width) else {
        return;
    };
    let first = decoder.decode(dish.0, &mut Vec::new());
    if let Ok(picture) = &first {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        assert_eq!(picture.data().len(), width * height * 3);
        assert!(max_width.is_none_or(|most| picture.width() <= most));
    }
    let mut used = vec![7; 100];
    assert_eq!(decoder.decode(dish.0, &mut used), first);
}
