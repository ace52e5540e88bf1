//! Zip archives, as far as PyTorch writes them: entries that are stored, not compressed.
//!
//! Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.3 (sizes of 64 bits).

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Result, TorchError};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// Bytes of the end record without its comment.
const END_SIZE: usize = 22;
/// Bytes of an entry of the central directory without name, extra fields and comment.
const CENTRAL_SIZE: usize = 46;
/// Bytes of the header before an entry's data, without name and extra fields.
const LOCAL_SIZE: usize = 30;
/// What a field of 32 bits says when the value stands in an extra field of 64.
const ELSEWHERE: u64 = 0xffff_ffff;

/// Where the data of each entry stands, by name.
#[derive(Debug, Default)]
pub(crate) struct Archive(BTreeMap<String, Range<usize>>);

impl Archive {
    /// Whether the bytes begin like an archive.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(LOCAL)
    }

    /// Reads the central directory and checks that every entry is whole.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        parse(bytes).map(Self).map_err(TorchError::Archive)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Range<usize>> {
        self.0.get(name).cloned()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

type Found<T> = std::result::Result<T, String>;

fn parse(bytes: &[u8]) -> Found<BTreeMap<String, Range<usize>>> {
    let (count, mut at) = directory(bytes)?;
    let mut entries = BTreeMap::new();
    for number in 0..count {
        let damaged = || format!("entry {number} of the directory is damaged");
        let (name, data, next) = entry(bytes, at, &damaged)?;
        if entries.insert(name.clone(), data).is_some() {
            return Err(format!("there are two entries {name}"));
        }
        at = next;
    }
    Ok(entries)
}

/// How many entries the directory has, and where it begins.
fn directory(bytes: &[u8]) -> Found<(u64, usize)> {
    let lost =
        || "the directory at its end is not there: the file is cut or no archive".to_string();
    let last = bytes.len().checked_sub(END_SIZE).ok_or_else(lost)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last)
        .rev()
        .find(|&at| bytes[at..].starts_with(END));
    let end = end.ok_or_else(lost)?;
    let field = |at, width| number(bytes, at, width).ok_or_else(lost);
    let (mut count, mut start) = (field(end + 10, 2)?, field(end + 16, 4)?);
    let locator = end
        .checked_sub(20)
        .filter(|&at| bytes[at..].starts_with(LOCATOR_64));
    if let Some(locator) = locator {
        let end = usize::try_from(field(locator + 8, 8)?).map_err(|_| lost())?;
        if !bytes
            .get(end..)
            .is_some_and(|rest| rest.starts_with(END_64))
        {
            return Err(lost());
        }
        (count, start) = (field(end + 32, 8)?, field(end + 48, 8)?);
    }
    Ok((count, usize::try_from(start).map_err(|_| lost())?))
}

/// Name and data of the entry at a place of the directory, and the place of the next one.
fn entry(
    bytes: &[u8],
    at: usize,
    damaged: &dyn Fn() -> String,
) -> Found<(String, Range<usize>, usize)> {
    let header = at
        .checked_add(CENTRAL_SIZE)
        .and_then(|end| bytes.get(at..end))
        .filter(|header| header.starts_with(CENTRAL))
        .ok_or_else(damaged)?;
    let field = |at, width| number(header, at, width).unwrap_or(0);
    let [name, extra, comment] = [28, 30, 32].map(|at| field(at, 2) as usize);
    let name_at = at + CENTRAL_SIZE;
    let next = name_at + name + extra + comment;
    let texts = bytes.get(name_at..next).ok_or_else(damaged)?;
    let name = String::from_utf8(texts[..name].to_vec()).map_err(|_| damaged())?;
    if field(8, 2) & 1 != 0 {
        return Err(format!("entry {name} is encrypted"));
    }
    if field(10, 2) != 0 {
        return Err(format!(
            "entry {name} is compressed, which PyTorch does not do"
        ));
    }
    // In the extra field stand those of the three that say so, in this order.
    let mut wide = wide_fields(&texts[name.len()..name.len() + extra]).into_iter();
    let mut of = |narrow| match narrow {
        ELSEWHERE => wide.next().ok_or_else(damaged),
        narrow => Ok(narrow),
    };
    let (size, stored, local) = (of(field(24, 4))?, of(field(20, 4))?, of(field(42, 4))?);
    if size != stored {
        return Err(damaged());
    }
    let data = data(bytes, local, size)
        .ok_or_else(|| format!("entry {name} with {size} bytes at {local} is not in the file"))?;
    Ok((name, data, next))
}

/// The numbers of the extra field for sizes of 64 bits.
fn wide_fields(mut extra: &[u8]) -> Vec<u64> {
    while let (Some(id), Some(size)) = (number(extra, 0, 2), number(extra, 2, 2)) {
        let Some(content) = extra.get(4..4 + size as usize) else {
            break;
        };
        if id == 1 {
            let whole = content.chunks_exact(8);
            return whole.filter_map(|bytes| number(bytes, 0, 8)).collect();
        }
        extra = &extra[4 + size as usize..];
    }
    Vec::new()
}

/// The data behind a local header.
fn data(bytes: &[u8], local: u64, size: u64) -> Option<Range<usize>> {
    let (local, size) = (usize::try_from(local).ok()?, usize::try_from(size).ok()?);
    let header = bytes.get(local..local.checked_add(LOCAL_SIZE)?)?;
    if !header.starts_with(LOCAL) {
        return None;
    }
    let [name, extra] = [26, 28].map(|at| number(header, at, 2).unwrap_or(0) as usize);
    let start = local + LOCAL_SIZE + name + extra;
    let range = start..start.checked_add(size)?;
    bytes.get(range.clone()).map(|_| range)
}

/// A little-endian number of some bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    let mut whole = [0; 8];
    whole[..width].copy_from_slice(field);
    Some(u64::from_le_bytes(whole))
}
