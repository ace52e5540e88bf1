//! Formula, masses and fragments of a molecule.

use crate::element::{Element, MAX_ATOMIC_NUMBER};
use crate::isotope::isotope_mass;
use crate::molecule::{Atom, Molecule};

/// Mass of the electron in Da, as RDKit has it (CODATA value, NIST).
const ELECTRON_MASS: f64 = 0.000_548_579_91;

// Sums run in RDKit's order, so that masses agree to the last bit.
impl Molecule {
    /// Molecular formula as RDKit writes it: carbon, hydrogen, then by symbol (Hill's
    /// order, hydrogen first also without carbon), with the net charge at the end:
    /// `C2H3O2-`, `Ca+2`.
    pub fn formula(&self) -> String {
        let mut counts = [0_usize; MAX_ATOMIC_NUMBER as usize + 1];
        let mut charge = 0_i64;
        for atom in self.atoms() {
            counts[usize::from(atom.atomic_number.min(MAX_ATOMIC_NUMBER))] += 1;
            counts[1] += hydrogens(atom);
            charge += i64::from(atom.formal_charge);
        }
        let mut present: Vec<(u8, &str, usize)> = (0..=MAX_ATOMIC_NUMBER)
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|(number, count)| (number, Element::of(number).symbol, count))
            .collect();
        present.sort_by_key(|(number, symbol, _)| {
            let class = match number {
                6 => 0,
                1 => 1,
                _ => 2,
            };
            (class, *symbol)
        });
        let mut formula = String::new();
        for (_, symbol, count) in present {
            formula.push_str(symbol);
            if count > 1 {
                formula.push_str(&count.to_string());
            }
        }
        if charge != 0 {
            formula.push(if charge > 0 { '+' } else { '-' });
            if charge.abs() > 1 {
                formula.push_str(&charge.abs().to_string());
            }
        }
        formula
    }

    /// Mass of the most common isotopologue in Da, stated isotopes kept and the mass of
    /// lost or added electrons counted.
    pub fn exact_mass(&self) -> f64 {
        let mut mass = 0.0;
        let mut count = 0;
        for atom in self.atoms() {
            mass += atom_mass(atom, |element| element.common_mass);
            mass -= f64::from(atom.formal_charge) * ELECTRON_MASS;
            count += hydrogens(atom);
        }
        mass + count as f64 * Element::of(1).common_mass
    }

    /// Average molecular weight in Da, stated isotopes kept.
    pub fn molecular_weight(&self) -> f64 {
        let mut mass = 0.0;
        for atom in self.atoms() {
            mass += atom_mass(atom, |element| element.weight);
            mass += hydrogens(atom) as f64 * Element::of(1).weight;
        }
        mass
    }

    /// Number of connected components.
    pub fn num_fragments(&self) -> usize {
        self.fragments().1
    }

    /// The component of each atom, numbered by first atom, and how many there are.
    pub fn fragments(&self) -> (Vec<u32>, usize) {
        let mut component = vec![u32::MAX; self.num_atoms()];
        let mut count = 0;
        let mut stack = Vec::new();
        for start in 0..self.num_atoms() {
            if component[start] != u32::MAX {
                continue;
            }
            component[start] = count;
            stack.push(start);
            while let Some(atom) = stack.pop() {
                for bond in self.bonds_of(atom) {
                    let other = bond.other(atom);
                    if component[other] == u32::MAX {
                        component[other] = count;
                        stack.push(other);
                    }
                }
            }
            count += 1;
        }
        (component, count as usize)
    }

    /// Sizes of all rings, ascending.
    pub fn ring_sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.rings().map(<[u32]>::len).collect();
        sizes.sort_unstable();
        sizes
    }
}

impl Atom {
    /// Mass in Da: the natural one of the element, or that of the stated isotope. RDKit's `GetMass`.
    ///
    /// ```
    /// let molecule = dd_mol::smiles::parse("[13CH4].Cl")?;
    /// let masses: Vec<f64> = molecule.atoms().map(dd_mol::Atom::mass).collect();
    /// assert_eq!(masses, [13.00335484, 35.453]);
    /// # Ok::<(), dd_mol::smiles::SmilesError>(())
    /// ```
    pub fn mass(&self) -> f64 {
        atom_mass(self, |element| element.weight)
    }
}

/// The mass of an atom: its isotope's, or the natural one. A dummy weighs nothing, an
/// unlisted isotope its mass number.
pub(crate) fn atom_mass(atom: &Atom, natural: impl Fn(&Element) -> f64) -> f64 {
    match (atom.atomic_number, atom.isotope) {
        (number, 0) => natural(Element::of(number)),
        (0, _) => 0.0,
        (number, isotope) => isotope_mass(number, isotope).unwrap_or_else(|| f64::from(isotope)),
    }
}

fn hydrogens(atom: &Atom) -> usize {
    usize::from(atom.explicit_hydrogens) + usize::from(atom.implicit_hydrogens)
}

#[cfg(test)]
mod tests {
    use crate::smiles::parse;

    #[test]
    fn aspirin() {
        let aspirin = parse("CC(=O)Oc1ccccc1C(=O)O").expect("valid");
        assert_eq!(aspirin.formula(), "C9H8O4");
        assert!((aspirin.exact_mass() - 180.042_258_736).abs() < 1e-8);
        assert!((aspirin.molecular_weight() - 180.159).abs() < 1e-9);
        assert_eq!(aspirin.ring_sizes(), [6]);
    }

    #[test]
    fn salts_and_isotopes() {
        let salt = parse("[Na+].[Cl-]").expect("valid");
        assert_eq!(salt.formula(), "ClNa");
        assert_eq!(salt.num_fragments(), 2);
        assert_eq!(parse("CC(=O)[O-]").expect("valid").formula(), "C2H3O2-");
        assert_eq!(parse("[Ca+2]").expect("valid").formula(), "Ca+2");
        let heavy = parse("[2H]O[2H]").expect("valid");
        assert!((heavy.exact_mass() - 20.023_118_175).abs() < 1e-6);
    }
}
