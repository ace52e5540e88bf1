//! Loads a running server: latency and molecules per second, by clients and by rows of a request.
//!
//! ```console
//! $ dnd serve --model gin-128-node --port 8080 &
//! $ cargo run --release -p dd-benches --example serve_load -- 127.0.0.1:8080 library.smi [seconds of each row]
//! ```
//!
//! Every client keeps one connection and asks again as soon as it is answered. The molecules are taken from the file in
//! order, each client from another place.

#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CLIENTS: [usize; 3] = [1, 8, 32];
const ROWS: [usize; 2] = [1, 32];
/// Most requests of a client in one measurement.
const MAX_REQUESTS: usize = 20_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file, rest @ ..] = arguments.as_slice() else {
        return Err("give the server's address and a file of SMILES".into());
    };
    let seconds: u64 = rest.first().map_or(Ok(8), |text| text.parse())?;
    let molecules: Arc<Vec<String>> = Arc::new(
        std::fs::read_to_string(file)?
            .lines()
            .filter_map(|line| line.split_whitespace().next().map(str::to_string))
            .collect(),
    );
    if molecules.is_empty() {
        return Err(format!("{file} has no molecules").into());
    }
    println!("| Clients | Rows of a request | p50, ms | p95, ms | p99, ms | Molecules/s |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for rows in ROWS {
        for clients in CLIENTS {
            let (mut latencies, took) = measure(address, &molecules, clients, rows, seconds)?;
            latencies.sort_unstable();
            let at = |share: f64| {
                let place = (share * (latencies.len() - 1) as f64).round() as usize;
                latencies[place].as_secs_f64() * 1e3
            };
            let rate = (latencies.len() * rows) as f64 / took.as_secs_f64();
            println!(
                "| {clients} | {rows} | {:.1} | {:.1} | {:.1} | {rate:.0} |",
                at(0.5),
                at(0.95),
                at(0.99)
            );
        }
    }
    Ok(())
}

/// Latencies of all requests, and how long they took together.
fn measure(
    address: &str,
    molecules: &Arc<Vec<String>>,
    clients: usize,
    rows: usize,
    seconds: u64,
) -> Result<(Vec<Duration>, Duration), Failure> {
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..clients)
        .map(|client| {
            let (address, molecules) = (address.to_string(), Arc::clone(molecules));
            std::thread::spawn(move || {
                let first = client * molecules.len() / clients;
                ask_until(end, &address, &molecules, first, rows)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_| "a client panicked")??);
    }
    Ok((latencies, start.elapsed()))
}

fn ask_until(
    end: Instant,
    address: &str,
    molecules: &[String],
    first: usize,
    rows: usize,
) -> Result<Vec<Duration>, Failure> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut stream = BufReader::new(stream);
    let mut latencies = Vec::new();
    let mut next = first;
    while latencies.is_empty() || (Instant::now() < end && latencies.len() < MAX_REQUESTS) {
        let smiles: Vec<&String> = (next..next + rows)
            .map(|at| &molecules[at % molecules.len()])
            .collect();
        next += rows;
        let body = serde_json::json!({"smiles": smiles}).to_string();
        let start = Instant::now();
        write!(
            stream.get_mut(),
            "POST /v1/embed HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        receive(&mut stream)?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

/// Reads an answer, which must be one.
fn receive(stream: &mut BufReader<TcpStream>) -> Result<(), Failure> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err("the server closed the connection".into());
        }
    }
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.lines().next().unwrap_or_default().to_string().into());
    }
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.ok_or("no content-length")?.parse()?];
    Ok(stream.read_exact(&mut body)?)
}
