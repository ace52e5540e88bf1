//! Molecules to SMILES.
//!
//! [`write`] gives one string per molecule, whatever the order of its atoms. The
//! strings are not RDKit's; RDKit and [`parse`](super::parse) read them back as the
//! same molecule.
//!
//! # Differences from the original
//! The arrangement around a non-tetrahedral centre (`@SP`, `@TB`, `@OH`) is written for
//! the order of the text but does not take part in the ranking: a complex with equal
//! ligands can have more than one canonical SMILES. Where the same happens to a metal
//! complex with charges that RDKit's clean-up turns into dative bonds, the cause is the
//! reading: which bond becomes dative depends on the order of the atoms.

use std::fmt::Write as _;

use super::plan::{Plan, RingEnd};
use super::slashes::slashes;
use crate::Molecule;
use crate::adjacency::{Adjacency, is_odd_permutation};
use crate::canon::{RankBy, ranks_by};
use crate::element::Element;
use crate::molecule::{BondOrder, ChiralTag, NonTetrahedral};
use crate::nontetrahedral::reordered;

/// What a SMILES tells of a molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Chirality, double-bond geometry and isotopes.
    pub isomeric: bool,
    /// Atom classes (`:n`).
    pub atom_maps: bool,
}

impl WriteOptions {
    /// Everything: RDKit's `MolToSmiles` defaults.
    pub const ISOMERIC: Self = Self {
        isomeric: true,
        atom_maps: true,
    };

    /// Without chirality, double-bond geometry and isotopes: `isomericSmiles=False`.
    pub const CONNECTIVITY: Self = Self {
        isomeric: false,
        atom_maps: true,
    };
}

/// The canonical SMILES of a molecule, with everything that it states.
///
/// ```
/// let molecule = dd_mol::smiles::parse("OCC")?;
/// assert_eq!(dd_mol::smiles::write(&molecule), "CCO");
/// # Ok::<(), dd_mol::smiles::SmilesError>(())
/// ```
pub fn write(molecule: &Molecule) -> String {
    write_with(molecule, WriteOptions::ISOMERIC)
}

/// The canonical SMILES of what `options` ask for.
pub fn write_with(molecule: &Molecule, options: WriteOptions) -> String {
    let by = RankBy {
        isomeric: options.isomeric,
        atom_maps: options.atom_maps,
    };
    write_in_order(molecule, &ranks_by(molecule, by), options)
}

/// A SMILES that prefers atoms of low rank; with `ranks` of `0, 1, 2, …` it follows
/// the input order.
///
/// # Panics
/// When `ranks` has fewer entries than the molecule has atoms.
pub fn write_in_order(molecule: &Molecule, ranks: &[u32], options: WriteOptions) -> String {
    let adjacency = Adjacency::of(molecule);
    let plan = Plan::new(molecule, &adjacency, ranks);
    let marks = if options.isomeric {
        slashes(molecule, &adjacency, &plan)
    } else {
        vec![None; molecule.num_bonds()]
    };
    let mut writer = Writer {
        molecule,
        adjacency: &adjacency,
        plan: &plan,
        bonds: molecule
            .bonds()
            .map(|bond| (bond.begin, bond.bond.order))
            .collect(),
        marks,
        options,
        digits: Vec::new(),
        text: String::new(),
    };
    writer.run();
    writer.text
}

enum Token {
    Atom(usize),
    Open,
    Close,
}

struct Writer<'a> {
    molecule: &'a Molecule,
    adjacency: &'a Adjacency,
    plan: &'a Plan,
    /// Begin atom and order of each bond.
    bonds: Vec<(usize, BondOrder)>,
    marks: Vec<Option<bool>>,
    options: WriteOptions,
    /// The ring bond that holds each digit (index 0 is digit 1).
    digits: Vec<Option<usize>>,
    text: String,
}

