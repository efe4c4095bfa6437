//! The doctor's findings in words, a line each.

use std::fmt::Write;

use super::{Report, Tried};
use crate::machine::Nvidia;
use crate::train::trial::Trial;

/// What was found, before anything is tried.
pub(super) fn facts(report: &Report) -> String {
    let program = &report.program;
    let mut text = format!(
        "{} {}, built on tch {} and tract {}\n\n",
        program.name, program.version, program.tch, program.tract
    );
    for (name, value) in [
        ("libtorch", libtorch(report)),
        ("cuda", cuda(report)),
        ("driver", driver(&report.nvidia)),
        ("processor", processor(report)),
        ("memory", memory(report)),
        ("disk", disk(report)),
        ("weights", weights(report)),
    ] {
        let _ = writeln!(text, "{}", row(name, &value));
    }
    text.push('\n');
    text
}

/// What became of training on a device.
pub(super) fn tried(trial: Trial, tried: &Tried, nvidia: &Nvidia) -> String {
    let Trial {
        batch_size, side, ..
    } = trial;
    let name = tried.device.strip_prefix("cuda:");
    let card = name.and_then(|index| nvidia.cards.get(index.parse::<usize>().ok()?));
    let card = card.map(|card| {
        let (free, all) = (
            card.free_mib as f64 / 1024.0,
            card.memory_mib as f64 / 1024.0,
        );
        format!("{}, {free:.1} of {all:.1} GiB free; ", card.name)
    });
    let outcome = match (&tried.images_per_second, &tried.error) {
        (Some(rate), None) => format!(
            "trains: MobileNetV3-small takes {} pictures of {side} x {side} a second, \
             {batch_size} at a time",
            if *rate < 10.0 {
                format!("{rate:.1}")
            } else {
                format!("{rate:.0}")
            }
        ),
        (_, error) => format!("does not train: {}", error.as_deref().unwrap_or("?")),
    };
    row(&tried.device, &(card.unwrap_or_default() + &outcome))
}

/// What follows from it.
pub(super) fn conclusion(report: &Report) -> String {
    let mut text = String::from("\n");
    for (index, advice) in report.advice.iter().enumerate() {
        let name = if index == 0 { "advice" } else { "" };
        let _ = writeln!(text, "{}", row(name, advice));
    }
    if !report.advice.is_empty() && report.can_train {
        text.push('\n');
    }
    // `--device auto` takes the first card.
    let works = |tried: &&Tried| tried.error.is_none();
    let cards = report.devices.iter().skip(1).find(works);
    if let Some(best) = cards.or(report.devices.iter().find(works)) {
        let _ = writeln!(
            text,
            "{}",
            row("ready", &format!("training runs on {}", best.device))
        );
    }
    text
}

fn row(name: &str, value: &str) -> String {
    format!("{name:<12} {value}")
}

fn libtorch(report: &Report) -> String {
    let libtorch = &report.libtorch;
    let version = libtorch.version.as_deref().unwrap_or("of unknown version");
    let folder = match &libtorch.folder {
        Some(folder) => format!(" in {}", folder.display()),
        None => String::new(),
    };
    format!("{version}{folder}, {}", threads(libtorch.threads as usize))
}

fn cuda(report: &Report) -> String {
    let libtorch = &report.libtorch;
    if !libtorch.cuda {
        return "not in this libtorch".into();
    }
    let devices = match libtorch.cuda_devices {
        0 => "no device".into(),
        1 => "1 device".into(),
        more => format!("{more} devices"),
    };
    // 91900 is 9.19.0; before version 9 the first factor was 1000.
    match libtorch.cudnn {
        Some(n) if n >= 90000 => {
            let (major, minor, patch) = (n / 10000, n / 100 % 100, n % 100);
            format!("{devices}, cuDNN {major}.{minor}.{patch}")
        }
        Some(n) => format!("{devices}, cuDNN {}.{}.{}", n / 1000, n / 100 % 10, n % 100),
        None => format!("{devices}, no cuDNN"),
    }
}

