//! Throw-away.
use models::{Bundle, Runner, picture};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let split: serde_json::Value =
        serde_json::from_slice(&std::fs::read("/tmp/tr/runs/3/split.json").unwrap()).unwrap();
    let bundle = Bundle::shipped().unwrap();
    let m = bundle.manifest();
    let mut spec = m.input.clone();
    let side: u32 = a[1].parse().unwrap();
    spec.width = side;
    spec.height = side;
    let labels: std::sync::Arc<[String]> = m.labels.clone().into();
    let mut single = Runner::unproved(bundle.model(), &spec, labels.clone(), 1.0).unwrap();
    let mut half = Runner::emulating_half(bundle.model(), &spec, labels.clone(), 1.0).unwrap();
    let (mut right, mut n, mut same) = ([0, 0], 0, 0);
    let mut gaps = vec![];
    for p in split["parts"]["test"].as_array().unwrap() {
        let p = p.as_str().unwrap();
        let Ok(f) = picture::read(std::path::Path::new(&format!(
            "/work/shared/data/vcor12/train/{p}"
        ))) else {
            continue;
        };
        let class = labels
            .iter()
            .position(|l| p.starts_with(&format!("{l}/")))
            .unwrap();
        let s = single.classify(f.view()).unwrap();
        let h = half.classify(f.view()).unwrap();
        n += 1;
        right[0] += usize::from(s.best_index() == class);
        right[1] += usize::from(h.best_index() == class);
        same += usize::from(s.best_index() == h.best_index());
        let gap = s
            .logits()
            .iter()
            .zip(h.logits())
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        gaps.push(gap);
    }
    gaps.sort_by(f32::total_cmp);
    println!(
        "{n} {right:?} same {same} gap median {} p90 {} max {}",
        gaps[n / 2],
        gaps[n * 9 / 10],
        gaps[n - 1]
    );
}
