//! Memory allocations per molecule of every chemistry task, as lines of JSON.
//!
//! `chemistry_allocations FILE` with one SMILES a line. The first pass is not counted: it
//! fills the memory that is reused.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use dd_benches::chemistry::{self, TASKS};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1);
    let file = file.ok_or("usage: chemistry_allocations FILE")?;
    let text = chemistry::read(Path::new(&file))?;
    for task in TASKS.iter().filter(|task| task.name != "sdf") {
        task.run(&text);
        let mut done = 0;
        let found = allocation_counter::measure(|| done = task.run(&text));
        let line = serde_json::json!({
            "task": task.name,
            "done": done,
            "allocations": found.count_total as f64 / done as f64,
            "bytes": found.bytes_total as f64 / done as f64,
        });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
