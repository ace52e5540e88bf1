//! Damaged and hostile files give an error, quickly.

#![allow(clippy::unwrap_used)]

mod files;

use dd_torch::{Format, TorchError};
use proptest::prelude::*;

use files::{archive, fault, legacy, numbers, parse, tensor, text, with_tensor};

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
