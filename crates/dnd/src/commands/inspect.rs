//! `dnd inspect`: a molecule, or what a model folder or a file of weights holds.

mod molecule;
mod warnings;

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use dd_data::{RowOptions, Rows};
use dd_encoder2d::ModelFolder;
use dd_mol::depict::{self, SvgOptions};
use dd_mol::smiles::{self, ParseOptions};
use dd_mol::{Molecule, Sanitize};
use dd_nn::{Checkpoint, TensorFile};

use crate::cli::Inspect;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, not_an_input, write};

/// Endings of files of weights.
const WEIGHTS: [&str; 4] = ["safetensors", "pt", "pth", "ckpt"];

/// Shows what the subject is, by the rule of the help text.
pub(crate) fn run(arguments: &Inspect) -> Outcome {
    let path = Path::new(&arguments.subject);
    let is_weights = path
        .extension()
        .is_some_and(|extension| WEIGHTS.iter().any(|known| extension == *known));
    if path.is_dir() || (is_weights && path.is_file()) {
        no_flags_of_molecules(arguments)?;
        return show_model(path);
    }
    if let Some(model) = dd_models::find(&arguments.subject) {
        no_flags_of_molecules(arguments)?;
        let file = TensorFile::embedded(model.name, model.weights).map_err(Failure::work)?;
        let entries = file.entries().iter();
        let entries =
            entries.map(|(name, info)| (name.as_str(), info.dtype.as_str(), info.shape.as_slice()));
        let tensors = listing(entries);
        return print(&format!("{}\n{}\n{tensors}", model.card, model.config));
    }
    let molecule = if path.is_file() {
        record(arguments, path)?
    } else {
        parse(arguments)?
    };
    show_molecule(arguments, &molecule)
}

/// Refuses what would be without effect.
fn no_flags_of_molecules(arguments: &Inspect) -> Result<(), Failure> {
    let given = [
        ("--svg", arguments.svg.is_some()),
        ("--json", arguments.json),
        ("--keep-hydrogens", arguments.keep_hydrogens),
        ("--record", arguments.record.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::misuse(format!(
            "{}: {flag} is of molecules, and this is a model",
            arguments.subject
        ))),
        None => Ok(()),
    }
}

fn parse(arguments: &Inspect) -> Result<Molecule, Failure> {
    if arguments.subject.is_empty() {
        return Err(Failure::misuse("the SMILES is empty"));
    }
    if arguments.record.is_some() {
        return Err(Failure::misuse(format!(
            "--record is of a file of molecules, and there is no file {}",
            arguments.subject
        )));
    }
    let options = if arguments.keep_hydrogens {
        ParseOptions::KEEP_HYDROGENS
    } else {
        ParseOptions::RDKIT
    };
    smiles::parse_with(&arguments.subject, &options).map_err(|error| {
        let looks_like_path = arguments.subject.contains('.') && arguments.subject.len() < 200;
        let hint = if looks_like_path {
            "\n(read as a SMILES, for there is no such file or folder)"
        } else {
            ""
        };
        Failure::misuse(format!("{error}{hint}"))
    })
}

fn record(arguments: &Inspect, path: &Path) -> Result<Molecule, Failure> {
    let mut options = RowOptions {
        unbound: true,
        ..RowOptions::GRAPH
    };
    if arguments.keep_hydrogens {
        options.sanitize = Sanitize::KEEP_HYDROGENS;
    }
    let mut rows = Rows::open(path, options).map_err(Failure::misuse)?;
    let wanted = arguments.record.unwrap_or(0);
    let mut seen = 0;
    for row in &mut rows {
        let row = row.map_err(Failure::misuse)?;
        if seen == wanted {
            return row.molecule.map_err(|fault| {
                Failure::misuse(format!(
                    "{} record {seen}: {}",
                    path.display(),
                    fault.message
                ))
            });
        }
        seen += 1;
    }
    Err(Failure::misuse(format!(
        "{} has no record {wanted}: there are {seen}, counted from 0",
        path.display()
    )))
}

fn show_molecule(arguments: &Inspect, molecule: &Molecule) -> Outcome {
    if let Some(path) = &arguments.svg {
        if path.extension().is_none_or(|extension| extension != "svg") {
            return Err(Failure::misuse(format!(
                "{}: drawings are written as .svg",
                path.display()
            )));
        }
        let colors = arguments.colors.iter().map(String::as_str);
        let inputs = std::iter::once(arguments.subject.as_str()).chain(colors);
        not_an_input(path, inputs.map(Path::new))?;
        let values = arguments.colors.as_deref().map(values).transpose()?;
        let options = SvgOptions {
            indices: arguments.indices,
            values,
            caption: molecule.name().to_owned(),
            ..SvgOptions::default()
        };
        let svg = depict::svg(molecule, &options).map_err(Failure::misuse)?;
        write(path, &svg)?;
    }
    let report = molecule::Report::new(molecule).map_err(Failure::work)?;
    print(&if arguments.json {
        format!("{:#}\n", report.to_json())
    } else {
        report.to_text()
    })
}

/// The numbers of `--colors`: of a file if there is one of this name, else of the text.
fn values(text: &str) -> Result<Vec<f64>, Failure> {
    let path = Path::new(text);
    let text = if path.is_file() {
        &std::fs::read_to_string(path)
            .map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))?
    } else {
        text
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|error| Failure::misuse(format!("--colors: {error}")));
    }
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.parse()
                .map_err(|_| Failure::misuse(format!("--colors: {word:?} is not a number")))
        })
        .collect()
}

/// Prints the configuration and every tensor with shape and element type.
fn show_model(path: &Path) -> Outcome {
    let mut shown = String::new();
    let mut file = path.to_path_buf();
    if file.is_dir() {
        let config = file.join(dd_train::CONFIG_FILE);
        let text =
            std::fs::read_to_string(&config).map_err(|error| match ModelFolder::open(path) {
                // It says what the folder is.
                Err(reason) if error.kind() == ErrorKind::NotFound => Failure::misuse(reason),
                _ => Failure::misuse(format!("{}: {error}", config.display())),
            })?;
        shown.push_str(&text);
        shown.push('\n');
        file = file.join(dd_train::MODEL_FILE);
    }
    let file = Checkpoint::open(&file).map_err(Failure::misuse)?;
    for (name, value) in file.settings() {
        shown.push_str(&format!("{name} = {value}\n"));
    }
    let entries = file.entries().iter();
    let entries =
        entries.map(|(name, entry)| (name.as_str(), entry.dtype.as_str(), entry.shape.as_slice()));
    shown.push_str(&listing(entries));
    for (name, reason) in file.left_out() {
        shown.push_str(&format!("left out: {name}: {reason}\n"));
    }
    print(&shown)
}

/// Every tensor, as (name, element type, shape).
fn listing<'a>(tensors: impl Iterator<Item = (&'a str, &'a str, &'a [usize])>) -> String {
    let (mut shown, mut total) = (String::new(), 0);
    for (name, dtype, shape) in tensors {
        total += shape.iter().product::<usize>();
        shown.push_str(&format!("{name:<70} {dtype:>8} {shape:?}\n"));
    }
    shown + &format!("{total} numbers\n")
}

fn print(text: &str) -> Outcome {
    answer(text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lists_of_numbers() {
        assert_eq!(values("0.5, -1,2").expect("a list"), [0.5, -1.0, 2.0]);
        assert_eq!(values("[1, 2.5]").expect("JSON"), [1.0, 2.5]);
        assert!(
            values("1,x")
                .is_err_and(|error| error.message().is_some_and(|said| said.contains("\"x\"")))
        );
    }
}
