//! What `config.json` of a model folder says.
//!
//! ```json
//! { "schema": 1, "architecture": "token_gt", "width": 256, "...": "the encoder's fields",
//!   "featurizer": { "kind": "ogb", "hydrogens": "remove", "laplacian": 16 },
//!   "head": { "kind": "linear" }, "targets": [{ "name": "gap", "kind": "regression", "unit": "eV" }] }
//! ```

use std::sync::Arc;

use dd_graph::{Featurizer, FeaturizerConfig, MolGraph};
use dd_nn::{ParamStore, Params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::config::EncoderConfig;
use crate::error::{EncoderError, Result};
use crate::head::{Head, HeadConfig, Predictor, Target, TargetScaler};
use crate::names::{ENCODER_PREFIX, HEAD_PREFIX, SCALER_PREFIX};

/// The only version of the layout so far.
const SCHEMA: u64 = 1;
/// The file of a model folder that has it.
pub(super) const CONFIG: &str = "config.json";

/// A model: encoder, the features it reads, and, when it predicts, head and targets.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The encoder.
    pub encoder: EncoderConfig,
    /// The features.
    pub featurizer: FeaturizerConfig,
    /// The head; none in a model that only encodes.
    pub head: Option<HeadConfig>,
    /// The targets, one for each output of the head.
    pub targets: Vec<Target>,
}

impl ModelConfig {
    /// An encoder without head, on heavy atoms with the features that it reads.
    pub fn encoder_only(encoder: EncoderConfig) -> Self {
        Self {
            featurizer: encoder.featurizer(),
            encoder,
            head: None,
            targets: Vec::new(),
        }
    }

    /// The same with a head.
    #[must_use]
    pub fn with_head(mut self, head: HeadConfig, targets: Vec<Target>) -> Self {
        self.head = Some(head);
        self.targets = targets;
        self
    }

    /// The featurizer.
    pub fn build_featurizer(&self) -> Arc<dyn Featurizer<Output = MolGraph>> {
        self.featurizer.build()
    }

    /// The encoder, its parameters below `encoder.`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn build_encoder(&self, params: &Params) -> Result<Box<dyn crate::Encoder2d>> {
        self.encoder.build(&params.pp(ENCODER_PREFIX))
    }

    /// Encoder, head (`head.`; TokenGT's own below `encoder.`) and scaler (`scaler.`).
    ///
    /// # Errors
    /// When the configuration has no head or describes no network.
    pub fn build_predictor(&self, store: &ParamStore) -> Result<Predictor> {
        let root = store.root();
        let head = self.head.as_ref().ok_or(EncoderError::Lacking {
            what: "a head",
            remedy: "fine-tune the encoder on targets first",
        })?;
        let prefix = match head {
            HeadConfig::TokenGt { .. } => ENCODER_PREFIX,
            _ => HEAD_PREFIX,
        };
        let num_targets = self.targets.len();
        Predictor::new(
            self.build_encoder(&root)?,
            Head::new(head, self.encoder.width(), num_targets, &root.pp(prefix))?,
            TargetScaler::identity(num_targets, &root.pp(SCALER_PREFIX))?,
            self.targets.clone(),
        )
    }

    /// The text of `config.json`.
    ///
    /// # Errors
    /// When a field has no place in JSON, such as a rate that is not a number.
    pub fn to_json(&self) -> Result<String> {
        let mut fields = Map::new();
        fields.insert("schema".into(), SCHEMA.into());
        if let Value::Object(encoder) = json(&self.encoder)? {
            fields.extend(encoder);
        }
        fields.insert("featurizer".into(), json(&self.featurizer)?);
        if let Some(head) = &self.head {
            fields.insert("head".into(), json(head)?);
        }
        fields.insert("targets".into(), json(&self.targets)?);
        serde_json::to_string_pretty(&Value::Object(fields)).map_err(format_error)
    }

    /// Reads the text of `config.json`, strictly: an unknown field is an error that lists the known ones.
    ///
    /// # Errors
    /// When the text is not such a configuration.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(format_error)?;
        let schema = fields.remove("schema");
        if schema.as_ref().and_then(Value::as_u64) != Some(SCHEMA) {
            let found = schema.map_or_else(|| "nothing".to_string(), |value| value.to_string());
            return Err(wrong(format!("schema: expected {SCHEMA}, got {found}")));
        }
        let featurizer = field(&mut fields, "featurizer")?;
        let featurizer = featurizer.ok_or_else(|| wrong("missing field `featurizer`"))?;
        let config = Self {
            featurizer,
            head: field(&mut fields, "head")?,
            targets: field(&mut fields, "targets")?.unwrap_or_default(),
            encoder: strict(&Value::Object(fields))?,
        };
        let reads = config.encoder.featurizer().kind();
        if config.featurizer.kind() != reads {
            return Err(wrong(format!(
                "featurizer: the encoder reads the features {reads}, not {}",
                config.featurizer.kind()
            )));
        }
        if config.head.is_some() == config.targets.is_empty() {
            return Err(wrong("a head needs targets, and targets need a head"));
        }
        Ok(config)
    }
}

