//! Order, times, rounds and faults of recordings.

use std::path::Path;

use super::folder::TIMESTAMPS;
use super::*;
use models::picture;

fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let plain = RgbFrame::filled(4, 4, [1, 2, 3]).unwrap();
    for name in names {
        let bytes = picture::png(plain.view()).unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn of_folder(folder: &Path) -> ReplayConfig {
    ReplayConfig {
        folder: Some(folder.to_path_buf()),
        file: None,
        fps: 30.0,
        width_px: None,
        height_px: None,
        max_width_px: None,
        repeat: 1,
    }
}

fn of_file(file: &Path, size: (u32, u32)) -> ReplayConfig {
    ReplayConfig {
        folder: None,
        file: Some(file.to_path_buf()),
        width_px: Some(size.0),
        height_px: Some(size.1),
        ..of_folder(file)
    }
}

fn refusal(config: &ReplayConfig) -> String {
    Replay::open(config).err().expect("refused").to_string()
}

/// Every answer until the end: number and time, or what was told.
fn play(config: &ReplayConfig, most: usize) -> Vec<Result<(u64, u64), String>> {
    let mut replay = Replay::open(config).unwrap();
    let mut seen = Vec::new();
    while seen.len() < most {
        match replay.next() {
            Ok(None) => {
                assert!(replay.next().unwrap().is_none(), "the end is the end");
                break;
            }
            Ok(Some(frame)) => {
                seen.push(Ok((frame.index, frame.t_ms)));
                replay.recycle(frame);
            }
            Err(error) => seen.push(Err(error.to_string())),
        }
    }
    seen
}

#[test]
fn names_give_the_order_and_the_rate_the_times() {
    let folder = folder(&["b.png", "a.png", "c.png"]);
    let seen = play(&of_folder(folder.path()), 9);
    assert_eq!(seen, [Ok((0, 0)), Ok((1, 33)), Ok((2, 67))]);
}

#[test]
fn listed_times_win_and_a_missing_frame_is_only_dropped() {
    let folder = folder(&["a.png", "b.png"]);
    let list = "{\"frame\":\"b.png\",\"t_ms\":5}\n{\"frame\":\"gone.png\",\"t_ms\":9}\n{\"frame\":\"a.png\",\"t_ms\":12}\n";
    std::fs::write(folder.path().join(TIMESTAMPS), list).unwrap();
    let seen = play(&of_folder(folder.path()), 9);
    assert_eq!(seen.len(), 3);
    assert_eq!((&seen[0], &seen[2]), (&Ok((0, 5)), &Ok((2, 12))));
    let told = seen[1].as_ref().unwrap_err();
    assert!(told.starts_with("frame 1 dropped: cannot read "), "{told}");
    assert!(told.contains("gone.png"), "{told}");
    // Played twice: the second round goes on after the first, as far apart as the last two.
    let twice = ReplayConfig {
        repeat: 2,
        ..of_folder(folder.path())
    };
    let times: Vec<_> = play(&twice, 9).into_iter().flatten().collect();
    assert_eq!(times, [(0, 5), (2, 12), (3, 15), (5, 22)]);
}

#[test]
fn for_ever_has_no_end() {
    let folder = folder(&["a.png", "b.png"]);
    let config = ReplayConfig {
        repeat: 0,
        ..of_folder(folder.path())
    };
    let seen = play(&config, 1001);
    assert_eq!(seen.len(), 1001);
    assert_eq!(seen[1000], Ok((1000, 33_333)));
}

#[test]
fn what_cannot_be_opened_says_why() {
    let empty = folder(&[]);
    let error = refusal(&of_folder(empty.path()));
    assert!(
        error.ends_with("has no pictures; looked for jpg, jpeg, png, bmp, webp"),
        "{error}"
    );
    let error = refusal(&of_folder(&empty.path().join("no")));
    assert!(error.starts_with("source.folder: cannot read "), "{error}");
    let list = "{\"frame\":\"a.png\",\"t_ms\":5}\n{\"frame\":\"b.png\",\"t_ms\":5}\n";
    std::fs::write(empty.path().join(TIMESTAMPS), list).unwrap();
    let error = refusal(&of_folder(empty.path()));
    assert!(
        error.contains("timestamps.jsonl:2: 5 is not after the line before"),
        "{error}"
    );
    let file = empty.path().join("road.mjpeg");
    let error = refusal(&of_file(&file, (4, 4)));
    assert!(error.starts_with("source.file: cannot read "), "{error}");
    assert!(error.ends_with("; give a file of frames"), "{error}");
    std::fs::write(&file, "no JPEG").unwrap();
    let error = refusal(&of_file(&file, (4, 4)));
    assert!(
        error.ends_with("road.mjpeg has no whole frame; a frame of .mjpeg begins with FF D8"),
        "{error}"
    );
    let file = empty.path().join("road.nv12");
    std::fs::write(&file, [0; 23]).unwrap();
    let error = refusal(&of_file(&file, (4, 4)));
    assert!(
        error.ends_with("road.nv12 has no whole frame; a frame of 4x4 has 24 bytes"),
        "{error}"
    );
    assert_eq!(
        refusal(&of_file(&file, (4, 3))),
        "source: 4x3 pixels do not go with nv12; give an even size"
    );
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    let folder = || of_folder(Path::new("f"));
    let file = |name: &str| of_file(Path::new(name), (4, 4));
    for (config, told) in [
        (
            ReplayConfig {
                folder: None,
                ..folder()
            },
            "source.folder is missing; give a folder of pictures, or file = a file of frames",
        ),
        (
            ReplayConfig {
                file: Some("x.mjpeg".into()),
                ..folder()
            },
            "source.file does not go with source.folder; give one of them",
        ),
        (
            file("road.avi"),
            "source.file = road.avi is no known kind; allowed: .mjpeg, .yuyv, .nv12",
        ),
        (
            ReplayConfig {
                height_px: None,
                ..file("road.yuyv")
            },
            "source.width_px is missing; a .yuyv file needs width_px and height_px",
        ),
        (
            ReplayConfig {
                fps: 0.0,
                ..folder()
            },
            "source.fps = 0 is out of range; allowed: 0.01 to 1000",
        ),
    ] {
        assert_eq!(config.check().unwrap_err().to_string(), told);
    }
    for config in [
        folder(),
        file("a.MJPG"),
        file("a.mjpeg"),
        file("a.yuyv"),
        file("a.nv12"),
    ] {
        config.check().unwrap();
    }
}

/// A picture whose colour tells its number.
fn jpeg(number: u8) -> Vec<u8> {
    let frame = RgbFrame::filled(32, 16, [number * 20, 100, 200 - number * 20]).unwrap();
    picture::jpeg(frame.view(), 95).unwrap()
}

fn pictures(config: &ReplayConfig) -> Vec<Vec<u8>> {
    let mut replay = Replay::open(config).unwrap();
    let mut seen = Vec::new();
    while let Some(frame) = replay.next().unwrap() {
        seen.push(frame.image.data().to_vec());
        replay.recycle(frame);
    }
    seen
}

#[test]
fn one_file_of_jpegs_is_the_folder_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for number in 0..8 {
        std::fs::write(folder.path().join(format!("{number}.jpg")), jpeg(number)).unwrap();
        all.extend(jpeg(number));
        // Cameras pad their frames.
        all.extend([0; 7]);
    }
    let from_folder = pictures(&of_folder(folder.path()));
    let file = folder.path().join("all.mjpeg");
    std::fs::write(&file, &all).unwrap();
    assert_eq!(from_folder.len(), 8);
    assert_eq!(pictures(&of_file(&file, (0, 0))), from_folder);
    let expected: Vec<_> = (0..8)
        .map(|number| picture::decode(&jpeg(number)).unwrap().into_data())
        .collect();
    assert_eq!(from_folder, expected);
    let twice = ReplayConfig {
        repeat: 2,
        ..of_file(&file, (0, 0))
    };
    assert_eq!(pictures(&twice), [&expected[..], &expected].concat());
    let small = ReplayConfig {
        max_width_px: Some(20),
        ..of_file(&file, (0, 0))
    };
    assert!(pictures(&small).iter().all(|rgb| rgb.len() == 16 * 8 * 3));
}

