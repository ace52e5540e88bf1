//! The kernels of `dd-kernels` beside the same operation in plain candle (`reference`), forward and backward.
//!
//! Inputs are those of one training step: a scatter of 20,000 edges into 2,000 atoms, TokenGT base on 64 molecules of 60
//! tokens (width 768, 12 heads), 64 molecules of 25 atoms with OGB's nine features, the equivariant transformer's
//! published layer (256 features, 8 heads, 64 basis functions) on 10 molecules of 30 atoms. A kernel that does not beat
//! its reference here has no reason to exist.

use std::hint::black_box;

use candle_core::{DType, Device, Tensor, Var};
use criterion::{Criterion, criterion_group, criterion_main};
use dd_kernels::rng::Key;
use dd_kernels::testing::normal_tensor;
use dd_kernels::{
    AttentionBlock, BatchNormInputs, DenseWeights, EtEdges, EtFields, EtLayer, EtMessageInputs,
    FeedForwardBlock, FilteredEdges, GinEdges, MatmulPrecision, NormWeights, RadialFilter, Result,
    RowIndex, Segments, reference,
};

/// A variable of normal numbers in single precision.
fn variable(seed: u64, shape: &[usize]) -> Var {
    let x = normal_tensor(Key::from_seed(seed), shape).expect("a tensor");
    Var::from_tensor(&x.to_dtype(DType::F32).expect("f32")).expect("a variable")
}

/// Measures an operation's forward pass, and its forward and backward pass together.
fn measure(c: &mut Criterion, name: &str, operation: impl Fn() -> Result<Tensor>) {
    let y = operation().expect("the operation runs");
    let grad = y.ones_like().expect("ones");
    c.bench_function(&format!("{name} forward"), |b| {
        b.iter(|| black_box(operation().expect("the operation runs")));
    });
    c.bench_function(&format!("{name} step"), |b| {
        b.iter(|| {
            let y = operation().expect("the operation runs");
            black_box(
                (y * &grad)
                    .and_then(|y| y.sum_all()?.backward())
                    .expect("gradients"),
            )
        });
    });
}

fn index(len: usize, num_sources: usize) -> RowIndex {
    let key = Key::from_seed(5);
    let rows = (0..len)
        .map(|i| key.below(i as u64, num_sources) as u32)
        .collect();
    RowIndex::new(rows, num_sources, &Device::Cpu).expect("a valid index")
}

fn scatter(c: &mut Criterion) {
    let (x, index) = (variable(1, &[20_000, 256]), index(20_000, 2_000));
    measure(c, "scatter_sum kernel", || {
        dd_kernels::scatter_sum(&x, &index)
    });
    measure(c, "scatter_sum reference", || {
        reference::scatter_sum(&x, &index)
    });
    let x = variable(1, &[2_000, 256]);
    measure(c, "gather kernel", || dd_kernels::gather(&x, &index));
    measure(c, "gather reference", || reference::gather(&x, &index));
}

fn embedding(c: &mut Criterion) {
    let (table, index) = (variable(1, &[4608, 768]), index(64 * 25 * 9, 174));
    let index = RowIndex::new(index.rows().to_vec(), 4608, &Device::Cpu).expect("a valid index");
    measure(c, "embedding_sum kernel", || {
        dd_kernels::embedding_sum(&table, &index, 9)
    });
    measure(c, "embedding_sum reference", || {
        reference::embedding_sum(&table, &index, 9)
    });
}

fn elementwise(c: &mut Criterion) {
    let (x, weight, bias) = (
        variable(1, &[3840, 768]),
        variable(2, &[768]),
        variable(3, &[768]),
    );
    measure(c, "layer_norm kernel", || {
        dd_kernels::layer_norm(&x, &weight, &bias, 1e-5)
    });
    measure(c, "layer_norm reference", || {
        reference::layer_norm(&x, &weight, &bias, 1e-5)
    });
    measure(c, "gelu kernel", || dd_kernels::gelu(&x));
    measure(c, "gelu reference", || reference::gelu(&x));
}

fn attention(c: &mut Criterion) {
    let segments = Segments::from_lengths(&[60; 64], &Device::Cpu).expect("segments");
    let [q, k, v] = [1, 2, 3].map(|seed| variable(seed, &[3840, 768]));
    let q = (q.as_tensor() * 0.125).expect("scaled");
    measure(c, "attention kernel", || {
        dd_kernels::segment_attention(&q, &k, &v, &segments, 12, None)
    });
    measure(c, "attention reference", || {
        reference::segment_attention(&q, &k, &v, &segments, 12, None)
    });
}

