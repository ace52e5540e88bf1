//! Distances read off pairs of atom vectors.

use std::collections::HashMap;

use candle_core::{DType, Device};
use dd_baselines::{Baseline, Ridge, Scaling};
use dd_encoder2d::Encoder2d;
use dd_eval::regression::{mae, r2};
use dd_graph::GraphBatch;
use dd_kernels::rng::Key;
use dd_nn::Mode;
use ndarray::Array2;
use serde::Serialize;

use crate::error::{Result, TrainError};
use crate::geometry::distances;
use crate::source::Pair;

/// Pairs of atoms that are drawn of each molecule.
const PAIRS_PER_MOLECULE: usize = 30;
/// Numbers of bonds between two atoms that are told apart; the last stands for all larger ones and for other fragments.
const MOST_BONDS: usize = 12;
const MOLECULES_PER_BATCH: usize = 64;
/// Pairs that both parts need.
const FEWEST_PAIRS: usize = 100;
/// Of ten molecules, so many are for fitting.
const TRAIN_OF_TEN: usize = 8;

/// How well distances in space follow, on molecules that the fit has not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistanceProbe {
    /// Pairs of atoms for fitting and for testing.
    pub pairs: (usize, usize),
    /// Ridge regression on the two atoms' vectors: their sum, their product and their absolute difference.
    pub vectors: Fit,
    /// The same with the number of bonds between the atoms as categories.
    pub vectors_and_bonds: Fit,
    /// The mean distance for each number of bonds: what a graph says without a network.
    pub bonds: Fit,
}

/// Errors of a fit on the test pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fit {
    /// Mean absolute error in angstrom.
    pub mae: f64,
    /// Coefficient of determination.
    pub r2: f64,
}

/// Pairs of atoms of several molecules.
#[derive(Default)]
struct Pairs {
    vectors: Vec<f32>,
    bonds: Vec<usize>,
    distances: Vec<f64>,
}

impl DistanceProbe {
    /// In every batch of 64 molecules, fits on the first eight of every ten and tests on the others.
    ///
    /// # Errors
    /// When the encoder fails, or there are too few molecules.
    pub fn fit(encoder: &dyn Encoder2d, molecules: &[Pair]) -> Result<Self> {
        let [mut train, mut test] = [Pairs::default(), Pairs::default()];
        for (number, chunk) in molecules.chunks(MOLECULES_PER_BATCH).enumerate() {
            let graphs: Vec<_> = chunk.iter().map(|pair| &pair.graph).collect();
            let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
            let nodes = encoder.encode(&batch, Mode::Eval)?.nodes;
            let nodes: Vec<Vec<f32>> = nodes.to_dtype(DType::F32)?.to_vec2()?;
            for (place, (pair, range)) in chunk.iter().zip(batch.nodes.ranges()).enumerate() {
                let part = if place % 10 < TRAIN_OF_TEN {
                    &mut train
                } else {
                    &mut test
                };
                part.draw(
                    pair,
                    &nodes[range],
                    Key::from_seed(number as u64).with(place as u64),
                )?;
            }
        }
        let counts = (train.distances.len(), test.distances.len());
        if counts.0.min(counts.1) < FEWEST_PAIRS {
            return Err(TrainError::TooFewPairs {
                fit: counts.0,
                test: counts.1,
                needed: FEWEST_PAIRS,
            });
        }
        Ok(Self {
            pairs: counts,
            vectors: ridge(&train, &test, false)?,
            vectors_and_bonds: ridge(&train, &test, true)?,
            bonds: means(&train, &test)?,
        })
    }
}

impl Pairs {
    fn draw(&mut self, pair: &Pair, nodes: &[Vec<f32>], key: Key) -> Result<()> {
        let (space, bonds) = (
            distances::in_space(pair)?,
            distances::along_bonds(&pair.graph),
        );
        let all = nodes.len() * nodes.len().saturating_sub(1) / 2;
        let every: Vec<(usize, usize)> = (0..nodes.len())
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .collect();
        for place in key.permutation(all).into_iter().take(PAIRS_PER_MOLECULE) {
            let (i, j) = every[place];
            let both = || nodes[i].iter().zip(&nodes[j]);
            self.vectors.extend(both().map(|(a, b)| a + b));
            self.vectors.extend(both().map(|(a, b)| a * b));
            self.vectors.extend(both().map(|(a, b)| (a - b).abs()));
            self.bonds
                .push(bonds[i][j].unwrap_or(MOST_BONDS).min(MOST_BONDS));
            self.distances.push(space[i][j]);
        }
        Ok(())
    }

    fn features(&self, with_bonds: bool) -> Array2<f32> {
        let rows = self.distances.len();
        let width = self.vectors.len() / rows;
        let more = if with_bonds { MOST_BONDS } else { 0 };
        let mut features = Array2::zeros((rows, width + more));
        for (row, mut target) in features.rows_mut().into_iter().enumerate() {
            let vector = &self.vectors[row * width..(row + 1) * width];
            target
                .iter_mut()
                .zip(vector)
                .for_each(|(to, from)| *to = *from);
            if with_bonds {
                target[width + self.bonds[row] - 1] = 1.0;
            }
        }
        features
    }
}

fn ridge(train: &Pairs, test: &Pairs, with_bonds: bool) -> Result<Fit> {
    let model = Ridge {
        alphas: vec![1.0, 100.0, 10_000.0],
        scaling: Scaling::Standard,
    };
    let labels: Vec<f32> = train.distances.iter().map(|&d| d as f32).collect();
    let features = train.features(with_bonds);
    let fitted = model.fit(features.view(), ndarray::ArrayView1::from(&labels), 0)?;
    score(test, &fitted.predict(test.features(with_bonds).view())?)
}

fn means(train: &Pairs, test: &Pairs) -> Result<Fit> {
    let mut sums: HashMap<usize, (f64, f64)> = HashMap::new();
    for (&bonds, distance) in train.bonds.iter().zip(&train.distances) {
        for key in [bonds, 0] {
            let (sum, count) = sums.entry(key).or_default();
            *sum += distance;
            *count += 1.0;
        }
    }
    let mean = |bonds: &usize| {
        let found = sums.get(bonds).or_else(|| sums.get(&0));
        found.map_or(0.0, |(sum, count)| sum / count)
    };
    let guesses: Vec<f64> = test.bonds.iter().map(mean).collect();
    score(test, &guesses)
}

fn score(test: &Pairs, guesses: &[f64]) -> Result<Fit> {
    Ok(Fit {
        mae: mae(&test.distances, guesses)?,
        r2: r2(&test.distances, guesses)?,
    })
}
