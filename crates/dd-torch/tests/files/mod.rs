//! Files of PyTorch, byte by byte, and reading them in limited time.

#![allow(dead_code, reason = "not every suite makes every file")]

use std::time::{Duration, Instant};

use dd_torch::{TorchError, TorchFile};

/// Longest that any file may take, with room for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// `data.pkl` in an archive of the form that PyTorch writes, with storages.
pub(crate) fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut entries = vec![("x/data.pkl".to_string(), pickle)];
    entries.extend(
        storages
            .iter()
            .map(|(key, data)| (format!("x/data/{key}"), *data)),
    );
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in &entries {
        let (at, size) = (file.len() as u32, data.len() as u32);
        let sizes = [size.to_le_bytes(), size.to_le_bytes()].concat();
        file.extend(b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        file.extend(&sizes);
        file.extend((name.len() as u16).to_le_bytes());
        file.extend([0, 0]);
        file.extend(name.as_bytes());
        file.extend(*data);
        directory.extend(b"PK\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        directory.extend(&sizes);
        directory.extend((name.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size) = (file.len() as u32, directory.len() as u32);
    let count = (entries.len() as u16).to_le_bytes();
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].concat());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [
        b"X".as_slice(),
        &(text.len() as u32).to_le_bytes(),
        text.as_bytes(),
    ]
    .concat()
}

/// `_rebuild_tensor_v2(("storage", FloatStorage, "0", "cpu", count), offset, shape, strides, False, OrderedDict())`.
pub(crate) fn tensor(count: u32, offset: u32, shape: &[u32], strides: &[u32]) -> Vec<u8> {
    let int = |value: u32| [b"J".as_slice(), &value.to_le_bytes()].concat();
    let tuple = |values: &[u32]| {
        let values: Vec<u8> = values.iter().flat_map(|&value| int(value)).collect();
        [b"(".as_slice(), &values, b"t"].concat()
    };
    let parts: [&[u8]; 12] = [
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(count),
        b"tQ",
        &int(offset),
        &tuple(shape),
        &tuple(strides),
        b"\x89ccollections\nOrderedDict\n)R",
        b"tR",
    ];
    parts.concat()
}

/// A file with one tensor `w`.
pub(crate) fn with_tensor(tensor: &[u8], data: &[u8]) -> Vec<u8> {
    let pickle = [b"\x80\x02}".as_slice(), &text("w"), tensor, b"s."].concat();
    archive(&pickle, &[("0", data)])
}

pub(crate) fn parse(bytes: Vec<u8>) -> Result<TorchFile, TorchError> {
    let start = Instant::now();
    let parsed = TorchFile::parse(bytes);
    assert!(start.elapsed() < PATIENCE, "it took {:?}", start.elapsed());
    parsed
}

pub(crate) fn fault(bytes: Vec<u8>) -> String {
    parse(bytes).expect_err("a fault").to_string()
}

pub(crate) fn numbers(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The format before zip archives.
pub(crate) fn legacy(tensor: &[u8], count: u64, data: &[u8]) -> Vec<u8> {
    let objects = [b"\x80\x02}".as_slice(), &text("w"), tensor, b"s."].concat();
    let keys = [b"\x80\x02]".as_slice(), &text("0"), b"a."].concat();
    let parts: [&[u8]; 7] = [
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}.",
        &objects,
        &keys,
        &count.to_le_bytes(),
        data,
    ];
    parts.concat()
}
