//! The format before PyTorch 1.6: five pickles one after another (magic number, version, machine, objects, keys of the
//! storages), then for each key a count of 64 bits and the numbers.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::element::Element;
use crate::error::{Result, TorchError};
use crate::pickle::{Pickle, Value, read};

/// How such a file begins, behind the protocol (2 or higher) and, from protocol 4 on, a frame: PyTorch's magic number.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The storages of a file by key.
pub(crate) type Storages = BTreeMap<String, Range<usize>>;

/// The frame of a pickle: its opcode and length.
const FRAME: (u8, usize) = (0x95, 9);

/// Whether the bytes begin like such a file.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    behind_magic(bytes).is_some()
}

/// The first byte behind the magic number.
fn behind_magic(bytes: &[u8]) -> Option<usize> {
    let [0x80, _, first, ..] = bytes else {
        return None;
    };
    let start = 2 + if *first == FRAME.0 { FRAME.1 } else { 0 };
    let found = bytes.get(start..)?.starts_with(MAGIC);
    found.then_some(start + MAGIC.len())
}

/// The objects and the places of the storages.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Pickle, Storages)> {
    let fail = |place, position, reason: String| TorchError::Pickle {
        place,
        position,
        reason,
    };
    let start = behind_magic(bytes).ok_or(TorchError::NotTorch)?;
    let version = read(bytes, start, "version")?;
    if version.values.count(version.root) != Some(1001) {
        let reason = "only version 1001 of this format is known".into();
        return Err(fail("version", start, reason));
    }
    let machine = read(bytes, version.end, "machine")?;
    let little = machine.values.entry(machine.root, "little_endian");
    if let Some(Value::Bool(false)) = little.map(|id| machine.values.get(id)) {
        let reason = "the numbers are big-endian, which is not read".into();
        return Err(fail("machine", version.end, reason));
    }
    let objects = read(bytes, machine.end, "objects")?;
    let keys = read(bytes, objects.end, "keys")?;
    let no_list = || {
        fail(
            "keys",
            objects.end,
            "the keys of the storages are no list of texts".into(),
        )
    };
    let names = keys.values.items(keys.root).ok_or_else(no_list)?;
    let elements = elements(&objects);
    let mut storages = Storages::new();
    let mut position = keys.end;
    for &name in names {
        let key = keys.values.text(name).ok_or_else(no_list)?;
        let fault = |reason: &str| TorchError::Storage {
            key: key.into(),
            reason: reason.into(),
        };
        let element = *elements
            .get(key)
            .ok_or_else(|| fault("no tensor says its type"))?;
        let data = data(bytes, position, element.size());
        let data = data.ok_or_else(|| fault("it claims more numbers than the file holds"))?;
        position = data.end;
        if storages.insert(key.to_string(), data).is_some() {
            return Err(fault("it is there twice"));
        }
    }
    Ok((objects, storages))
}

/// The element type of each storage that is named.
fn elements(objects: &Pickle) -> BTreeMap<&str, Element> {
    objects.values.all().filter_map(named).collect()
}

/// Key and element type of a storage.
fn named(value: &Value) -> Option<(&str, Element)> {
    match value {
        Value::Storage(storage) => Some((storage.key.as_ref(), storage.element?)),
        _ => None,
    }
}

/// The numbers behind the count at `position`.
fn data(bytes: &[u8], position: usize, size: usize) -> Option<Range<usize>> {
    let start = position.checked_add(8)?;
    let count = bytes.get(position..start)?.try_into().ok()?;
    let count = usize::try_from(i64::from_le_bytes(count)).ok()?;
    let range = start..start.checked_add(count.checked_mul(size)?)?;
    bytes.get(range.clone()).map(|_| range)
}
