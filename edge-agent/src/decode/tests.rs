//! The formats against exact arithmetic and against each other, and what is refused.

use super::*;

fn layout(format: PixelFormat, width: u32, height: u32) -> Layout {
    Layout::packed(format, width, height)
}

fn decoded(layout: Layout, bytes: &[u8]) -> Result<RgbFrame, DecodeError> {
    Decoder::new(layout, None)?.decode(bytes, &mut Vec::new())
}

/// The standard's weights of red and blue, and what black and the steps of light and colour are.
fn standard(ycbcr: Ycbcr) -> ([f64; 2], [f64; 3]) {
    let weights = match ycbcr {
        Ycbcr::Limited601 | Ycbcr::Full601 => [0.299, 0.114],
        Ycbcr::Limited709 | Ycbcr::Full709 => [0.2126, 0.0722],
    };
    let steps = match ycbcr {
        Ycbcr::Limited601 | Ycbcr::Limited709 => [16.0, 255.0 / 219.0, 255.0 / 224.0],
        Ycbcr::Full601 | Ycbcr::Full709 => [0.0, 1.0, 1.0],
    };
    (weights, steps)
}

/// A pixel in floating point.
fn exact(y: u8, cb: u8, cr: u8, ycbcr: Ycbcr) -> [f64; 3] {
    let ([red, blue], [black, light, colour]) = standard(ycbcr);
    let green = 1.0 - red - blue;
    let y = (f64::from(y) - black) * light;
    let (cb, cr) = (
        (f64::from(cb) - 128.0) * colour,
        (f64::from(cr) - 128.0) * colour,
    );
    let rgb = [
        y + 2.0 * (1.0 - red) * cr,
        y - 2.0 * ((1.0 - blue) * blue * cb + (1.0 - red) * red * cr) / green,
        y + 2.0 * (1.0 - blue) * cb,
    ];
    rgb.map(|value| value.clamp(0.0, 255.0))
}

#[test]
fn every_colour_is_within_one_step_of_the_exact_one() {
    for ycbcr in Ycbcr::ALL {
        for cb in (0..=255).step_by(5) {
            for cr in (0..=255).step_by(5) {
                let bytes: Vec<u8> = (0..=255u8).flat_map(|y| [y, cb, y, cr]).collect();
                let layout = Layout {
                    ycbcr,
                    ..layout(PixelFormat::Yuyv, 512, 1)
                };
                let frame = decoded(layout, &bytes).unwrap();
                for (index, pixel) in frame.data().chunks_exact(3).enumerate() {
                    let exact = exact((index / 2) as u8, cb, cr, ycbcr);
                    for (found, exact) in pixel.iter().zip(exact) {
                        let off = (f64::from(*found) - exact).abs();
                        assert!(
                            off <= 1.0,
                            "{index} {cb} {cr} {ycbcr:?}: {found} for {exact}"
                        );
                    }
                }
            }
        }
    }
}

/// Red and green as a camera by each standard writes them.
#[test]
fn plain_colours_come_back() {
    for ycbcr in Ycbcr::ALL {
        let ([red, blue], [black, light, colour]) = standard(ycbcr);
        for rgb in [[180.0, 25.0, 25.0], [30.0, 110.0, 50.0]] {
            let [r, g, b] = rgb;
            let y = red * r + (1.0 - red - blue) * g + blue * b;
            let chroma = |value: f64, weight: f64| {
                (128.0 + (value - y) / (2.0 * (1.0 - weight)) / colour).round() as u8
            };
            let (cb, cr) = (chroma(b, blue), chroma(r, red));
            let y = (black + y / light).round() as u8;
            let layout = Layout {
                ycbcr,
                ..layout(PixelFormat::Yuyv, 2, 1)
            };
            let frame = decoded(layout, &[y, cb, y, cr]).unwrap();
            for (found, wanted) in frame.data().iter().zip(rgb) {
                let off = (f64::from(*found) - wanted).abs();
                assert!(off <= 2.0, "{ycbcr:?}: {found} for {wanted}");
            }
        }
    }
}

#[test]
fn black_white_and_grey_are_exact() {
    let bytes = [16, 128, 235, 128, 126, 128, 126, 128];
    let frame = decoded(layout(PixelFormat::Yuyv, 4, 1), &bytes).unwrap();
    assert_eq!(
        frame.data(),
        [[0; 3], [255; 3], [128; 3], [128; 3]].concat()
    );
}

#[test]
fn nv12_is_yuyv_with_colour_for_two_rows() {
    let (width, height) = (6u32, 4u32);
    let luma: Vec<u8> = (0..24).map(|i| 16 + 9 * i).collect();
    let chroma: Vec<u8> = (0..12).map(|i| 40 + 15 * i).collect();
    let nv12 = decoded(
        layout(PixelFormat::Nv12, width, height),
        &[&luma[..], &chroma].concat(),
    );
    let mut bytes = Vec::new();
    for (y, row) in luma.chunks_exact(6).enumerate() {
        for (x, pair) in row.chunks_exact(2).enumerate() {
            let at = y / 2 * 6 + x * 2;
            bytes.extend([pair[0], chroma[at], pair[1], chroma[at + 1]]);
        }
    }
    let yuyv = decoded(layout(PixelFormat::Yuyv, width, height), &bytes);
    assert_eq!(nv12.unwrap(), yuyv.unwrap());
}

