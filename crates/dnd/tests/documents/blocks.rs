//! The fenced blocks of the documents.

use std::path::{Path, PathBuf};

use super::root;

/// A document and its blocks, in order.
pub(crate) struct Document {
    /// Path from the root.
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
}

/// One fenced block.
pub(crate) struct Block {
    pub(crate) document: String,
    /// Line of the fence, from 1.
    pub(crate) line: usize,
    /// First word after the fence.
    pub(crate) kind: String,
    /// The words after it.
    pub(crate) marks: Vec<String>,
    pub(crate) text: String,
}

impl Block {
    /// For a message.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.document, self.line)
    }
}

/// README.md, docs/**/*.md and the packages' READMEs, by path.
pub(crate) fn documents() -> Vec<Document> {
    let mut files = vec![root().join("README.md")];
    collect(&root().join("docs"), &mut files);
    for package in std::fs::read_dir(root().join("crates")).unwrap() {
        let readme = package.unwrap().path().join("README.md");
        files.extend(readme.is_file().then_some(readme));
    }
    files.sort();
    files.iter().map(|file| document(file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
}

fn document(file: &Path) -> Document {
    let name = file.strip_prefix(root()).unwrap().display().to_string();
    let text = std::fs::read_to_string(file).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (line, content) in (1..).zip(text.lines()) {
        if let Some(info) = content.trim_start().strip_prefix("```") {
            open = !open;
            if open {
                let mut words = info.split([',', ' ']).map(String::from);
                blocks.push(Block {
                    document: name.clone(),
                    line,
                    kind: words.next().unwrap_or_default(),
                    marks: words.collect(),
                    text: String::new(),
                });
            }
        } else if let Some(block) = blocks.last_mut().filter(|_| open) {
            block.text += content;
            block.text.push('\n');
        }
    }
    assert!(!open, "{name}: the last block has no end");
    Document { name, blocks }
}
