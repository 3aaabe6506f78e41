//! What a request costs in allocations, and what an idle connection holds of the heap.
//!
//! A binary of its own: the allocator counts everything in this process.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking, and read the real clock"
)]

#[path = "heap/counted.rs"]
mod counted;
#[path = "it/rig.rs"]
mod rig;

use counted::{ALLOCATIONS_MAX, IDLE_BYTES_MAX, PLAIN, TRACED};
use rig::{model, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_allocates_at_most_twice_and_an_idle_connection_holds_little() {
    let rig = counted::gateway(model(vec![service("web", &[counted::serve()])])).await;
    let address = rig.address;
    let measured = tokio::task::spawn_blocking(move || {
        let allocations = [PLAIN, TRACED].map(|request| counted::allocations(address, request));
        (allocations, counted::idle(|| counted::callers(address)))
    });
    let ([plain, traced], idle) = measured.await.unwrap();
    println!("allocations per request: {plain:.2}, traced: {traced:.2}");
    println!("bytes of an idle connection: {idle:.0}");
    assert!(plain <= ALLOCATIONS_MAX, "{plain} allocations per request");
    assert!(traced <= ALLOCATIONS_MAX, "{traced} allocations per traced request");
    assert!(idle <= IDLE_BYTES_MAX, "{idle} bytes of an idle connection");
}
