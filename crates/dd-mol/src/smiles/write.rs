//! Molecules to SMILES.
//!
//! [`write`] gives one string per molecule, whatever the order of its atoms. The
//! strings are not RDKit's; RDKit and [`parse`](super::parse) read them back as the
//! same molecule.
//!
//! # Differences from the original
//! A metal complex with charges that RDKit's clean-up turns into dative bonds can have more
//! than one canonical SMILES: which bond becomes dative depends on the order of the atoms
//! while reading.

use std::fmt::Write as _;

use super::digits::Digits;
use super::plan::{Plan, Role, Step};
use super::slashes::slashes;
use crate::Molecule;
use crate::adjacency::{Neighbor, is_odd_permutation};
use crate::canon::ranks;
use crate::element::Element;
use crate::molecule::{BondOrder, ChiralTag, NonTetrahedral};
use crate::nontetrahedral::Placement;
use crate::outline::{Outline, OutlineAtom, OutlineBond};

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
    write_outline(&Outline::of(molecule, options))
}

/// The canonical SMILES of what an outline tells.
pub(crate) fn write_outline(outline: &Outline) -> String {
    write_by(outline, &ranks(outline))
}

/// A SMILES that prefers atoms of low rank; with `ranks` of `0, 1, 2, …` it follows
/// the input order.
///
/// # Panics
/// When `ranks` has fewer entries than the molecule has atoms.
pub fn write_in_order(molecule: &Molecule, ranks: &[u32], options: WriteOptions) -> String {
    write_by(&Outline::of(molecule, options), ranks)
}

fn write_by(outline: &Outline, ranks: &[u32]) -> String {
    let mut writer = Writer::new(outline, ranks);
    writer.run();
    writer.text
}

/// Marks on the stack of the writer where a branch begins and ends.
const OPEN: u32 = u32::MAX;
const CLOSE: u32 = u32::MAX - 1;

