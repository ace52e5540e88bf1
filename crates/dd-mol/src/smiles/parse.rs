//! The grammar: a flat loop over tokens, with an explicit stack for branches.

use std::ops::Range;

use super::bracket::bracket_atom;
use super::chirality::{self, ClosureAt, NeighborOrder};
use super::closure::{BondToken, Closures, Use};
use super::error::{SmilesError, SmilesErrorKind};
use super::scanner::Scanner;
use super::symbol;
use crate::builder::{AtomSpec, BondDirection, MoleculeBuilder};
use crate::molecule::{BondOrder, ChiralTag};

/// What the text says, and the memory for reading it, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Atoms and bonds.
    pub(super) builder: MoleculeBuilder,
    /// Where each atom stands.
    pub(super) spans: Vec<Range<u32>>,
    atoms: Vec<AtomTrace>,
    closures: Closures,
    closure_uses: Vec<ClosureAt>,
    branches: Vec<(u32, u32)>,
    has_chirality: bool,
    neighbor_order: NeighborOrder,
}

impl Reading {
    /// Forgets the last molecule.
    pub(super) fn clear(&mut self) {
        self.builder.atoms.clear();
        self.builder.bonds.clear();
        self.builder.stereo_groups.clear();
        self.spans.clear();
        self.atoms.clear();
        self.closures.clear();
        self.closure_uses.clear();
        self.branches.clear();
        self.has_chirality = false;
    }
}

/// Reads the SMILES in `range` of `text` into a cleared `reading`.
pub(super) fn parse(
    text: &str,
    range: Range<usize>,
    max_atoms: usize,
    reading: &mut Reading,
) -> Result<(), SmilesError> {
    let mut parser = Parser {
        scanner: Scanner::new(text, range),
        reading,
        max_atoms,
    };
    parser.run()?;
    parser.finish()
}

