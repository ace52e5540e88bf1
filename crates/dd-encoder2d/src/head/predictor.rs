//! A model that predicts: encoder, head and scaler.

use std::fmt;

use candle_core::{DType, Module, Tensor};
use dd_graph::GraphBatch;
use dd_nn::{Mode, Representation};
use ndarray::Array2;

use super::config::{RegressionLoss, Target, TargetKind};
use super::layer::Head;
use super::loss::weighted_target_loss;
use super::scaler::TargetScaler;
use crate::encoder::Encoder2d;
use crate::error::{EncoderError, Result};

/// `Predictor = encoder + head + scaler`, for an encoder of this crate or your own.
pub struct Predictor {
    encoder: Box<dyn Encoder2d>,
    head: Head,
    scaler: TargetScaler,
    targets: Vec<Target>,
}

impl fmt::Debug for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predictor")
            .field("head", &self.head)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl Predictor {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the head's width is not the encoder's, or its targets are not as many as `targets`.
    pub fn new(
        encoder: Box<dyn Encoder2d>,
        head: Head,
        scaler: TargetScaler,
        targets: Vec<Target>,
    ) -> Result<Self> {
        let expected = vec![encoder.width(), targets.len()];
        let got = vec![head.input(), head.num_targets()];
        if expected != got {
            return Err(EncoderError::Shape {
                name: "head",
                expected,
                got,
            });
        }
        Ok(Self {
            encoder,
            head,
            scaler,
            targets,
        })
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder2d {
        self.encoder.as_ref()
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The scaler.
    pub fn scaler(&self) -> &TargetScaler {
        &self.scaler
    }

    /// The targets, in the order of the columns.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// What the head gives, `[B, T]`: standardised values and logits.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`].
    pub fn outputs(&self, batch: &GraphBatch, mode: Mode) -> Result<Tensor> {
        let z = self.encoder.encode(batch, mode)?.graphs; // [B, H]
        Ok(self.head.forward(&z)?) // [B, T]
    }

    /// The loss against labels `[B, T]` in the targets' units, `NaN` meaning missing; a scalar.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`] and [`target_loss`](super::target_loss).
    pub fn loss(
        &self,
        batch: &GraphBatch,
        labels: &Array2<f32>,
        regression: RegressionLoss,
        mode: Mode,
    ) -> Result<Tensor> {
        self.weighted_loss(batch, labels, (regression, &[]), mode)
    }

    /// The same with weights for the classes of binary targets
    /// (see [`weighted_target_loss`](super::weighted_target_loss)).
    ///
    /// # Errors
    /// As [`Predictor::loss`].
    pub fn weighted_loss(
        &self,
        batch: &GraphBatch,
        labels: &Array2<f32>,
        (regression, class_weights): (RegressionLoss, &[[f64; 2]]),
        mode: Mode,
    ) -> Result<Tensor> {
        let representation = self.encoder.encode(batch, mode)?;
        self.loss_from(&representation, labels, (regression, class_weights))
    }

    /// The same from what the encoder said of a batch: for whoever keeps the encoder as it is.
    ///
    /// # Errors
    /// When the representation has another width than the encoder's, and as
    /// [`weighted_target_loss`](super::weighted_target_loss).
    pub fn loss_from(
        &self,
        representation: &Representation,
        labels: &Array2<f32>,
        (regression, class_weights): (RegressionLoss, &[[f64; 2]]),
    ) -> Result<Tensor> {
        let labels = self.scaler.standardize(labels)?;
        let outputs = self.head.forward(&representation.graphs)?; // [B, T]
        weighted_target_loss(&outputs, &labels, &self.targets, regression, class_weights)
    }

    /// Predictions `[B, T]`: values in the targets' units, probabilities of binary targets.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`].
    pub fn predict(&self, batch: &GraphBatch) -> Result<Array2<f64>> {
        self.predict_from(&self.encoder.encode(batch, Mode::Eval)?)
    }

    /// The same from what the encoder said of a batch: for whoever wants both and encodes once.
    ///
    /// # Errors
    /// When the representation has another width than the encoder's.
    pub fn predict_from(&self, representation: &Representation) -> Result<Array2<f64>> {
        let outputs = self.head.forward(&representation.graphs)?; // [B, T]
        let outputs = self.scaler.restore(&outputs)?;
        let shape = outputs.dims2()?;
        let values = outputs.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        let mut predictions = Array2::from_shape_vec(shape, values)
            .expect("a tensor has as many values as its shape");
        for (mut column, target) in predictions.columns_mut().into_iter().zip(&self.targets) {
            if target.kind == TargetKind::Binary {
                column.mapv_inplace(|logit: f64| 1.0 / (1.0 + (-logit).exp()));
            }
        }
        Ok(predictions)
    }
}
