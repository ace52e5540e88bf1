//! Collections and data groups: which are kept and which are refused.

use std::ops::Range;

use super::error::{MolfileError, MolfileErrorKind};
use super::lines::{Line, excerpt};
use super::v3000::Numbering;
use super::words::{Row, Rows};
use crate::molecule::{StereoGroup, StereoGroupKind};

/// Data groups by which programs state bonds, charges or hydrogens of the molecule.
const CHANGING_FIELDS: [&str; 5] = [
    "MRV_COORDINATE_BOND_TYPE",
    "MRV_IMPLICIT_H",
    "ZBO",
    "ZCH",
    "HYD",
];

/// Refuses an entry of a substance group that changes the molecule, which is skipped
/// otherwise.
pub(super) fn refuse_changing_group(
    key: &str,
    value: &str,
    line: &Line<'_>,
    columns: Range<usize>,
) -> Result<(), MolfileError> {
    let value = value.trim_matches('"').trim();
    if key == "FIELDNAME" && CHANGING_FIELDS.contains(&value) {
        let what = format!("the data group {value}, which changes the molecule,");
        return Err(line.error(MolfileErrorKind::Unsupported { what }, columns));
    }
    if key == "QUERYTYPE" && matches!(value, "SQ" | "SMARTSQ") {
        let what = "a data group with SMARTS".to_owned();
        return Err(line.error(MolfileErrorKind::Query { what }, columns));
    }
    Ok(())
}

/// A group of enhanced stereo: `MDLV30/STERAC1 ATOMS=(2 4 5)`.
pub(super) fn stereo_group(
    row: &Row<'_>,
    numbering: &Numbering,
) -> Result<StereoGroup, MolfileError> {
    let malformed = |word| {
        let (expected, found) = (
            "MDLV30/STEABS, STEREL or STERAC with ATOMS=(count atoms)",
            excerpt(row.text(word)),
        );
        row.error(MolfileErrorKind::Unexpected { expected, found }, word)
    };
    let name = row.text(0).to_ascii_uppercase();
    let name = name.strip_prefix("MDLV30/STE").unwrap_or_default();
    let (kind, number) = match name.get(..3) {
        Some("ABS") => (StereoGroupKind::Absolute, &name[3..]),
        Some("REL") => (StereoGroupKind::Or, &name[3..]),
        Some("RAC") => (StereoGroupKind::And, &name[3..]),
        _ => return Err(malformed(0)),
    };
    let number = match number {
        "" => 0,
        number => number.parse().map_err(|_| malformed(0))?,
    };
    let (key, value) = row.assignment(1)?;
    if row.len() > 2 || key.eq_ignore_ascii_case("BONDS") {
        let what = "a stereo group of bonds".to_owned();
        return Err(row.error(MolfileErrorKind::Unsupported { what }, 1));
    }
    let list = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'));
    let list = list.filter(|_| key.eq_ignore_ascii_case("ATOMS"));
    let list = list.ok_or_else(|| malformed(1))?;
    // The words of the list in the columns where they stand.
    let start = row.columns(1).start + key.len() + 2;
    let text = &row.line.text[..start + list.len()];
    let mut inner = Rows::default();
    let inner = inner.split_from(
        Line {
            number: row.line.number,
            text,
        },
        start,
    );
    if inner.len() == 0 || inner.count(0, "the number of atoms")? != inner.len() - 1 {
        return Err(malformed(1));
    }
    let atoms = (1..inner.len()).map(|word| Ok(numbering.find(&inner, word)? as u32));
    Ok(StereoGroup {
        kind,
        number,
        atoms: atoms.collect::<Result<_, _>>()?,
    })
}
