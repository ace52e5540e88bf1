//! Molecules as text for people: a line that can be read back, and a listing.

use std::fmt;

use crate::element::Element;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Hybridization, Molecule, NonTetrahedral};
use crate::smiles::{WriteOptions, write_in_order};

/// A SMILES line: the SMILES as near to the atom order as the grammar allows, then the
/// name, if there is one. Linear in the size of the molecule; for a spelling that does
/// not depend on the atom order see [`smiles::write`](crate::smiles::write).
///
/// ```
/// let molecule = dd_mol::smiles::parse("OCC ethanol")?;
/// assert_eq!(molecule.to_string(), "OCC ethanol");
/// # Ok::<(), dd_mol::smiles::SmilesError>(())
/// ```
impl fmt::Display for Molecule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order: Vec<u32> = (0..self.num_atoms() as u32).collect();
        f.write_str(&write_in_order(self, &order, WriteOptions::ISOMERIC))?;
        let words: Vec<&str> = self.name().split_whitespace().collect();
        if words.is_empty() {
            return Ok(());
        }
        write!(f, " {}", words.join(" "))
    }
}

/// One line of counts; in the alternate form (`{:#?}`) one line more per atom and bond.
///
/// ```
/// let molecule = dd_mol::smiles::parse("C=[NH2+] iminium")?;
/// assert_eq!(format!("{molecule:?}"), "Molecule(CH4N+ \"iminium\", 2 atoms, 1 bonds)");
/// let listing = "Molecule(CH4N+ \"iminium\", 2 atoms, 1 bonds)
///   atom 0 C H2 sp2
///   atom 1 N+1 H2 sp2
///   bond 0 0-1 double";
/// assert_eq!(format!("{molecule:#?}"), listing);
/// # Ok::<(), dd_mol::smiles::SmilesError>(())
/// ```
impl fmt::Debug for Molecule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Molecule({}", self.formula())?;
        if !self.name().is_empty() {
            write!(f, " {:?}", self.name())?;
        }
        write!(
            f,
            ", {} atoms, {} bonds",
            self.num_atoms(),
            self.num_bonds()
        )?;
        let counts = [
            ("rings", self.rings().len()),
            ("conformers", self.conformers().len()),
            ("properties", self.properties().len()),
        ];
        for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        f.write_str(")")?;
        if !f.alternate() {
            return Ok(());
        }
        for index in 0..self.num_atoms() {
            write!(f, "\n  atom {index} ")?;
            self.list_atom(index, f)?;
        }
        for bond in self.bonds() {
            let data = bond.bond;
            write!(
                f,
                "\n  bond {} {}-{} {}",
                bond.index, bond.begin, bond.end, data.order
            )?;
            if data.stereo != BondStereo::None {
                write!(f, " {}", data.stereo)?;
            }
            if let Some([a, b]) = data.stereo_atoms {
                write!(f, "({a},{b})")?;
            }
            if data.is_conjugated {
                f.write_str(" conjugated")?;
            }
            if data.in_ring {
                f.write_str(" ring")?;
            }
        }
        Ok(())
    }
}

impl Molecule {
    fn list_atom(&self, index: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atom = self.atom(index);
        if atom.isotope > 0 {
            write!(f, "{}", atom.isotope)?;
        }
        f.write_str(Element::of(atom.atomic_number).symbol)?;
        if atom.formal_charge != 0 {
            write!(f, "{:+}", atom.formal_charge)?;
        }
        let hydrogens = u16::from(atom.explicit_hydrogens) + u16::from(atom.implicit_hydrogens);
        if hydrogens > 0 {
            write!(f, " H{hydrogens}")?;
        }
        write!(f, " {}", atom.hybridization)?;
        if atom.radical_electrons > 0 {
            write!(f, " radical({})", atom.radical_electrons)?;
        }
        if atom.is_aromatic {
            f.write_str(" aromatic")?;
        }
        if atom.in_ring {
            f.write_str(" ring")?;
        }
        if atom.chiral_tag != ChiralTag::Unspecified {
            write!(f, " {}", atom.chiral_tag)?;
        }
        if atom.atom_map > 0 {
            write!(f, " :{}", atom.atom_map)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hybridization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unhybridised",
            Self::S => "s",
            Self::Sp => "sp",
            Self::Sp2 => "sp2",
            Self::Sp3 => "sp3",
            Self::Sp2d => "sp2d",
            Self::Sp3d => "sp3d",
            Self::Sp3d2 => "sp3d2",
            Self::Other => "other",
        })
    }
}

impl fmt::Display for BondOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Double => "double",
            Self::Triple => "triple",
            Self::Quadruple => "quadruple",
            Self::Aromatic => "aromatic",
            Self::Dative => "dative",
            Self::Zero => "zero-order",
            Self::Unspecified => "unspecified",
        })
    }
}

impl fmt::Display for BondStereo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Any => "unknown",
            Self::Z => "Z",
            Self::E => "E",
            Self::Cis => "cis",
            Self::Trans => "trans",
        })
    }
}

/// As in SMILES: `@`, `@@`, `@TB7`.
impl fmt::Display for ChiralTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("none"),
            Self::TetrahedralCw => f.write_str("@@"),
            Self::TetrahedralCcw => f.write_str("@"),
            Self::Other => f.write_str("other"),
            Self::NonTetrahedral(class, number) => {
                let class = match class {
                    NonTetrahedral::Allenal => "AL",
                    NonTetrahedral::SquarePlanar => "SP",
                    NonTetrahedral::TrigonalBipyramidal => "TB",
                    NonTetrahedral::Octahedral => "OH",
                };
                write!(f, "@{class}{number}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::smiles::{parse, write};

    #[test]
    fn a_line_reads_back_as_the_same_molecule() {
        for line in [
            "C[C@H](N)C(=O)O  L-alanine  (natural)",
            "F/C=C/F",
            "[13CH3].[Na+]",
            "",
        ] {
            let molecule = parse(line).expect("valid SMILES");
            let again = parse(&molecule.to_string()).expect("what was written");
            assert_eq!(write(&again), write(&molecule), "{line}");
            let words = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(again.name(), words(molecule.name()));
        }
    }

    #[test]
    fn the_listing_has_a_line_per_atom_and_bond() {
        let molecule = parse("C[C@H]([2H])/C=C/c1cc[nH]c1").expect("valid SMILES");
        let listing = format!("{molecule:#?}");
        let lines = molecule.num_atoms() + molecule.num_bonds() + 1;
        assert_eq!(listing.lines().count(), lines, "{listing}");
        assert!(
            listing.contains("\n  bond 3 3-4 double E(1,5) conjugated"),
            "{listing}"
        );
        assert!(!format!("{molecule:?}").contains('\n'));
    }
}
