//! What a person can do about what is missing, from the facts alone.

use super::Report;

/// A run's folder is some ten megabytes; below this a few runs or a report fill the disk.
const LITTLE_DISK: u64 = 1_000_000_000;
/// libtorch, the pictures of a usual dataset and a step at 224 pixels together.
const LITTLE_MEMORY: u64 = 3_000_000_000;

/// A sentence for each thing that stands in the way of training, or of training faster.
pub(super) fn of(report: &Report) -> Vec<String> {
    let mut advice = Vec::new();
    cuda(report, &mut advice);
    for tried in &report.devices {
        if let Some(error) = &tried.error {
            let text = match tried.device.as_str() {
                "cpu" => format!(
                    "training fails on the processor ({error}): the libtorch that is linked does \
                     not fit; run `cargo xtask setup` and build again"
                ),
                cuda => format!(
                    "training fails on {cuda} ({error}): free its memory, or check that the \
                     driver is new enough for this libtorch's CUDA; --device cpu does without it"
                ),
            };
            advice.push(text);
        }
    }
    match &report.disk {
        Some(disk) if !disk.writable => advice.push(format!(
            "{} cannot be written to: give another folder with --save-ret DIR",
            disk.folder.display()
        )),
        Some(disk) if disk.free_bytes < LITTLE_DISK => advice.push(format!(
            "{} has little room: remove old runs, or give another folder with --save-ret DIR",
            disk.folder.display()
        )),
        _ => {}
    }
    if report
        .memory
        .is_some_and(|m| m.available_bytes < LITTLE_MEMORY)
    {
        advice.push(
            "memory is short: end other programs, or train with a smaller --batch-size".into(),
        );
    }
    let threads = i32::try_from(report.processor.threads).unwrap_or(i32::MAX);
    if report.libtorch.threads > threads {
        advice.push(format!(
            "libtorch computes with {} threads where {threads} can run at once: set \
             OMP_NUM_THREADS={threads}",
            report.libtorch.threads
        ));
    }
    if report
        .processor
        .load
        .is_some_and(|load| load > f64::from(threads))
        && report.wait_policy.as_deref().map(str::to_lowercase) != Some("passive".into())
    {
        advice.push(
            "other programs keep this machine busy, and libtorch's threads wait for each other by \
             spinning, which then slows training many times over: set OMP_WAIT_POLICY=passive"
                .into(),
        );
    }
    let missing: Vec<String> = report
        .weights
        .iter()
        .filter(|file| file.kept.is_none())
        .map(|file| format!("{} ({:.0} MB)", file.file, file.bytes as f64 / 1e6))
        .collect();
    if !missing.is_empty() {
        advice.push(format!(
            "ImageNet weights are not here yet: {}; `train --pretrained imagenet` fetches what it \
             needs once, or says how to bring it by hand",
            missing.join(", ")
        ));
    }
    advice
}

fn cuda(report: &Report, advice: &mut Vec<String>) {
    let (libtorch, nvidia) = (&report.libtorch, &report.nvidia);
    let card = nvidia.driver.is_some() || !nvidia.cards.is_empty();
    let text = match (libtorch.cuda, card) {
        (false, true) => {
            "there is an NVIDIA card, but this libtorch is for the processor: unpack a CUDA build \
             of libtorch 2.11 (from the PyTorch site), set LIBTORCH to its folder and build again"
        }
        (true, false) => {
            "this libtorch has CUDA, but no NVIDIA driver is loaded: install it (Debian: \
             nvidia-driver) until `nvidia-smi` lists the card, or go on without"
        }
        (true, true) if libtorch.cuda_devices == 0 => {
            "there is a driver, but libtorch finds no CUDA device: check that `nvidia-smi` lists \
             the card, that CUDA_VISIBLE_DEVICES does not hide it and that the driver is new \
             enough for this libtorch's CUDA"
        }
        (true, true) if libtorch.cudnn.is_none() => {
            "libtorch finds no cuDNN, without which training on a card is slow: use a libtorch \
             that brings it, as the official ones do"
        }
        _ => return,
    };
    advice.push(text.into());
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use crate::machine::Card;

    fn told(change: impl FnOnce(&mut Report)) -> String {
        let mut report = plain();
        change(&mut report);
        let advice = of(&report);
        assert_eq!(advice.len(), 1, "{advice:?}");
        advice.concat()
    }

    #[test]
    fn a_whole_machine_needs_no_advice() {
        assert!(of(&plain()).is_empty());
    }

    #[test]
    fn each_missing_thing_has_its_remedy() {
        let card = Card {
            name: "T4".into(),
            memory_mib: 15360,
            free_mib: 15000,
        };
        let text = told(|r| r.nvidia.cards.push(card.clone()));
        assert!(text.contains("set LIBTORCH to its folder"), "{text}");
        let text = told(|r| r.libtorch.cuda = true);
        assert!(text.contains("no NVIDIA driver is loaded"), "{text}");
        let text = told(|r| {
            r.libtorch.cuda = true;
            r.nvidia.driver = Some("580.1".into());
        });
        assert!(text.contains("CUDA_VISIBLE_DEVICES"), "{text}");
        let text = told(|r| {
            (r.libtorch.cuda, r.libtorch.cuda_devices) = (true, 1);
            r.nvidia.cards.push(card);
        });
        assert!(text.contains("no cuDNN"), "{text}");
        let text = told(|r| r.devices[0].error = Some("bad".into()));
        assert!(text.contains("`cargo xtask setup`"), "{text}");
        let text = told(|r| {
            r.devices[0].device = "cuda:0".into();
            r.devices[0].error = Some("out of memory".into());
        });
        assert!(
            text.contains("cuda:0 (out of memory): free its memory"),
            "{text}"
        );
        let text = told(|r| r.disk.as_mut().unwrap().writable = false);
        assert!(text.starts_with("/data cannot be written to"), "{text}");
        let text = told(|r| r.disk.as_mut().unwrap().free_bytes = 5);
        assert!(text.starts_with("/data has little room"), "{text}");
        let text = told(|r| r.memory.as_mut().unwrap().available_bytes = 5);
        assert!(text.contains("smaller --batch-size"), "{text}");
        let text = told(|r| r.libtorch.threads = 64);
        assert!(text.contains("set OMP_NUM_THREADS=2"), "{text}");
        let text = told(|r| r.weights[0].kept = None);
        assert!(text.contains("small.pth (10 MB)"), "{text}");
        let busy = |r: &mut Report| r.processor.load = Some(7.5);
        assert!(told(busy).ends_with("set OMP_WAIT_POLICY=passive"));
        let mut report = plain();
        busy(&mut report);
        report.wait_policy = Some("PASSIVE".into());
        assert!(of(&report).is_empty());
    }
}
