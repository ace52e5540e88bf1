//! Every block of code in the documents is compiled, read or run.
//!
//! - `rust`: compiled, and run unless marked `no_run`, by the doctests of `tests/src/documents.rs`; here it is checked that
//!   they name the document.
//! - `console`: every command is read. A command of `dnd` by the program's own parser, and then run in a folder of its own,
//!   with the output compared where the block shows one ([`console`]); the others must name what is there ([`tools`]).
//! - `toml`, `json`, `python`, `bibtex`, `text`: [`data`].
//!
//! A block of any other kind, and a command that nothing here knows, fails.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod blocks;
#[allow(dead_code, unused_imports)]
#[path = "../../src/cli/mod.rs"]
mod cli;
mod compare;
mod console;
mod data;
mod place;
mod server;
mod shell;
mod stand_ins;
mod tools;

use std::collections::BTreeSet;
use std::path::PathBuf;

use blocks::{Block, documents};

/// The workspace's root folder.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap()
}

/// The blocks of these kinds, of all documents.
fn of_kind(kinds: &[&str]) -> Vec<Block> {
    let blocks = documents().into_iter().flat_map(|document| document.blocks);
    blocks
        .filter(|block| kinds.contains(&block.kind.as_str()))
        .collect()
}

#[test]
fn no_block_is_of_an_unknown_kind() {
    let known = [
        "rust", "console", "toml", "json", "python", "bibtex", "text",
    ];
    for document in documents() {
        for block in &document.blocks {
            let marks = (block.kind.as_str(), block.marks.as_slice());
            let fine = known.contains(&marks.0)
                && (marks.1.is_empty() || marks.0 == "rust" && marks.1 == ["no_run"]);
            assert!(fine, "{}: {marks:?} is not known here", block.place());
        }
    }
}

#[test]
fn doctests_name_every_document_with_rust() {
    let list = root().join("tests/src/documents.rs");
    let list = std::fs::read_to_string(list).unwrap();
    let documents: BTreeSet<String> = of_kind(&["rust"])
        .into_iter()
        .map(|block| block.document)
        .collect();
    assert!(documents.contains("README.md"));
    for document in documents {
        let line = format!("include_str!(\"../../{document}\")");
        assert!(list.contains(&line), "tests/src/documents.rs lacks {line}");
    }
}

#[test]
fn data_are_what_they_say() {
    let blocks = of_kind(&["toml", "json", "python", "bibtex", "text"]);
    assert!(blocks.len() > 5);
    for block in blocks {
        if let Err(reason) = data::check(&block) {
            panic!("{}: {reason}", block.place());
        }
    }
}

#[test]
fn commands_are_read_and_run() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for document in documents() {
        wrong.extend(console::check(&document, &mut used));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    for (command, _) in console::NOT_RUN {
        assert!(used.contains(command), "no document says {command}");
    }
}
