//! `edge-agent devices`: the cameras of this machine, what each can give, and the lines that the
//! config needs for it. Sets nothing and reads no frame.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use crate::decode::PixelFormat;
use crate::log;
use crate::source::v4l2::{Control, Found, Mode, Offer, Places, list};

/// What is said where there is nothing to list.
const NONE: &str = "no camera found: there is no /dev/video* that gives pictures; plug a USB camera in \
     (`dmesg` tells whether the kernel knows it), and in a container pass --device /dev/video0";

/// The size and rate that are proposed, as far as a camera has them.
const WANTED_WIDTH: u32 = 1280;
const WANTED_HEIGHT: u32 = 720;
const WANTED_FPS: f32 = 25.0;

/// Arguments of `devices`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One JSON array.
    #[arg(long)]
    json: bool,
}

/// A node as it is told.
#[derive(Debug, Serialize)]
struct Device {
    node: PathBuf,
    names: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<Camera>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Camera {
    name: String,
    driver: String,
    bus: String,
    formats: Vec<Offer>,
    controls: Vec<Control>,
    /// Lines for the config.
    config: String,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let devices: Vec<Device> = list(&Places::default()).into_iter().map(device).collect();
    let any = devices.iter().any(|device| device.camera.is_some());
    let text = if args.json {
        serde_json::to_string_pretty(&devices)? + "\n"
    } else {
        devices.iter().map(readable).collect::<Vec<_>>().join("\n")
    };
    // Whoever reads may have seen enough.
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    if any {
        return Ok(ExitCode::SUCCESS);
    }
    if devices.is_empty() {
        log::error(format_args!("{NONE}"));
    } else {
        log::error(format_args!(
            "no camera that the agent can use; what is there says why"
        ));
    }
    Ok(ExitCode::FAILURE)
}

fn device(found: Found) -> Device {
    let Found {
        path,
        names,
        camera,
    } = found;
    let (camera, problem) = match camera {
        Ok(camera) => {
            let config = proposal(names.first().unwrap_or(&path), &camera.offers);
            let camera = Camera {
                name: camera.identity.name,
                driver: camera.identity.driver,
                bus: camera.identity.bus,
                formats: camera.offers,
                controls: camera.controls,
                config,
            };
            (Some(camera), None)
        }
        Err(error) => (None, Some(error.to_string())),
    };
    Device {
        node: path,
        names,
        camera,
        problem,
    }
}

/// The lines for the config: the camera's most lasting name and the mode nearest to what the
/// agent wants.
fn proposal(name: &Path, offers: &[Offer]) -> String {
    let far = |(_, mode, fps): &(PixelFormat, &Mode, f32)| {
        let slow = (WANTED_FPS - fps).max(0.0);
        let apart = mode.width.abs_diff(WANTED_WIDTH) + mode.height.abs_diff(WANTED_HEIGHT);
        // A frame a second too slow weighs as much as fifty pixels.
        (slow * 50.0) as u32 + apart
    };
    let modes = offers.iter().flat_map(|offer| {
        let rate = |mode: &Mode| nearest_rate(&mode.fps);
        let format = offer.format;
        offer
            .modes
            .iter()
            .map(move |mode| (format, mode, rate(mode)))
    });
    let mut text = format!(
        "[source]\nkind = \"v4l2\"\ndevice = {:?}\n",
        name.display().to_string()
    );
    // Of equally near modes the last one: YUYV and NV12 are cheaper to decode than JPEG.
    let nearest = modes.collect::<Vec<_>>().into_iter().rev().min_by_key(far);
    if let Some((format, mode, fps)) = nearest {
        let _ = write!(
            text,
            "format = \"{}\"\nwidth_px = {}\nheight_px = {}\nfps = {fps}\n",
            format.name(),
            mode.width,
            mode.height
        );
    }
    text
}

/// The least of the rates that is enough; else the largest; what is wanted if none is told.
fn nearest_rate(rates: &[f32]) -> f32 {
    let enough = rates.iter().copied().filter(|fps| *fps >= WANTED_FPS);
    let most = rates.iter().copied().reduce(f32::max);
    enough.reduce(f32::min).or(most).unwrap_or(WANTED_FPS)
}

fn readable(device: &Device) -> String {
    let node = device.node.display();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let Some(camera) = &device.camera else {
        let problem = device.problem.as_deref().unwrap_or("");
        return format!("{node}\n  not usable: {problem}\n");
    };
    let _ = writeln!(
        text,
        "{node}  {} ({}, {})",
        camera.name, camera.driver, camera.bus
    );
    for name in &device.names {
        let _ = writeln!(text, "  {}", name.display());
    }
    for offer in &camera.formats {
        let modes: Vec<String> = offer.modes.iter().map(mode).collect();
        let _ = writeln!(text, "  {:<5}  {}", offer.format.name(), modes.join(", "));
    }
    if !camera.controls.is_empty() {
        let controls: Vec<String> = camera
            .controls
            .iter()
            .map(|c| format!("{} {} to {}", c.name, c.minimum, c.maximum))
            .collect();
        let _ = writeln!(text, "  controls: {}", controls.join(", "));
    }
    let _ = writeln!(text, "  for the config:");
    for line in camera.config.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}

fn mode(mode: &Mode) -> String {
    let rates: Vec<String> = mode.fps.iter().map(|fps| format!("{fps}")).collect();
    let at = if rates.is_empty() { "" } else { " at " };
    format!("{}x{}{at}{}", mode.width, mode.height, rates.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::source::SourceConfig;

    fn offer(format: PixelFormat, modes: &[(u32, u32, &[f32])]) -> Offer {
        let modes = modes.iter().map(|(width, height, fps)| Mode {
            width: *width,
            height: *height,
            fps: fps.to_vec(),
        });
        Offer {
            format,
            fourcc: 0,
            modes: modes.collect(),
        }
    }

    #[test]
    fn the_proposal_is_a_config_that_the_agent_takes() {
        let offers = [
            offer(
                PixelFormat::Mjpeg,
                &[
                    (640, 480, &[30.0]),
                    (1280, 720, &[60.0, 30.0, 15.0]),
                    (1920, 1080, &[30.0]),
                ],
            ),
            offer(
                PixelFormat::Yuyv,
                &[(640, 480, &[30.0]), (1280, 720, &[10.0])],
            ),
        ];
        let text = proposal(Path::new("/dev/v4l/by-id/usb-a \"b\""), &offers);
        let config = Config::parse(&text, Path::new("x")).unwrap();
        let SourceConfig::V4l2(camera) = config.source else {
            panic!("{text}");
        };
        assert_eq!(camera.device, Path::new("/dev/v4l/by-id/usb-a \"b\""));
        assert_eq!(camera.format, Some(PixelFormat::Mjpeg));
        assert_eq!(
            (camera.width_px, camera.height_px, camera.fps),
            (1280, 720, 30.0)
        );
        // Both do it: the one that is cheaper to decode.
        let both = [
            offer(PixelFormat::Mjpeg, &[(640, 480, &[30.0])]),
            offer(PixelFormat::Yuyv, &[(640, 480, &[30.0])]),
        ];
        assert!(proposal(Path::new("x"), &both).contains("format = \"yuyv\"\n"));
        // Nothing told: nothing asked.
        assert_eq!(
            proposal(Path::new("/dev/video0"), &[]),
            "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\n"
        );
    }

    #[test]
    fn rates_are_no_faster_than_needed() {
        assert_eq!(nearest_rate(&[60.0, 30.0, 15.0]), 30.0);
        assert_eq!(nearest_rate(&[15.0, 10.0]), 15.0);
        assert_eq!(nearest_rate(&[]), 25.0);
    }
}