fn message(c: &mut Criterion) {
    let (molecules, atoms, heads, f, basis) = (10, 30, 8, 256, 64);
    let (n, e) = (molecules * atoms, molecules * atoms * atoms);
    let source = |edge: usize| (edge / (atoms * atoms) * atoms + edge % atoms) as u32;
    let sources = RowIndex::new((0..e).map(source).collect(), n, &Device::Cpu).expect("sources");
    let by_target = Segments::from_lengths(&vec![atoms; n], &Device::Cpu).expect("segments");
    let shapes: [&[usize]; 4] = [&[n, f], &[n, f], &[n, 3 * f], &[n, 3, f]];
    let nodes: Vec<Var> = shapes
        .iter()
        .zip(1..)
        .map(|(shape, seed)| variable(seed, shape))
        .collect();
    let shapes: [&[usize]; 4] = [&[f, basis], &[f], &[3 * f, basis], &[3 * f]];
    let filters: Vec<Var> = shapes
        .iter()
        .zip(5..)
        .map(|(shape, seed)| variable(seed, shape))
        .collect();
    // The geometry is no variable, as in pretraining.
    let edges = [
        variable(9, &[e, basis]),
        variable(10, &[e]),
        variable(11, &[e, 3]),
    ]
    .map(|x| x.detach());
    let filter = |at: usize| {
        Some(RadialFilter {
            weight: &filters[at],
            bias: &filters[at + 1],
        })
    };
    let inputs = EtMessageInputs {
        queries: &nodes[0],
        keys: &nodes[1],
        values: &nodes[2],
        vectors: &nodes[3],
        edges: EtEdges {
            basis: &edges[0],
            grid: None,
            cutoffs: &edges[1],
            directions: &edges[2],
            key_filter: filter(0),
            value_filter: filter(2),
            sources: &sources,
            by_target: &by_target,
            pairs: None,
            num_heads: heads,
        },
    };
    let joined = |messages: EtFields| messages.joined().clone();
    measure(c, "et_message kernel", || {
        Ok(joined(dd_kernels::et_message(&inputs)?))
    });
    measure(c, "et_message reference", || {
        Ok(joined(reference::et_message(&inputs)?))
    });

    let shapes: [&[usize]; 7] = [
        &[n, 4, f],
        &[f],
        &[f, f],
        &[3 * f, f],
        &[3 * f, f],
        &[3 * f],
        &[3 * f, f],
    ];
    let layer: Vec<Var> = shapes
        .iter()
        .zip(12..)
        .map(|(shape, seed)| variable(seed, shape))
        .collect();
    let dense = |weight: usize, bias: usize| DenseWeights {
        weight: &layer[weight],
        bias: &layer[bias],
    };
    let fields = EtFields::new(layer[0].as_tensor().clone()).expect("fields");
    let layer = EtLayer {
        norm: NormWeights {
            weight: &layer[1],
            bias: &layer[1],
        },
        query: dense(2, 1),
        key: dense(2, 1),
        value: dense(3, 5),
        output: dense(4, 5),
        projection: &layer[6],
        edges: inputs.edges,
    };
    measure(c, "et_layer kernel", || {
        Ok(joined(dd_kernels::et_layer(&fields, &layer)?))
    });
    measure(c, "et_layer reference", || {
        Ok(joined(reference::et_layer(&fields, &layer)?))
    });
}

fn dense(c: &mut Criterion) {
    let x = variable(1, &[3840, 768]);
    let (weight, bias) = (variable(2, &[768, 768]), variable(3, &[768]));
    measure(c, "dense kernel", || {
        dd_kernels::dense(&x, &weight, Some(&bias))
    });
    measure(c, "dense bf16", || {
        dd_kernels::dense_in(&x, &weight, Some(&bias), MatmulPrecision::Bf16)
    });
    measure(c, "dense reference", || {
        reference::dense(&x, &weight, Some(&bias))
    });
}