impl Writer<'_> {
    fn run(&mut self) {
        for (index, &root) in self.plan.roots.iter().enumerate() {
            if index > 0 {
                self.text.push('.');
            }
            let mut stack = vec![Token::Atom(root)];
            while let Some(token) = stack.pop() {
                match token {
                    Token::Open => self.text.push('('),
                    Token::Close => self.text.push(')'),
                    Token::Atom(atom) => {
                        if let Some(parent) = self.plan.parent[atom] {
                            self.bond(parent.bond, parent.atom, atom);
                        }
                        self.atom(atom);
                        self.ring_digits(atom);
                        let Some((last, branches)) = self.plan.children[atom].split_last() else {
                            continue;
                        };
                        stack.push(Token::Atom(last.atom));
                        for branch in branches.iter().rev() {
                            stack.extend([Token::Close, Token::Atom(branch.atom), Token::Open]);
                        }
                    }
                }
            }
        }
    }

    fn bond(&mut self, bond: usize, from: usize, to: usize) {
        let (begin, order) = self.bonds[bond];
        let aromatic = |atom: usize| self.molecule.atom(atom).is_aromatic;
        let both_aromatic = aromatic(from) && aromatic(to);
        let symbol = match (order, self.marks[bond]) {
            (BondOrder::Single | BondOrder::Aromatic, Some(true)) => "/",
            (BondOrder::Single | BondOrder::Aromatic, Some(false)) => "\\",
            (BondOrder::Single, None) if both_aromatic => "-",
            (BondOrder::Aromatic, None) if !both_aromatic => ":",
            (BondOrder::Single | BondOrder::Aromatic, None) => "",
            (BondOrder::Double, _) => "=",
            (BondOrder::Triple, _) => "#",
            (BondOrder::Quadruple, _) => "$",
            (BondOrder::Dative, _) if begin == from => "->",
            (BondOrder::Dative, _) => "<-",
            (BondOrder::Zero | BondOrder::Unspecified, _) => "~",
        };
        self.text.push_str(symbol);
    }

    fn ring_digits(&mut self, atom: usize) {
        let plan = self.plan;
        let mut freed = Vec::new();
        for &RingEnd {
            partner,
            bond,
            opens,
        } in &plan.rings[atom]
        {
            let slot = if opens {
                self.bond(bond, atom, partner);
                let free = self.digits.iter().position(Option::is_none);
                free.unwrap_or_else(|| {
                    self.digits.push(None);
                    self.digits.len() - 1
                })
            } else {
                let open = self.digits.iter().position(|&held| held == Some(bond));
                open.expect("a ring bond opens before it closes")
            };
            self.digits[slot] = Some(bond);
            if !opens {
                freed.push(slot);
            }
            let written = match slot + 1 {
                digit @ 1..=9 => write!(self.text, "{digit}"),
                digit @ 10..=99 => write!(self.text, "%{digit}"),
                digit => write!(self.text, "%({digit})"),
            };
            written.expect("writing to a string cannot fail");
        }
        for slot in freed {
            self.digits[slot] = None;
        }
    }

    fn atom(&mut self, index: usize) {
        let atom = self.molecule.atom(index);
        let hydrogens = atom
            .explicit_hydrogens
            .saturating_add(atom.implicit_hydrogens);
        let isotope = if self.options.isomeric {
            atom.isotope
        } else {
            0
        };
        let map = if self.options.atom_maps {
            atom.atom_map
        } else {
            0
        };
        let chirality = self.chirality(index, hydrogens);
        let plain = isotope == 0
            && map == 0
            && chirality.is_empty()
            && atom.formal_charge == 0
            && atom.radical_electrons == 0
            && self.implied_hydrogens(index) == Some(hydrogens);
        let name = Element::of(atom.atomic_number).symbol;
        let name = if atom.is_aromatic {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        if plain {
            self.text.push_str(&name);
            return;
        }
        self.text.push('[');
        if isotope > 0 {
            let _ = write!(self.text, "{isotope}");
        }
        self.text.push_str(&name);
        self.text.push_str(&chirality);
        match hydrogens {
            0 => {}
            1 => self.text.push('H'),
            count => {
                let _ = write!(self.text, "H{count}");
            }
        }
        let sign = if atom.formal_charge < 0 { '-' } else { '+' };
        match atom.formal_charge.unsigned_abs() {
            0 => {}
            1 => self.text.push(sign),
            size => {
                let _ = write!(self.text, "{sign}{size}");
            }
        }
        if map > 0 {
            let _ = write!(self.text, ":{map}");
        }
        self.text.push(']');
    }

    /// `@` or `@@` for the order in which the neighbours are written.
    fn chirality(&self, index: usize, hydrogens: u8) -> String {
        let tag = self.molecule.atom(index).chiral_tag;
        if !self.options.isomeric {
            return String::new();
        }
        let neighbors = self.adjacency.neighbors(index);
        let written = self.plan.written_neighbors(index, hydrogens > 0);
        // Place of each written neighbour in bond order; a hydrogen counts as last.
        let places: Vec<usize> = written
            .iter()
            .map(|atom| {
                let place = |a: usize| neighbors.iter().position(|n| n.atom == a);
                atom.and_then(place).unwrap_or(neighbors.len())
            })
            .collect();
        match tag {
            ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw => {
                let mut clockwise = (tag == ChiralTag::TetrahedralCw) ^ is_odd_permutation(&places);
                clockwise ^= hydrogens == 0 && self.reads_inverted(index);
                if clockwise { "@@" } else { "@" }.to_owned()
            }
            ChiralTag::NonTetrahedral(class, permutation) => {
                let name = match class {
                    NonTetrahedral::SquarePlanar => "SP",
                    NonTetrahedral::TrigonalBipyramidal => "TB",
                    NonTetrahedral::Octahedral => "OH",
                    NonTetrahedral::Allenal => "AL",
                };
                let number = reordered(class, permutation, &places).unwrap_or(permutation);
                format!("@{name}{number}")
            }
            _ => String::new(),
        }
    }

    /// RDKit reads the tag of a saturated centre with a lone pair the other way round
    /// when exactly one of its three bonds is a ring digit; so it has to be written.
    fn reads_inverted(&self, index: usize) -> bool {
        let neighbors = self.adjacency.neighbors(index);
        let plain = |bond: usize| {
            matches!(
                self.bonds[bond].1,
                BondOrder::Single | BondOrder::Dative | BondOrder::Zero | BondOrder::Unspecified
            )
        };
        neighbors.len() == 3
            && self.plan.rings[index].len() == 1
            && neighbors.iter().all(|step| plain(step.bond))
    }

    /// Hydrogens that a reader gives the atom when it is written without brackets.
    fn implied_hydrogens(&self, index: usize) -> Option<u8> {
        let atom = self.molecule.atom(index);
        let orders = self.adjacency.neighbors(index).iter();
        let orders = orders.map(|step| self.bonds[step.bond].1);
        let mut aromatic = 0_u8;
        let mut sum = 0_u8;
        for order in orders {
            // A dummy atom may have any number of neighbours.
            match order {
                BondOrder::Single => sum = sum.saturating_add(1),
                BondOrder::Double => sum = sum.saturating_add(2),
                BondOrder::Triple => sum = sum.saturating_add(3),
                BondOrder::Quadruple => sum = sum.saturating_add(4),
                BondOrder::Aromatic => aromatic = aromatic.saturating_add(1),
                BondOrder::Dative | BondOrder::Zero | BondOrder::Unspecified => return None,
            }
        }
        implied_hydrogens(atom.atomic_number, atom.is_aromatic, aromatic, sum)
    }
}

