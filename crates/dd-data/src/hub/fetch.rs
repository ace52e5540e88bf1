//! One file from one address: resumed, verified, put in place in one step.
//!
//! The body goes to `NAME.part` (`NAME.PROCESS.part` where no checksum is known). When it is complete and its SHA-256 agrees,
//! it is made durable and renamed to `NAME`; before that there is nothing under the final name. An interrupted download goes
//! on where it stopped if the checksum is known, since only then a changed file cannot pass.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};

const CHUNK: usize = 1 << 16;

/// A file that is in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// True when it was there already.
    pub cached: bool,
}

/// Downloads `url` to `path` unless it is there.
///
/// With `sha256`, the content must have that checksum. Without, the checksum of the first download is kept beside the file
/// (`NAME.sha256`) and holds from then on.
///
/// # Errors
/// When the server or the disk fails, or the content has another checksum (it is removed then).
pub fn fetch(url: &str, path: &Path, sha256: Option<&str>) -> Result<Fetched> {
    let lock = beside(path, ".sha256");
    let known = match sha256 {
        Some(known) => Some(known.to_ascii_lowercase()),
        None => fs::read_to_string(&lock)
            .ok()
            .map(|text| text.trim().to_string()),
    };
    if path.exists() {
        let found = checksum(path)?;
        expect(path, known.as_deref(), &found)?;
        return Ok(Fetched {
            path: path.to_path_buf(),
            sha256: found,
            cached: true,
        });
    }
    // What nothing is known of cannot go on where another process stopped.
    let part = match known {
        Some(_) => beside(path, ".part"),
        None => beside(path, &format!(".{}.part", std::process::id())),
    };
    if known.is_none() {
        remove(&part)?;
    }
    download(url, &part)?;
    let found = checksum(&part)?;
    if let Err(error) = expect(&part, known.as_deref(), &found) {
        remove(&part)?;
        return Err(error);
    }
    if known.is_none() {
        tracing::warn!("{url}: no checksum is published; {found} is kept and holds from now on");
        fs::write(&lock, format!("{found}\n")).map_err(|error| DataError::file(&lock, error))?;
    }
    fs::rename(&part, path).map_err(|error| DataError::file(path, error))?;
    Ok(Fetched {
        path: path.to_path_buf(),
        sha256: found,
        cached: false,
    })
}

fn download(url: &str, part: &Path) -> Result<()> {
    let failed = |reason: String| DataError::Download {
        url: url.to_string(),
        reason,
    };
    let have = fs::metadata(part).map_or(0, |meta| meta.len());
    let mut request = ureq::get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        // The part is as long as the file, or longer: whichever, only a fresh start helps.
        Err(ureq::Error::StatusCode(416)) => {
            remove(part)?;
            ureq::get(url).call()
        }
        other => other,
    };
    let response = response.map_err(|error| failed(error.to_string()))?;
    let resumed = response.status().as_u16() == 206;
    let expected = response
        .headers()
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(resumed)
        .truncate(!resumed)
        .open(part)
        .map_err(|error| DataError::file(part, error))?;
    let mut body = response.into_body().into_reader();
    let mut received = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(format!("after {received} bytes: {error}"))),
        };
        file.write_all(&buffer[..count])
            .map_err(|error| DataError::file(part, error))?;
        received += count as u64;
    }
    file.sync_all()
        .map_err(|error| DataError::file(part, error))?;
    match expected {
        Some(expected) if expected != received => Err(failed(format!(
            "got {received} of {expected} bytes; run again to go on"
        ))),
        _ => Ok(()),
    }
}

fn expect(path: &Path, expected: Option<&str>, found: &str) -> Result<()> {
    match expected {
        Some(expected) if expected != found => Err(DataError::Checksum {
            path: path.to_path_buf(),
            expected: expected.to_string(),
            found: found.to_string(),
        }),
        _ => Ok(()),
    }
}

fn checksum(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| DataError::file(path, error))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = file
            .read(&mut buffer)
            .map_err(|error| DataError::file(path, error))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(end);
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DataError::file(path, error)),
        _ => Ok(()),
    }
}