#[test]
fn a_torn_jpeg_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torn.mjpeg");
    let (first, second, third) = (jpeg(1), jpeg(2), jpeg(3));
    // Torn in its picture, and in its head, whose last part then seems to go on.
    for (length, told) in [
        (second.len() - 4, "another JPEG begins inside this one"),
        (second.len() / 2, "the JPEG is damaged"),
    ] {
        let torn = &second[..length];
        std::fs::write(&file, [&first[..], torn, &third, torn].concat()).unwrap();
        let seen = play(&of_file(&file, (0, 0)), 20);
        assert_eq!((&seen[0], &seen[2]), (&Ok((0, 0)), &Ok((2, 67))));
        let expected = format!("frame 1 dropped: {told}");
        assert!(
            seen[1].as_ref().unwrap_err().starts_with(&expected),
            "{seen:?}"
        );
        let cut = "frame 3 dropped: the JPEG is cut off before its end";
        assert_eq!(seen[3], Err(cut.into()));
        assert_eq!(seen.len(), 4);
    }
}

#[test]
fn raw_files_hold_one_frame_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grey.yuyv");
    let frames: Vec<u8> = [16u8, 126, 235]
        .iter()
        .flat_map(|y| [*y, 128].repeat(8))
        .collect();
    std::fs::write(&file, [&frames[..], &[1; 5]].concat()).unwrap();
    let config = of_file(&file, (4, 2));
    let seen = play(&config, 9);
    assert_eq!(seen[..3], [Ok((0, 0)), Ok((1, 33)), Ok((2, 67))]);
    assert_eq!(seen[3], Err("frame 3 dropped: it has 5 of 16 bytes".into()));
    assert_eq!(seen.len(), 4);
    std::fs::write(&file, &frames).unwrap();
    let shades: Vec<_> = pictures(&config).iter().map(|rgb| rgb[0]).collect();
    assert_eq!(shades, [0, 128, 255]);
}

#[test]
fn a_picture_that_says_which_way_is_up_is_turned() {
    let folder = tempfile::tempdir().unwrap();
    let plain = jpeg(1);
    // Exif with the one entry "orientation = 6", a quarter turn.
    let exif =
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&plain[..2], exif, &plain[2..]].concat();
    std::fs::write(folder.path().join("a.jpg"), turned).unwrap();
    let mut replay = Replay::open(&of_folder(folder.path())).unwrap();
    let frame = replay.next().unwrap().unwrap();
    assert_eq!((frame.image.width(), frame.image.height()), (16, 32));
}
