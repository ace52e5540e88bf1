//! The file of an index: how it is written.
//!
//! ```text
//! "DNDINDEX"  u32 version  u32 length of the head  head (JSON)
//! labels      u64 row, u32 length, input, u32 length, name; for each entry
//! nodes       u32 node of each entry
//! vectors     f32, node by node
//! graph       for each node: u8 layers; for each layer: u16 neighbours, u32 each
//! SHA-256 of all that stands before it
//! ```
//!
//! All numbers are little-endian.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::build::GraphConfig;
use crate::error::{Result, SearchError};
use crate::index::{Index, Label, Origin};
use crate::metric::Metric;

pub(crate) const MAGIC: &[u8; 8] = b"DNDINDEX";
pub(crate) const VERSION: u32 = 1;
/// Longest head; longest text of a label. A line of a table has up to 4 MiB, half of it in letters that take two bytes here, and a
/// title of an SD file may be longer.
pub(crate) const MAX_TEXT: usize = 64 << 20;
/// Widest vector.
pub(crate) const MAX_WIDTH: usize = 1 << 16;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) metric: Metric,
    pub(crate) width: usize,
    pub(crate) entries: usize,
    pub(crate) nodes: usize,
    pub(crate) graph: Option<GraphConfig>,
    /// Where walks begin; 0 without a graph.
    pub(crate) entry: u32,
    pub(crate) origin: Origin,
}

impl Index {
    /// Writes the index; [`Index::read`] gives it back.
    ///
    /// # Errors
    /// When the writer fails, or a text or a vector is longer than [`Index::read`] takes.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        if self.width() > MAX_WIDTH {
            let width = self.width();
            return Err(SearchError::File(format!("vectors of {width} numbers")));
        }
        let mut out = Summed {
            out,
            hash: Sha256::new(),
        };
        let head = serde_json::to_vec(&Head {
            metric: self.metric(),
            width: self.width(),
            entries: self.len(),
            nodes: self.num_distinct(),
            graph: self.graph.as_ref().map(|(config, _)| *config),
            entry: self.graph.as_ref().map_or(0, |(_, graph)| graph.entry),
            origin: self.origin.clone(),
        })
        .map_err(|error| SearchError::File(error.to_string()))?;
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        text(&mut out, &head)?;
        for Label { row, input, name } in &self.labels {
            out.write_all(&row.to_le_bytes())?;
            text(&mut out, input.as_bytes())?;
            text(&mut out, name.as_bytes())?;
        }
        for node in self.vectors.node_of() {
            out.write_all(&node.to_le_bytes())?;
        }
        for number in self.vectors.numbers() {
            out.write_all(&number.to_le_bytes())?;
        }
        for layers in self.graph.iter().flat_map(|(_, graph)| &graph.links) {
            out.write_all(&[layers.len() as u8])?;
            for links in layers {
                out.write_all(&(links.len() as u16).to_le_bytes())?;
                for link in links {
                    out.write_all(&link.to_le_bytes())?;
                }
            }
        }
        let sum = out.hash.finalize();
        out.out.write_all(&sum)?;
        Ok(out.out.flush()?)
    }
}

fn text(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| bytes.len() <= MAX_TEXT)
        .ok_or_else(|| SearchError::File(format!("a text of {} bytes", bytes.len())))?;
    out.write_all(&length.to_le_bytes())?;
    Ok(out.write_all(bytes)?)
}

/// Sums what passes.
struct Summed<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
