//! `make bench-micro`: what a record passes through, timed by Criterion. A filter may follow: `ARGS=cache`.

mod work;

use criterion::{BatchSize, Criterion, Throughput};
use std::cell::RefCell;
use work::PIECES;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for piece in PIECES {
        let (group, name) = piece.name.split_once('/').expect("a name has a group");
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(piece.records));
        // Made when it is first run, so that a filter saves the rest.
        let work = RefCell::new(None);
        group.bench_function(name, |bencher| {
            let work = &mut *work.borrow_mut();
            let work = RefCell::new(work.get_or_insert_with(piece.begin));
            bencher.iter_batched(|| work.borrow_mut().prepare(), |()| work.borrow_mut().run(), BatchSize::PerIteration);
        });
        group.finish();
    }
    criterion.final_summary();
}
