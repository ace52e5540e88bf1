//! `cargo xtask tidy`: the rules that no compiler checks.
//!
//! Every rule is listed in `docs/CONTRIBUTING.md` with its reason. `cargo test -p xtask` runs them too.

use std::path::Path;

use crate::layers;
use crate::sources::{self, Source};

/// Speaks to the C library that allocates memory for the program.
const ALLOCATOR: &str = "crates/dnd/src/allocator.rs";

/// Most lines of code in one file, without tests.
const MAX_CODE_LINES: usize = 400;
/// Largest fixture, in bytes.
const MAX_FIXTURE: u64 = 200 * 1024;
/// Largest embedded data set, in bytes.
const MAX_EMBEDDED: u64 = 3 * 1024 * 1024;

/// Calls that are banned in library code, with the reason.
const BANNED: [(&str, &str); 10] = [
    (
        "candle_nn::layer_norm",
        "candle's layer norm cuts gradients; use dd_nn::LayerNorm",
    ),
    (
        "candle_nn::LayerNorm",
        "candle's layer norm cuts gradients; use dd_nn::LayerNorm",
    ),
    ("softmax_last_dim", "has no backward pass; use dd_kernels"),
    (
        "_no_bwd",
        "an operation without backward cuts gradients silently",
    ),
    ("Tensor::rand", "unseeded on CPU; use dd_kernels::rng::Key"),
    ("rand_like(", "unseeded on CPU; use dd_kernels::rng::Key"),
    ("randn_like(", "unseeded on CPU; use dd_kernels::rng::Key"),
    (
        "candle_nn::ops::dropout",
        "unseeded on CPU; use dd_nn::dropout",
    ),
    (
        "candle_nn::AdamW",
        "its state cannot be saved; use dd_train",
    ),
    (
        "candle_nn::VarMap",
        "unseeded and unordered; use dd_nn::ParamStore",
    ),
];

/// Module names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"];

/// Crates that may open files.
const READ_FILES: [&str; 7] = [
    "crates/dd-data/",
    "crates/dd-train/",
    "crates/dd-nn/",
    "crates/dd-encoder2d/src/model/",
    "crates/dnd/",
    "xtask/",
    "tests/",
];

/// Checks every rule on the workspace.
///
/// # Errors
/// Lists every violation.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let sources = sources::all(root)?;
    let mut found = layers::violations(root)?;
    for source in &sources {
        found.extend(violations(source));
    }
    if found.is_empty() {
        println!("tidy: {} files, no violation", sources.len());
        return Ok(());
    }
    Err(format!(
        "tidy: {} violations\n  {}",
        found.len(),
        found.join("\n  ")
    ))
}

fn violations(source: &Source) -> Vec<String> {
    let mut found = sizes(source);
    if let Some(text) = &source.text {
        if source.path != "xtask/src/tidy.rs" {
            found.extend(machine_paths(text));
        }
        if source.is_rust() {
            found.extend(rust_rules(source, text));
        }
    }
    found
        .into_iter()
        .map(|message| format!("{}: {message}", source.path))
        .collect()
}

fn sizes(source: &Source) -> Vec<String> {
    let limit = if source.path.contains("/embedded/") {
        MAX_EMBEDDED
    } else {
        MAX_FIXTURE
    };
    let data = source.path.contains("/fixtures/") || source.path.contains("/embedded/");
    if data && source.bytes > limit {
        return vec![format!(
            "{} bytes exceed the limit of {limit}",
            source.bytes
        )];
    }
    Vec::new()
}

fn machine_paths(text: &str) -> Option<String> {
    let path = ["/work/", "/home/", "/root/", "/tmp/"]
        .into_iter()
        .find(|path| text.contains(path))?;
    Some(format!("names a path of one machine ({path})"))
}

fn rust_rules(source: &Source, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let name = source.path.rsplit('/').next().unwrap_or_default();
    if !text.starts_with("//!") {
        found.push("does not begin with a module comment (//!)".to_string());
    }
    if EMPTY_NAMES.contains(&name) {
        found.push("a module is named after its idea".to_string());
    }
    let test = source.path.contains("/tests/") || source.path.starts_with("tests/suite/");
    if !test && source.code_lines() > MAX_CODE_LINES {
        found.push(format!(
            "{} lines of code exceed {MAX_CODE_LINES}",
            source.code_lines()
        ));
    }
    if source.path.starts_with("crates/") {
        let code = code_of(text);
        found.extend(banned(&code));
        let kernels = source.path.starts_with("crates/dd-kernels/");
        if !kernels && text.contains("feature = \"cuda\"") {
            found.push("CUDA belongs to dd-kernels".to_string());
        }
        if !kernels && source.path != ALLOCATOR && text.contains("unsafe {") {
            found.push("unsafe code belongs to dd-kernels".to_string());
        }
        let library = source.path.contains("/src/");
        let opens = mentions(&code, "std::fs") || code.contains("File::open");
        if library
            && opens
            && !READ_FILES
                .iter()
                .any(|allowed| source.path.starts_with(allowed))
        {
            found.push("opens files, which this crate may not".to_string());
        }
    }
    found
}

/// Whether code names a path: as it stands, or among others in braces behind all of it but the last word.
fn mentions(code: &str, path: &str) -> bool {
    let Some((front, last)) = path.rsplit_once("::") else {
        return code.contains(path);
    };
    let opening = format!("{front}::{{");
    let lists = code.split(&opening).skip(1);
    let listed = lists.map(|rest| rest.split(';').next().unwrap_or_default());
    let mut words = listed.flat_map(|list| list.split(|c: char| !c.is_alphanumeric() && c != '_'));
    code.contains(path) || words.any(|word| word == last)
}

/// The lines that are no comments.
fn code_of(text: &str) -> String {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

fn banned(code: &str) -> impl Iterator<Item = String> + '_ {
    BANNED
        .into_iter()
        .filter(move |(call, _)| mentions(code, call))
        .map(|(call, reason)| format!("{call}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        violations(&Source {
            path: path.to_string(),
            bytes: text.len() as u64,
            text: Some(text.to_string()),
        })
    }

    #[test]
    fn each_rule_finds_its_violation() {
        let doc = "//! A module.\n";
        assert!(check("crates/dd-nn/src/a.rs", doc).is_empty());
        assert_eq!(check("crates/dd-nn/src/a.rs", "fn f() {}\n").len(), 1);
        assert_eq!(check("crates/dd-nn/src/utils.rs", doc).len(), 1);
        let long = format!("{doc}{}", "fn f() {}\n".repeat(MAX_CODE_LINES + 1));
        assert_eq!(check("crates/dd-nn/src/a.rs", &long).len(), 1);
        let softmax = format!("{doc}let y = softmax_last_dim(x);\n");
        assert_eq!(check("crates/dd-nn/src/a.rs", &softmax).len(), 1);
        let listed = format!("{doc}use candle_nn::{{Linear, VarMap}};\n");
        assert_eq!(check("crates/dd-nn/src/a.rs", &listed).len(), 1);
        for import in [
            "use std::fs;",
            "use std::{fs, io};",
            "use std::{\n    fs::File,\n    io,\n};",
        ] {
            let opens = format!("{doc}{import}\n");
            assert_eq!(check("crates/dd-mol/src/a.rs", &opens).len(), 1, "{import}");
        }
        let opens = format!("{doc}use std::fs;\n");
        assert!(check("crates/dd-data/src/a.rs", &opens).is_empty());
        assert_eq!(check("docs/a.md", "see /home/me\n").len(), 1);
    }

    #[test]
    fn the_workspace_is_tidy() {
        run(&crate::root()).expect("tidy");
    }
}
