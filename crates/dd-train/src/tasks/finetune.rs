//! Step 3: a student with a head learns labels.

use candle_core::Tensor;
use dd_encoder2d::names::is_of_encoder;
use dd_encoder2d::{Predictor, RegressionLoss};
use dd_eval::{Direction, Metric, evaluate_tasks};
use dd_graph::GraphBatch;
use dd_kernels::rng::Key;
use dd_nn::{Mode, ParamStore};
use ndarray::Array2;

use crate::batch::BatchConfig;
use crate::error::{Result, TrainError};
use crate::source::{Labelled, Source};
use crate::task::{Draw, Evaluation, Losses, Task, fetch};

/// L1 (or squared) error of standardised labels and cross entropy of binary ones, over the labels that are there (Cho et
/// al., AAAI 2025, "Step 3"). Encoder and head are trained together, unless the encoder is frozen.
pub struct FineTune {
    store: ParamStore,
    predictor: Predictor,
    regression: RegressionLoss,
    selection: Option<Metric>,
    class_weights: Vec<[f64; 2]>,
    encoder_rate: f64,
}

impl FineTune {
    /// A task for `predictor`, whose parameters are in `store`, those of its encoder below `encoder`
    /// ([`ENCODER_PREFIX`](dd_encoder2d::names::ENCODER_PREFIX)). `selection` scores validations, in the targets' units;
    /// without it the loss does.
    pub fn new(
        predictor: Predictor,
        store: &ParamStore,
        regression: RegressionLoss,
        selection: Option<Metric>,
    ) -> Self {
        Self {
            store: store.clone(),
            predictor,
            regression,
            selection,
            class_weights: Vec::new(),
            encoder_rate: 1.0,
        }
    }

    /// The same with a learning rate of the encoder that is a share of the head's. At 0 the encoder is frozen: batch
    /// statistics too stay as they are, and there is no dropout in it.
    ///
    /// # Errors
    /// When the store has no parameter below `encoder`.
    pub fn with_encoder_rate(mut self, rate: f64) -> Result<Self> {
        if !self
            .store
            .vars()
            .iter()
            .any(|(name, _)| is_of_encoder(name))
        {
            let reason = "no parameter stands below `encoder`: build the network there";
            return Err(TrainError::config("encoder_rate", reason));
        }
        self.encoder_rate = rate;
        Ok(self)
    }

    /// The same with weights for labels 0 and 1 of each binary target in the loss.
    #[must_use]
    pub fn with_class_weights(mut self, class_weights: Vec<[f64; 2]>) -> Self {
        self.class_weights = class_weights;
        self
    }

    /// The model.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// Predictions `[R, T]` for a whole source, in its order and in the targets' units.
    ///
    /// # Errors
    /// When the source or the model fails.
    pub fn predict(
        &self,
        source: &dyn Source<Item = Labelled>,
        batch: &BatchConfig,
    ) -> Result<Array2<f64>> {
        let columns = self.predictor.targets().len();
        let mut values = Vec::with_capacity(source.len() * columns);
        for indices in batch.in_order(source) {
            let examples = fetch(source, &indices)?;
            values.extend(self.predictor.predict(&self.collate(&examples)?)?);
        }
        let shape = (source.len(), columns);
        Ok(Array2::from_shape_vec(shape, values).expect("one row of predictions per example"))
    }

    fn collate(&self, examples: &[Labelled]) -> Result<GraphBatch> {
        let graphs: Vec<_> = examples.iter().map(|one| &one.graph).collect();
        Ok(GraphBatch::collate(&graphs, self.store.device())?)
    }

    fn labels(&self, examples: &[Labelled]) -> Result<Array2<f32>> {
        labels(examples, self.predictor.targets().len())
    }
}

