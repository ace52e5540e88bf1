//! Which stereochemistry a molecule could have, and which of it is stated.

use super::centres::{self, Handedness};
use super::draft::DraftBond;
use super::effort::Effort;
use super::{Sanitize, Workspace, double_bonds, rings, stereo, valence};
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::Molecule;
use crate::workspace;

/// The stereocentres and stereo double bonds of a molecule.
///
/// ```
/// use dd_mol::{StereoSurvey, smiles};
/// let molecule = smiles::parse("C[C@H](N)C(O)C=CC")?;
/// let survey = StereoSurvey::of(&molecule)?;
/// assert_eq!(survey.labels[1], Some('S'));
/// assert_eq!((survey.open_centres, survey.open_bonds), (vec![3], vec![5]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StereoSurvey {
    /// `R` or `S` of each atom by the legacy approximation of the CIP rules on which
    /// perception rests; `None` where there is no label.
    pub labels: Vec<Option<char>>,
    /// Atoms that could be centres but state no chirality. Centres that only differ by
    /// the stereochemistry of a ring around them are not found.
    pub open_centres: Vec<usize>,
    /// Double bonds that could have two geometries but state none.
    pub open_bonds: Vec<usize>,
}

impl StereoSurvey {
    /// Looks at a molecule.
    ///
    /// # Errors
    /// A molecule that perception would refuse; none that it made.
    pub fn of(molecule: &Molecule) -> Result<Self, PerceptionError> {
        workspace::with(molecule.num_atoms(), |workspace| {
            let Workspace { draft, rings, .. } = &mut workspace.perception;
            let options = Sanitize::KEEP_HYDROGENS.unlimited();
            draft.load(&MoleculeBuilder::from(molecule), options.max_neighbors)?;
            valence::update(draft, false)?;
            let mut effort = Effort::new(options.max_ring_steps);
            rings::find(draft, rings, options.max_ring_system, &mut effort)?;
            let any_mark = draft.bonds.iter().any(DraftBond::states_geometry);
            let (labels, ranks) = stereo::settle(draft, any_mark);
            let letter = |label: Option<Handedness>| {
                label.map(|label| match label {
                    Handedness::R => 'R',
                    Handedness::S => 'S',
                })
            };
            Ok(Self {
                labels: labels.into_iter().map(letter).collect(),
                open_centres: centres::open(draft, &ranks),
                open_bonds: double_bonds::open(draft, &ranks),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    fn survey(smiles: &str) -> StereoSurvey {
        StereoSurvey::of(&parse(smiles).expect("valid SMILES")).expect("it was perceived before")
    }

    #[test]
    fn labels_follow_the_ranks() {
        assert_eq!(survey("N[C@@H](C)C(=O)O").labels[1], Some('S'));
        assert_eq!(survey("N[C@H](C)C(=O)O").labels[1], Some('R'));
        assert_eq!(survey("CCO").labels, [None; 3]);
    }

    #[test]
    fn open_stereochemistry_is_found() {
        assert_eq!(survey("CC(N)C(=O)O").open_centres, [1]);
        assert!(survey("C[C@H](N)C(=O)O").open_centres.is_empty());
        assert!(survey("CC(C)O").open_centres.is_empty());
        assert_eq!(survey("CC=CC").open_bonds, [1]);
        assert!(survey("C/C=C/C").open_bonds.is_empty());
        assert!(survey("CC=C(C)C").open_bonds.is_empty());
        assert!(survey("C1CCC=CC1").open_bonds.is_empty());
        assert!(survey("C=C=CC").open_bonds.is_empty());
        assert_eq!(survey("CC=NO").open_bonds, [1]);
    }
}
