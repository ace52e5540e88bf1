//! A model that counts atoms, and servers of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use dd_data::RowFault;
use dd_data::output::ClassSet;
use dd_graph::{AtomOrder, Featurizer, GraphBatch, Hydrogens, MolGraph, OgbConfig, OgbFeaturizer};
use dd_mol::Molecule;
use dd_serve::{Card, ModelFailure, Prediction, ServeConfig, ServedModel, ServedTarget};

use crate::served::Running;

pub(crate) struct Counter {
    card: Card,
    featurizer: OgbFeaturizer,
    gate: Option<std::sync::Mutex<Receiver<()>>>,
}

impl Counter {
    pub(crate) fn new(gate: Option<Receiver<()>>) -> Arc<Self> {
        let target = ServedTarget {
            name: "atoms".into(),
            kind: dd_encoder2d::TargetKind::Regression,
            unit: None,
        };
        Arc::new(Self {
            card: Card {
                name: "counter".into(),
                width: 1,
                targets: vec![target],
                fingerprint: String::new(),
            },
            featurizer: OgbFeaturizer::new(OgbConfig {
                hydrogens: Hydrogens::Remove,
                laplacian: None,
                order: AtomOrder::AsWritten,
            }),
            gate: gate.map(std::sync::Mutex::new),
        })
    }

    fn counts(&self, batch: &GraphBatch) -> Result<Vec<f32>, ModelFailure> {
        if let Some(gate) = &self.gate {
            gate.lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(60))
                .unwrap();
        }
        // Category 15 is sulfur, 14 phosphorus.
        let numbers = batch.node_features.column(0);
        assert!(numbers.iter().all(|&number| number != 14), "phosphorus");
        if numbers.iter().any(|&number| number == 15) {
            return Err(ModelFailure("sulfur".into()));
        }
        Ok(batch
            .nodes
            .ranges()
            .map(|range| range.len() as f32)
            .collect())
    }
}

impl ServedModel for Counter {
    fn card(&self) -> &Card {
        &self.card
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph, RowFault> {
        Ok(self.featurizer.featurize(molecule)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>, ModelFailure> {
        Ok(self.counts(batch)?.into_iter().map(|n| vec![n]).collect())
    }

    fn predict(
        &self,
        batch: &GraphBatch,
        molecules: &[Molecule],
    ) -> Result<Vec<Prediction>, ModelFailure> {
        let counts = self.counts(batch)?;
        assert_eq!(counts.len(), molecules.len());
        let each = counts.into_iter().zip(molecules);
        Ok(each
            .map(|(count, molecule)| Prediction {
                values: vec![if molecule.num_atoms() == 7 {
                    f32::NAN
                } else {
                    count
                }],
                intervals: vec![Some([count - 1.0, count + 1.0])],
                sets: vec![Some(ClassSet {
                    zero: true,
                    one: count > 2.0,
                })],
                in_domain: Some(count < 3.0),
            })
            .collect())
    }
}

pub(crate) fn counter(config: ServeConfig) -> Running {
    Running::new(vec![Counter::new(None)], None, config)
}

pub(crate) fn gated(config: ServeConfig) -> (Running, Sender<()>) {
    let (open, gate) = channel();
    (
        Running::new(vec![Counter::new(Some(gate))], None, config),
        open,
    )
}
