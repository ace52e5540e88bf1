//! What decides what a run does, kept in its folder: a run goes on only under the same.

use std::collections::BTreeMap;

use dd_nn::ParamStore;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::digest::{Content, hex};
use crate::error::{Result, TrainError};
use crate::source::Source;

/// Settings and inputs of a run: `identity.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// Version of this format.
    schema: u32,
    /// The resolved configuration.
    settings: Value,
    /// SHA-256 of everything else that the run reads, by name.
    inputs: BTreeMap<String, String>,
}

impl Identity {
    pub(crate) fn new<T: Serialize>(settings: &T) -> Result<Self> {
        Ok(Self {
            schema: 1,
            settings: value(settings)?,
            inputs: BTreeMap::new(),
        })
    }

    /// With the examples of a source, all of them.
    pub(crate) fn with_data<T: Content>(
        self,
        name: &str,
        source: &dyn Source<Item = T>,
    ) -> Result<Self> {
        let mut digest = Sha256::new();
        for index in 0..source.len() {
            source.get(index)?.add_to(&mut digest);
        }
        Ok(self.with_digest(name, digest))
    }

    /// With a network: what describes it, and its tensors.
    pub(crate) fn with_network(
        self,
        name: &str,
        description: &str,
        store: &ParamStore,
    ) -> Result<Self> {
        let mut digest = Sha256::new_with_prefix(description);
        crate::digest::add_tensors(&mut digest, store)?;
        Ok(self.with_digest(name, digest))
    }

    /// What is not as it was in `before`, if anything is.
    pub(crate) fn difference(&self, before: &Self) -> Option<String> {
        if self.schema != before.schema {
            return Some(format!(
                "its identity.json has schema {}, not {}",
                before.schema, self.schema
            ));
        }
        let setting = first_difference("", &before.settings, &self.settings);
        setting.or_else(|| {
            let names = self.inputs.keys().chain(before.inputs.keys());
            let mut other = names.filter(|name| self.inputs.get(*name) != before.inputs.get(*name));
            other.next().map(|name| format!("the {name} is another"))
        })
    }

    fn with_digest(mut self, name: &str, digest: Sha256) -> Self {
        self.inputs
            .insert(name.to_string(), hex(&digest.finalize()));
        self
    }
}

/// The first setting that differs, with both values.
pub(crate) fn first_difference(place: &str, before: &Value, now: &Value) -> Option<String> {
    let below = |name: &str| match place {
        "" => name.to_string(),
        _ => format!("{place}.{name}"),
    };
    match (before, now) {
        (Value::Object(old), Value::Object(new)) => {
            let names = old.keys().chain(new.keys());
            let of = |map: &serde_json::Map<String, Value>, name: &String| {
                map.get(name).cloned().unwrap_or(Value::Null)
            };
            names
                .into_iter()
                .find_map(|name| first_difference(&below(name), &of(old, name), &of(new, name)))
        }
        _ => (before != now).then(|| format!("{place} was {before}, now is {now}")),
    }
}

/// A value as it will be read again.
fn value<T: Serialize>(of: &T) -> Result<Value> {
    let text = serde_json::to_string(of);
    let value = text.and_then(|text| serde_json::from_str(&text));
    value.map_err(|error| TrainError::ConfigText {
        origin: "identity.json".into(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::first_difference;

    #[test]
    fn a_difference_is_named_by_its_path() {
        let before = json!({"fit": {"seed": 1, "optimizer": {"lr": 0.1}}, "losses": ["a"]});
        let check = |now, expected: Option<&str>| {
            assert_eq!(first_difference("", &before, &now).as_deref(), expected);
        };
        check(before.clone(), None);
        check(
            json!({"fit": {"seed": 1, "optimizer": {"lr": 0.2}}, "losses": ["a"]}),
            Some("fit.optimizer.lr was 0.1, now is 0.2"),
        );
        check(
            json!({"fit": {"seed": 1, "optimizer": {"lr": 0.1}}, "losses": ["a", "b"], "x": 1}),
            Some(r#"losses was ["a"], now is ["a","b"]"#),
        );
        check(
            json!({"fit": {"optimizer": {"lr": 0.1}}, "losses": ["a"]}),
            Some("fit.seed was 1, now is null"),
        );
    }
}
