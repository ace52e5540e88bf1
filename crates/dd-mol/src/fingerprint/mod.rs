//! Morgan fingerprints: which circular environments a molecule has, as bits.
//!
//! D. Rogers, M. Hahn, *Extended-Connectivity Fingerprints*, doi:10.1021/ci100050t. Equal
//! bit for bit to RDKit's `rdFingerprintGenerator.GetMorganGenerator` with its default
//! options: bond types and ring membership count, chirality does not, and of environments
//! with the same bonds one is kept.

mod bits;
mod environments;
mod invariants;

pub use bits::BitFingerprint;

use crate::Molecule;
use environments::environments;

/// Size of the environments, and of the fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MorganConfig {
    /// Bonds between the centre of an environment and its outermost atoms, at most.
    pub radius: u32,
    /// Length of the fingerprint in bits, at least 1.
    pub bits: usize,
}

impl MorganConfig {
    /// Radius 2 (diameter 4) in 2,048 bits, the usual choice.
    pub const ECFP4: Self = Self {
        radius: 2,
        bits: 2048,
    };
}

impl Default for MorganConfig {
    fn default() -> Self {
        Self::ECFP4
    }
}

/// The fingerprint: the bits of all environments of the molecule.
///
/// Takes memory of atoms times bonds, in bits, and no stereochemistry: enantiomers are
/// equal, and so are all spellings of a molecule.
///
/// # Panics
/// When `config.bits` is 0.
///
/// ```
/// use dd_mol::fingerprint::{MorganConfig, morgan};
/// use dd_mol::smiles;
/// let [phenol, thiophenol] = ["Oc1ccccc1", "c1ccccc1S"].map(|s| smiles::parse(s).unwrap());
/// let a = morgan(&phenol, &MorganConfig::ECFP4);
/// let b = morgan(&thiophenol, &MorganConfig::ECFP4);
/// assert_eq!(a.count_ones(), 11);
/// assert_eq!(a.tanimoto(&b), 0.375);
/// ```
pub fn morgan(molecule: &Molecule, config: &MorganConfig) -> BitFingerprint {
    let mut fingerprint = BitFingerprint::new(config.bits);
    for identifier in environments(molecule, config.radius) {
        fingerprint.set(identifier as usize % config.bits);
    }
    fingerprint
}

/// How often each bit of [`morgan`] is set, `config.bits` numbers: RDKit's
/// `GetCountFingerprint`.
///
/// # Panics
/// When `config.bits` is 0.
pub fn morgan_counts(molecule: &Molecule, config: &MorganConfig) -> Vec<u32> {
    assert!(config.bits > 0, "a fingerprint has at least one bit");
    let mut counts = vec![0; config.bits];
    for identifier in environments(molecule, config.radius) {
        counts[identifier as usize % config.bits] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles;

    fn fingerprint(text: &str, radius: u32) -> BitFingerprint {
        let molecule = smiles::parse(text).expect("valid");
        morgan(&molecule, &MorganConfig { radius, bits: 2048 })
    }

    #[test]
    fn radius_zero_counts_kinds_of_atoms() {
        assert_eq!(fingerprint("CCCCO", 0).count_ones(), 3);
        let molecule = smiles::parse("CCCCO").expect("valid");
        let config = MorganConfig {
            radius: 0,
            bits: 2048,
        };
        let mut counts = morgan_counts(&molecule, &config);
        counts.retain(|count| *count > 0);
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 3]);
    }

    #[test]
    fn isotopes_charges_and_rings_matter_and_chirality_does_not() {
        for (a, b) in [
            ("CC", "C[14CH3]"),
            ("CN", "C[NH3+]"),
            ("CCC", "C1CC1"),
            ("C=C", "CC"),
        ] {
            assert_ne!(fingerprint(a, 2), fingerprint(b, 2), "{a} {b}");
        }
        assert_eq!(
            fingerprint("C[C@H](N)C(=O)O", 2),
            fingerprint("C[C@@H](N)C(=O)O", 2)
        );
    }

    #[test]
    fn a_molecule_without_atoms_has_no_bits() {
        assert_eq!(fingerprint("", 2).count_ones(), 0);
        assert_eq!(fingerprint("[Na+].[Cl-]", 2).count_ones(), 2);
    }
}
