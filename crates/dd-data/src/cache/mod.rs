//! Featurised records in one file, with random access.
//!
//! # Format, version 1 (little-endian)
//!
//! | Part | Content |
//! | --- | --- |
//! | head | `DDCACHE2`, length of the description (u32), description (JSON: recipe and target names) |
//! | records | one after another; see `record.rs` |
//! | index | per record: offset (u64), length (u32), nodes, edges, atoms (u32 each), first 8 bytes of the record's SHA-256 |
//! | foot | offset of the index (u64), number of records (u64), SHA-256 of head and index, `DDCACHE2` |
//!
//! A reader trusts nothing: head and index are checked when the file is opened, each record when it is read, and no length is
//! believed before it is compared with the bytes that there are. A file is written beside its place and renamed.

mod reader;
mod record;
mod writer;

pub use reader::Cache;
pub use writer::CacheWriter;

use serde::{Deserialize, Serialize};

use crate::example::Recipe;

const MAGIC: &[u8; 8] = b"DDCACHE2";
/// Bytes of an index entry.
const ENTRY: usize = 8 + 4 + 3 * 4 + 8;
/// Bytes of the foot.
const FOOT: usize = 8 + 8 + 32 + 8;
/// Largest description that is read.
const MAX_DESCRIPTION: usize = 1 << 20;

/// What a cache holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// How the features were made.
    pub recipe: Recipe,
    /// Names of the targets.
    pub target_names: Vec<String>,
}
