//! Damaged and hostile files give an error, quickly.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use dd_torch::{Format, TorchError, TorchFile};
use proptest::prelude::*;

/// Longest that any file may take, with room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// `data.pkl` in an archive of the form that PyTorch writes, with storages.
fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
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

fn text(text: &str) -> Vec<u8> {
    [
        b"X".as_slice(),
        &(text.len() as u32).to_le_bytes(),
        text.as_bytes(),
    ]
    .concat()
}

/// `_rebuild_tensor_v2(("storage", FloatStorage, "0", "cpu", count), offset, shape, strides, False, OrderedDict())`.
fn tensor(count: u32, offset: u32, shape: &[u32], strides: &[u32]) -> Vec<u8> {
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
fn with_tensor(tensor: &[u8], data: &[u8]) -> Vec<u8> {
    let pickle = [b"\x80\x02}".as_slice(), &text("w"), tensor, b"s."].concat();
    archive(&pickle, &[("0", data)])
}

fn parse(bytes: Vec<u8>) -> Result<TorchFile, TorchError> {
    let start = Instant::now();
    let parsed = TorchFile::parse(bytes);
    assert!(start.elapsed() < PATIENCE, "it took {:?}", start.elapsed());
    parsed
}

fn fault(bytes: Vec<u8>) -> String {
    parse(bytes).expect_err("a fault").to_string()
}

fn numbers(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn views_are_read_by_their_strides() {
    let data = numbers(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for (offset, shape, strides, expected) in [
        (
            0,
            vec![2, 3],
            vec![3, 1],
            vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        ),
        (
            1,
            vec![3, 2],
            vec![1, 3],
            vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
        ),
        (6, vec![2, 2], vec![0, 0], vec![6.0; 4]),
        (7, vec![0, 5], vec![5, 1], vec![]),
        (3, vec![], vec![], vec![3.0]),
    ] {
        let file = parse(with_tensor(&tensor(7, offset, &shape, &strides), &data)).unwrap();
        assert_eq!(file.format(), Format::Zip);
        assert_eq!(file.read("w").unwrap(), numbers(&expected));
        let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        assert_eq!(file.tensors()["w"].shape, shape);
        assert!(file.read("v").is_none());
    }
}

#[test]
fn tensors_outside_their_storage() {
    let data = numbers(&[0.0; 4]);
    let cases = [
        (tensor(4, 1, &[2, 2], &[2, 1]), "leave its storage of 4"),
        (
            tensor(4, 0, &[1 << 30, 1 << 30], &[1, 1]),
            "larger than its storage",
        ),
        (tensor(4, 0, &[1 << 30], &[0]), "larger than its storage"),
        (tensor(4, u32::MAX, &[1], &[1]), "no counts"),
        (tensor(4, 0, &[2], &[1 << 30]), "leave its storage"),
        (tensor(4, 0, &[2, 2], &[1]), "not as many strides"),
        (tensor(4, 0, &[1; 40], &[1; 40]), "too many"),
        (
            tensor(5, 0, &[2], &[1]),
            "claims 5 numbers and has 16 bytes",
        ),
    ];
    for (tensor, expected) in cases {
        let message = fault(with_tensor(&tensor, &data));
        assert!(message.contains(expected), "{message}");
    }
    let absent = archive(
        &[
            b"\x80\x02}".as_slice(),
            &text("w"),
            &tensor(4, 0, &[1], &[1]),
            b"s.",
        ]
        .concat(),
        &[],
    );
    assert!(fault(absent).contains("storage 0: tensor w needs it"));
}

/// Classes and functions are named, never called, and do not stand in the way.
#[test]
fn what_is_not_known_is_a_placeholder() {
    let pickle = [
        b"\x80\x02}(".as_slice(),
        &text("config"),
        b"cos\nsystem\n",
        &text("touch never"),
        b"\x85R",
        &text("depth"),
        b"K\x03",
        &text("state_dict"),
        b"}",
        &text("w"),
        &tensor(1, 0, &[1], &[1]),
        b"su.",
    ]
    .concat();
    let file = parse(archive(&pickle, &[("0", &numbers(&[2.5]))])).unwrap();
    assert_eq!(file.settings()["config"], "os.system(touch never)");
    assert_eq!(file.settings()["depth"], "3");
    assert_eq!(file.read("w").unwrap(), numbers(&[2.5]));
}

#[test]
fn circles_and_depth() {
    // A dictionary that holds itself under two names.
    let circle = [
        b"\x80\x02}q\x00(".as_slice(),
        &text("a"),
        b"h\x00",
        &text("b"),
        b"h\x00u.",
    ]
    .concat();
    assert_eq!(
        parse(archive(&circle, &[])).unwrap_err(),
        TorchError::Nesting
    );
    // A hundred thousand lists in each other are no stack overflow.
    let deep = [
        b"\x80\x02".to_vec(),
        vec![b']'; 100_000],
        vec![b'a'; 99_999],
        b".".to_vec(),
    ]
    .concat();
    assert!(parse(archive(&deep, &[])).unwrap().tensors().is_empty());
    // Dictionaries in each other, each under a long name.
    let name = text(&"n".repeat(60_000));
    let nested: Vec<u8> = (0..60)
        .flat_map(|_| [b"}".as_slice(), &name].concat())
        .collect();
    let nested = [
        b"\x80\x02".to_vec(),
        nested,
        b"N".to_vec(),
        vec![b's'; 60],
        b".".to_vec(),
    ]
    .concat();
    assert_eq!(
        parse(archive(&nested, &[])).unwrap_err(),
        TorchError::Nesting
    );
    // The same dictionary under nothing, again and again: names cost nothing, the visits do.
    let pairs = b"h\x00h\x01".repeat(5_700);
    let holder = b"h\x00h\x02".repeat(5_700);
    let often = [
        b"\x80\x02".as_slice(),
        &text(""),
        b"q\x000Nq\x010}q\x02(",
        &pairs,
        b"u0}(",
        &holder,
        b"u.",
    ]
    .concat();
    assert_eq!(
        parse(archive(&often, &[])).unwrap_err(),
        TorchError::Nesting
    );
}

/// A long tuple that is called, copied and named again and again.
#[test]
fn amplification() {
    let items: Vec<u8> = (0..50_000).flat_map(|_| *b"K\x01").collect();
    let long = [b"\x80\x02(".as_slice(), &items, b"tq\x00"].concat();
    let calls: Vec<u8> = (0..100_000).flat_map(|_| *b"ca\nb\nh\x00R").collect();
    let called = archive(&[long.as_slice(), &calls, b"."].concat(), &[]);
    assert!(parse(called).unwrap().tensors().is_empty());
    // A long name under a hundred thousand others.
    let long = "m".repeat(2_000_000);
    let names = b"h\x00h\x01".repeat(100_000);
    let global = format!("0c{long}\nn\nq\u{1}0}}(");
    let named = [
        b"\x80\x02".as_slice(),
        &text("a"),
        b"q\x00",
        global.as_bytes(),
        &names,
        b"u.",
    ]
    .concat();
    let file = parse(archive(&named, &[])).unwrap();
    assert!(file.settings().is_empty());
    let pairs: Vec<u8> = (0..20_000).flat_map(|_| *b"NN\x86").collect();
    let copies: Vec<u8> = (0..50_000)
        .flat_map(|_| *b"ccollections\nOrderedDict\nh\x01\x85R")
        .collect();
    let copied = [b"\x80\x02](".as_slice(), &pairs, b"eq\x01", &copies, b"."].concat();
    assert!(fault(archive(&copied, &[])).contains("too many dictionaries"));
}

#[test]
fn claims_of_sizes() {
    for pickle in [
        b"\x80\x02X\xff\xff\xff\xffabc".as_slice(),
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc",
        b"\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x02\x8b\xff\xff\xff\x7f",
    ] {
        assert!(fault(archive(pickle, &[])).contains("data.pkl, byte 2: the pickle ends here"));
    }
    for (pickle, expected) in [
        (b"\x80\x09".as_slice(), "protocol 9"),
        (b"\x80\x02R.", "the stack is empty"),
        (b"\x80\x02t.", "no mark"),
        (
            b"\x80\x02j\xff\xff\xff\xff.",
            "nothing was kept under number",
        ),
        (b"\x80\x02\xfe.", "no instruction 0xfe"),
        (b"\x80\x02NNs.", "the stack is empty"),
        (b"\x80\x02NQ.", "no tuple"),
    ] {
        let message = fault(archive(pickle, &[]));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn archives_of_others() {
    assert_eq!(parse(Vec::new()).unwrap_err(), TorchError::NotTorch);
    assert_eq!(
        parse(b"\x80\x02}q\x00.".to_vec()).unwrap_err(),
        TorchError::NotTorch
    );
    assert!(fault(b"PK\x03\x04".to_vec()).contains("cut"));
    let mut compressed = archive(b"\x80\x02}.", &[]);
    let at = compressed
        .windows(4)
        .position(|w| w == b"PK\x01\x02")
        .unwrap();
    compressed[at + 10] = 8;
    assert!(fault(compressed).contains("compressed"));
    let mut other = archive(b"\x80\x02}.", &[]);
    let place = other.windows(8).rposition(|w| w == b"data.pkl").unwrap();
    other[place..place + 8].copy_from_slice(b"data.bin");
    assert!(fault(other).contains("data.pkl"));
}

/// Every file cut anywhere, in both formats, is an error.
#[test]
fn cut_files() {
    let whole = with_tensor(&tensor(2, 0, &[2], &[1]), &numbers(&[1.0, 2.0]));
    for length in 0..whole.len() {
        assert!(parse(whole[..length].to_vec()).is_err(), "{length} bytes");
    }
    let legacy = legacy(&tensor(2, 0, &[2], &[1]), 2, &numbers(&[1.0, 2.0]));
    let file = parse(legacy.clone()).unwrap();
    assert_eq!(file.format(), Format::Legacy);
    assert_eq!(file.read("w").unwrap(), numbers(&[1.0, 2.0]));
    for length in 0..legacy.len() {
        assert!(parse(legacy[..length].to_vec()).is_err(), "{length} bytes");
    }
}

/// The format before zip archives.
fn legacy(tensor: &[u8], count: u64, data: &[u8]) -> Vec<u8> {
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

/// Protocol 4 puts every pickle into a frame.
#[test]
fn legacy_in_frames() {
    let data = numbers(&[1.0, 2.0]);
    let plain = legacy(&tensor(2, 0, &[2], &[1]), 2, &data);
    let frame = [b"\x80\x04\x95".as_slice(), &13_u64.to_le_bytes()].concat();
    let framed = [&frame, &plain[2..]].concat();
    assert!(TorchFile::is_one(&framed[..TorchFile::HEAD]));
    let file = parse(framed.clone()).unwrap();
    assert_eq!(file.format(), Format::Legacy);
    assert_eq!(file.read("w").unwrap(), data);
    for length in 0..framed.len() {
        assert!(parse(framed[..length].to_vec()).is_err(), "{length} bytes");
    }
}

/// A tensor that is the negative of its storage, and one name for two tensors.
#[test]
fn what_would_be_read_wrong_is_not() {
    let one = tensor(1, 0, &[1], &[1]);
    for (bit, is_read) in [(b"\x88", false), (b"\x89", true)] {
        let metadata = [b"}".as_slice(), &text("neg"), bit, b"s"].concat();
        let negative = [&one[..one.len() - 2], &metadata, b"tR"].concat();
        let file = parse(with_tensor(&negative, &numbers(&[1.0]))).unwrap();
        assert_eq!(file.tensors().len(), usize::from(is_read));
        assert_eq!(file.left_out().contains_key("w"), !is_read);
    }
    let inner = [b"}".as_slice(), &text("b"), &one, b"s"].concat();
    let twice = [
        b"\x80\x02}".as_slice(),
        &text("a"),
        &inner,
        b"s",
        &text("a.b"),
        &one,
        b"s.",
    ]
    .concat();
    let message = fault(archive(&twice, &[("0", &numbers(&[1.0]))]));
    assert_eq!(message, "tensor a.b: the file has two of this name");
}

#[test]
fn legacy_claims() {
    let two = tensor(2, 0, &[2], &[1]);
    for count in [3, u64::MAX, 1 << 62] {
        let message = fault(legacy(&two, count, &numbers(&[1.0, 2.0])));
        assert!(message.contains("claims more numbers"), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any bytes after the beginning of a pickle, in either format.
    #[test]
    fn any_pickle(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let pickle = [b"\x80\x02".as_slice(), &bytes].concat();
        let _ = parse(archive(&pickle, &[("0", &[0; 16])]));
        let head = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
        let _ = parse([head.as_slice(), &bytes].concat());
    }

    /// One byte of a good file changed.
    #[test]
    fn one_byte(at in any::<prop::sample::Index>(), byte in any::<u8>(), old in any::<bool>()) {
        let two = tensor(2, 0, &[2], &[1]);
        let data = numbers(&[1.0, 2.0]);
        let mut file = if old { legacy(&two, 2, &data) } else { with_tensor(&two, &data) };
        let at = at.index(file.len());
        file[at] = byte;
        if let Ok(file) = parse(file) {
            for name in file.tensors().keys() {
                prop_assert!(file.read(name).is_some());
            }
        }
    }
}

#[test]
fn tensors_that_are_left_out_are_told() {
    let one = || tensor(1, 0, &[1], &[1]);
    let entry = |name: &str, value: Vec<u8>| [text(name), value, b"s".to_vec()].concat();
    let sparse = b"ctorch._utils\n_rebuild_sparse_tensor\n(K\x01";
    let state: Vec<u8> = [
        entry("w", one()),
        entry("list", [b"(".as_slice(), &one(), &one(), b"l"].concat()),
        entry("sparse", [sparse.as_slice(), &one(), b"tR"].concat()),
        [b"K\x07".as_slice(), &one(), b"s"].concat(),
    ]
    .concat();
    let root: Vec<u8> = [
        entry("state_dict", [b"}".as_slice(), &state].concat()),
        entry("ema", [b"}".as_slice(), &entry("w", one())].concat()),
        entry("epoch", b"K\x05".to_vec()),
    ]
    .concat();
    let pickle = [b"\x80\x02}".as_slice(), &root, b"."].concat();
    let file = parse(archive(&pickle, &[("0", &numbers(&[1.0]))])).unwrap();
    assert_eq!(file.tensors().keys().collect::<Vec<_>>(), ["w"]);
    let told: Vec<String> = file
        .left_out()
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    assert_eq!(
        told,
        [
            "7: a tensor to which no names lead",
            "ema: a tensor beside the state dict",
            "list: 2 tensors to which no names lead",
            "sparse: a tensor made by torch._utils._rebuild_sparse_tensor is not read",
        ]
    );
}
