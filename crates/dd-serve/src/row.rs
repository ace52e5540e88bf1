//! Rows of an answer, with the fields of the row contract.

use std::collections::BTreeMap;

use dd_data::RowFault;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::answer::Answers;
use crate::model::ServedTarget;
use crate::run::Answer;

/// One row: `row`, `input`, `status`, then its values or its error.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    row: usize,
    input: &'a str,
    outcome: Result<Answer, RowFault>,
    targets: &'a [ServedTarget],
}

/// Inputs and their answers as rows.
pub(crate) fn rows<'a>(
    inputs: &'a [String],
    answers: Answers,
    targets: &'a [ServedTarget],
) -> Vec<Row<'a>> {
    inputs
        .iter()
        .zip(answers)
        .enumerate()
        .map(|(row, (input, outcome))| Row {
            row,
            input,
            outcome,
            targets,
        })
        .collect()
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("row", &self.row)?;
        map.serialize_entry("input", self.input)?;
        let status = if self.outcome.is_ok() { "ok" } else { "error" };
        map.serialize_entry("status", status)?;
        match &self.outcome {
            Ok(Answer::Vector(vector)) => map.serialize_entry("embedding", vector)?,
            Ok(Answer::Prediction(prediction)) => {
                for (target, value) in self.targets.iter().zip(&prediction.values) {
                    map.serialize_entry(&target.name, value)?;
                }
                let names = self.targets.iter().map(|target| &target.name);
                let known = names.zip(&prediction.intervals);
                let known: BTreeMap<_, _> = known
                    .filter_map(|(name, interval)| Some((name, (*interval)?)))
                    .collect();
                if !known.is_empty() {
                    map.serialize_entry("intervals", &known)?;
                }
                if let Some(in_domain) = prediction.in_domain {
                    map.serialize_entry("in_domain", &in_domain)?;
                }
            }
            Err(fault) => map.serialize_entry("error", fault)?,
        }
        map.end()
    }
}
