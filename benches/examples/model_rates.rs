//! The speed of one model, one repetition for each line of standard input.
//!
//! `model_rates MODEL WORK INPUTS [WEIGHTS]`: MODEL is `et`, `tokengt`, `student` or `gin`, WORK `forward` or `step`.
//! Each answer is a line of JSON with the seconds that the repetition took. `RAYON_NUM_THREADS` sets the threads.
//! `benches/peers/model_speed.py` runs this beside PyTorch.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use dd_benches::models::Model;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, work, inputs, weights @ ..] = &arguments[..] else {
        return Err("usage: model_rates MODEL WORK INPUTS [WEIGHTS]".into());
    };
    let weights = weights.first().map(Path::new);
    let mut model = Model::new(model, weights, Path::new(inputs), work == "forward")?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let loss = match work.as_str() {
            "forward" => {
                model.forward()?;
                None
            }
            "step" => Some(model.step()?),
            _ => return Err(format!("no work {work}: forward or step").into()),
        };
        let line = serde_json::json!({
            "molecules": model.num_molecules(),
            "wall_s": wall.elapsed().as_secs_f64(),
            "cpu_s": cpu_seconds() - cpu,
            "loss": loss,
            "peak_bytes": peak_bytes()?,
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

/// The most memory that this process has held, where the system tells.
fn peak_bytes() -> std::io::Result<Option<u64>> {
    let path = Path::new("/proc/self/status");
    if !path.exists() {
        return Ok(None);
    }
    let status = std::fs::read_to_string(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.map(|kib| kib * 1024))
}
