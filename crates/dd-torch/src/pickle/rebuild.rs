//! The few functions of PyTorch's pickles that are known: those that rebuild tensors and dictionaries.
//!
//! Source: `torch/_utils.py` and `torch/serialization.py` of PyTorch 1.0 to 2.15.

use std::sync::Arc;

use super::value::{Id, Storage, Value, Values, View};
use crate::element::Element;

type Known<T> = std::result::Result<T, String>;

/// A class whose objects are dictionaries.
pub(super) fn is_dictionary(path: (&str, &str)) -> bool {
    matches!(
        path,
        ("collections", "OrderedDict" | "defaultdict" | "Counter")
            | ("builtins" | "__builtin__", "dict")
    )
}

/// What a known function gives; `None` for one that is not known.
pub(super) fn apply(values: &Values, function: Id, arguments: &[Id]) -> Known<Option<Value>> {
    let Some((module, name)) = values.global(function) else {
        return Ok(None);
    };
    if is_dictionary((module, name)) {
        return dictionary(values, arguments).map(Some);
    }
    let value = match (module, name) {
        // What stands for the negative or the conjugate of its storage stays a placeholder.
        ("torch._utils", "_rebuild_tensor_v2") if has_bits(values, arguments.get(6)) => {
            return Ok(None);
        }
        ("torch._utils", "_rebuild_tensor_v3") if has_bits(values, arguments.get(7)) => {
            return Ok(None);
        }
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
            view(values, arguments, None)?
        }
        ("torch._utils", "_rebuild_tensor_v3") => {
            let element = arguments.get(6).and_then(|&id| values.global(id));
            let element = element.and_then(|(_, name)| Element::of_name(name));
            view(
                values,
                arguments,
                Some(element.ok_or("a tensor has an element type that is not known")?),
            )?
        }
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            tensor(values, arguments.first())?
        }
        ("torch._tensor", "_rebuild_from_type_v2") => {
            // A tensor with attributes: the function that rebuilds it, its type, the arguments, the attributes.
            let (Some(&inner), Some(&inside)) = (arguments.first(), arguments.get(2)) else {
                return Err("a tensor lacks its function or its arguments".into());
            };
            let is_itself = values.global(inner) == Some((module, name));
            match values.items(inside) {
                Some(inside) if !is_itself => return apply(values, inner, inside),
                _ => return Err("the arguments of a tensor are no tuple".into()),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// Whether a tensor's metadata say that its numbers are not those of its storage.
fn has_bits(values: &Values, metadata: Option<&Id>) -> bool {
    let pairs = metadata.and_then(|&id| values.pairs(id));
    let mut pairs = pairs.unwrap_or_default().iter();
    pairs.any(|&(_, value)| !matches!(values.get(value), Value::Bool(false)))
}

/// A dictionary from a list of pairs; a `defaultdict` has its function there instead.
fn dictionary(values: &Values, arguments: &[Id]) -> Known<Value> {
    let pairs = arguments.first().and_then(|&id| values.items(id));
    let pair = |&id: &Id| match values.items(id) {
        Some(&[key, value]) => Ok((key, value)),
        _ => Err("a dictionary is made of what are no pairs".to_string()),
    };
    Ok(Value::Dict(
        pairs
            .unwrap_or_default()
            .iter()
            .map(pair)
            .collect::<Known<_>>()?,
    ))
}

fn tensor(values: &Values, argument: Option<&Id>) -> Known<Value> {
    match argument.map(|&id| values.get(id)) {
        Some(tensor @ Value::Tensor(_)) => Ok(tensor.clone()),
        _ => Err("a parameter is made of what is no tensor".into()),
    }
}

/// `_rebuild_tensor*(storage, offset, size, stride, ...)`.
fn view(values: &Values, arguments: &[Id], element: Option<Element>) -> Known<Value> {
    let [storage, offset, shape, strides, ..] = *arguments else {
        return Err("a tensor lacks its storage, offset, size or stride".into());
    };
    let Value::Storage(storage) = values.get(storage) else {
        return Err("a tensor has no storage".into());
    };
    let wrong = "the offset, sizes or strides of a tensor are no counts, or too many";
    let (shape, strides) = (values.counts(shape), values.counts(strides));
    let (Some(offset), Some(shape), Some(strides)) = (values.count(offset), shape, strides) else {
        return Err(wrong.into());
    };
    if shape.len() != strides.len() {
        return Err("a tensor has not as many strides as sizes".into());
    }
    let element = element.or(storage.element);
    Ok(Value::Tensor(Box::new(View {
        storage: storage.as_ref().clone(),
        element: element.ok_or("a tensor has an element type that is not known")?,
        offset,
        shape,
        strides,
    })))
}

/// `("storage", class, key, place, count)`, with the part of another storage as a sixth in old files;
/// `("module", class, ...)` in old files of whole modules.
pub(super) fn persistent(values: &Values, id: Id) -> Known<Value> {
    let parts = values
        .items(id)
        .ok_or("the name of a storage is no tuple")?;
    let kind = parts.first().and_then(|&id| values.text(id));
    match (kind, parts) {
        (Some("module"), [_, class, ..]) => match values.get(*class) {
            class @ Value::Global(_) => Ok(class.clone()),
            _ => Err("a module has no class".into()),
        },
        (Some("storage"), [_, class, key, _, count, rest @ ..]) => {
            if rest
                .first()
                .is_some_and(|&id| !matches!(values.get(id), Value::None))
            {
                return Err("a storage that is part of another is not read".into());
            }
            let (_, class) = values.global(*class).ok_or("a storage has no class")?;
            let element = Element::of_storage_class(class);
            if element.is_none() && class != "UntypedStorage" {
                return Err(format!("a storage of class {class} is not read"));
            }
            let key = match values.get(*key) {
                Value::Text(text) => Arc::from(text.as_ref()),
                Value::Int(number) => Arc::from(number.to_string()),
                _ => return Err("the key of a storage is no text".into()),
            };
            let count = values
                .count(*count)
                .ok_or("the size of a storage is no count")?;
            Ok(Value::Storage(Box::new(Storage {
                key,
                element,
                count,
            })))
        }
        _ => Err("neither a storage nor a module is named".into()),
    }
}