/// The OpenSMILES organic subset: hydrogens of an atom with `aromatic` aromatic bonds and
/// other bonds of total order `sum`; `None` where brackets are needed.
fn implied_hydrogens(atomic_number: u8, is_aromatic: bool, aromatic: u8, sum: u8) -> Option<u8> {
    if is_aromatic {
        let spare = match (atomic_number, aromatic) {
            (6, 2) => 1_u8.saturating_sub(sum),
            (6, 3) | (5 | 7 | 15, 2..=3) | (8 | 16, 2) => 0,
            _ => return None,
        };
        return Some(spare);
    }
    // Outside rings an aromatic bond is left over, counted one and a half.
    let sum = sum.saturating_add(aromatic.saturating_mul(3).saturating_add(1) / 2);
    let valences: &[u8] = match atomic_number {
        0 => return Some(0),
        5 | 7 => &[3],
        6 => &[4],
        8 => &[2],
        9 | 17 | 35 => &[1],
        15 => &[3, 5, 7],
        16 => &[2, 4, 6],
        53 => &[1, 3, 5],
        _ => return None,
    };
    let spare = valences.iter().find_map(|&v| v.checked_sub(sum))?;
    // Above the lowest valence only a saturated atom is unambiguous.
    (spare == 0 || sum <= valences[0]).then_some(spare)
}
