//! Reads SMILES from standard input, one per line, and prints the positions of the bits of
//! each Morgan fingerprint, or `-` for a line that cannot be read.
//!
//! `cargo run -p dd-mol --example fingerprint [RADIUS [BITS]] < molecules.smi`
#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use dd_mol::fingerprint::{MorganConfig, morgan};
use dd_mol::smiles;

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = MorganConfig::ECFP4;
    let mut words = std::env::args().skip(1);
    if let Some(radius) = words.next() {
        config.radius = radius.parse()?;
    }
    if let Some(bits) = words.next() {
        config.bits = bits.parse()?;
    }
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match smiles::parse(&line?) {
            Ok(molecule) => {
                let fingerprint = morgan(&molecule, &config);
                let bits: Vec<String> = fingerprint.bits().map(|bit| bit.to_string()).collect();
                writeln!(output, "{}", bits.join(" "))?;
            }
            Err(_) => writeln!(output, "-")?,
        }
    }
    output.flush()?;
    Ok(())
}
