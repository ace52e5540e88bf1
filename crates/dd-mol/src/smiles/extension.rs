//! CXSMILES extensions, `|…|` behind the SMILES: groups of enhanced stereo are read.
//!
//! `a:1,2` names absolute centres, `o1:3` and `&1:4,5` groups of which the sample is as
//! drawn or the mirror image, or both. Everything else is refused, as it would be lost.

use std::ops::Range;

use super::error::{SmilesError, SmilesErrorKind};
use super::scanner::Scanner;
use crate::molecule::{StereoGroup, StereoGroupKind};

/// Reads the extension that begins at `start`, of a molecule of `atoms` atoms: its groups,
/// and where it ends.
pub(super) fn stereo_groups(
    text: &str,
    start: usize,
    atoms: usize,
) -> Result<(Vec<StereoGroup>, usize), SmilesError> {
    let length = text[start + 1..].find('|');
    let unsupported = |span: Range<usize>| {
        let kind = SmilesErrorKind::UnsupportedExtension;
        SmilesError::new(kind, span, text)
    };
    let end = start + 1 + length.ok_or_else(|| unsupported(start..text.len()))?;
    let mut scanner = Scanner::new(text, start + 1..end);
    let mut groups = Vec::new();
    let mut relative = None;
    while !scanner.at_end() {
        let field = scanner.position();
        if scanner.take(b'r') && (scanner.at_end() || scanner.peek() == b',') {
            relative = Some(field..field + 1);
        } else {
            scanner.rewind(field);
            let group = group(&mut scanner, atoms)?;
            groups.push(group.ok_or_else(|| unsupported(field..end))?);
        }
        if !scanner.at_end() && !scanner.take(b',') {
            return Err(unsupported(field..end));
        }
    }
    // `r` repeats that there are relative groups; alone it would make one of all centres.
    match relative {
        Some(span) if groups.is_empty() => Err(unsupported(span)),
        _ => Ok((groups, end + 1)),
    }
}

/// One group with its atoms; `None` when the field is no group.
fn group(scanner: &mut Scanner<'_>, atoms: usize) -> Result<Option<StereoGroup>, SmilesError> {
    let kind = match scanner.peek() {
        b'a' => StereoGroupKind::Absolute,
        b'o' => StereoGroupKind::Or,
        b'&' => StereoGroupKind::And,
        _ => return Ok(None),
    };
    scanner.advance(1);
    let number = match kind {
        StereoGroupKind::Absolute => Some(0),
        _ => scanner.number("stereo group")?,
    };
    let (Some(number), true) = (number, scanner.take(b':')) else {
        return Ok(None);
    };
    let mut group = StereoGroup {
        kind,
        number,
        atoms: Vec::new(),
    };
    loop {
        let start = scanner.position();
        let Some(atom) = scanner.number("atom")? else {
            return Ok((!group.atoms.is_empty()).then_some(group));
        };
        if atom as usize >= atoms {
            return Err(scanner.out_of_range("atom", start));
        }
        group.atoms.push(atom);
        if !(scanner.peek() == b',' && scanner.peek_at(1).is_ascii_digit()) {
            return Ok(Some(group));
        }
        scanner.advance(1);
    }
}
