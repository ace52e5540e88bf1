//! Rows of an answer, with the fields of the row contract.

use std::collections::BTreeMap;

use dd_data::RowFault;
use dd_data::output::ClassSet;
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

impl Row<'_> {
    /// What is known, by the name of its target.
    fn known<T: Copy, U>(&self, of: &[Option<T>], shown: impl Fn(T) -> U) -> BTreeMap<&str, U> {
        let names = self.targets.iter().map(|target| target.name.as_str());
        let known = names.zip(of);
        known
            .filter_map(|(name, one)| Some((name, shown((*one)?))))
            .collect()
    }
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
                let intervals = self.known(&prediction.intervals, |interval| interval);
                if !intervals.is_empty() {
                    map.serialize_entry("intervals", &intervals)?;
                }
                let sets = self.known(&prediction.sets, ClassSet::words);
                if !sets.is_empty() {
                    map.serialize_entry("sets", &sets)?;
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