/// The halves of a transformer layer, beside their composition of plain candle operations.
fn transformer(c: &mut Criterion) {
    let segments = Segments::from_lengths(&[60; 64], &Device::Cpu).expect("segments");
    let x = variable(1, &[3840, 768]);
    let vectors: Vec<Var> = (2..10).map(|seed| variable(seed, &[768])).collect();
    let matrices: Vec<Var> = (10..16)
        .map(|seed| {
            let small = variable(seed, &[768, 768]).affine(0.03, 0.0);
            Var::from_tensor(&small.expect("scaled")).expect("a variable")
        })
        .collect();
    let norm = NormWeights {
        weight: &vectors[0],
        bias: &vectors[1],
    };
    let layer = |i: usize| DenseWeights {
        weight: &matrices[i],
        bias: &vectors[2 + i],
    };
    let attend = AttentionBlock {
        norm,
        query: layer(0),
        key: layer(1),
        value: layer(2),
        output: layer(3),
        segments: &segments,
        num_heads: 12,
        dropout: None,
        factors: None,
        readers: None,
        precision: MatmulPrecision::Full,
    };
    let feed = FeedForwardBlock {
        norm,
        first: layer(4),
        last: layer(5),
        segments: &segments,
        dropout: None,
        factors: None,
        precision: MatmulPrecision::Full,
    };
    let plain =
        |x: &Tensor, layer: DenseWeights<'_>| reference::dense(x, layer.weight, Some(layer.bias));
    let normed = || reference::layer_norm(&x, norm.weight, norm.bias, 1e-5);
    measure(c, "attention_block kernel", || {
        dd_kernels::attention_block(&x, &attend)
    });
    let precision = MatmulPrecision::Bf16;
    let (attend_bf16, feed_bf16) = (
        AttentionBlock {
            precision,
            ..attend
        },
        FeedForwardBlock { precision, ..feed },
    );
    measure(c, "attention_block bf16", || {
        dd_kernels::attention_block(&x, &attend_bf16)
    });
    measure(c, "feed_forward_block bf16", || {
        dd_kernels::feed_forward_block(&x, &feed_bf16)
    });
    measure(c, "attention_block reference", || {
        let h = normed()?;
        let q = (plain(&h, attend.query)? * 0.125)?;
        let (k, v) = (plain(&h, attend.key)?, plain(&h, attend.value)?);
        let y = reference::segment_attention(&q, &k, &v, &segments, 12, None)?;
        Ok((x.as_tensor() + plain(&y, attend.output)?)?)
    });
    measure(c, "feed_forward_block kernel", || {
        dd_kernels::feed_forward_block(&x, &feed)
    });
    measure(c, "feed_forward_block reference", || {
        let g = reference::gelu(&plain(&normed()?, feed.first)?)?;
        Ok((x.as_tensor() + plain(&g, feed.last)?)?)
    });
}

/// The other operations of the equivariant transformer and of the graph isomorphism network.
fn neighbors(c: &mut Criterion) {
    let (n, f) = (2000, 256);
    let [vectors, arrived] = [[n, 3, f], [n, 4, f]].map(|shape| variable(1, &shape));
    let (projection, messages) = (variable(2, &[3 * f, f]), variable(3, &[n, 3 * f]));
    let arrived = EtFields::new(arrived.as_tensor().clone()).expect("fields");
    measure(c, "et_update kernel", || {
        let update = dd_kernels::et_update(&vectors, &projection, &messages, &arrived)?;
        Ok(update.joined().clone())
    });
    measure(c, "et_update reference", || {
        let update = reference::et_update(&vectors, &projection, &messages, &arrived)?;
        Ok(update.joined().clone())
    });
    let (sources, pairs) = (index(40_000, n), index(40_000, 20_000));
    let by_target = Segments::from_lengths(&vec![20; n], &Device::Cpu).expect("segments");
    let edges = FilteredEdges {
        sources: &sources,
        pairs: &pairs,
        by_target: &by_target,
    };
    let (x, filters) = (variable(4, &[n, f]), variable(5, &[20_000, f]));
    measure(c, "filtered_sum kernel", || {
        dd_kernels::filtered_sum(&x, &filters, edges)
    });
    measure(c, "filtered_sum reference", || {
        reference::filtered_sum(&x, &filters, edges)
    });
    let each = |count: u32| RowIndex::new((0..count).collect(), count as usize, &Device::Cpu);
    let edges = GinEdges {
        atoms: each(n as u32).expect("rows"),
        sources: index(4_000, n),
        bonds: each(4_000).expect("rows"),
        targets: index(4_000, n),
    };
    let (bonds, eps) = (variable(6, &[4_000, f]), variable(7, &[1]));
    measure(c, "gin_message kernel", || {
        dd_kernels::gin_message(&x, &bonds, &eps, &edges)
    });
    measure(c, "gin_message reference", || {
        reference::gin_message(&x, &bonds, &eps, &edges)
    });
    let (weight, bias) = (variable(8, &[f]), variable(9, &[f]));
    let normed = |norm: fn(&Tensor, &BatchNormInputs<'_>) -> Result<Tensor>| {
        let (mean, variance) = dd_kernels::batch_moments(&x, None)?;
        let inputs = BatchNormInputs {
            weight: &weight,
            bias: &bias,
            mean: &mean,
            variance: &variance,
            epsilon: 1e-5,
            of_batch: true,
            relu: true,
            copies: None,
        };
        norm(&x, &inputs)
    };
    measure(c, "batch_norm kernel", || normed(dd_kernels::batch_norm));
    measure(c, "batch_norm reference", || normed(reference::batch_norm));
}

criterion_group! {
    name = kernels;
    config = Criterion::default().sample_size(10);
    targets = dense, transformer, neighbors, scatter, embedding, elementwise, attention, message
}
criterion_main!(kernels);
