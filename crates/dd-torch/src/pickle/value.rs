//! The objects of a pickle, side by side in one list: they refer to each other by number, so that circles are possible,
//! copies are not, and nothing is walked by recursion.

use std::sync::Arc;

use crate::element::Element;

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 16;

/// Number of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(u32);

/// One object.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt,
    Float(f64),
    Text(Box<str>),
    Bytes,
    /// A list or a set.
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    /// A dictionary, ordered or not.
    Dict(Vec<(Id, Id)>),
    /// A class or function, by name.
    Global(Box<(String, String)>),
    /// What a class or function that is not known would have made.
    Object(Box<Object>),
    Storage(Box<Storage>),
    Tensor(Box<View>),
}

/// A placeholder.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) class: Id,
    /// A tuple.
    pub(crate) arguments: Id,
    pub(crate) state: Option<Id>,
    pub(crate) pairs: Vec<(Id, Id)>,
}

/// Numbers elsewhere in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) key: Arc<str>,
    /// `None` for bytes whose type the tensor tells.
    pub(crate) element: Option<Element>,
    /// Numbers, or bytes where the element is not known.
    pub(crate) count: u64,
}

/// A tensor: a view of a storage, sizes in numbers.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) storage: Storage,
    pub(crate) element: Element,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    pub(crate) strides: Vec<u64>,
}

/// All objects of a pickle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(Vec<Value>);

impl Values {
    /// Most objects of one pickle: room for tens of thousands of tensors.
    pub(crate) const LIMIT: usize = 1 << 19;

    /// Adds an object; `None` beyond the limit.
    pub(crate) fn add(&mut self, value: Value) -> Option<Id> {
        if self.0.len() >= Self::LIMIT {
            return None;
        }
        self.0.push(value);
        Some(Id(self.0.len() as u32 - 1))
    }

    pub(crate) fn get(&self, id: Id) -> &Value {
        &self.0[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.0[id.0 as usize]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.get(id) {
            Value::Global(path) => Some((&path.0, &path.1)),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub(crate) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::List(items) => Some(items),
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// What a dictionary, or an object that acts as one, has under a key.
    pub(crate) fn entry(&self, id: Id, key: &str) -> Option<Id> {
        let pairs = self.pairs(id)?;
        let found = pairs.iter().rev().find(|(k, _)| self.text(*k) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// The pairs of a dictionary, or of an object that acts as one.
    pub(crate) fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(pairs) => Some(pairs),
            Value::Object(object) => Some(&object.pairs),
            _ => None,
        }
    }

    /// A count: an integer that is not negative.
    pub(crate) fn count(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A short list or tuple of counts.
    pub(crate) fn counts(&self, id: Id) -> Option<Vec<u64>> {
        let items = self
            .items(id)
            .filter(|items| items.len() <= MAX_DIMENSIONS)?;
        items.iter().map(|&item| self.count(item)).collect()
    }
}
