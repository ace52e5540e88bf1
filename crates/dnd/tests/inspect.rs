//! What the documents show of `dnd inspect` is what it prints and draws.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap()
}

/// The words of a command line, quoted as in a shell.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The commands of a document's console blocks, each with what is printed below it.
fn examples(document: &str) -> Vec<(Vec<String>, String)> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let mut examples: Vec<(Vec<String>, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ dnd inspect ").filter(|_| inside) {
            let mut arguments = vec!["inspect".to_owned()];
            arguments.extend(words(command));
            examples.push((arguments, String::new()));
        } else if inside && let Some((_, printed)) = examples.last_mut() {
            *printed += line;
            *printed += "\n";
        }
    }
    examples
}

#[test]
fn examples_print_what_the_documents_show() {
    let mut compared = 0;
    for document in ["docs/how-to/inspect.md", "docs/CHEMISTRY.md"] {
        for (mut arguments, expected) in examples(document) {
            let svg = arguments
                .iter()
                .position(|word| word == "--svg")
                .map(|at| at + 1);
            let shown = svg.map(|at| root().join(&arguments[at]));
            if let Some(at) = svg {
                arguments[at] = "drawn.svg".to_owned();
            }
            let output = run(&arguments);
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8(printed).unwrap();
            if expected.trim().is_empty() {
                assert!(
                    output.status.success(),
                    "{document}: {arguments:?}\n{printed}"
                );
            } else {
                assert_eq!(
                    printed.trim_end(),
                    expected.trim_end(),
                    "{document}: {arguments:?}"
                );
            }
            if let Some(shown) = shown {
                let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drawn.svg");
                let [drawn, shown] =
                    [drawn, shown].map(|path| std::fs::read_to_string(path).unwrap());
                assert_eq!(drawn, shown, "{arguments:?}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 3, "only {compared} examples were found");
}

#[test]
fn a_subject_is_a_model_a_file_or_a_smiles() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("two.smi");
    std::fs::write(&file, "CCO ethanol\nC1CC\n").unwrap();
    let path = file.to_str().unwrap().to_owned();
    let inspect = |more: &[&str]| {
        let mut arguments = vec!["inspect".to_owned()];
        arguments.extend(more.iter().map(ToString::to_string));
        let output = run(&arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = inspect(&[&path, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["formula"], "C2H6O");
    assert_eq!(json["atoms"].as_array().unwrap().len(), 3);
    let (code, text) = inspect(&[&path, "--record", "1"]);
    assert!(
        code == Some(2) && text.contains("record 1: ring 1 is never closed"),
        "{text}"
    );
    let (code, text) = inspect(&[&path, "--record", "2"]);
    assert!(
        code == Some(2) && text.contains("has no record 2: there are 2"),
        "{text}"
    );
    for (arguments, said) in [
        (
            &["gin-128-node", "--svg", "x.svg"][..],
            "--svg is of molecules",
        ),
        (&["CCO", "--record", "3"], "--record is of a file"),
        (&[""], "the SMILES is empty"),
    ] {
        let (code, text) = inspect(arguments);
        assert!(code == Some(2) && text.contains(said), "{text}");
    }
    let values = folder.join("values.svg");
    std::fs::write(&values, "1,2,3").unwrap();
    let values = values.to_str().unwrap();
    let (code, text) = inspect(&["CCO", "--svg", values, "--colors", values]);
    assert!(
        code == Some(2) && text.contains("place of the input"),
        "{text}"
    );
    let (code, text) = inspect(&["missing.sdf"]);
    assert!(code == Some(2) && text.contains("no such file"), "{text}");
    let (code, text) = inspect(&["CCO", "--svg", "x.svg", "--colors", "-1,0"]);
    assert!(
        code == Some(2) && text.contains("2 values for 3 atoms"),
        "{text}"
    );
}
