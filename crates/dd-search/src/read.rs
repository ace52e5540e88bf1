//! The file of an index: how it is read, trusting nothing.

use std::io::{ErrorKind, Read};

use sha2::{Digest, Sha256};

use crate::build::{GraphConfig, MAX_LAYERS};
use crate::error::{Result, SearchError};
use crate::file::{Head, MAGIC, MAX_TEXT, MAX_WIDTH, VERSION};
use crate::graph::Graph;
use crate::index::{Index, Label};
use crate::vectors::Vectors;

/// Bytes that are asked for at once: what a false length can allocate beyond the file.
const STEP: usize = 1 << 20;

impl Index {
    /// Reads what [`Index::write`] wrote. Give it a buffered reader.
    ///
    /// # Errors
    /// When it is no index, of another version, cut short or damaged. Memory stays in proportion to the file.
    pub fn read(input: &mut dyn Read) -> Result<Self> {
        let mut file = Checked {
            input,
            hash: Sha256::new(),
        };
        if file.array::<8>("the mark")? != *MAGIC {
            return Err(fault("it does not begin as one"));
        }
        let version = file.u32("the version")?;
        if version != VERSION {
            return Err(fault(format!("version {version}, this is {VERSION}")));
        }
        let head: Head = serde_json::from_slice(&file.text("the head")?)
            .map_err(|error| fault(format!("head: {error}")))?;
        check(&head)?;
        let mut labels = Vec::new();
        for _ in 0..head.entries {
            labels.push(file.label()?);
        }
        let node_of = file.numbers(head.entries, "the nodes", u32::from_le_bytes)?;
        nodes_in_order(&node_of, head.nodes)?;
        let numbers = head.nodes.checked_mul(head.width);
        let numbers = numbers.ok_or_else(|| fault("too many numbers"))?;
        let numbers = file.numbers(numbers, "the vectors", f32::from_le_bytes)?;
        if let Some(place) = numbers.iter().position(|x| !x.is_finite()) {
            return Err(fault(format!(
                "vector {}: {} is not finite",
                place / head.width,
                numbers[place]
            )));
        }
        let graph = head
            .graph
            .map(|config| Ok::<_, SearchError>((config, file.graph(&head, config)?)))
            .transpose()?;
        let expected = file.hash.clone().finalize();
        if file.array::<32>("the sum")?[..] != expected[..] {
            return Err(fault("its SHA-256 is another: the file is damaged"));
        }
        if file.input.read(&mut [0])? > 0 {
            return Err(fault("bytes follow its end"));
        }
        Ok(Self {
            vectors: Vectors::from_parts(head.metric, head.width, numbers, node_of),
            labels,
            origin: head.origin,
            graph,
        })
    }
}

fn check(head: &Head) -> Result<()> {
    if head.width == 0 || head.width > MAX_WIDTH {
        return Err(fault(format!("vectors of {} numbers", head.width)));
    }
    if head.nodes == 0 || head.nodes > head.entries || u32::try_from(head.entries).is_err() {
        return Err(fault(format!(
            "{} vectors for {} entries",
            head.nodes, head.entries
        )));
    }
    if let Some(config) = head.graph {
        config.validate()?;
    }
    Ok(())
}

/// Nodes are numbered by their first entry, and each has one.
fn nodes_in_order(node_of: &[u32], nodes: usize) -> Result<()> {
    let mut next = 0;
    for (entry, &node) in node_of.iter().enumerate() {
        if node > next {
            return Err(fault(format!("entry {entry}: vector {node} skips {next}")));
        }
        next = next.max(node + 1);
    }
    if next as usize == nodes {
        Ok(())
    } else {
        Err(fault(format!("{next} of {nodes} vectors have an entry")))
    }
}

/// Reads, sums and says what is missing.
struct Checked<'a> {
    input: &'a mut dyn Read,
    hash: Sha256,
}

impl Checked<'_> {
    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<()> {
        self.input.read_exact(bytes).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                fault(format!("the file ends within {what}"))
            } else {
                error.into()
            }
        })?;
        self.hash.update(&*bytes);
        Ok(())
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn text(&mut self, what: &str) -> Result<Vec<u8>> {
        let length = self.u32(what)? as usize;
        if length > MAX_TEXT {
            return Err(fault(format!("{what} is {length} bytes long")));
        }
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let start = bytes.len();
            bytes.resize(length.min(start + STEP), 0);
            self.fill(&mut bytes[start..], what)?;
        }
        Ok(bytes)
    }

    fn label(&mut self) -> Result<Label> {
        let what = "the labels";
        let row = u64::from_le_bytes(self.array(what)?);
        let mut words = || {
            String::from_utf8(self.text(what)?)
                .map_err(|_| fault(format!("row {row}: a label is not UTF-8")))
        };
        Ok(Label {
            row,
            input: words()?,
            name: words()?,
        })
    }

    /// `count` numbers of four bytes.
    fn numbers<T>(&mut self, count: usize, what: &str, of: fn([u8; 4]) -> T) -> Result<Vec<T>> {
        let mut numbers = Vec::new();
        let mut left = count;
        let mut bytes = vec![0; STEP.min(count.saturating_mul(4))];
        while left > 0 {
            let now = left.min(STEP / 4);
            self.fill(&mut bytes[..4 * now], what)?;
            let words = bytes[..4 * now].chunks_exact(4);
            numbers.extend(words.map(|word| of([word[0], word[1], word[2], word[3]])));
            left -= now;
        }
        Ok(numbers)
    }

    fn graph(&mut self, head: &Head, config: GraphConfig) -> Result<Graph> {
        let what = "the graph";
        let mut links: Vec<Vec<Vec<u32>>> = Vec::new();
        for node in 0..head.nodes {
            let layers = self.array::<1>(what)?[0] as usize;
            if layers == 0 || layers > MAX_LAYERS {
                return Err(fault(format!("node {node} is in {layers} layers")));
            }
            let mut of_node = Vec::with_capacity(layers);
            for layer in 0..layers {
                let count = u16::from_le_bytes(self.array(what)?) as usize;
                if count > config.most(layer) {
                    return Err(fault(format!("node {node} has {count} neighbours")));
                }
                of_node.push(self.numbers(count, what, u32::from_le_bytes)?);
            }
            links.push(of_node);
        }
        let graph = Graph {
            links,
            entry: head.entry,
        };
        walkable(&graph)?;
        Ok(graph)
    }
}

/// Every link leads to a node that is in the layer, and walks begin in the highest layer.
fn walkable(graph: &Graph) -> Result<()> {
    let layers = |node: u32| graph.links.get(node as usize).map_or(0, Vec::len);
    for (node, of_node) in graph.links.iter().enumerate() {
        for (layer, links) in of_node.iter().enumerate() {
            if let Some(stray) = links.iter().find(|&&link| layers(link) <= layer) {
                return Err(fault(format!("node {node} leads to {stray}, out of layer")));
            }
        }
        if of_node.len() > layers(graph.entry) {
            return Err(fault(format!("node {node} is above where walks begin")));
        }
    }
    Ok(())
}

fn fault(reason: impl Into<String>) -> SearchError {
    SearchError::File(reason.into())
}
