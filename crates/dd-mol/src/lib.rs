//! Text to molecules and back: SMILES, SDF/MOL and XYZ, with RDKit's perception rules.
//!
//! A [`Molecule`] is an immutable graph of atoms and bonds about which everything is known
//! that RDKit's default sanitisation finds out: hydrogens, rings, aromaticity, conjugation,
//! hybridisation, radicals, stereochemistry. The rules are RDKit's (release 2026.09), so
//! that features computed from a molecule equal those that models were trained on; see
//! `perceive` in the source for each rule and where it comes from.
//!
//! ```
//! use dd_mol::{Hybridization, smiles};
//!
//! let caffeine = smiles::parse("CN1C=NC2=C1C(=O)N(C(=O)N2C)C").unwrap();
//! assert_eq!(caffeine.formula(), "C8H10N4O2");
//! assert_eq!(caffeine.ring_sizes(), [5, 6]);
//! assert_eq!(caffeine.atoms().filter(|atom| atom.is_aromatic).count(), 9);
//! assert_eq!(caffeine.atom(0).hybridization, Hybridization::Sp3);
//!
//! let fault = smiles::parse("c1ccccc1C(C)(C)(C)C").unwrap_err();
//! assert_eq!(fault.kind.name(), "valence");
//! assert_eq!(fault.span, 8..9);
//! ```
//!
//! Use it to read molecules for learning, on untrusted input too: nothing recurses on the
//! input, limits are stated in [`Sanitize`], and every fault is an error that points at the
//! text. It has no tensors and opens no files, and builds in a minute. It is not a toolkit
//! for editing, substructure search or conformer generation; make molecules with
//! [`MoleculeBuilder`].

mod adjacency;
mod builder;
mod canon;
pub mod depict;
mod element;
mod error;
pub mod fingerprint;
mod isotope;
mod molecule;
pub mod molfile;
mod nontetrahedral;
mod outline;
mod parity;
mod perceive;
mod properties;
mod record;
mod rows;
mod scaffold;
pub mod sdf;
mod show;
pub mod smiles;
mod stream;
mod vector;
mod workspace;
pub mod xyz;

pub use builder::{AtomSpec, BondDirection, BondSpec, MoleculeBuilder};
pub use canon::{canonical_ranks, canonical_ranks_with};
pub use element::{Element, MAX_ATOMIC_NUMBER};
pub use error::{Caret, PerceptionError};
pub use molecule::{
    Atom, Bond, BondOrder, BondRef, BondStereo, ChiralTag, Conformer, Hybridization, Molecule,
    NonTetrahedral, StereoGroup, StereoGroupKind,
};
pub use perceive::{Sanitize, StereoSurvey, kekule_orders};
pub use petgraph;
pub use scaffold::{murcko_scaffold, murcko_scaffold_smiles};
