//! From representations to targets: heads, losses with missing labels, scaling, predictors.

mod config;
mod layer;
mod loss;
mod predictor;
mod scaler;

pub use config::{HeadConfig, RegressionLoss, Target, TargetKind};
pub use layer::Head;
pub use loss::{target_loss, weighted_target_loss};
pub use predictor::Predictor;
pub use scaler::TargetScaler;
