//! The data set in the program: small organic molecules with geometry, HOMO-LUMO gap and dipole moment.
//!
//! C, N, O, F, S and Cl, up to nine heavy atoms, geometries and labels by GFN2-xTB. `embedded/README.md` is its data card.

use std::io::{Cursor, Read};
use std::path::Path;

use crate::error::{DataError, Result};
use crate::file_dataset::{Columns, FileDataset};
use crate::source::decompress;
use crate::table::TableReader;

static SMALL_ORGANICS: &[u8] = include_bytes!("../embedded/small_organics.csv.gz");
const NAME: &str = "small_organics.csv.gz";

/// HOMO-LUMO gap in electronvolt.
pub const GAP_EV: &str = "gap_ev";
/// Magnitude of the dipole moment in debye.
pub const DIPOLE_DEBYE: &str = "dipole_debye";

/// The molecules with hydrogens and their geometry; `targets` among [`GAP_EV`] and [`DIPOLE_DEBYE`].
///
/// ```
/// use dd_data::{Dataset, embedded};
/// let molecules = embedded::small_organics(&[embedded::GAP_EV])?;
/// assert_eq!(molecules.len(), 1340);
/// assert!(molecules.get(0)?.molecule.conformers()[0].is_3d);
/// # Ok::<(), dd_data::DataError>(())
/// ```
///
/// # Errors
/// When a target is not a column.
pub fn small_organics(targets: &[&str]) -> Result<FileDataset> {
    FileDataset::read_xyz_table(table()?, Path::new(NAME), &columns(targets))
}

/// The same molecules from their SMILES: no geometry, no hydrogens; atom for atom the heavy atoms of [`small_organics`].
///
/// # Errors
/// As [`small_organics`].
pub fn small_organics_smiles(targets: &[&str]) -> Result<FileDataset> {
    FileDataset::read_smiles_table(table()?, Path::new(NAME), "smiles", &columns(targets))
}

/// The table as text: the layout of `docs/DATA.md`.
///
/// # Errors
/// Never, for the table that ships with the crate.
pub fn small_organics_csv() -> Result<String> {
    let mut text = String::new();
    decompress(Cursor::new(SMALL_ORGANICS))
        .read_to_string(&mut text)
        .map_err(|error| DataError::file(Path::new(NAME), error))?;
    Ok(text)
}

fn table() -> Result<TableReader> {
    TableReader::new(
        decompress(Cursor::new(SMALL_ORGANICS)),
        Path::new(NAME),
        b',',
    )
}

fn columns(targets: &[&str]) -> Columns {
    Columns {
        id: Some("id".into()),
        targets: targets.iter().map(ToString::to_string).collect(),
    }
}
