//! Console blocks: lines that begin with `$ ` are commands, `\` goes on in the next line, the rest is what they print.
//!
//! The blocks of a document run one after the other in one folder. A file that is not there is a stand-in
//! ([`super::stand_ins`]): of tables that the repository does not have, the words of the output are compared but not the
//! numbers. A picture that a command draws must be the one in docs/images.

use std::collections::BTreeSet;

use clap::Parser;

use super::blocks::{Block, Document};
use super::cli::{Cli, Command};
use super::compare::{Numbers, difference};
use super::place::{self, Place};
use super::server::Server;
use super::tools::{Meaning, meaning};
use super::{root, shell};

/// Commands that are read and not run, by how they begin.
pub(crate) const NOT_RUN: [(&str, &str); 9] = [
    ("dnd quickstart", "it trains for minutes"),
    ("dnd pretrain", "it trains for hours"),
    ("dnd distill", "it trains for hours"),
    ("dnd evaluate", "it trains for days"),
    ("dnd geometry", "it needs a corpus of conformers"),
    ("dnd data prepare", "it needs corpora of conformers"),
    ("dnd export", "it needs a student that was distilled"),
    (CONVERT, "it needs published weights"),
    (
        "dnd finetune -i delaney.csv ",
        "its network has 300 channels",
    ),
];
/// Run where the weights are beside the workspace.
const CONVERT: &str = "dnd convert -i gat_supervised_contextpred.pth";
/// Models that only commands of [`NOT_RUN`] make: what uses one is not run where it was not made.
const THEIR_MODELS: [&str; 2] = ["runs/student", "models/gat"];

/// One command and what its block shows of its output.
struct Step {
    line: String,
    shown: String,
}

/// What is wrong with the console blocks of a document; `used` takes the entries of [`NOT_RUN`] that it has.
pub(crate) fn check(document: &Document, used: &mut BTreeSet<&'static str>) -> Vec<String> {
    let mut place = Place::new(&document.name);
    let mut wrong = Vec::new();
    for block in document
        .blocks
        .iter()
        .filter(|block| block.kind == "console")
    {
        for step in steps(block) {
            if let Err(reason) = follow(&step, &mut place, used) {
                wrong.push(format!("{}: $ {}\n{reason}", block.place(), step.line));
            }
        }
    }
    wrong
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for line in block.text.lines() {
        let (begins, text) = match line.strip_prefix("$ ") {
            Some(command) if !continued => (true, command),
            _ => (false, line),
        };
        let (text, goes_on) = match text.strip_suffix('\\') {
            Some(text) if begins || continued => (text, true),
            _ => (text, false),
        };
        if begins {
            steps.push(Step {
                line: text.to_string(),
                shown: String::new(),
            });
        } else {
            let step = steps.last_mut();
            let step = step.unwrap_or_else(|| panic!("{}: output of nothing", block.place()));
            if continued {
                step.line += text.trim_start();
            } else {
                step.shown += &format!("{line}\n");
            }
        }
        continued = goes_on;
    }
    steps
}

fn follow(step: &Step, place: &mut Place, used: &mut BTreeSet<&'static str>) -> Result<(), String> {
    let mut shown = Some(step.shown.as_str()).filter(|shown| !shown.is_empty());
    for pipeline in shell::read(&step.line) {
        let mut input: Option<String> = None;
        for words in &pipeline.stages {
            match words[0].as_str() {
                "printf" => input = Some(words[1].replace("\\n", "\n")),
                "cat" => {
                    let text = shown.take().ok_or("cat shows nothing")?;
                    std::fs::write(place.folder.join(&words[1]), text).unwrap();
                }
                "curl" => {
                    let server = place.server.as_ref().ok_or("no server is started before")?;
                    let answer = server.curl(&place.folder, &words[1..])?;
                    same(shown.take(), &answer, Numbers::Close)?;
                }
                "dnd" => program(words, input.as_deref(), &mut shown, place, used)?,
                _ => match meaning(words)? {
                    Meaning::Known => {}
                    Meaning::Dnd(arguments) => {
                        let words: Vec<String> = std::iter::once("dnd".to_string())
                            .chain(arguments)
                            .collect();
                        program(&words, input.as_deref(), &mut shown, place, used)?;
                    }
                },
            }
        }
    }
    match shown {
        None => Ok(()),
        Some(_) => Err("its output is shown, and nothing compares it".into()),
    }
}

/// Reads and runs a command of the program.
fn program(
    words: &[String],
    input: Option<&str>,
    shown: &mut Option<&str>,
    place: &mut Place,
    used: &mut BTreeSet<&'static str>,
) -> Result<(), String> {
    let read = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let line = words.join(" ");
    let arguments = &words[1..];
    let numbers = place.prepare(arguments);
    if let Some((start, _)) = NOT_RUN.iter().find(|(start, _)| line.starts_with(start)) {
        used.insert(start);
        if *start != CONVERT || !place.folder.join(&words[3]).exists() {
            // The words of the output are the business of the tests of these commands.
            shown.take();
            return Ok(());
        }
    }
    let lacks = |word: &str| THEIR_MODELS.contains(&word) && !place.folder.join(word).exists();
    if place::read_by(arguments).any(lacks) {
        return Ok(());
    }
    if matches!(read.command, Command::Serve(_)) {
        let (server, said) = Server::start(&place.folder, arguments)?;
        place.server = Some(server);
        return same(shown.take(), &said, numbers);
    }
    let (printed, code) = place.run(arguments, input);
    // What the block shows as refused must be.
    let refused = shown.is_some_and(|shown| shown.starts_with("dnd: "));
    let good = match code {
        Some(2) => refused,
        Some(0 | 3) => !refused,
        _ => false,
    };
    if !good {
        return Err(format!("exit code {code:?}: {printed}"));
    }
    same(shown.take(), &printed, numbers)?;
    pictures(words, place)
}

fn same(shown: Option<&str>, printed: &str, numbers: Numbers) -> Result<(), String> {
    match shown.and_then(|shown| difference(shown, printed, numbers)) {
        None => Ok(()),
        Some(difference) => Err(format!("{difference}\nall of it:\n{printed}")),
    }
}

/// Pictures that were drawn are those of the documents.
fn pictures(words: &[String], place: &Place) -> Result<(), String> {
    for word in words.iter().filter(|word| word.starts_with("docs/images/")) {
        let [drawn, kept] = [place.folder.join(word), root().join(word)]
            .map(|file| std::fs::read_to_string(file).map_err(|error| error.to_string()));
        if drawn? != kept? {
            return Err(format!("{word} is another picture"));
        }
    }
    Ok(())
}

#[test]
fn a_block_is_divided_into_commands_and_output() {
    let block = Block {
        document: "a.md".into(),
        line: 1,
        kind: "console".into(),
        marks: Vec::new(),
        text: "$ dnd a \\\n    --b c\nout \\\n$ dnd d\n".into(),
    };
    let found = steps(&block);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].line.as_str(), found[0].shown.as_str()),
        ("dnd a --b c", "out \\\n")
    );
    assert_eq!(
        (found[1].line.as_str(), found[1].shown.as_str()),
        ("dnd d", "")
    );
}
