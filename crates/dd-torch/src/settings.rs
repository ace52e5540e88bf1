//! What a file says beside its tensors: settings of training programs, as text.

use std::collections::BTreeMap;

use crate::pickle::{Id, Value, Values};
use crate::state_dict::{HOLDERS, module_state, num_attributes};

/// How deep settings are followed.
const MAX_DEPTH: usize = 8;
/// How many pairs are looked at; settings are shown and searched, not loaded.
const MAX_PAIRS: usize = 10_000;
/// Longest text and longest name that are kept, in bytes.
const MAX_TEXT: usize = 256;

/// Every number, text, truth value and class name outside the state dict, by its path with dots:
/// `hyper_parameters.depth` is `3`. Modules and tensors show by their class alone.
pub(crate) fn settings(values: &Values, root: Id) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = Vec::new();
    let mut pairs_left = MAX_PAIRS;
    for &(key, value) in at_most(values.pairs(root), &mut pairs_left) {
        let name = values.text(key);
        let name = name.filter(|name| !HOLDERS.contains(name) && name.len() <= MAX_TEXT);
        waiting.extend(name.map(|name| (name.to_string(), value, 0)));
    }
    while let Some((path, id, depth)) = waiting.pop() {
        if let Some(text) = text(values, id) {
            found.insert(path.clone(), text);
        }
        if depth == MAX_DEPTH {
            continue;
        }
        let mut follow = |id, left: &mut usize| {
            for &(key, value) in at_most(values.pairs(id), left) {
                if let Some(key) = values.text(key).filter(|key| key.len() <= MAX_TEXT) {
                    waiting.push((format!("{path}.{key}"), value, depth + 1));
                }
            }
        };
        follow(id, &mut pairs_left);
        let Value::Object(object) = values.get(id) else {
            continue;
        };
        let attributes = num_attributes(values, id);
        if attributes <= pairs_left && module_state(values, id).is_none() {
            let state = object.state.into_iter();
            state.for_each(|state| follow(state, &mut pairs_left));
        } else {
            pairs_left -= attributes.min(pairs_left);
        }
    }
    found
}

/// The first pairs, as many as are left to look at.
fn at_most<'a>(pairs: Option<&'a [(Id, Id)]>, left: &mut usize) -> &'a [(Id, Id)] {
    let pairs = pairs.unwrap_or_default();
    let pairs = &pairs[..pairs.len().min(*left)];
    *left -= pairs.len();
    pairs
}

fn text(values: &Values, id: Id) -> Option<String> {
    let short = |parts: &[&str]| {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        (length <= MAX_TEXT).then(|| parts.concat())
    };
    Some(match values.get(id) {
        Value::None => "None".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => short(&[value])?,
        Value::Global(path) => short(&[&path.0, ".", &path.1])?,
        Value::Object(object) => {
            let (module, name) = values.global(object.class)?;
            // A value of an enumeration: its class called with a text.
            match values.items(object.arguments) {
                Some(&[argument]) => {
                    let argument = values.text(argument)?;
                    short(&[module, ".", name, "(", argument, ")"])?
                }
                _ => short(&[module, ".", name])?,
            }
        }
        _ => return None,
    })
}
