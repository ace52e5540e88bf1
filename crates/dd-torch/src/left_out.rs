//! Which tensors of a file are not in the state dict, and where they are.

use std::collections::{BTreeMap, HashSet};

use crate::pickle::{Id, Value, Values};
use crate::state_dict::StateDict;

/// Longest name or key that is kept, in characters.
const MAX_NAME: usize = 256;

/// Where the tensors outside of the state dict are, with what is known about them.
///
/// # Complexity
/// Every object is looked at twice at most.
pub(crate) fn left_out(
    values: &Values,
    root: Id,
    state_dict: &StateDict,
) -> BTreeMap<String, String> {
    let mut walk = Walk {
        values,
        seen: state_dict.walked.iter().map(|(_, id)| *id).collect(),
    };
    let mut found = BTreeMap::new();
    let mut note = |name: &str, key: Option<Id>, tensors: Tensors, place: &str| {
        let reason = match (tensors.count, tensors.other) {
            (0, _) => return,
            (1, Some(kind)) => format!("a tensor made by {kind} is not read"),
            (1, None) => format!("a tensor {place}"),
            (count, _) => format!("{count} tensors {place}"),
        };
        let mut full = cut(name);
        if let Some(key) = key {
            if !full.is_empty() {
                full.push('.');
            }
            full += &match values.get(key) {
                Value::Text(text) => cut(text),
                Value::Int(number) => number.to_string(),
                _ => "?".to_string(),
            };
        }
        found.insert(full, reason);
    };
    let mut looked_at = HashSet::new();
    for (name, container) in &state_dict.walked {
        if !looked_at.insert(*container) {
            continue;
        }
        if let Some(kind) = unknown_tensor(values, *container) {
            let parts = edges(values, *container);
            walk.below(parts.into_iter().map(|(_, part)| part).collect());
            let tensor = Tensors {
                count: 1,
                other: Some(kind),
            };
            note(name, None, tensor, "");
        } else {
            let (with_key, without): (Vec<_>, Vec<_>) = edges(values, *container)
                .into_iter()
                .partition(|(key, _)| key.is_some());
            let without = without.into_iter().map(|(_, child)| child).collect();
            note(name, None, walk.below(without), "to which no names lead");
            for (key, child) in with_key {
                note(name, key, walk.below(vec![child]), "to which no names lead");
            }
        }
    }
    for (key, child) in edges(values, root) {
        note("", key, walk.below(vec![child]), "beside the state dict");
    }
    found
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// What was found below an object.
#[derive(Default)]
struct Tensors {
    count: usize,
    /// The function that makes one of them, which is not known.
    other: Option<String>,
}

struct Walk<'a> {
    values: &'a Values,
    seen: HashSet<Id>,
}

impl Walk<'_> {
    /// Counts the tensors that were not seen before.
    fn below(&mut self, mut waiting: Vec<Id>) -> Tensors {
        let mut tensors = Tensors::default();
        while let Some(id) = waiting.pop() {
            if !self.seen.insert(id) {
                continue;
            }
            if let Some(kind) = unknown_tensor(self.values, id) {
                tensors.count += 1;
                tensors.other = Some(kind);
            } else if matches!(self.values.get(id), Value::Tensor(_)) {
                tensors.count += 1;
            } else {
                waiting.extend(edges(self.values, id).into_iter().map(|(_, child)| child));
            }
        }
        tensors
    }
}

/// The function of PyTorch that would have made a tensor of another kind: sparse, quantised.
fn unknown_tensor(values: &Values, id: Id) -> Option<String> {
    let Value::Object(object) = values.get(id) else {
        return None;
    };
    let (module, name) = values.global(object.class)?;
    let is_one = module.starts_with("torch.") && name.starts_with("_rebuild_");
    is_one.then(|| format!("{module}.{name}"))
}

/// Everything that an object holds, with its key where it has one.
fn edges(values: &Values, id: Id) -> Vec<(Option<Id>, Id)> {
    let pairs = values.pairs(id).unwrap_or_default().iter();
    let mut edges: Vec<_> = pairs.map(|&(key, value)| (Some(key), value)).collect();
    let items = values.items(id).unwrap_or_default().iter();
    edges.extend(items.map(|&item| (None, item)));
    if let Value::Object(object) = values.get(id) {
        let parts = object.state.into_iter().chain([object.arguments]);
        edges.extend(parts.map(|part| (None, part)));
    }
    edges
}
