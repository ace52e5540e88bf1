//! A folder of explanations: numbers as JSON lines, and a drawing for each molecule and target.

use std::io::Write;
use std::path::{Path, PathBuf};

use dd_data::output::OutputFile;
use dd_encoder2d::TargetKind;
use dd_eval::readable;
use dd_mol::depict::{self, SvgOptions};
use dd_mol::{Element, Molecule};
use dd_nn::write_atomically;
use serde_json::json;

use super::ensemble::Ensemble;
use super::explain::{Explainer, Explanation};
use crate::error::{Result, TrainError};

/// The file of a folder with the numbers; it has this name when the folder is complete.
pub const EXPLANATIONS: &str = "explanations.jsonl";
/// Molecules that are drawn; the numbers of all are written.
pub const MOST_DRAWN: usize = 1000;

/// A folder under construction.
pub struct Explanations<'a> {
    ensemble: &'a Ensemble,
    explainer: Explainer<'a>,
    folder: PathBuf,
    path: PathBuf,
    lines: OutputFile,
    drawn: usize,
    /// Molecules that were not drawn.
    pub undrawn: usize,
}

impl<'a> Explanations<'a> {
    /// Begins a folder.
    ///
    /// # Errors
    /// When the model's predictions are no sums over atoms, or the folder cannot be written to.
    pub fn create(ensemble: &'a Ensemble, folder: &Path) -> Result<Self> {
        let explainer = Explainer::new(ensemble)?;
        std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
        remove_drawings(folder)?;
        let path = folder.join(EXPLANATIONS);
        Ok(Self {
            ensemble,
            explainer,
            folder: folder.to_path_buf(),
            lines: OutputFile::create(&path)?,
            path,
            drawn: 0,
            undrawn: 0,
        })
    }

    /// Explains one molecule that has been predicted.
    pub(super) fn write(&mut self, row: u64, input: &str, molecule: &Molecule) -> Result<()> {
        let explanation = self.explainer.explain(molecule)?;
        let explanation = explanation.map_err(|fault| TrainError::Record {
            index: row as usize,
            reason: fault.message,
        })?;
        for (column, target) in self.ensemble.targets().iter().enumerate() {
            let found = &explanation.targets[column];
            let atoms = explanation.atoms.iter().zip(&found.contributions);
            let atoms: Vec<_> = atoms
                .map(|(&atom, contribution)| {
                    let number = molecule.atom(atom as usize).atomic_number;
                    let element = Element::of(number).symbol;
                    json!({"atom": atom, "element": element, "contribution": contribution})
                })
                .collect();
            let scale = match target.kind {
                TargetKind::Regression => "prediction",
                TargetKind::Binary => "logit",
            };
            let line = json!({
                "row": row, "input": input, "target": target.name, "scale": scale,
                "base": found.base, "sum": found.sum(), "atoms": atoms,
            });
            writeln!(self.lines, "{line}").map_err(TrainError::io(&self.path))?;
        }
        if self.drawn == MOST_DRAWN {
            self.undrawn += 1;
            return Ok(());
        }
        self.drawn += 1;
        self.draw(row, molecule, &explanation)
    }

    fn draw(&mut self, row: u64, molecule: &Molecule, explanation: &Explanation) -> Result<()> {
        for (column, target) in self.ensemble.targets().iter().enumerate() {
            let found = &explanation.targets[column];
            let mut values = vec![0.0; molecule.num_atoms()];
            for (&atom, &contribution) in explanation.atoms.iter().zip(&found.contributions) {
                values[atom as usize] = contribution;
            }
            let options = SvgOptions {
                values: Some(values),
                caption: format!(
                    "{}: {}, base {}",
                    target.name,
                    readable(found.sum(), 3),
                    readable(found.base, 3)
                ),
                ..SvgOptions::default()
            };
            let Ok(svg) = depict::svg(molecule, &options) else {
                // Too large to be drawn: its numbers are there.
                self.undrawn += 1;
                return Ok(());
            };
            let kept = target
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
            let name: String = kept.take(60).collect();
            let path = self.folder.join(format!("row-{row}-{column}-{name}.svg"));
            write_atomically(&path, |out| out.write_all(svg.as_bytes()))?;
        }
        Ok(())
    }

    /// Completes the folder; says of how many rows there is no drawing.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> Result<usize> {
        self.lines.complete()?;
        Ok(self.undrawn)
    }
}

/// Removes the drawings of an earlier folder of the same name: they would stand beside numbers of other molecules.
fn remove_drawings(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(TrainError::io(folder))? {
        let path = entry.map_err(TrainError::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(is_drawing) {
            std::fs::remove_file(&path).map_err(TrainError::io(&path))?;
        }
    }
    Ok(())
}

/// Whether a file has a name as [`Explanations`] gives: `row-ROW-COLUMN-TARGET.svg`.
fn is_drawing(name: &str) -> bool {
    let rest = name.strip_prefix("row-");
    let Some(rest) = rest.and_then(|rest| rest.strip_suffix(".svg")) else {
        return false;
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = rest.splitn(3, '-');
    parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_of_others_are_not_ours() {
        assert!(is_drawing("row-0-12-gap_ev.svg"));
        for name in [
            "row-a-0-x.svg",
            "row-1.svg",
            "row-1-2.svg",
            "row-1-2-x.png",
            "arrow-1-2-x.svg",
        ] {
            assert!(!is_drawing(name), "{name}");
        }
    }
}
