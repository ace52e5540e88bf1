//! Which tensors of a file are the model's, and what they are called.

use std::collections::BTreeMap;

use crate::error::{Result, TorchError};
use crate::pickle::{Id, Value, Values, View};

/// Where training programs keep the state dict, in the order in which they are tried.
pub(crate) const HOLDERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "module"];
/// How deep objects may be nested.
const MAX_DEPTH: usize = 64;
/// Most that is gone through, in bytes that are kept of it: objects that hold each other in circles have no end.
const MAX_WORK: usize = 1 << 26;
/// What a visit costs beside its name, and a tensor beside its visit.
const VISIT: usize = 64;
const TENSOR: usize = 512;

/// The state dict of a file.
pub(crate) struct StateDict {
    /// Its tensors by name.
    pub(crate) tensors: BTreeMap<String, View>,
    /// Everything that names led to, the tensors too.
    pub(crate) walked: Vec<(String, Id)>,
}

/// The tensors of the state dict by name: those of the root itself or of one of [`HOLDERS`] in it, nested dictionaries and
/// modules joined by dots.
pub(crate) fn state_dict(values: &Values, root: Id) -> Result<StateDict> {
    let held = HOLDERS.iter().filter_map(|name| values.entry(root, name));
    for start in held.chain([root]) {
        let found = below(values, start)?;
        if !found.tensors.is_empty() || start == root {
            return Ok(found);
        }
    }
    below(values, root)
}

/// All tensors below an object.
fn below(values: &Values, start: Id) -> Result<StateDict> {
    let (mut tensors, mut walked) = (BTreeMap::new(), Vec::new());
    let mut found = BTreeMap::new();
    let mut waiting = vec![(String::new(), start, 0)];
    let mut work = 0;
    while let Some((name, id, depth)) = waiting.pop() {
        walked.push((name.clone(), id));
        if let Value::Tensor(view) = values.get(id) {
            work += TENSOR;
            if found
                .insert(name.clone(), id)
                .is_some_and(|other| other != id)
            {
                let reason = "the file has two of this name".into();
                return Err(TorchError::Tensor { name, reason });
            }
            tensors.insert(name, view.as_ref().clone());
            continue;
        }
        let (children, looked_at) = children(values, id);
        work += looked_at;
        for (part, child) in children {
            let name = match (name.as_str(), part) {
                (name, "") => name.to_string(),
                ("", part) => part.to_string(),
                (name, part) => format!("{name}.{part}"),
            };
            work += VISIT + name.len();
            if work > MAX_WORK || depth == MAX_DEPTH {
                return Err(TorchError::Nesting);
            }
            waiting.push((name, child, depth + 1));
        }
    }
    Ok(StateDict { tensors, walked })
}

/// The named parts of a dictionary, and how many pairs were looked at; of a module its parameters, buffers and modules, in
/// which the names of the three dictionaries do not show.
fn children(values: &Values, id: Id) -> (Vec<(&str, Id)>, usize) {
    let attributes = num_attributes(values, id);
    if let Some(state) = module_state(values, id) {
        let parts = ["_parameters", "_buffers", "_modules"];
        let parts = parts.iter().filter_map(|part| values.entry(state, part));
        return (parts.map(|part| ("", part)).collect(), 4 * attributes);
    }
    let pairs = values.pairs(id).unwrap_or_default();
    let named = pairs
        .iter()
        .filter_map(|&(key, value)| Some((values.text(key)?, value)));
    (named.collect(), pairs.len() + attributes)
}

/// What it costs to ask whether an object is a module.
pub(crate) fn num_attributes(values: &Values, id: Id) -> usize {
    match values.get(id) {
        Value::Object(object) => {
            let pairs = object.state.and_then(|state| values.pairs(state));
            pairs.unwrap_or_default().len()
        }
        _ => 0,
    }
}

/// The attributes of an object that is a module.
pub(crate) fn module_state(values: &Values, id: Id) -> Option<Id> {
    let Value::Object(object) = values.get(id) else {
        return None;
    };
    let state = object.state?;
    values.entry(state, "_modules")?;
    Some(state)
}
