//! Blocks that are no commands: manifests, configurations, scripts, citations, drawings in letters.

use std::io::Write;
use std::process::{Command, Stdio};

use dd_encoder2d::ModelConfig;

use super::blocks::Block;
use super::tools::package_folder;

/// Whether a block is what its kind says.
pub(crate) fn check(block: &Block) -> Result<(), String> {
    match block.kind.as_str() {
        "toml" => manifest(&block.text),
        "json" => ModelConfig::from_json(&block.text)
            .map(|_| ())
            .map_err(|error| error.to_string()),
        "python" => python(&block.text),
        "bibtex" => citation(&block.text),
        // Drawings and formulas: nothing to hold them to.
        "text" => Ok(()),
        kind => Err(format!("nothing checks {kind}")),
    }
}

/// A part of a manifest: its dependencies are packages of the workspace, with the features that it names.
fn manifest(text: &str) -> Result<(), String> {
    let read: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
    let names: Vec<&String> = read.keys().collect();
    if names != ["dependencies"] {
        return Err(format!(
            "a manifest with [dependencies] is read here, not {names:?}"
        ));
    }
    for (name, settings) in read["dependencies"].as_table().ok_or("no table")? {
        let folder = package_folder(name).ok_or(format!("there is no package {name}"))?;
        let own = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let own: toml::Table = own.parse().unwrap();
        let features = settings.get("features").and_then(toml::Value::as_array);
        for feature in features.into_iter().flatten() {
            let feature = feature.as_str().ok_or("a feature is a word")?;
            own.get("features")
                .and_then(|features| features.get(feature))
                .ok_or(format!("{name} has no feature {feature}"))?;
        }
    }
    Ok(())
}

/// A script compiles, where there is a Python.
fn python(text: &str) -> Result<(), String> {
    let compile = "import sys; compile(sys.stdin.read(), 'block', 'exec')";
    let child = Command::new("python3")
        .args(["-c", compile])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("there is no python3: a script was not compiled");
        return Ok(());
    };
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// One entry with a key, a title, authors and a year.
fn citation(text: &str) -> Result<(), String> {
    let count = |letter| text.matches(letter).count();
    let whole = text.starts_with('@') && count('{') == count('}');
    let missing = ["author ", "title ", "year "]
        .into_iter()
        .find(|field| !text.lines().any(|line| line.trim().starts_with(field)));
    match missing {
        Some(field) => Err(format!("no {field}")),
        None if whole => Ok(()),
        None => Err("brackets do not match".into()),
    }
}
