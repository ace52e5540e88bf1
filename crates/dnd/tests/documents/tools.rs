//! Commands that are not `dnd`: what they name is there.

use std::path::{Path, PathBuf};

use super::root;

/// The folder of a package of the workspace.
pub(crate) fn package_folder(name: &str) -> Option<PathBuf> {
    let folder = match name {
        "dd-benches" => "benches".to_string(),
        "dd-tests" => "tests".to_string(),
        _ => format!("crates/{name}"),
    };
    let folder = root().join(folder);
    folder.join("Cargo.toml").is_file().then_some(folder)
}

/// What a command comes to.
pub(crate) enum Meaning {
    /// It names what is there.
    Known,
    /// It is `dnd` with these arguments, by way of cargo.
    Dnd(Vec<String>),
}

/// What a command of another program than `dnd` means.
///
/// # Errors
/// When it names what is not there, or nothing here knows the program.
pub(crate) fn meaning(words: &[String]) -> Result<Meaning, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cargo", rest @ ..] => cargo(rest),
        ["python", script, ..] => {
            let is_there = root().join(script).is_file();
            let there = is_there.then_some(Meaning::Known);
            there.ok_or(format!("there is no {script}"))
        }
        // The pack for a machine with a GPU (docs/GPU.md).
        ["tar", "-xJf", _] | ["cd", "dnd-gpu"] => Ok(Meaning::Known),
        ["./run.sh", _] => {
            // Its one argument is the folder of the report.
            let script = std::fs::read_to_string(root().join("xtask/src/gpu/run.sh")).unwrap();
            let known = script.contains("${1:-").then_some(Meaning::Known);
            known.ok_or("run.sh takes no argument".into())
        }
        _ => Err(format!("nothing here knows {words:?}")),
    }
}

fn cargo(words: &[&str]) -> Result<Meaning, String> {
    let (own, after) = match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &words[words.len()..]),
    };
    let option = |names: [&str; 2]| {
        let at = own.iter().position(|word| names.contains(word))?;
        own.get(at + 1).copied()
    };
    match own {
        ["install", "cargo-fuzz"] => return Ok(Meaning::Known),
        ["install", "--path", folder] => {
            let known = root().join(folder).join("Cargo.toml").is_file();
            let known = known.then_some(Meaning::Known);
            return known.ok_or(format!("there is no package in {folder}"));
        }
        ["xtask", task, ..] => {
            let source = std::fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
            let known = source.contains(&format!("[\"{task}\""));
            let known = known.then_some(Meaning::Known);
            return known.ok_or(format!("cargo xtask has no {task}"));
        }
        ["fuzz", "run", rest @ ..] => return fuzz(rest, option(["--fuzz-dir"; 2]), after),
        ["run" | "build" | "test" | "bench", ..] => {}
        _ => return Err(format!("nothing here knows cargo {}", own.join(" "))),
    }
    let package = option(["-p", "--package"]);
    let folder = match (option(["--manifest-path"; 2]), package) {
        (Some(manifest), _) => root().join(manifest).parent().unwrap().to_path_buf(),
        (None, package) => {
            // The workspace's default member is the program.
            let package = package.unwrap_or("dnd");
            package_folder(package).ok_or(format!("there is no package {package}"))?
        }
    };
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    for (flag, below) in [("--example", "examples"), ("--bench", "benches")] {
        if let Some(name) = option([flag; 2]) {
            let file = format!("{name}.rs");
            let there = folder.join(below).join(&file).is_file()
                || manifest.contains(&format!("name = \"{name}\"")) && folder.join(&file).is_file();
            if !there {
                return Err(format!("{} has no {flag} {name}", folder.display()));
            }
        }
    }
    let is_program = package.is_none_or(|package| package == "dnd");
    if own[0] == "run" && is_program && option(["--example", "--manifest-path"]).is_none() {
        return Ok(Meaning::Dnd(
            after.iter().map(ToString::to_string).collect(),
        ));
    }
    Ok(Meaning::Known)
}

/// A target of the fuzzing package, and its dictionary.
fn fuzz(words: &[&str], folder: Option<&str>, after: &[&str]) -> Result<Meaning, String> {
    let folder = root().join(folder.ok_or("no --fuzz-dir")?);
    let target = words.last().ok_or("no target")?;
    let target = folder.join("fuzz_targets").join(format!("{target}.rs"));
    let dictionary = after.iter().find_map(|word| word.strip_prefix("-dict="));
    let files = [Some(target), dictionary.map(|file| root().join(file))];
    match files
        .into_iter()
        .flatten()
        .find(|file: &PathBuf| !Path::is_file(file))
    {
        Some(missing) => Err(format!("there is no {}", missing.display())),
        None => Ok(Meaning::Known),
    }
}
