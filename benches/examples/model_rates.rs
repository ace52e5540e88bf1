//! The speed of one model, one repetition for each line of standard input.
//!
//! `model_rates MODEL WORK INPUTS [WEIGHTS [RESULTS]]`: MODEL is `et`, `tokengt`, `student` or `gin`, with changes of size
//! as in `et:width=128,layers=4`, or of precision as in `student:bf16`; WORK is `forward`, `step`, or `save32` or `save64`,
//! which write outputs and gradients in that precision to RESULTS.
//! Each answer is a line of JSON with the seconds that the repetition took. `RAYON_NUM_THREADS` sets the threads.
//! `benches/peers/model_speed.py` runs this beside PyTorch.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::DType;
use dd_benches::models::{Model, Purpose};
use rustix::time::{ClockId, clock_gettime};

/// That of `dnd`.
#[path = "../../crates/dnd/src/allocator.rs"]
mod allocator;

fn main() -> Result<(), Box<dyn Error>> {
    allocator::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, work, inputs, files @ ..] = &arguments[..] else {
        return Err("usage: model_rates MODEL WORK INPUTS [WEIGHTS [RESULTS]]".into());
    };
    let empty_bytes = memory_bytes("VmRSS:")?;
    let weights = files.first().map(Path::new);
    let build = |purpose, dtype| Model::new(model, purpose, dtype, weights, Path::new(inputs));
    if let Some(precision) = work.strip_prefix("save") {
        let dtype = match precision {
            "32" => DType::F32,
            _ => DType::F64,
        };
        let mut results = build(Purpose::Training, dtype)?.gradients()?;
        let output = build(Purpose::Inference, dtype)?.forward()?;
        results.insert("output".to_string(), output);
        let path = files.get(1).ok_or("saving needs RESULTS")?;
        return Ok(candle_core::safetensors::save(&results, path)?);
    }
    let purpose = match work.as_str() {
        "forward" => Purpose::Inference,
        _ => Purpose::Training,
    };
    let mut model = build(purpose, DType::F32)?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let loss = match work.as_str() {
            "forward" => {
                model.forward()?;
                None
            }
            "step" => Some(model.step()?),
            _ => return Err(format!("no work {work}: forward, step, save32 or save64").into()),
        };
        let line = serde_json::json!({
            "molecules": model.num_molecules(),
            "wall_s": wall.elapsed().as_secs_f64(),
            "cpu_s": cpu_seconds() - cpu,
            "loss": loss,
            "peak_bytes": memory_bytes("VmHWM:")?,
            "empty_bytes": empty_bytes,
        });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}

/// Processor time of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// An entry of what the system tells of this process's memory: `VmHWM:` is the most that it has held.
fn memory_bytes(entry: &str) -> std::io::Result<Option<u64>> {
    let path = Path::new("/proc/self/status");
    if !path.exists() {
        return Ok(None);
    }
    let status = std::fs::read_to_string(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix(entry));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.map(|kib| kib * 1024))
}
