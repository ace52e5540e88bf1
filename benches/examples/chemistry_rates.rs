//! The rate of one chemistry task on one core or several, as a line of JSON.
//!
//! `chemistry_rates TASK FILE [REPEATS] [THREADS]`. The file, one SMILES a line or an SD file,
//! is read into memory first. `cpu_s` is the time of all threads, `wall_s` that of the clock.
//! `benches/peers/chemistry_speed.py` runs this beside RDKit and OGB.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use dd_benches::chemistry::{self, Task};
use rustix::time::{ClockId, clock_gettime};

#[path = "../../crates/dnd/src/allocator.rs"]
mod allocator;

fn main() -> Result<(), Box<dyn Error>> {
    allocator::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, file, numbers @ ..] = &arguments[..] else {
        return Err("usage: chemistry_rates TASK FILE [REPEATS] [THREADS]".into());
    };
    let task = Task::named(task).ok_or("no such task")?;
    let number = |at: usize| numbers.get(at).map_or(Ok(1), |text| text.parse::<usize>());
    let (repeats, threads) = (number(0)?, number(1)?);
    let text = chemistry::read(Path::new(file))?;
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let mut done = 0;
    for _ in 0..repeats {
        done += match threads {
            1 => task.run(&text),
            _ => task.run_on(&text, threads),
        };
    }
    let line = serde_json::json!({
        "task": task.name,
        "threads": threads,
        "bytes": repeats * text.len(),
        "done": done,
        "cpu_s": cpu_seconds() - cpu,
        "wall_s": wall.elapsed().as_secs_f64(),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Processor time of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
