//! How much a student has learned: its error on held-out molecules beside that of a predictor that knows no structure.

use std::collections::{BTreeMap, HashMap};

use dd_graph::GraphBatch;
use dd_mol::Element;
use dd_nn::Mode;
use ndarray::{Array1, Array2, ArrayView1};
use serde::Serialize;

use crate::batch::BatchConfig;
use crate::error::Result;
use crate::source::{Pair, Source};
use crate::task::fetch;
use crate::tasks::Distill;

/// Training molecules from which the trivial predictor learns its means.
const TRIVIAL_MOLECULES: usize = 20_000;
/// OGB's columns of the element and of the number of neighbours, hydrogens included.
const ELEMENT: usize = 0;
const DEGREE: usize = 2;
/// Heavy atoms of a molecule in one bin of sizes.
const SIZE_BIN: usize = 10;

/// `account.json` of a student's folder: mean squared errors per channel on the validation set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistillAccount {
    /// Over atoms: D&D-Node's error.
    pub nodes: Errors,
    /// Over molecules, means over the atoms: D&D-Graph's error.
    pub graphs: Errors,
    /// Over the atoms of each element.
    pub by_element: BTreeMap<String, Errors>,
    /// Over the atoms of molecules with so many heavy atoms.
    pub by_size: BTreeMap<String, Errors>,
}

/// Errors of the student and of the predictor that gives every atom the teacher's mean for its element and its number of
/// neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Errors {
    /// Atoms or molecules.
    pub count: usize,
    /// Mean squared error of the student.
    pub student: f64,
    /// Mean squared error of the trivial predictor.
    pub trivial: f64,
}

impl Errors {
    /// Share of the trivial predictor's error that the student removes.
    pub fn explained(&self) -> f64 {
        1.0 - self.student / self.trivial
    }

    fn add(&mut self, student: f64, trivial: f64) {
        self.count += 1;
        self.student += student;
        self.trivial += trivial;
    }

    fn averaged(self) -> Self {
        let count = self.count.max(1) as f64;
        Self {
            count: self.count,
            student: self.student / count,
            trivial: self.trivial / count,
        }
    }
}

type Means = HashMap<(u16, u16), Array1<f64>>;

/// Compares both on `valid`; the trivial predictor learns from `train`.
pub(crate) fn account(
    task: &Distill,
    train: &dyn Source<Item = Pair>,
    valid: &dyn Source<Item = Pair>,
    batch: &BatchConfig,
) -> Result<DistillAccount> {
    let means = means(task, train, batch)?;
    let (mut nodes, mut graphs) = (Errors::default(), Errors::default());
    let mut by_element: BTreeMap<String, Errors> = BTreeMap::new();
    let mut by_size: BTreeMap<String, Errors> = BTreeMap::new();
    for indices in batch.in_order(valid) {
        let seen = task.compare(&fetch(valid, &indices)?, Mode::Eval)?;
        let trivial = guess(&seen.graphs, &means, seen.teacher_nodes.ncols());
        for (graph, range) in seen.graphs.nodes.ranges().enumerate() {
            let first = range.len() / SIZE_BIN * SIZE_BIN;
            let size = format!("{first:03}-{:03}", first + SIZE_BIN - 1);
            for node in range.clone() {
                let teacher = seen.teacher_nodes.row(node);
                let student = squared(&seen.student_nodes.row(node), &teacher);
                let none = squared(&trivial.row(node), &teacher);
                let number = seen.graphs.node_features[[node, ELEMENT]] as u8 + 1;
                let symbol = Element::of(number).symbol.to_string();
                nodes.add(student, none);
                by_element.entry(symbol).or_default().add(student, none);
                by_size.entry(size.clone()).or_default().add(student, none);
            }
            let mean = trivial
                .slice(ndarray::s![range, ..])
                .mean_axis(ndarray::Axis(0));
            let mean = mean.expect("a molecule has atoms");
            let teacher = seen.teacher_graphs.row(graph);
            graphs.add(
                squared(&seen.student_graphs.row(graph), &teacher),
                squared(&mean.view(), &teacher),
            );
        }
    }
    let averaged = |all: BTreeMap<String, Errors>| {
        let all = all.into_iter();
        all.map(|(name, errors)| (name, errors.averaged()))
            .collect()
    };
    Ok(DistillAccount {
        nodes: nodes.averaged(),
        graphs: graphs.averaged(),
        by_element: averaged(by_element),
        by_size: averaged(by_size),
    })
}

/// The teacher's mean for every element and number of neighbours, and under (0, 0) the mean over all atoms. (OGB counts elements from 0,
/// so (0, 0) would be a hydrogen without neighbours.)
fn means(task: &Distill, train: &dyn Source<Item = Pair>, batch: &BatchConfig) -> Result<Means> {
    let mut sums: HashMap<(u16, u16), (Array1<f64>, f64)> = HashMap::new();
    let some: Vec<usize> = (0..train.len().min(TRIVIAL_MOLECULES)).collect();
    let some = crate::source::Subset::new(train, some)?;
    for indices in batch.in_order(&some) {
        let (graphs, teacher) = task.teach(&fetch(&some, &indices)?)?;
        for (node, row) in teacher.rows().into_iter().enumerate() {
            for key in [kind(&graphs, node), (0, 0)] {
                let (sum, count) = sums
                    .entry(key)
                    .or_insert_with(|| (Array1::zeros(row.len()), 0.0));
                *sum += &row.mapv(f64::from);
                *count += 1.0;
            }
        }
    }
    let sums = sums.into_iter();
    Ok(sums.map(|(key, (sum, count))| (key, sum / count)).collect())
}

fn guess(graphs: &GraphBatch, means: &Means, width: usize) -> Array2<f32> {
    let mut rows = Array2::zeros((graphs.node_features.nrows(), width));
    for (node, mut row) in rows.rows_mut().into_iter().enumerate() {
        let mean = means
            .get(&kind(graphs, node))
            .or_else(|| means.get(&(0, 0)));
        if let Some(mean) = mean {
            row.assign(&mean.mapv(|value| value as f32));
        }
    }
    rows
}

fn kind(graphs: &GraphBatch, node: usize) -> (u16, u16) {
    let row = graphs.node_features.row(node);
    (row[ELEMENT], row[DEGREE])
}

fn squared(a: &ArrayView1<'_, f32>, b: &ArrayView1<'_, f32>) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    differences.sum::<f64>() / a.len() as f64
}