/// What the parser remembers of an atom besides its specification.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtomTrace {
    /// The bond to the atom before it.
    pub(super) incoming: Option<u32>,
    /// Bonds written so far, ring closures not counted.
    degree: u8,
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    reading: &'a mut Reading,
    max_atoms: usize,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), SmilesError> {
        let mut active = self.atom(None)?;
        while !self.scanner.at_end() {
            active = match self.scanner.peek() {
                b'(' => self.branch(active)?,
                b')' => self.close_branch()?,
                b'.' => {
                    self.scanner.advance(1);
                    self.atom(None)?
                }
                _ => {
                    let token = self.bond_token();
                    if matches!(self.scanner.peek(), b'0'..=b'9' | b'%') {
                        self.ring(active, token)?;
                        active
                    } else {
                        self.atom(Some((active, token)))?
                    }
                }
            };
        }
        if let Some((_, position)) = self.reading.branches.pop() {
            let position = position as usize;
            return Err(self
                .scanner
                .error(SmilesErrorKind::UnclosedBranch, position..position + 1));
        }
        Ok(())
    }

    /// `(`, an optional bond and an atom: a branch never begins otherwise.
    fn branch(&mut self, active: usize) -> Result<usize, SmilesError> {
        self.reading
            .branches
            .push((active as u32, self.scanner.position() as u32));
        self.scanner.advance(1);
        let token = self.bond_token();
        self.atom(Some((active, token)))
    }

    fn close_branch(&mut self) -> Result<usize, SmilesError> {
        let position = self.scanner.position();
        let Some((atom, _)) = self.reading.branches.pop() else {
            return Err(self
                .scanner
                .error(SmilesErrorKind::UnopenedBranch, position..position + 1));
        };
        self.scanner.advance(1);
        Ok(atom as usize)
    }

    /// Reads an atom and the bond that leads to it.
    fn atom(&mut self, from: Option<(usize, BondToken)>) -> Result<usize, SmilesError> {
        let start = self.scanner.position();
        let atom = if self.scanner.take(b'[') {
            bracket_atom(&mut self.scanner)?
        } else {
            let symbol =
                symbol::organic(&mut self.scanner).ok_or_else(|| self.scanner.unexpected())?;
            AtomSpec {
                is_aromatic: symbol.is_aromatic,
                ..AtomSpec::new(symbol.atomic_number)
            }
        };
        if self.reading.atoms.len() >= self.max_atoms {
            let limit = self.max_atoms;
            return Err(self.scanner.error(
                SmilesErrorKind::TooManyAtoms { limit },
                start..self.scanner.position(),
            ));
        }
        self.reading.has_chirality |= atom.chiral_tag != ChiralTag::Unspecified;
        let index = self.reading.builder.add_atom(atom);
        self.reading
            .spans
            .push(start as u32..self.scanner.position() as u32);
        let incoming = from.map(|(previous, token)| {
            let bond = token.bond(previous, index, self.reading.builder.atoms());
            self.reading.atoms[previous].degree =
                self.reading.atoms[previous].degree.saturating_add(1);
            self.reading.builder.add_bond(bond) as u32
        });
        self.reading.atoms.push(AtomTrace {
            incoming,
            degree: u8::from(incoming.is_some()),
        });
        Ok(index)
    }

    /// A bond symbol, or the default when none is written.
    fn bond_token(&mut self) -> BondToken {
        let mut token = BondToken::default();
        let length = match (self.scanner.peek(), self.scanner.peek_at(1)) {
            (b'-', b'>') => {
                token.order = Some(BondOrder::Dative);
                2
            }
            (b'<', b'-') => {
                token.order = Some(BondOrder::Dative);
                token.reversed = true;
                2
            }
            (b'-', _) => {
                token.order = Some(BondOrder::Single);
                1
            }
            (b'=', _) => {
                token.order = Some(BondOrder::Double);
                1
            }
            (b'#', _) => {
                token.order = Some(BondOrder::Triple);
                1
            }
            (b'$', _) => {
                token.order = Some(BondOrder::Quadruple);
                1
            }
            (b':', _) => {
                token.order = Some(BondOrder::Aromatic);
                1
            }
            (b'~', _) => {
                token.order = Some(BondOrder::Unspecified);
                1
            }
            (b'/', _) => {
                token.direction = BondDirection::Up;
                1
            }
            (b'\\', second) => {
                token.direction = BondDirection::Down;
                1 + usize::from(second == b'\\')
            }
            _ => 0,
        };
        self.scanner.advance(length);
        token
    }

    /// A ring number: a digit, `%` and two digits, or `%(` one to five digits `)`.
    fn ring(&mut self, atom: usize, token: BondToken) -> Result<(), SmilesError> {
        let position = self.scanner.position();
        let number = if !self.scanner.take(b'%') {
            self.scanner.digit()
        } else if self.scanner.take(b'(') {
            let mut number = self.scanner.digit();
            for _ in 1..5 {
                if let (Some(value), Some(digit)) = (number, self.scanner.digit()) {
                    number = Some(10 * value + digit);
                } else {
                    break;
                }
            }
            number.filter(|_| self.scanner.take(b')'))
        } else {
            self.scanner
                .digit()
                .filter(|tens| *tens > 0)
                .and_then(|tens| self.scanner.digit().map(|ones| 10 * tens + ones))
        };
        let number = number.ok_or_else(|| self.scanner.unexpected())?;
        if self.reading.has_chirality {
            let last = atom + 1 == self.reading.atoms.len();
            let degree = self.reading.atoms[atom].degree;
            chirality::late_closure(&mut self.reading.builder, atom, degree, last);
        }
        let here = Use {
            index: self.reading.closure_uses.len() as u32,
            atom: atom as u32,
            position: position as u32,
            token,
        };
        self.reading.closure_uses.push(ClosureAt {
            atom: atom as u32,
            bond: u32::MAX,
        });
        self.reading.closures.touch(number, here);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SmilesError> {
        self.reading.closures.finish(&self.scanner)?;
        for at in 0..self.reading.closures.len() {
            let atoms = self.reading.builder.atoms();
            let (bond, uses) = self.reading.closures.bond(at, atoms);
            if self.is_chain_bond(bond.begin, bond.end) {
                return Err(self.reading.closures.duplicate(at, &self.scanner));
            }
            let index = self.reading.builder.add_bond(bond) as u32;
            for at in uses {
                self.reading.closure_uses[at as usize].bond = index;
            }
        }
        if self.reading.has_chirality {
            let Reading {
                builder,
                atoms,
                closure_uses,
                neighbor_order,
                ..
            } = &mut *self.reading;
            neighbor_order.apply(builder, atoms, closure_uses);
        }
        Ok(())
    }

    /// Whether two atoms are already bound in a chain. Two closures between the same
    /// atoms are left to perception, which sees them as a repeated bond.
    fn is_chain_bond(&self, a: usize, b: usize) -> bool {
        let joins = |child: usize, parent: usize| {
            self.reading.atoms[child].incoming.is_some_and(|bond| {
                let bond = self.reading.builder.bonds()[bond as usize];
                bond.begin == parent || bond.end == parent
            })
        };
        joins(a, b) || joins(b, a)
    }
}