/// Labels as `[R, T]`.
pub(crate) fn labels(examples: &[Labelled], columns: usize) -> Result<Array2<f32>> {
    let wrong = examples.iter().find(|one| one.labels.len() != columns);
    if let Some(one) = wrong {
        return Err(TrainError::Record {
            index: one.graph.record as usize,
            reason: format!("expected {columns} labels, got {}", one.labels.len()),
        });
    }
    let flat = examples.iter().flat_map(|one| one.labels.iter().copied());
    let labels = Array2::from_shape_vec((examples.len(), columns), flat.collect());
    Ok(labels.expect("every example has as many labels as there are columns"))
}

impl Task for FineTune {
    type Item = Labelled;

    fn name(&self) -> &'static str {
        "finetune"
    }

    fn store(&self) -> &ParamStore {
        &self.store
    }

    fn least_batch(&self) -> usize {
        self.predictor.encoder().least_batch()
    }

    fn without_gradient(&self, name: &str) -> Option<&'static str> {
        let is_frozen = self.encoder_rate == 0.0 && is_of_encoder(name);
        is_frozen.then_some("the encoder is frozen")
    }

    fn rate(&self, name: &str) -> f64 {
        if is_of_encoder(name) {
            self.encoder_rate
        } else {
            1.0
        }
    }

    fn loss(&self, batch: &[Labelled], draw: Draw) -> Result<Losses> {
        let labels = self.labels(batch)?;
        let known = labels.iter().filter(|label| !label.is_nan()).count();
        if known == 0 && matches!(draw.mode, Mode::Eval) {
            // Weighs nothing in the mean over batches.
            return Ok(Losses {
                total: Tensor::zeros((), self.store.dtype(), self.store.device())?,
                parts: Vec::new(),
                weight: 0.0,
            });
        }
        let graphs = self.collate(batch)?;
        let how = (self.regression, self.class_weights.as_slice());
        let total = if self.encoder_rate == 0.0 {
            let frozen = self.predictor.encoder().encode(&graphs, Mode::Eval)?;
            self.predictor.loss_from(&frozen.detach(), &labels, how)?
        } else {
            self.predictor
                .weighted_loss(&graphs, &labels, how, draw.mode)?
        };
        Ok(Losses {
            total,
            parts: Vec::new(),
            weight: known as f64,
        })
    }

    fn evaluate(
        &self,
        source: &dyn Source<Item = Labelled>,
        batch: &BatchConfig,
        key: Key,
    ) -> Result<Evaluation> {
        let Some(metric) = self.selection else {
            return crate::task::mean_loss(self, source, batch, key);
        };
        let score = self.score(metric, source, batch).map_err(|error| match error {
            TrainError::Eval(error) if error.undefined_reason().is_some() => TrainError::config(
                "selection",
                format!("on the validation part {error}: choose by another metric, or divide otherwise"),
            ),
            other => other,
        })?;
        Ok(Evaluation {
            name: metric.name().to_string(),
            score,
            higher_is_better: metric.direction() == Direction::Maximize,
            parts: Vec::new(),
        })
    }
}

impl FineTune {
    /// A metric over a whole source, averaged over the targets.
    ///
    /// # Errors
    /// When the metric has no value on these labels.
    pub fn score(
        &self,
        metric: Metric,
        source: &dyn Source<Item = Labelled>,
        batch: &BatchConfig,
    ) -> Result<f64> {
        let predictions = self.predict(source, batch)?;
        let all: Vec<usize> = (0..source.len()).collect();
        let labels = self.labels(&fetch(source, &all)?)?;
        score(metric, &labels, &predictions)
    }
}

/// A metric averaged over the columns of two tables.
pub(crate) fn score(
    metric: Metric,
    labels: &Array2<f32>,
    predictions: &Array2<f64>,
) -> Result<f64> {
    let labels: Vec<f64> = labels.iter().map(|&label| f64::from(label)).collect();
    let columns = predictions.ncols();
    let predictions: Vec<f64> = predictions.iter().copied().collect();
    Ok(evaluate_tasks(metric, &labels, &predictions, columns)?.mean)
}