#[test]
fn padding_at_the_end_of_rows_is_left_out() {
    let rows: [&[u8]; 2] = [&[50, 90, 60, 160], &[70, 100, 80, 150]];
    let plain = decoded(layout(PixelFormat::Yuyv, 2, 2), &rows.concat()).unwrap();
    let padded = [rows[0], &[7; 6], rows[1], &[7; 6]].concat();
    let wide = Layout {
        stride: 10,
        ..layout(PixelFormat::Yuyv, 2, 2)
    };
    assert_eq!(decoded(wide, &padded).unwrap(), plain);
    let nv12: [&[u8]; 3] = [&[50, 60], &[70, 80], &[90, 160]];
    let plain = decoded(layout(PixelFormat::Nv12, 2, 2), &nv12.concat()).unwrap();
    let padded: Vec<u8> = nv12
        .iter()
        .flat_map(|row| [row, &[1u8; 3][..]].concat())
        .collect();
    let wide = Layout {
        stride: 5,
        ..layout(PixelFormat::Nv12, 2, 2)
    };
    assert_eq!(decoded(wide, &padded).unwrap(), plain);
}

#[test]
fn short_frames_and_odd_sizes_are_refused_in_one_line() {
    for format in [PixelFormat::Yuyv, PixelFormat::Nv12] {
        let layout = layout(format, 8, 6);
        let needed = layout.frame_bytes().unwrap();
        let bytes = vec![100; needed];
        assert!(decoded(layout, &bytes).is_ok());
        for found in 0..needed {
            let short = DecodeError::Short { needed, found };
            assert_eq!(decoded(layout, &bytes[..found]), Err(short));
        }
        // Drivers round buffers up; what follows a frame is not part of it.
        assert!(decoded(layout, &vec![100; needed + 64]).is_ok());
    }
    for (format, width, height, told) in [
        (
            PixelFormat::Yuyv,
            7,
            6,
            "7x6 pixels do not go with yuyv; give an even size",
        ),
        (
            PixelFormat::Nv12,
            8,
            5,
            "8x5 pixels do not go with nv12; give an even size",
        ),
        (
            PixelFormat::Nv12,
            0,
            2,
            "0x2 pixels cannot be decoded; allowed: 1x1 to 8192x8192",
        ),
        (
            PixelFormat::Yuyv,
            9000,
            2,
            "9000x2 pixels cannot be decoded; allowed: 1x1 to 8192x8192",
        ),
    ] {
        let error = Decoder::new(layout(format, width, height), None).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
    assert!(decoded(layout(PixelFormat::Yuyv, 8, 5), &[1; 80]).is_ok());
    let short = DecodeError::Short {
        needed: 96,
        found: 7,
    };
    assert_eq!(short.to_string(), "it has 7 of 96 bytes");
}

#[test]
fn a_wide_picture_is_shrunk_by_a_whole_factor() {
    // Columns of two pixels, each pair grey in its own shade.
    let bytes: Vec<u8> = [[40u8, 128, 60, 128], [80, 128, 100, 128]]
        .concat()
        .repeat(2);
    let mut decoder = Decoder::new(layout(PixelFormat::Yuyv, 4, 2), Some(3)).unwrap();
    let small = decoder.decode(&bytes, &mut Vec::new()).unwrap();
    assert_eq!((small.width(), small.height()), (2, 1));
    let full = decoded(layout(PixelFormat::Yuyv, 4, 2), &bytes).unwrap();
    let mean = |x: u32| {
        let sum = u32::from(full.view().pixel(x, 0)[0]) + u32::from(full.view().pixel(x + 1, 0)[0]);
        sum.div_ceil(2) as u8
    };
    assert_eq!(small.data(), [[mean(0); 3], [mean(2); 3]].concat());
    // Pictures from files are treated alike.
    assert_eq!(decoder.fit(full.clone(), &mut Vec::new()), small);
    let mut wide = Decoder::new(layout(PixelFormat::Yuyv, 4, 2), Some(4)).unwrap();
    assert_eq!(wide.decode(&bytes, &mut Vec::new()).unwrap(), full);
    assert_eq!(wide.fit(full.clone(), &mut Vec::new()), full);
}

#[test]
fn memory_is_used_again() {
    let bytes = vec![90; 64 * 48 * 2];
    for most in [None, Some(64), Some(32)] {
        let mut decoder = Decoder::new(layout(PixelFormat::Yuyv, 64, 48), most).unwrap();
        let mut spare = Vec::new();
        let mut places = std::collections::BTreeSet::new();
        for _ in 0..20 {
            spare = decoder.decode(&bytes, &mut spare).unwrap().into_data();
            places.insert(spare.as_ptr());
        }
        // Without shrinking one place; with it two, which may change roles.
        assert!(places.len() <= 2, "{} places", places.len());
    }
}