fn wrong(reason: impl Into<String>) -> EncoderError {
    EncoderError::ModelConfig {
        path: CONFIG.into(),
        reason: reason.into(),
    }
}

fn json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(format_error)
}

fn field<T>(fields: &mut Map<String, Value>, name: &str) -> Result<Option<T>>
where
    T: DeserializeOwned + Serialize,
{
    let value = fields.remove(name).as_ref().map(strict).transpose();
    value.map_err(|error| match error {
        EncoderError::ModelConfig { reason, .. } => wrong(format!("{name}: {reason}")),
        other => other,
    })
}

/// Reads a value and refuses what the reading passed over: serde lets the variants without fields of a tagged enum
/// ignore theirs.
fn strict<T: DeserializeOwned + Serialize>(value: &Value) -> Result<T> {
    let parsed: T = serde_json::from_value(value.clone()).map_err(format_error)?;
    match ignored(value, &json(&parsed)?) {
        None => Ok(parsed),
        Some(name) => Err(wrong(format!("unknown field `{name}`"))),
    }
}

fn ignored<'a>(given: &'a Value, known: &Value) -> Option<&'a str> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            given
                .iter()
                .find_map(|(name, value)| match known.get(name) {
                    Some(known) => ignored(value, known),
                    None => (!value.is_null()).then_some(name.as_str()),
                })
        }
        (Value::Array(given), Value::Array(known)) => given
            .iter()
            .zip(known)
            .find_map(|(given, known)| ignored(given, known)),
        _ => None,
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn format_error(error: serde_json::Error) -> EncoderError {
    wrong(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gin::GinConfig;
    use crate::tokengt::TokenGtConfig;

    fn configs() -> [ModelConfig; 2] {
        let lap = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::base_lap()));
        let gin = ModelConfig::encoder_only(EncoderConfig::Gin(GinConfig::molecule_sde()));
        let targets = vec![
            Target::regression("gap", Some("eV")),
            Target::binary("toxic"),
        ];
        [lap, gin.with_head(HeadConfig::Mlp { hidden: 8 }, targets)]
    }

    #[test]
    fn json_round_trip() {
        for config in configs() {
            let text = config.to_json().unwrap();
            assert_eq!(ModelConfig::from_json(&text).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn faults_are_named() {
        let text = configs()[1].to_json().unwrap();
        for (from, to, fault) in [
            ("\"schema\": 1", "\"schema\": 2", "expected 1, got 2"),
            ("\"gin\"", "\"gat\"", "expected one of `token_gt`, `gin`"),
            ("\"width\"", "\"widht\"", "expected one of"),
            ("\"ogb\"", "\"ecfp\"", "featurizer: unknown variant `ecfp`"),
            ("\"mlp\"", "\"linear\"", "head: unknown field `hidden`"),
            ("\"binary\"", "\"ternary\"", "targets: unknown variant"),
        ] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, text, "{from}");
            let message = ModelConfig::from_json(&broken).unwrap_err().to_string();
            assert!(message.contains(fault), "{message}");
        }
    }
}
