//! A molecule from a SMILES, its positions from a geometry.

use dd_graph::{GraphError, without_hydrogens};
use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::SdfReader;
use dd_mol::{
    AtomSpec, BondOrder, BondSpec, Conformer, Molecule, MoleculeBuilder, Sanitize, smiles,
};

use super::matching::{Agreement, matched};
use crate::error::RowFault;

/// The molecule of a SMILES with the conformer of an SD record.
///
/// Atoms stand in the order of the SMILES. When the record has hydrogens, those that are not atoms of the SMILES follow, in
/// the order of their neighbours: a hydrogen gets the position of one of the hydrogens at the same heavy atom. At a
/// stereocentre there is only one such; elsewhere they are interchangeable.
///
/// # Errors
/// `smiles:KIND` of the parser; the kinds of the SD reader; `different-atoms` and `different-bonds` when the two are not one
/// molecule; `hydrogens` when their numbers differ; `no-coordinates`.
pub(super) fn grafted(text: &str, record: &str) -> Result<(Molecule, Agreement), RowFault> {
    let molecule = smiles::parse(text)?;
    let geometry = read(record)?;
    let merged = without_hydrogens(&geometry).map_err(|error| match error {
        GraphError::Perception(error) => RowFault::from(error),
        other => RowFault::from(other),
    })?;
    let (merged, numbers) = match &merged {
        Some((merged, numbers)) => (merged, Some(numbers)),
        None => (&geometry, None),
    };
    let (agreement, map) =
        matched(&molecule, merged)?.ok_or_else(|| difference(&molecule, merged))?;
    let atoms: Vec<Option<usize>> = map
        .into_iter()
        .map(|atom| {
            atom.map(|atom| numbers.map_or(atom, |numbers| numbers[atom as usize]) as usize)
        })
        .collect();
    Ok((with_positions(&molecule, &geometry, &atoms)?, agreement))
}

fn read(record: &str) -> Result<Molecule, RowFault> {
    let mut reader = SdfReader::new(record.as_bytes(), MolfileOptions::KEEP_HYDROGENS);
    match reader.next() {
        Some(Ok(molecule)) if molecule.num_atoms() == 0 => {
            Err(RowFault::new("empty", "the record has no atoms"))
        }
        Some(Ok(molecule)) if molecule.conformers().is_empty() => Err(RowFault::new(
            "no-coordinates",
            "the record has no coordinates",
        )),
        Some(Ok(molecule)) => Ok(molecule),
        Some(Err(error)) => Err(RowFault::new(error.kind.name(), error.kind.to_string())),
        None => Err(RowFault::new("empty", "the record is empty")),
    }
}

/// Why two molecules are not one.
fn difference(molecule: &Molecule, geometry: &Molecule) -> RowFault {
    let heavy = |molecule: &Molecule| {
        let mut numbers: Vec<u8> = molecule.atoms().map(|atom| atom.atomic_number).collect();
        numbers.retain(|&number| number != 1);
        numbers.sort_unstable();
        numbers
    };
    let formulas = format!("{} and {}", molecule.formula(), geometry.formula());
    if heavy(molecule) == heavy(geometry) {
        RowFault::new(
            "different-bonds",
            format!("the SMILES and the geometry join their atoms differently ({formulas})"),
        )
    } else {
        RowFault::new(
            "different-atoms",
            format!("the SMILES and the geometry have different atoms ({formulas})"),
        )
    }
}

/// `atoms` names the geometry's atom of each atom of the SMILES; those left out are hydrogens.
fn with_positions(
    molecule: &Molecule,
    geometry: &Molecule,
    atoms: &[Option<usize>],
) -> Result<Molecule, RowFault> {
    let source = &geometry.conformers()[0].positions;
    let is_hydrogen = |molecule: &Molecule, atom: usize| molecule.atom(atom).atomic_number == 1;
    let has_hydrogens = (0..geometry.num_atoms()).any(|atom| is_hydrogen(geometry, atom));
    // Heavy atoms, hydrides and the like have a partner; a hydrogen with a heavy neighbour gets one of that atom's.
    let attached = |molecule: &Molecule, atom: usize| -> Vec<usize> {
        let others = molecule.bonds_of(atom).map(|bond| bond.other(atom));
        others
            .filter(|&other| is_hydrogen(molecule, other) && molecule.degree(other) == 1)
            .collect()
    };
    let mut positions: Vec<Option<[f64; 3]>> = atoms
        .iter()
        .map(|atom| atom.map(|atom| source[atom]))
        .collect();
    let mut builder = MoleculeBuilder::from(molecule);
    for (heavy, partner) in atoms.iter().enumerate() {
        let Some(partner) = *partner else {
            continue;
        };
        if is_hydrogen(molecule, heavy) {
            continue;
        }
        let own = attached(molecule, heavy);
        let unwritten = molecule.total_hydrogens(heavy).saturating_sub(own.len());
        let theirs = attached(geometry, partner);
        let fewer = geometry.total_hydrogens(partner) != molecule.total_hydrogens(heavy);
        let unplaced = theirs.len() != geometry.total_hydrogens(partner);
        if fewer || (unplaced && has_hydrogens) || (!has_hydrogens && !own.is_empty()) {
            return Err(RowFault::new(
                "hydrogens",
                format!(
                    "atom {heavy} has {} hydrogens in the SMILES, {} in the geometry, {} of them with a position",
                    molecule.total_hydrogens(heavy),
                    geometry.total_hydrogens(partner),
                    theirs.len()
                ),
            ));
        }
        let mut places = theirs.into_iter();
        for hydrogen in own {
            positions[hydrogen] = places.next().map(|atom| source[atom]);
        }
        if !has_hydrogens {
            continue;
        }
        let spec = &mut builder.atoms_mut()[heavy];
        spec.explicit_hydrogens = 0;
        spec.no_implicit = true;
        for place in places.take(unwritten) {
            let hydrogen = builder.add_atom(AtomSpec {
                no_implicit: true,
                ..AtomSpec::new(1)
            });
            builder.add_bond(BondSpec::new(heavy, hydrogen, BondOrder::Single));
            positions.push(Some(source[place]));
        }
    }
    let positions = positions.into_iter().collect::<Option<Vec<_>>>();
    let positions = positions
        .ok_or_else(|| RowFault::new("hydrogens", "a hydrogen of the SMILES has no position"))?;
    // What an archive of geometries holds is a geometry, also when it lies in the plane z = 0.
    builder.add_conformer(Conformer {
        positions,
        is_3d: true,
    });
    Ok(builder.finish(&Sanitize::KEEP_HYDROGENS)?)
}
