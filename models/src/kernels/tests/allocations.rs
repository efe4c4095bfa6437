//! What a run takes from the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prost::Message;
use tract_onnx::pb::ModelProto;

use crate::kernels::network::Network;
use crate::kernels::plan;
use crate::kernels::simd::Isa;
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
    let onnx = ModelProto::decode(Bundle::shipped().unwrap().model()).unwrap();
    let planes = Planes {
        count: 3,
        height: 128,
        width: 128,
    };
    let layers = plan::recognise(onnx.graph.as_ref().unwrap(), planes).unwrap();
    let network = Network::new(&layers, Isa::detect());
    let mut arena = network.arena();
    let (picture, mut answer) = (vec![0.5; 3 * 128 * 128], vec![0.0; network.outputs()]);
    let run = || network.run(&picture, &mut arena, &mut answer);
    assert_eq!(requests(run), 0);
}

/// Around the network there is tract's plan, which hands an answer over in memory of its own.
#[test]
fn a_runner_asks_for_memory_three_times_at_most() {
    let mut runner = Runner::new(&Bundle::shipped().unwrap()).unwrap();
    let picture = vec![0.5; 3 * 128 * 128];
    let mut once = || requests(|| assert!(runner.logits(&picture).is_ok()));
    let first = once();
    assert!(first <= 3, "{first}");
    assert!((0..20).all(|_| once() == first));
}
