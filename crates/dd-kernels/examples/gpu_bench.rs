//! Times every kernel on the first GPU by its own events: one JSON line per (operation, number type), median of 30 runs,
//! forward, and forward with backward. `benches/peers/gpu_kernels.py` puts PyTorch beside it.
//!
//! ```console
//! $ cargo run --release -p dd-kernels --features cuda --example gpu_bench
//! ```
//!
//! Without the feature `cuda`, or with the argument `cpu`, it times the CPU's kernels by the clock.
#![allow(
    clippy::print_stdout,
    reason = "an example reports to the person who runs it"
)]

use candle_core::{D, DType, Device, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::normal_tensor;
use dd_kernels::{EtEdges, EtMessageInputs, RadialFilter, Result, RowIndex, Segments};

/// Runs before the first that counts.
const WARM_UP: usize = 5;
const RUNS: usize = 30;

type Run = Box<dyn Fn() -> Result<Tensor>>;

/// One operation on fixed inputs, with the least memory traffic and the arithmetic of its forward pass.
struct Work {
    name: &'static str,
    bytes: f64,
    operations: f64,
    run: Run,
}

fn main() -> Result<()> {
    let on_gpu = cfg!(feature = "cuda") && std::env::args().nth(1).as_deref() != Some("cpu");
    let device = if on_gpu {
        dd_kernels::open_gpu(0)?
    } else {
        Device::Cpu
    };
    let dtypes: &[DType] = if on_gpu {
        &[DType::F32, DType::BF16]
    } else {
        &[DType::F32]
    };
    for &dtype in dtypes {
        for work in all(dtype, &device)? {
            let forward = median(&device, || (work.run)().map(drop))?;
            let grad = (work.run)()?.ones_like()?;
            let step = median(&device, || {
                // In two parts: on a GPU candle sums everything at once in a single block.
                let product = ((work.run)()? * &grad)?;
                product.sum(D::Minus1)?.sum_all()?.backward()?;
                Ok(())
            })?;
            let (name, dtype) = (work.name, dtype.as_str());
            let (bytes, operations) = (work.bytes, work.operations);
            println!(
                r#"{{"name": "{name}", "dtype": "{dtype}", "forward_ms": {forward:.5}, "step_ms": {step:.5}, "bytes": {bytes:e}, "operations": {operations:e}}}"#
            );
        }
    }
    Ok(())
}

/// Median of the times of a piece of work, in milliseconds.
fn median(device: &Device, work: impl Fn() -> Result<()>) -> Result<f64> {
    for _ in 0..WARM_UP {
        work()?;
    }
    device.synchronize()?;
    let times = (0..RUNS).map(|_| milliseconds(device, &work));
    let mut times = times.collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[RUNS / 2])
}

#[cfg(feature = "cuda")]
fn milliseconds(device: &Device, work: impl Fn() -> Result<()>) -> Result<f64> {
    use candle_core::cuda_backend::cudarc::driver::sys::CUevent_flags;
    let Device::Cuda(cuda) = device else {
        return by_clock(work);
    };
    let stream = cuda.cuda_stream();
    let event = || {
        let flags = Some(CUevent_flags::CU_EVENT_DEFAULT);
        let event = stream.context().new_event(flags);
        event.map_err(candle_core::Error::wrap)
    };
    let (start, end) = (event()?, event()?);
    start.record(&stream).map_err(candle_core::Error::wrap)?;
    work()?;
    end.record(&stream).map_err(candle_core::Error::wrap)?;
    let elapsed = start.elapsed_ms(&end).map_err(candle_core::Error::wrap)?;
    Ok(f64::from(elapsed))
}

#[cfg(not(feature = "cuda"))]
fn milliseconds(_: &Device, work: impl Fn() -> Result<()>) -> Result<f64> {
    by_clock(work)
}