pub(super) struct Writer<'a> {
    outline: &'a Outline,
    pub(super) plan: Plan,
    /// Per bond its slash in writing direction; empty when there are none.
    marks: Vec<Option<bool>>,
    pub(super) digits: Digits,
    /// Places of the written neighbours of one atom.
    places: Vec<usize>,
    pub(super) text: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(outline: &'a Outline, ranks: &[u32]) -> Self {
        let plan = Plan::new(outline, ranks);
        Self {
            marks: slashes(outline, &plan),
            digits: Digits::new(outline.bonds.len()),
            places: Vec::new(),
            text: String::with_capacity(2 * outline.atoms.len() + 8),
            outline,
            plan,
        }
    }

    pub(super) fn run(&mut self) {
        let mut stack = Vec::with_capacity(16);
        for index in 0..self.plan.roots.len() {
            if index > 0 {
                self.text.push('.');
            }
            stack.push(self.plan.roots[index]);
            while let Some(token) = stack.pop() {
                if token >= CLOSE {
                    self.text.push(if token == OPEN { '(' } else { ')' });
                    continue;
                }
                let atom = token as usize;
                if let Some(step) = self.plan.steps(atom).first()
                    && step.role == Role::Parent
                {
                    self.bond(step.bond as usize, step.atom as usize, atom);
                }
                self.atom(atom);
                self.ring_digits(atom);
                if let Some((last, branches)) = self.plan.children(atom).split_last() {
                    stack.push(last.atom);
                    for branch in branches.iter().rev() {
                        stack.extend([CLOSE, branch.atom, OPEN]);
                    }
                }
            }
        }
    }

    fn bond(&mut self, bond: usize, from: usize, to: usize) {
        self.text.push_str(self.symbol_of(bond, from, to));
    }

    /// The slash of a bond in writing direction: true for `/`.
    pub(super) fn mark(&self, bond: usize) -> Option<bool> {
        self.marks.get(bond).copied().flatten()
    }

    /// What is written for a bond.
    pub(super) fn symbol_of(&self, bond: usize, from: usize, to: usize) -> &'static str {
        let OutlineBond { begin, order, .. } = self.outline.bonds[bond];
        let aromatic = |atom: usize| self.outline.atoms[atom].is_aromatic;
        let both_aromatic = || aromatic(from) && aromatic(to);
        match (order, self.mark(bond)) {
            (BondOrder::Single | BondOrder::Aromatic, Some(true)) => "/",
            (BondOrder::Single | BondOrder::Aromatic, Some(false)) => "\\",
            (BondOrder::Single, None) if both_aromatic() => "-",
            (BondOrder::Aromatic, None) if !both_aromatic() => ":",
            (BondOrder::Single | BondOrder::Aromatic, None) => "",
            (BondOrder::Double, _) => "=",
            (BondOrder::Triple, _) => "#",
            (BondOrder::Quadruple, _) => "$",
            (BondOrder::Dative, _) if begin == from => "->",
            (BondOrder::Dative, _) => "<-",
            (BondOrder::Zero | BondOrder::Unspecified, _) => "~",
        }
    }

    fn ring_digits(&mut self, atom: usize) {
        for at in 0..self.plan.steps(atom).len() {
            let step = self.plan.steps(atom)[at];
            let number = match step.role {
                Role::Parent => continue,
                Role::Child => break,
                Role::Closes => self.digits.close(step.bond),
                Role::Opens => {
                    self.bond(step.bond as usize, atom, step.atom as usize);
                    self.digits.open(step.bond)
                }
            };
            if number > 99 {
                self.text.push_str("%(");
            } else if number > 9 {
                self.text.push('%');
            }
            self.number(number);
            if number > 99 {
                self.text.push(')');
            }
        }
        self.digits.release();
    }

    /// Whether an atom is written without brackets.
    pub(super) fn is_plain(&self, index: usize) -> bool {
        let atom = &self.outline.atoms[index];
        atom.isotope == 0
            && atom.atom_map == 0
            && atom.chiral_tag == ChiralTag::Unspecified
            && atom.formal_charge == 0
            && atom.radical_electrons == 0
            && self.implied_hydrogens(index) == Some(atom.hydrogens)
    }

    fn atom(&mut self, index: usize) {
        let atom = self.outline.atoms[index];
        if self.is_plain(index) {
            self.symbol(atom);
            return;
        }
        self.text.push('[');
        if atom.isotope > 0 {
            self.number(u32::from(atom.isotope));
        }
        self.symbol(atom);
        self.chirality(index, atom);
        if atom.hydrogens > 0 {
            self.text.push('H');
        }
        if atom.hydrogens > 1 {
            self.number(u32::from(atom.hydrogens));
        }
        let charge = atom.formal_charge;
        if charge != 0 {
            self.text.push(if charge < 0 { '-' } else { '+' });
        }
        if charge.unsigned_abs() > 1 {
            self.number(u32::from(charge.unsigned_abs()));
        }
        if atom.atom_map > 0 {
            self.text.push(':');
            self.number(atom.atom_map);
        }
        self.text.push(']');
    }

    fn symbol(&mut self, atom: OutlineAtom) {
        let symbol = Element::of(atom.atomic_number).symbol;
        let lower = |letter: char| letter.to_ascii_lowercase();
        if atom.is_aromatic {
            self.text.extend(symbol.chars().map(lower));
        } else {
            self.text.push_str(symbol);
        }
    }

    fn number(&mut self, number: u32) {
        if let Some(digit) = char::from_digit(number, 10) {
            self.text.push(digit);
        } else {
            write!(self.text, "{number}").expect("writing to a string cannot fail");
        }
    }

    /// `@` or `@@` for the order in which the neighbours are written.
    fn chirality(&mut self, index: usize, atom: OutlineAtom) {
        match atom.chiral_tag {
            tag @ (ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw) => {
                // As in RDKit, a hydrogen counts where there are three other neighbours.
                let hydrogen = atom.hydrogens > 0 && self.outline.adjacency.degree(index) == 3;
                self.find_places(index, hydrogen);
                let mut clockwise =
                    (tag == ChiralTag::TetrahedralCw) ^ is_odd_permutation(&self.places);
                clockwise ^= atom.hydrogens == 0 && self.reads_inverted(index);
                self.text.push_str(if clockwise { "@@" } else { "@" });
            }
            ChiralTag::NonTetrahedral(class, permutation) => {
                let name = match class {
                    NonTetrahedral::SquarePlanar => "@SP",
                    NonTetrahedral::TrigonalBipyramidal => "@TB",
                    NonTetrahedral::Octahedral => "@OH",
                    NonTetrahedral::Allenal => "@AL",
                };
                let number = self.written_number(index, class, permutation);
                self.text.push_str(name);
                if number > 0 {
                    self.number(u32::from(number));
                }
            }
            _ => {}
        }
    }

    /// The number of a non-tetrahedral centre for the order in which its neighbours are
    /// written, vacant sites behind the atom before.
    pub(super) fn written_number(
        &mut self,
        index: usize,
        class: NonTetrahedral,
        permutation: u8,
    ) -> u8 {
        self.find_places(index, false);
        let before = usize::from(self.plan.parent(index).is_some());
        let (first, last) = self.places.split_at(before);
        Placement::of(class, permutation)
            .and_then(|placement| placement.smallest_number(first, last))
            .unwrap_or(permutation)
    }

    /// Finds the place in bond order of each written neighbour of an atom; a hydrogen in
    /// its brackets stands after the atom before, and counts as last.
    fn find_places(&mut self, atom: usize, hydrogen: bool) {
        let neighbors = self.outline.adjacency.neighbors(atom);
        let steps = self.plan.steps(atom);
        let place = |step: &Step| {
            let own = |n: &Neighbor| n.bond == step.bond as usize;
            let place = neighbors.iter().position(own);
            place.expect("steps and neighbours are the same bonds")
        };
        let before = usize::from(self.plan.parent(atom).is_some());
        self.places.clear();
        self.places.extend(steps[..before].iter().map(place));
        self.places.extend(hydrogen.then_some(neighbors.len()));
        self.places.extend(steps[before..].iter().map(place));
    }

    /// RDKit reads the tag of a saturated centre with a lone pair the other way round
    /// when exactly one of its three bonds is a ring digit; so it has to be written.
    fn reads_inverted(&self, index: usize) -> bool {
        let neighbors = self.outline.adjacency.neighbors(index);
        let plain = |bond: usize| {
            matches!(
                self.outline.bonds[bond].order,
                BondOrder::Single | BondOrder::Dative | BondOrder::Zero | BondOrder::Unspecified
            )
        };
        let steps = self.plan.steps(index).iter();
        let digits = steps.filter(|step| matches!(step.role, Role::Opens | Role::Closes));
        neighbors.len() == 3 && digits.count() == 1 && neighbors.iter().all(|step| plain(step.bond))
    }

    /// Hydrogens that a reader gives the atom when it is written without brackets.
    fn implied_hydrogens(&self, index: usize) -> Option<u8> {
        let atom = self.outline.atoms[index];
        let mut aromatic = 0_u8;
        let mut sum = 0_u8;
        for step in self.outline.adjacency.neighbors(index) {
            let order = match self.outline.bonds[step.bond].order {
                BondOrder::Single => 1,
                BondOrder::Double => 2,
                BondOrder::Triple => 3,
                BondOrder::Quadruple => 4,
                BondOrder::Aromatic => {
                    aromatic = aromatic.saturating_add(1);
                    continue;
                }
                BondOrder::Dative | BondOrder::Zero | BondOrder::Unspecified => return None,
            };
            sum = sum.saturating_add(order);
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
            // A multiple bond of the ring stayed one, as in `n#b`.
            (5 | 6 | 7 | 15, 1) if sum >= 2 => 0,
            _ => return None,
        };
        return Some(spare);
    }
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
    // Outside rings an aromatic bond is left over, counted one and a half, or less where
    // that is what the valence allows.
    let half = aromatic.saturating_mul(3).saturating_add(1) / 2;
    let full = |v: &&u8| aromatic > 0 && **v >= sum && sum.saturating_add(half) > **v;
    if valences.iter().any(|v| full(&v)) {
        return Some(0);
    }
    let sum = sum.saturating_add(half);
    let spare = valences.iter().find_map(|&v| v.checked_sub(sum))?;
    // Above the lowest valence only a saturated atom is unambiguous. But the hydrogen of
    // `O=I=O` would count, if written, and the group be read as an oxide with charges.
    (spare == 0 || sum <= valences[0] || atomic_number == 53).then_some(spare)
}
