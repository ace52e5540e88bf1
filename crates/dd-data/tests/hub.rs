//! Downloads from a server in the test: resumed, verified, put in place in one step.
#![cfg(feature = "hub")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use dd_data::hub::fetch;
use sha2::{Digest, Sha256};

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    /// Ranges are honoured.
    Ranges,
    /// Ranges are ignored.
    Whole,
    /// The connection breaks after half of the body.
    Breaks,
    /// There is no such file.
    Absent,
}

/// Serves `body` and notes the first byte of each range asked for.
fn serve(body: Vec<u8>, kind: Server) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/file", listener.local_addr().expect("bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut start = 0;
            for line in BufReader::new(&stream).lines() {
                let line = line.expect("a request").to_ascii_lowercase();
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    start = range.trim_end_matches('-').parse().expect("a number");
                }
                if line.is_empty() {
                    break;
                }
            }
            notes.lock().expect("no panic").push(start);
            let (status, from) = match kind {
                Server::Absent => ("404 Not Found", body.len()),
                Server::Ranges if start > body.len() => ("416 Range Not Satisfiable", body.len()),
                Server::Ranges if start > 0 => ("206 Partial Content", start),
                _ => ("200 OK", 0),
            };
            let rest = &body[from..];
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                rest.len()
            );
            let sent = if kind == Server::Breaks {
                rest.len() / 2
            } else {
                rest.len()
            };
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&rest[..sent]);
        }
    });
    (url, asked)
}

fn destination(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dd-data-hub-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder.join(name)
}

fn part(path: &std::path::Path) -> PathBuf {
    path.with_extension("bin.part")
}

fn body() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn a_file_is_fetched_once() {
    let (url, asked) = serve(body(), Server::Ranges);
    let path = destination("once.bin");
    let first = fetch(&url, &path, Some(&sha256(&body()))).expect("served");
    assert!(!first.cached);
    assert_eq!(fs::read(&path).expect("in place"), body());
    assert!(fetch(&url, &path, None).expect("there already").cached);
    assert_eq!(asked.lock().expect("no panic").len(), 1);
    assert!(!part(&path).exists());
}

#[test]
fn an_interrupted_download_goes_on() {
    let path = destination("resume.bin");
    let sum = sha256(&body());
    let (url, _) = serve(body(), Server::Breaks);
    assert!(fetch(&url, &path, Some(&sum)).is_err());
    assert!(!path.exists());
    let have = fs::metadata(part(&path)).expect("the part is kept").len() as usize;
    assert!(have > 0 && have < body().len());
    let (url, asked) = serve(body(), Server::Ranges);
    fetch(&url, &path, Some(&sum)).expect("the rest is served");
    assert_eq!(*asked.lock().expect("no panic"), [have]);
    assert_eq!(fs::read(&path).expect("in place"), body());
}

#[test]
fn a_server_without_ranges_and_a_part_that_is_too_long() {
    for (kind, junk) in [(Server::Whole, 1000), (Server::Ranges, 2_000_000)] {
        let path = destination("restart.bin");
        let _ = fs::remove_file(&path);
        fs::write(part(&path), vec![7; junk]).expect("a temporary file");
        let (url, _) = serve(body(), kind);
        fetch(&url, &path, Some(&sha256(&body()))).expect("from the start");
        assert_eq!(fs::read(&path).expect("in place"), body());
    }
}

#[test]
fn other_content_is_refused_and_removed() {
    let (url, _) = serve(body(), Server::Ranges);
    let path = destination("other.bin");
    let error = fetch(&url, &path, Some(&sha256(b"something else"))).expect_err("another file");
    assert_eq!(error.kind(), "checksum");
    assert!(!path.exists() && !part(&path).exists());
    let (url, _) = serve(body(), Server::Absent);
    assert_eq!(
        fetch(&url, &path, None).expect_err("404").kind(),
        "download"
    );
}

#[test]
fn the_first_checksum_holds_from_then_on() {
    let (url, _) = serve(body(), Server::Ranges);
    let path = destination("pinned.bin");
    fetch(&url, &path, None).expect("served");
    fs::write(&path, b"changed").expect("a temporary file");
    assert_eq!(
        fetch(&url, &path, None).expect_err("changed").kind(),
        "checksum"
    );
}
