//! What files say: views, names that are not known, what is left out, both formats.

#![allow(clippy::unwrap_used)]

mod files;

use dd_torch::{Format, TorchFile};

use files::{archive, fault, legacy, numbers, parse, tensor, text, with_tensor};

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
