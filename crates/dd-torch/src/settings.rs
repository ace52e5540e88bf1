//! What a file says beside its tensors: settings of training programs, as text.

use std::collections::BTreeMap;

use crate::pickle::{Id, Value, Values};
use crate::state_dict::{HOLDERS, module_state};

/// How deep settings are followed.
const MAX_DEPTH: usize = 8;
/// How many pairs are gone through; settings are shown and searched, not loaded.
const MAX_PAIRS: usize = 10_000;
/// Longest text and longest name that are kept, in bytes.
const MAX_TEXT: usize = 256;

/// Every number, text, truth value and class name outside the state dict, by its path with dots:
/// `hyper_parameters.depth` is `3`. Modules and tensors show by their class alone.
pub(crate) fn settings(values: &Values, root: Id) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = Vec::new();
    for &(key, value) in values.pairs(root).unwrap_or_default() {
        let name = values.text(key);
        let name = name.filter(|name| !HOLDERS.contains(name) && name.len() <= MAX_TEXT);
        waiting.extend(name.map(|name| (name.to_string(), value, 0)));
    }
    let mut pairs_left = MAX_PAIRS;
    while let Some((path, id, depth)) = waiting.pop() {
        if let Some(text) = text(values, id).filter(|text| text.len() <= MAX_TEXT) {
            found.insert(path.clone(), text);
        }
        if depth == MAX_DEPTH {
            continue;
        }
        let mut follow = |id| {
            let pairs = values.pairs(id).unwrap_or_default();
            let pairs = &pairs[..pairs.len().min(pairs_left)];
            pairs_left -= pairs.len();
            for &(key, value) in pairs {
                if let Some(key) = values.text(key).filter(|key| key.len() <= MAX_TEXT) {
                    waiting.push((format!("{path}.{key}"), value, depth + 1));
                }
            }
        };
        follow(id);
        if let (Value::Object(object), None) = (values.get(id), module_state(values, id)) {
            object.state.into_iter().for_each(follow);
        }
    }
    found
}

fn text(values: &Values, id: Id) -> Option<String> {
    Some(match values.get(id) {
        Value::None => "None".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) if value.len() <= MAX_TEXT => value.to_string(),
        Value::Global(path) => format!("{}.{}", path.0, path.1),
        Value::Object(object) => {
            let (module, name) = values.global(object.class)?;
            // A value of an enumeration: its class called with a text.
            match values.items(object.arguments) {
                Some(&[argument]) => {
                    let argument = values.text(argument)?;
                    format!("{module}.{name}({argument})")
                }
                _ => format!("{module}.{name}"),
            }
        }
        _ => return None,
    })
}