fn driver(nvidia: &Nvidia) -> String {
    match &nvidia.driver {
        Some(version) => format!("NVIDIA {version}"),
        None => "no NVIDIA driver is loaded".into(),
    }
}

fn processor(report: &Report) -> String {
    let processor = &report.processor;
    let mut parts = vec![processor.model.clone(), threads(processor.threads)];
    parts.push(processor.features.join(" "));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn threads(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} thread{s}")
}

fn memory(report: &Report) -> String {
    match &report.memory {
        Some(memory) => format!(
            "{:.1} of {:.1} GB free",
            memory.available_bytes as f64 / 1e9,
            memory.total_bytes as f64 / 1e9
        ),
        None => "unknown".into(),
    }
}

fn disk(report: &Report) -> String {
    match &report.disk {
        Some(disk) => format!(
            "{:.1} GB free in {}{}",
            disk.free_bytes as f64 / 1e9,
            disk.folder.display(),
            if disk.writable {
                ""
            } else {
                ", which cannot be written to"
            }
        ),
        None => "unknown".into(),
    }
}

fn weights(report: &Report) -> String {
    let kept: Vec<String> = report
        .weights
        .iter()
        .filter_map(|file| Some(file.kept.as_ref()?.display().to_string()))
        .collect();
    match kept.as_slice() {
        [] => "none of ImageNet are kept here".into(),
        kept => format!("kept: {}", kept.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use crate::machine::Card;

    const TRIAL: Trial = Trial {
        batch_size: 32,
        side: 128,
        steps: 3,
    };

    #[test]
    fn a_machine_without_a_card_reads_well() {
        let report = plain();
        let text = facts(&report) + &tried(TRIAL, &report.devices[0], &report.nvidia);
        assert_eq!(
            text + "\n" + &conclusion(&report),
            "\
host-trainer 0.1.0, built on tch 0.24.0 and tract 0.23.9

libtorch     2.11.0 in /opt/libtorch/lib, 2 threads
cuda         not in this libtorch
driver       no NVIDIA driver is loaded
processor    Some Processor, 2 threads, avx2 fma
memory       22.5 of 24.0 GB free
disk         100.0 GB free in /data
weights      kept: /cache/small.pth

cpu          trains: MobileNetV3-small takes 120 pictures of 128 x 128 a second, 32 at a time

ready        training runs on cpu
"
        );
    }

    #[test]
    fn a_card_is_named_with_its_memory_and_is_what_training_takes() {
        let mut report = plain();
        report.nvidia = Nvidia {
            driver: Some("580.65.06".into()),
            cards: vec![Card {
                name: "NVIDIA H100".into(),
                memory_mib: 81559,
                free_mib: 81079,
            }],
        };
        let libtorch = &mut report.libtorch;
        (libtorch.cuda, libtorch.cuda_devices, libtorch.cudnn) = (true, 1, Some(91900));
        report.devices.push(Tried {
            device: "cuda:0".into(),
            images_per_second: Some(9000.0),
            error: None,
        });
        let text = facts(&report);
        assert!(
            text.contains("cuda         1 device, cuDNN 9.19.0\n"),
            "{text}"
        );
        assert!(text.contains("driver       NVIDIA 580.65.06\n"), "{text}");
        let line = tried(TRIAL, &report.devices[1], &report.nvidia);
        let start = "cuda:0       NVIDIA H100, 79.2 of 79.6 GiB free; trains: ";
        assert!(line.starts_with(start), "{line}");
        assert!(conclusion(&report).ends_with("training runs on cuda:0\n"));
    }

    #[test]
    fn a_device_that_fails_says_why_and_is_not_promised() {
        let mut report = plain();
        report.can_train = false;
        report.devices[0].error = Some("broken".into());
        report.devices[0].images_per_second = None;
        report.advice = vec!["mend it".into(), "or not".into()];
        let line = tried(TRIAL, &report.devices[0], &report.nvidia);
        assert_eq!(line, "cpu          does not train: broken");
        assert_eq!(
            conclusion(&report),
            "\nadvice       mend it\n             or not\n"
        );
    }
}
