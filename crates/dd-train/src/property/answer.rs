//! An ensemble that answers every row of an input: means alone, or with all that is known of their trustworthiness.

use dd_data::output::{ClassSet, Column, Columns, Kind, OutputError, RecordRow, RecordSink, Value};
use dd_data::{InputRow, RowFault};
use dd_encoder2d::{Target, TargetKind};
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;

use super::ensemble::{Ensemble, Prediction};
use super::explanations::Explanations;
use super::uncertainty::Region;
use crate::answer::{MAX_INPUT_BYTES, OnError, RowModel, Summary, ends_with};
use crate::error::Result;

/// Rows that are answered together.
const CHUNK: usize = 1024;

/// The values of a row, for targets with and without a region.
fn columns<'a>(
    targets: impl Iterator<Item = (&'a Target, bool)>,
    has_spread: bool,
    has_domain: bool,
) -> Vec<Column> {
    let mut columns = Vec::new();
    for (target, has_region) in targets {
        let name = &target.name;
        let mut add = |end: &str, kind| columns.push(Column::new(format!("{name}{end}"), kind));
        add("", Kind::Number);
        if has_spread {
            add("_std", Kind::Number);
        }
        match (has_region, target.kind) {
            (false, _) => {}
            (true, TargetKind::Regression) => {
                add("_low", Kind::Number);
                add("_high", Kind::Number);
            }
            (true, TargetKind::Binary) => add("_set", Kind::Classes),
        }
    }
    if has_domain {
        let of_domain = [
            ("nearest_similarity", Kind::Number),
            ("nearest_training", Kind::Text),
            ("nearest_training_row", Kind::Whole),
            ("embedding_distance_percentile", Kind::Number),
            ("unseen_elements", Kind::Text),
            ("in_domain", Kind::Flag),
        ];
        columns.extend(of_domain.map(|(name, kind)| Column::new(name, kind)));
    }
    columns
}

/// Names under which `dnd serve` says more of a molecule than its targets.
const SERVED: [&str; 3] = ["sets", "intervals", "embedding"];

/// Checks that answers about targets of these names can be written, with all that may be said of them.
pub(super) fn check_names(targets: &[Target]) -> std::result::Result<(), OutputError> {
    let all = columns(targets.iter().map(|target| (target, true)), true, true);
    dd_data::output::check_names(all.iter().map(|column| column.name.as_str()).chain(SERVED))
}

/// Means alone, as of a single model.
impl RowModel for Ensemble {
    fn columns(&self) -> Columns {
        Columns::Scalars(
            self.targets()
                .iter()
                .map(|target| target.name.clone())
                .collect(),
        )
    }

    fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
        Ensemble::featurize(self, molecule)
    }

    fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
        let mut sum = ndarray::Array2::<f64>::zeros((batch.num_graphs(), self.targets().len()));
        for member in self.members() {
            sum += &member.predict(batch)?;
        }
        let count = self.members().len() as f64;
        let row =
            |row: ndarray::ArrayView1<'_, f64>| row.iter().map(|v| (v / count) as f32).collect();
        Ok(sum.rows().into_iter().map(row).collect())
    }
}

/// Answers with means, spreads, regions and applicability.
pub struct Assessor<'a> {
    ensemble: &'a Ensemble,
    coverage: f64,
    /// Which targets have a region.
    regions: Vec<bool>,
}

impl<'a> Assessor<'a> {
    /// An assessor with regions at a coverage such as 0.9, for the targets whose calibration supports it.
    ///
    /// # Errors
    /// When the coverage is not between 0 and 1.
    pub fn new(ensemble: &'a Ensemble, coverage: f64) -> Result<Self> {
        dd_eval::conformal::rows_needed(coverage)?;
        let regions = match ensemble.uncertainty() {
            Some(known) => {
                let has =
                    |target: &super::Calibration| target.region(0.0, Some(0.0), coverage).is_ok();
                known.targets.iter().map(has).collect()
            }
            None => vec![false; ensemble.targets().len()],
        };
        Ok(Self {
            ensemble,
            coverage,
            regions,
        })
    }

    /// Whether there is anything to say besides the predictions.
    pub fn adds_something(&self) -> bool {
        self.ensemble.members().len() > 1
            || self.ensemble.domain().is_some()
            || self.regions.contains(&true)
    }

