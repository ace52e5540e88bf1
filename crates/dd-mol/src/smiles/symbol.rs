//! Element symbols in and out of brackets.

use super::scanner::Scanner;
use crate::element::{Element, MAX_ATOMIC_NUMBER};

/// An element as written; lower case means aromatic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol {
    pub(super) atomic_number: u8,
    pub(super) is_aromatic: bool,
}

/// An atom of the organic subset, which needs no brackets.
#[inline]
pub(super) fn organic(scanner: &mut Scanner<'_>) -> Option<Symbol> {
    let (atomic_number, is_aromatic, length) = match (scanner.peek(), scanner.peek_at(1)) {
        (b'C', b'l') => (17, false, 2),
        (b'B', b'r') => (35, false, 2),
        (b'C', _) => (6, false, 1),
        (b'c', _) => (6, true, 1),
        (b'N', _) => (7, false, 1),
        (b'n', _) => (7, true, 1),
        (b'O', _) => (8, false, 1),
        (b'o', _) => (8, true, 1),
        (b'S', _) => (16, false, 1),
        (b's', _) => (16, true, 1),
        (b'P', _) => (15, false, 1),
        (b'p', _) => (15, true, 1),
        (b'F', _) => (9, false, 1),
        (b'I', _) => (53, false, 1),
        (b'B', _) => (5, false, 1),
        (b'b', _) => (5, true, 1),
        (b'*', _) => (0, false, 1),
        _ => return None,
    };
    scanner.advance(length);
    Some(Symbol {
        atomic_number,
        is_aromatic,
    })
}

/// Any element symbol inside brackets, the longest that matches. A lone `H` is
/// left to the caller, for it may count hydrogens.
pub(super) fn bracketed(scanner: &mut Scanner<'_>) -> Option<Symbol> {
    let bytes = [scanner.peek(), scanner.peek_at(1), scanner.peek_at(2)];
    if let Some(atomic_number) = provisional(bytes) {
        return Some(taken(scanner, atomic_number, false, 3));
    }
    let aromatic = match &bytes[..2] {
        b"si" => Some(14),
        b"as" => Some(33),
        b"se" => Some(34),
        b"te" => Some(52),
        _ => None,
    };
    if let Some(atomic_number) = aromatic {
        return Some(taken(scanner, atomic_number, true, 2));
    }
    if bytes[0] == b'\'' {
        return quoted(scanner);
    }
    if bytes[1].is_ascii_lowercase() {
        let pair = std::str::from_utf8(&bytes[..2]).ok()?;
        if let Some(atomic_number) = Element::number(pair) {
            return Some(taken(scanner, atomic_number, false, 2));
        }
    }
    match bytes[0] {
        b'H' => None,
        b'K' => Some(taken(scanner, 19, false, 1)),
        b'V' => Some(taken(scanner, 23, false, 1)),
        b'Y' => Some(taken(scanner, 39, false, 1)),
        b'W' => Some(taken(scanner, 74, false, 1)),
        b'U' => Some(taken(scanner, 92, false, 1)),
        _ => organic(scanner),
    }
}

/// The systematic names that elements 110 to 118 once had.
fn provisional(bytes: [u8; 3]) -> Option<u8> {
    const NAMES: [&[u8; 3]; 9] = [
        b"Uun", b"Uuu", b"Uub", b"Uut", b"Uuq", b"Uup", b"Uuh", b"Uus", b"Uuo",
    ];
    let index = NAMES.iter().position(|name| **name == bytes)?;
    Some(110 + index as u8)
}

/// A superheavy element in quotes, as some Biovia tools write it: `'Rf'`.
fn quoted(scanner: &mut Scanner<'_>) -> Option<Symbol> {
    let pair = [scanner.peek_at(1), scanner.peek_at(2)];
    let atomic_number = Element::number(std::str::from_utf8(&pair).ok()?)?;
    if scanner.peek_at(3) != b'\'' || !(104..=MAX_ATOMIC_NUMBER).contains(&atomic_number) {
        return None;
    }
    Some(taken(scanner, atomic_number, false, 4))
}

fn taken(scanner: &mut Scanner<'_>, atomic_number: u8, is_aromatic: bool, length: usize) -> Symbol {
    scanner.advance(length);
    Symbol {
        atomic_number,
        is_aromatic,
    }
}
