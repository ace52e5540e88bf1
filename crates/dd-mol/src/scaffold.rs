//! Bemis-Murcko scaffolds: the rings of a molecule and what links them.
//!
//! Bemis & Murcko, doi:10.1021/jm9602928, with RDKit's reading of it
//! (`MurckoDecompose`): side chains go, atoms double-bonded to rings or linkers stay, and
//! an aromatic heteroatom that loses its substituent gets a hydrogen.

use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag};
use crate::perceive;
use crate::smiles::{WriteOptions, write_with};

/// The scaffold of a molecule, without atoms when the molecule has no rings.
///
/// Aromaticity is that of the molecule; hydrogens, rings and stereochemistry are found
/// anew.
///
/// # Errors
/// A valence that the model refuses, where RDKit raises too.
///
/// ```
/// use dd_mol::{murcko_scaffold, smiles};
/// let toluene = smiles::parse("Cc1ccccc1")?;
/// let scaffold = murcko_scaffold(&toluene)?;
/// assert_eq!(scaffold.num_atoms(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn murcko_scaffold(molecule: &Molecule) -> Result<Molecule, PerceptionError> {
    let adjacency = Adjacency::of(molecule);
    let core = rings_and_linkers(molecule, &adjacency);
    let orders: Vec<BondOrder> = molecule.bonds().map(|bond| bond.bond.order).collect();
    let mut kept = core.clone();
    let mut builder = MoleculeBuilder::from(molecule);
    for atom in (0..core.len()).filter(|&atom| !core[atom]) {
        let steps = adjacency.neighbors(atom).iter();
        for step in steps.filter(|step| core[step.atom]) {
            if orders[step.bond] == BondOrder::Double {
                kept[atom] = true;
                break;
            }
            let anchor = &mut builder.atoms_mut()[step.atom];
            let carbocation = anchor.atomic_number == 6 && anchor.formal_charge == 1;
            if anchor.is_aromatic && (anchor.atomic_number != 6 || carbocation) {
                anchor.explicit_hydrogens = 1;
            } else if anchor.no_implicit || anchor.chiral_tag != ChiralTag::Unspecified {
                anchor.no_implicit = false;
                anchor.explicit_hydrogens = 0;
                anchor.chiral_tag = ChiralTag::Unspecified;
            }
        }
    }
    perceive::reassess(builder.retain_atoms(&kept))
}

/// The canonical SMILES of the scaffold, empty when there are no rings: equal for two
/// molecules exactly when they share a scaffold. Without `chirality` it states neither
/// stereochemistry nor isotopes, as in the usual scaffold split.
///
/// # Errors
/// As [`murcko_scaffold`].
pub fn murcko_scaffold_smiles(
    molecule: &Molecule,
    chirality: bool,
) -> Result<String, PerceptionError> {
    let scaffold = murcko_scaffold(molecule)?;
    let options = if chirality {
        WriteOptions::ISOMERIC
    } else {
        WriteOptions::CONNECTIVITY
    };
    Ok(write_with(&scaffold, options))
}

/// Ring atoms and the atoms on paths between rings: what is left when chain ends are
/// taken off until none remains.
fn rings_and_linkers(molecule: &Molecule, adjacency: &Adjacency) -> Vec<bool> {
    let n = molecule.num_atoms();
    let mut keep = vec![true; n];
    let mut degree: Vec<usize> = (0..n).map(|atom| adjacency.degree(atom)).collect();
    let is_end = |atom: usize, degree: usize| degree < 2 && !molecule.atom(atom).in_ring;
    let mut ends: Vec<usize> = (0..n).filter(|&atom| is_end(atom, degree[atom])).collect();
    while let Some(atom) = ends.pop() {
        if !std::mem::replace(&mut keep[atom], false) {
            continue;
        }
        for step in adjacency.neighbors(atom) {
            let other = step.atom;
            degree[other] -= 1;
            if keep[other] && is_end(other, degree[other]) {
                ends.push(other);
            }
        }
    }
    keep
}

impl MoleculeBuilder {
    /// The atoms with `keep`, the bonds between them and their positions. Geometry of a
    /// double bond that lost a neighbour is what the remaining slashes say, as in RDKit.
    fn retain_atoms(self, keep: &[bool]) -> Self {
        let mut new_index = vec![None; keep.len()];
        let mut next = 0;
        for (atom, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            new_index[atom] = Some(next);
            next += 1;
        }
        let mut trimmed = vec![false; keep.len()];
        for bond in self
            .bonds
            .iter()
            .filter(|bond| keep[bond.begin] != keep[bond.end])
        {
            trimmed[if keep[bond.begin] {
                bond.begin
            } else {
                bond.end
            }] = true;
        }
        let mut kept = Self::with_capacity(next, self.bonds.len());
        let atoms = self.atoms.iter().zip(keep).filter(|(_, keep)| **keep);
        kept.atoms.extend(atoms.map(|(atom, _)| *atom));
        for mut bond in self.bonds {
            let (Some(begin), Some(end)) = (new_index[bond.begin], new_index[bond.end]) else {
                continue;
            };
            let whole = !trimmed[bond.begin] && !trimmed[bond.end];
            (bond.begin, bond.end) = (begin, end);
            let moved = bond
                .stereo_atoms
                .map(|atoms| atoms.map(|a| new_index[a as usize]));
            match moved {
                Some([Some(a), Some(b)]) if whole => bond.stereo_atoms = Some([a as u32, b as u32]),
                Some(_) => (bond.stereo, bond.stereo_atoms) = (BondStereo::None, None),
                None => {}
            }
            kept.add_bond(bond);
        }
        for mut conformer in self.conformers {
            let mut keep = keep.iter();
            conformer
                .positions
                .retain(|_| keep.next().copied().unwrap_or(false));
            kept.add_conformer(conformer);
        }
        kept.name = self.name;
        kept.properties = self.properties;
        kept
    }
}