    /// The values of a row: their names and kinds.
    pub fn columns(&self) -> Vec<Column> {
        let targets = self.ensemble.targets().iter();
        columns(
            targets.zip(self.regions.iter().copied()),
            self.ensemble.members().len() > 1,
            self.ensemble.domain().is_some(),
        )
    }

    /// The values of a row, in the order of [`Assessor::columns`].
    fn values(&self, prediction: Prediction) -> std::result::Result<Vec<Value>, RowFault> {
        let mut values = Vec::new();
        let kinds = self.ensemble.targets().iter().map(|target| target.kind);
        for ((target, kind), has_region) in prediction.targets.iter().zip(kinds).zip(&self.regions)
        {
            values.push(Value::Number(target.mean as f32));
            values.extend(target.std.map(|std| Value::Number(std as f32)));
            if !has_region {
                continue;
            }
            match target.region {
                Some(Region::Interval { low, high }) => {
                    values.extend([low, high].map(|end| Value::Number(end as f32)));
                }
                Some(Region::Classes { zero, one }) => {
                    values.push(Value::Classes(ClassSet { zero, one }));
                }
                None if kind == TargetKind::Regression => {
                    values.extend([Value::Absent, Value::Absent]);
                }
                None => values.push(Value::Absent),
            }
        }
        if let Some(found) = prediction.applicability {
            values.extend([
                Value::Number(found.nearest_similarity as f32),
                Value::Text(found.nearest.smiles),
                Value::Whole(found.nearest.row),
                Value::Number(found.distance_percentile as f32),
                Value::Text(found.unseen_elements.join(" ")),
                Value::Flag(found.in_domain),
            ]);
        }
        let finite = values.iter().all(|value| match value {
            Value::Number(number) => number.is_finite(),
            _ => true,
        });
        finite.then_some(values).ok_or_else(RowFault::not_finite)
    }

    /// Answers all rows, a bounded number at a time; explains each where that is asked for.
    ///
    /// # Errors
    /// When the input breaks off, a model fails, a file cannot be written, or a row fails under [`OnError::Stop`].
    pub fn answer(
        &self,
        mut rows: impl Iterator<Item = dd_data::Result<InputRow>>,
        on_error: OnError,
        sink: &mut RecordSink,
        mut explanations: Option<&mut Explanations<'_>>,
    ) -> Result<Summary> {
        let mut summary = Summary::default();
        loop {
            let (mut input_bytes, mut broken) = (0, None);
            let mut chunk = Vec::new();
            while chunk.len() < CHUNK && input_bytes < MAX_INPUT_BYTES {
                match rows.next() {
                    None => break,
                    Some(Ok(row)) => {
                        input_bytes += row.input.len();
                        chunk.push(row);
                    }
                    // Rows before the break are answered.
                    Some(Err(error)) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
            if chunk.is_empty() && broken.is_none() {
                return Ok(summary);
            }
            let (mut places, mut molecules) = (Vec::with_capacity(chunk.len()), Vec::new());
            for row in chunk {
                let fault = match row.molecule {
                    Ok(molecule) => {
                        molecules.push(molecule);
                        None
                    }
                    Err(fault) => Some(fault),
                };
                places.push((row.row, row.input, fault));
            }
            let predictions = self.ensemble.predict(&molecules, self.coverage)?;
            let mut answers = molecules.iter().zip(predictions);
            for (row, input, fault) in places {
                summary.rows += 1;
                let outcome = match fault {
                    Some(fault) => Err(fault),
                    None => {
                        let (molecule, answer) = answers.next().expect("one answer per molecule");
                        let answer = answer.and_then(|prediction| self.values(prediction));
                        if let (Some(writer), Ok(_)) = (&mut explanations, &answer) {
                            writer.write(row, &input, molecule)?;
                        }
                        answer
                    }
                };
                if let Err(fault) = &outcome {
                    summary.failed += 1;
                    match on_error {
                        OnError::Stop => {
                            return Err(ends_with(row, fault));
                        }
                        OnError::Skip => continue,
                        OnError::Report => {}
                    }
                }
                sink.write(&RecordRow {
                    row,
                    input,
                    outcome,
                })?;
            }
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
    }
}
