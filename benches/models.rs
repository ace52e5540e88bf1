//! Inference and one training step of each model, on 64 of the molecules in `dd-data`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dd_benches::models::{Model, Purpose};

/// That of `dnd`.
#[path = "../crates/dnd/src/allocator.rs"]
mod allocator;

fn models(c: &mut Criterion) {
    allocator::keep_freed();
    for name in ["et", "tokengt", "student", "gin"] {
        let model = Model::of_embedded(name, Purpose::Inference).expect("a model");
        c.bench_function(&format!("{name} forward"), |b| {
            b.iter(|| black_box(model.forward().expect("a forward pass")));
        });
        let mut model = Model::of_embedded(name, Purpose::Training).expect("a model");
        c.bench_function(&format!("{name} step"), |b| {
            b.iter(|| black_box(model.step().expect("a step")));
        });
    }
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(10);
    targets = models
}
criterion_main!(all);
