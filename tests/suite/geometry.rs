//! What is measured of an encoder's knowledge of 3D, on encoders whose knowledge is known.

use std::collections::HashMap;

use candle_core::{DType, Device, IndexOp, Tensor};
use dd_data::{ExampleMaker, Recipe, embedded, examples};
use dd_encoder2d::{Blind, Encoder2d, Observer, Representation};
use dd_graph::{GraphBatch, Hydrogens, OgbConfig, PointConfig};
use dd_kernels::segment_mean;
use dd_nn::Mode;
use dd_train::geometry::{HeadCorrelations, SMALLEST_MOLECULE, geometry, heads_svg, markdown};
use dd_train::{Pair, Pairs, Source};

use crate::tasks;

/// Real conformers: three hundred of the embedded molecules.
fn molecules(laplacian: Option<usize>) -> Vec<Pair> {
    let recipe = Recipe {
        graph: Some(
            OgbConfig {
                laplacian,
                ..OgbConfig::heavy_atoms()
            }
            .into(),
        ),
        points: Some(PointConfig::torchmd_net(Hydrogens::Keep)),
    };
    let dataset = std::sync::Arc::new(embedded::small_organics(&[]).unwrap());
    let all: Vec<_> = examples(dataset, ExampleMaker::new(&recipe), 1)
        .filter_map(Result::ok)
        .take(300)
        .collect();
    let pairs = Pairs(&all);
    (0..pairs.len())
        .map(|index| pairs.get(index).unwrap())
        .collect()
}

/// Knows where the atoms are.
struct Oracle(HashMap<u64, Vec<[f32; 3]>>);

impl Encoder2d for Oracle {
    fn width(&self) -> usize {
        3
    }

    fn encode(&self, batch: &GraphBatch, _: Mode) -> dd_encoder2d::Result<Representation> {
        let rows = batch.records.iter().flat_map(|record| &self.0[record]);
        let rows: Vec<Vec<f32>> = rows.map(|position| position.to_vec()).collect();
        let nodes = Tensor::new(rows, &Device::Cpu)?;
        let graphs = segment_mean(&nodes, &batch.nodes)?;
        Ok(Representation { nodes, graphs })
    }
}

#[test]
fn an_encoder_that_knows_positions_gives_distances() {
    let molecules = molecules(None);
    let positions = |pair: &Pair| {
        let of = |atom: &u32| {
            let place = pair.cloud.atom_index.iter().position(|point| point == atom);
            pair.cloud.positions[place.unwrap()]
        };
        (
            pair.graph.record,
            pair.graph.atom_index.iter().map(of).collect(),
        )
    };
    let oracle = Oracle(molecules.iter().map(positions).collect());
    let store = tasks::store(5);
    let random = tasks::gin(16).build(&store.root()).unwrap();
    let knows = geometry("oracle", &oracle, &molecules).unwrap();
    let guesses = geometry("random", random.as_ref(), &molecules).unwrap();
    assert_eq!(knows.probe.pairs, guesses.probe.pairs);
    assert_eq!(knows.probe.bonds, guesses.probe.bonds, "a graph is a graph");
    assert!(knows.probe.vectors.r2 > 0.9, "{:?}", knows.probe);
    assert!(
        guesses.probe.vectors.r2 < knows.probe.vectors.r2 - 0.1,
        "{:?}",
        guesses.probe
    );
    assert!(guesses.probe.bonds.r2 > 0.5 && guesses.probe.bonds.mae < 0.5);
    assert!(knows.heads.is_none() && guesses.heads.is_none());
    let text = markdown(&[knows, guesses]);
    assert!(text.contains("| oracle | ") && text.contains("| random | "));
}

/// Keeps scores and probabilities.
#[derive(Default)]
struct Both {
    scores: HashMap<(usize, usize), Tensor>,
    probabilities: HashMap<(usize, usize), Tensor>,
}

impl Observer for Both {
    fn wants_attention(&self) -> bool {
        true
    }

    fn attention(&mut self, layer: usize, graph: usize, probabilities: &Tensor) {
        self.probabilities
            .insert((layer, graph), probabilities.clone());
    }

    fn wants_scores(&self) -> bool {
        true
    }

    fn scores(&mut self, layer: usize, graph: usize, scores: &Tensor) {
        self.scores.insert((layer, graph), scores.clone());
    }
}

#[test]
fn scores_are_what_the_softmax_is_taken_of() {
    let config = tasks::token_gt(32);
    let store = tasks::store(6);
    let encoder = config.build(&store.root()).unwrap();
    let molecules = molecules(config.laplacian_columns());
    let graphs: Vec<_> = molecules[..4]
        .iter()
        .map(|pair| pair.graph.clone())
        .collect();
    let batch = GraphBatch::collate(&graphs, &Device::Cpu).unwrap();
    let mut both = Both::default();
    encoder
        .encode_observed(&batch, Mode::Eval, &mut both)
        .unwrap();
    assert_eq!(both.scores.len(), 2 * 4);
    for (key, scores) in &both.scores {
        let difference = (scores - both.probabilities[key].log().unwrap()).unwrap();
        let rows: Vec<Vec<Vec<f64>>> = difference.to_dtype(DType::F64).unwrap().to_vec3().unwrap();
        for row in rows.iter().flatten() {
            assert!(
                row.iter().all(|d| (d - row[0]).abs() < 1e-4),
                "the logarithm differs by more than a constant: {row:?}"
            );
        }
        assert!(
            scores
                .i((0, 0))
                .unwrap()
                .to_vec1::<f32>()
                .unwrap()
                .iter()
                .any(|s| *s != 0.0)
        );
    }
    let unwatched = encoder
        .encode_observed(&batch, Mode::Eval, &mut Blind)
        .unwrap();
    let watched = encoder
        .encode_observed(&batch, Mode::Eval, &mut both)
        .unwrap();
    let gap = (unwatched.nodes - watched.nodes)
        .unwrap()
        .abs()
        .unwrap()
        .max_all()
        .unwrap();
    assert!(gap.to_scalar::<f32>().unwrap() < 1e-5);
}

#[test]
fn heads_are_measured_on_molecules_that_are_large_enough() {
    let config = tasks::token_gt(32);
    let store = tasks::store(6);
    let encoder = config.build(&store.root()).unwrap();
    let molecules = molecules(config.laplacian_columns());
    let found = HeadCorrelations::measure(encoder.as_ref(), &molecules)
        .unwrap()
        .unwrap();
    let large = molecules
        .iter()
        .filter(|pair| pair.graph.num_nodes() >= SMALLEST_MOLECULE);
    assert_eq!(found.molecules, large.count());
    assert!(found.molecules > 20);
    assert_eq!(found.correlations.len(), 2);
    let all = found.correlations.iter().flatten();
    assert!(all.clone().count() == 8 && all.clone().all(|r| (0.0..=1.0).contains(r)));
    assert!(all.clone().any(|r| *r > 0.01));
    let whole = geometry("TokenGT <random>", encoder.as_ref(), &molecules).unwrap();
    let svg = heads_svg(&[whole]);
    assert!(svg.contains("TokenGT &lt;random&gt;") && svg.matches("<circle").count() == 8);
}
