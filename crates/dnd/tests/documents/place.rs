//! Where the commands of a document run, and how.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::compare::Numbers;
use super::server::Server;
use super::stand_ins;

/// An empty folder for a name.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("documents")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the program to its end, which must be a good one; what it printed on standard output.
pub(crate) fn dnd(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let code = output.status.code();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0 | 3)), "dnd {words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The words of a command but those that name what it writes.
pub(crate) fn read_by(words: &[String]) -> impl Iterator<Item = &str> {
    let before = std::iter::once("").chain(words.iter().map(String::as_str));
    let named = before.zip(words.iter().map(String::as_str));
    named.filter_map(|(before, word)| (!["-o", "--output"].contains(&before)).then_some(word))
}

/// The folder of one document, made by its first command.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// The server that the document has started.
    pub(crate) server: Option<Server>,
    /// Stand-ins that were made, and how far what is said of them can be compared.
    made: HashMap<String, Numbers>,
}

impl Place {
    /// A folder with the folders that the repository has for pictures and runs.
    pub(crate) fn new(document: &str) -> Self {
        let folder = fresh(&document.replace(['/', '.'], "-"));
        for below in ["docs/images", "runs", "models"] {
            std::fs::create_dir_all(folder.join(below)).unwrap();
        }
        Self {
            folder,
            server: None,
            made: HashMap::new(),
        }
    }

    /// Makes what a command reads and is not there; how far its output can be compared.
    pub(crate) fn prepare(&mut self, words: &[String]) -> Numbers {
        let mut numbers = Numbers::Close;
        for word in read_by(words) {
            if !self.folder.join(word).exists()
                && let Some(made) = stand_ins::provide(&self.folder, word)
            {
                self.made.insert(word.to_string(), made);
            }
            if self.made.get(word) == Some(&Numbers::Any) {
                numbers = Numbers::Any;
            }
        }
        numbers
    }

    /// What the program prints, both streams in their order, and its exit code.
    pub(crate) fn run(&self, words: &[String], input: Option<&str>) -> (String, Option<i32>) {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dnd"));
        command
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer);
        let mut child = command.spawn().unwrap();
        // Its ends of the pipe would keep it open.
        drop(command);
        let mut stdin = child.stdin.take().unwrap();
        // A program that reads nothing may have ended.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        drop(stdin);
        let mut printed = String::new();
        reader.read_to_string(&mut printed).unwrap();
        (printed, child.wait().unwrap().code())
    }
}
