//! Times one network on one thread, through `models::Runner`: `infer MODEL SIDE INPUT RUNS
//! [tract|half]`, where INPUT holds `3 * SIDE * SIDE` little-endian floats. Prints one line of JSON:
//! nanoseconds to load, nanoseconds of each run, the answer, and how the nanoseconds of a run (the
//! fastest of each layer) are divided among kinds of layers. With `tract`, tract's own operators do
//! the work, undivided; with `half`, it is done in half precision where the processor computes so.

use std::collections::BTreeMap;
use std::time::Instant;

use models::{PreprocessSpec, Runner};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, side, input, runs, rest @ ..] = arguments.as_slice() else {
        eprintln!("infer MODEL SIDE INPUT RUNS [tract|half]");
        std::process::exit(2);
    };
    let model = std::fs::read(model).unwrap();
    let input: Vec<f32> = std::fs::read(input)
        .unwrap()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let spec = PreprocessSpec::imagenet(side.parse().unwrap());
    let labels: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let start = Instant::now();
    let runner = match rest {
        [word] if word == "tract" => Runner::reference(&model, &spec, labels.into()),
        [word] if word == "half" => Runner::in_half(&model, &spec, labels.into(), 1.0),
        _ => Runner::unproved(&model, &spec, labels.into(), 1.0),
    };
    let mut runner = runner.unwrap();
    if let Some(reason) = runner.left_to_tract() {
        eprintln!("left to tract: {reason}");
    }
    let load_ns = start.elapsed().as_nanos();
    let answer = runner.logits(&input).unwrap().to_vec();
    let mut run_ns = Vec::new();
    for _ in 0..runs.parse::<usize>().unwrap() {
        let start = Instant::now();
        runner.logits(&input).unwrap();
        run_ns.push(start.elapsed().as_nanos());
    }
    let mut kinds: BTreeMap<&str, u128> = BTreeMap::new();
    if runner.left_to_tract().is_none() {
        let half = rest.iter().any(|word| word == "half");
        let times = Runner::layer_times(&model, &spec, &input, (run_ns.len(), half)).unwrap();
        for (kind, times) in times {
            let fastest = times.iter().min().unwrap();
            *kinds.entry(kind).or_default() += fastest.as_nanos();
        }
    }
    println!(
        "{{\"load_ns\":{load_ns},\"run_ns\":{run_ns:?},\"answer\":{answer:?},\"kinds\":{kinds:?}}}"
    );
}
