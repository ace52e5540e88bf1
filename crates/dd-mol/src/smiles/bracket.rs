//! Bracket atoms: `[isotope symbol chirality hydrogens charge :class]`.

use super::error::SmilesError;
use super::scanner::Scanner;
use super::symbol;
use crate::builder::AtomSpec;
use crate::element::MAX_ATOMIC_NUMBER;
use crate::molecule::{ChiralTag, NonTetrahedral};

/// Reads a bracket atom; the `[` is already taken.
pub(super) fn bracket_atom(scanner: &mut Scanner<'_>) -> Result<AtomSpec, SmilesError> {
    let start = scanner.position();
    let isotope = scanner.number("isotope")?.unwrap_or(0);
    let isotope = u16::try_from(isotope).map_err(|_| scanner.out_of_range("isotope", start))?;
    let mut atom = AtomSpec {
        isotope,
        no_implicit: true,
        ..AtomSpec::default()
    };
    if scanner.peek() == b'#' {
        scanner.advance(1);
        let start = scanner.position();
        let number = scanner
            .number("atomic number")?
            .ok_or_else(|| scanner.unexpected())?;
        atom.atomic_number = u8::try_from(number)
            .ok()
            .filter(|z| *z <= MAX_ATOMIC_NUMBER)
            .ok_or_else(|| scanner.out_of_range("atomic number", start))?;
        atom.chiral_tag = chirality(scanner)?;
        atom.explicit_hydrogens = hydrogens(scanner)?;
    } else if let Some(symbol) = symbol::bracketed(scanner) {
        atom.atomic_number = symbol.atomic_number;
        atom.is_aromatic = symbol.is_aromatic;
        atom.chiral_tag = chirality(scanner)?;
        atom.explicit_hydrogens = hydrogens(scanner)?;
    } else if scanner.take(b'H') {
        atom.atomic_number = 1;
        atom.explicit_hydrogens = hydrogens(scanner)?;
    } else {
        return Err(scanner.unexpected());
    }
    atom.formal_charge = charge(scanner)?;
    if scanner.take(b':') {
        atom.atom_map = scanner
            .number("atom class")?
            .ok_or_else(|| scanner.unexpected())?;
    }
    if !scanner.take(b']') {
        return Err(scanner.unexpected());
    }
    Ok(atom)
}

/// `@`, `@@`, or `@` with a class and a permutation number.
fn chirality(scanner: &mut Scanner<'_>) -> Result<ChiralTag, SmilesError> {
    if !scanner.take(b'@') {
        return Ok(ChiralTag::Unspecified);
    }
    if scanner.take(b'@') {
        return Ok(ChiralTag::TetrahedralCw);
    }
    let (class, limit) = match (scanner.peek(), scanner.peek_at(1)) {
        (b'T', b'H') => (None, 2),
        (b'A', b'L') => (Some(NonTetrahedral::Allenal), 2),
        (b'S', b'P') => (Some(NonTetrahedral::SquarePlanar), 3),
        (b'T', b'B') => (Some(NonTetrahedral::TrigonalBipyramidal), 20),
        (b'O', b'H') => (Some(NonTetrahedral::Octahedral), 30),
        _ => return Ok(ChiralTag::TetrahedralCcw),
    };
    scanner.advance(2);
    let start = scanner.position();
    let permutation = match scanner.number("chiral permutation")? {
        None => 0,
        Some(number) if (1..=limit).contains(&number) => number,
        Some(_) => return Err(scanner.out_of_range("chiral permutation", start)),
    };
    Ok(match (class, permutation) {
        (Some(class), number) => ChiralTag::NonTetrahedral(class, number as u8),
        (None, 2) => ChiralTag::TetrahedralCw,
        (None, _) => ChiralTag::TetrahedralCcw,
    })
}

/// `H` with an optional count.
fn hydrogens(scanner: &mut Scanner<'_>) -> Result<u8, SmilesError> {
    if !scanner.take(b'H') {
        return Ok(0);
    }
    let start = scanner.position();
    let count = scanner.number("hydrogen count")?.unwrap_or(1);
    u8::try_from(count)
        .ok()
        .filter(|count| *count < 128)
        .ok_or_else(|| scanner.out_of_range("hydrogen count", start))
}

/// `+`, `++`, `+2` and the same with minus.
fn charge(scanner: &mut Scanner<'_>) -> Result<i8, SmilesError> {
    let sign = scanner.peek();
    let unit = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return Ok(0),
    };
    scanner.advance(1);
    if scanner.take(sign) {
        return Ok(2 * unit);
    }
    let start = scanner.position();
    let magnitude = scanner.number("charge")?.unwrap_or(1);
    i8::try_from(magnitude)
        .map(|magnitude| unit * magnitude)
        .map_err(|_| scanner.out_of_range("charge", start))
}
