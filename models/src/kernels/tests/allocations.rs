//! What a run takes from the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prost::Message;
use tract_onnx::pb::ModelProto;

use crate::kernels::network::Network;
use crate::kernels::plan;
use crate::kernels::simd::{EmulatedHalf, Processor, Single};
use crate::kernels::stem::Planes;
use crate::{Bundle, Runner};

thread_local! {
    /// Requests of this thread.
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

// SAFETY: everything is the system allocator's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.with(|requests| requests.set(requests.get() + 1));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn requests(work: impl FnOnce()) -> usize {
    let before = REQUESTS.with(Cell::get);
    work();
    REQUESTS.with(Cell::get) - before
}

#[test]
fn the_network_runs_in_memory_of_its_own() {
    assert_eq!(requests_of_a_run(Single::detect()), 0);
    assert_eq!(requests_of_a_run(EmulatedHalf), 0);
}

fn requests_of_a_run(processor: impl Processor) -> usize {
    let bundle = Bundle::shipped().unwrap();
    let onnx = ModelProto::decode(bundle.model()).unwrap();
    let input = &bundle.manifest().input;
    let planes = Planes {
        count: 3,
        height: input.height as usize,
        width: input.width as usize,
    };
    let layers = plan::recognise(onnx.graph.as_ref().unwrap(), planes).unwrap();
    let network = Network::new(&layers, processor);
    let mut arena = network.arena();
    let (picture, mut answer) = (vec![0.5; input.len()], vec![0.0; network.outputs()]);
    requests(|| network.run(&picture, &mut arena, &mut answer))
}

#[test]
fn a_runner_asks_for_no_memory() {
    let bundle = Bundle::shipped().unwrap();
    let input = &bundle.manifest().input;
    let picture = vec![0.5; input.len()];
    for load in [Runner::unproved, Runner::in_half, Runner::emulating_half] {
        let labels = bundle.manifest().labels.clone().into();
        let mut runner = load(bundle.model(), input, labels, 1.0).unwrap();
        // tract makes room once, as replaying a golden picture does.
        runner.logits(&picture).unwrap();
        let mut once = || requests(|| assert!(runner.logits(&picture).is_ok()));
        assert_eq!((0..20).map(|_| once()).sum::<usize>(), 0);
    }
}