fn by_clock(work: impl Fn() -> Result<()>) -> Result<f64> {
    let start = std::time::Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// A variable of normal numbers.
fn variable(shape: &[usize], dtype: DType, device: &Device) -> Result<Var> {
    let key = Key::from_seed(shape.len() as u64).with(shape[0] as u64);
    let x = normal_tensor(key, shape)?.to_dtype(dtype)?;
    Ok(Var::from_tensor(&x.to_device(device)?)?)
}

/// Row numbers drawn from the first `below` of `rows`.
fn random(len: usize, below: usize, rows: usize, device: &Device) -> Result<RowIndex> {
    let key = Key::from_seed(5);
    let list = (0..len).map(|i| key.below(i as u64, below) as u32);
    RowIndex::new(list.collect(), rows, device)
}

/// The inputs of one training step, as in `benches/kernels.rs`, after what the GPU can do at all.
fn all(dtype: DType, device: &Device) -> Result<Vec<Work>> {
    let size = dtype.size_in_bytes() as f64;
    let var = |shape: &[usize]| variable(shape, dtype, device);
    let mut all = Vec::new();
    let mut add = |name, numbers: f64, operations: f64, run: Run| {
        all.push(Work {
            name,
            bytes: numbers * size,
            operations,
            run,
        });
    };

    let (long, square) = (var(&[1 << 14, 1 << 12])?, var(&[4096, 4096])?);
    let copied = 2.0 * long.elem_count() as f64;
    let copy = move || Ok(long.affine(1.0, 1.0)?);
    add("copy", copied, 0.0, Box::new(copy));
    let product = 2.0 * 4096.0_f64.powi(3);
    let matmul = move || Ok(square.matmul(&square)?);
    add("matmul", 3.0 * 4096.0 * 4096.0, product, Box::new(matmul));

    let index = random(20_000, 2_000, 2_000, device)?;
    let (edges, atoms, same) = (var(&[20_000, 256])?, var(&[2_000, 256])?, index.clone());
    let traffic = 22_000.0 * 256.0;
    let scatter = move || dd_kernels::scatter_sum(&edges, &index);
    add("scatter_sum", traffic, 0.0, Box::new(scatter));
    let gather = move || dd_kernels::gather(&atoms, &same);
    add("gather", traffic, 0.0, Box::new(gather));

    let index = random(64 * 25 * 9, 174, 4608, device)?;
    let table = var(&[4608, 768])?;
    let embed = move || dd_kernels::embedding_sum(&table, &index, 9);
    add(
        "embedding_sum",
        (64.0 * 25.0 + 174.0) * 768.0,
        0.0,
        Box::new(embed),
    );

    let (x, weight, bias) = (var(&[3840, 768])?, var(&[768])?, var(&[768])?);
    let (traffic, y) = (2.0 * 3840.0 * 768.0, x.clone());
    let norm = move || dd_kernels::layer_norm(&x, &weight, &bias, 1e-5);
    add("layer_norm", traffic, 0.0, Box::new(norm));
    let gelu = move || dd_kernels::gelu(&y);
    add("gelu", traffic, 0.0, Box::new(gelu));

    let segments = Segments::from_lengths(&[60; 64], device)?;
    let (q, k, v) = (var(&[3840, 768])?, var(&[3840, 768])?, var(&[3840, 768])?);
    let attend = move || dd_kernels::segment_attention(&q, &k, &v, &segments, 12, None);
    let operations = 4.0 * 3840.0 * 60.0 * 768.0;
    add(
        "attention",
        4.0 * 3840.0 * 768.0,
        operations,
        Box::new(attend),
    );

    let (run, numbers, operations) = message(&var, device)?;
    add("et_message", numbers, operations, run);
    Ok(all)
}

/// One layer's messages on 70 molecules of 30 atoms, 256 features, 8 heads, 64 basis functions.
fn message(var: &dyn Fn(&[usize]) -> Result<Var>, device: &Device) -> Result<(Run, f64, f64)> {
    let (molecules, atoms, heads, f, k) = (70, 30, 8, 256, 64);
    let (n, e) = (molecules * atoms, molecules * atoms * atoms);
    let source = |edge: usize| (edge / (atoms * atoms) * atoms + edge % atoms) as u32;
    let sources = RowIndex::new((0..e).map(source).collect(), n, device)?;
    let by_target = Segments::from_lengths(&vec![atoms; n], device)?;
    let nodes: [&[usize]; 4] = [&[n, f], &[n, f], &[n, 3 * f], &[n, 3, f]];
    let filters: [&[usize]; 4] = [&[f, k], &[f], &[3 * f, k], &[3 * f]];
    let x = nodes.iter().chain(&filters).map(|shape| var(shape));
    let x = x.collect::<Result<Vec<_>>>()?;
    let geometry: [&[usize]; 3] = [&[e, k], &[e], &[e, 3]];
    let geometry = geometry.iter().map(|shape| Ok(var(shape)?.detach()));
    let geometry = geometry.collect::<Result<Vec<_>>>()?;
    let run = move || {
        let filter = |at: usize| {
            Some(RadialFilter {
                weight: &x[at],
                bias: &x[at + 1],
            })
        };
        let messages = dd_kernels::et_message(&EtMessageInputs {
            queries: &x[0],
            keys: &x[1],
            values: &x[2],
            vectors: &x[3],
            edges: EtEdges {
                basis: &geometry[0],
                grid: None,
                cutoffs: &geometry[1],
                directions: &geometry[2],
                key_filter: filter(4),
                value_filter: filter(6),
                sources: &sources,
                by_target: &by_target,
                pairs: None,
                num_heads: heads,
            },
        })?;
        Ok(messages.joined().clone())
    };
    let numbers = (n * 12 * f + e * (k + 4)) as f64;
    Ok((Box::new(run), numbers, 2.0 * (e * k * 4 * f) as f64))
}
