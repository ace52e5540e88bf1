//! The grammar: a flat loop over tokens, with an explicit stack for branches.

use std::ops::Range;

use super::bracket::bracket_atom;
use super::chirality::{self, ClosureAt};
use super::closure::{self, BondToken, Closures};
use super::error::{SmilesError, SmilesErrorKind};
use super::scanner::Scanner;
use super::symbol;
use crate::builder::{AtomSpec, BondDirection, MoleculeBuilder};
use crate::molecule::{BondOrder, ChiralTag};

/// What the text says: atoms, bonds, and where each atom stands.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) builder: MoleculeBuilder,
    pub(super) spans: Vec<Range<u32>>,
}

/// Reads the SMILES in `range` of `text`.
pub(super) fn parse(
    text: &str,
    range: Range<usize>,
    max_atoms: usize,
) -> Result<Parsed, SmilesError> {
    let length = range.len();
    let capacity = length.min(64);
    let mut parser = Parser {
        scanner: Scanner::new(text, range),
        builder: MoleculeBuilder::with_capacity(capacity, capacity),
        spans: Vec::with_capacity(capacity),
        atoms: Vec::with_capacity(capacity),
        closures: Closures::default(),
        closure_uses: Vec::new(),
        branches: Vec::new(),
        max_atoms,
        has_chirality: false,
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
    builder: MoleculeBuilder,
    spans: Vec<Range<u32>>,
    atoms: Vec<AtomTrace>,
    closures: Closures,
    closure_uses: Vec<ClosureAt>,
    branches: Vec<(u32, u32)>,
    max_atoms: usize,
    has_chirality: bool,
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
        if let Some((_, position)) = self.branches.pop() {
            let position = position as usize;
            return Err(self
                .scanner
                .error(SmilesErrorKind::UnclosedBranch, position..position + 1));
        }
        Ok(())
    }

    /// `(`, an optional bond and an atom: a branch never begins otherwise.
    fn branch(&mut self, active: usize) -> Result<usize, SmilesError> {
        self.branches
            .push((active as u32, self.scanner.position() as u32));
        self.scanner.advance(1);
        let token = self.bond_token();
        self.atom(Some((active, token)))
    }

    fn close_branch(&mut self) -> Result<usize, SmilesError> {
        let position = self.scanner.position();
        let Some((atom, _)) = self.branches.pop() else {
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
        if self.atoms.len() >= self.max_atoms {
            let limit = self.max_atoms;
            return Err(self.scanner.error(
                SmilesErrorKind::TooManyAtoms { limit },
                start..self.scanner.position(),
            ));
        }
        self.has_chirality |= atom.chiral_tag != ChiralTag::Unspecified;
        let index = self.builder.add_atom(atom);
        self.spans
            .push(start as u32..self.scanner.position() as u32);
        let incoming = from.map(|(previous, token)| {
            let bond = token.bond(previous, index, self.builder.atoms());
            self.atoms[previous].degree = self.atoms[previous].degree.saturating_add(1);
            self.builder.add_bond(bond) as u32
        });
        self.atoms.push(AtomTrace {
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
        if self.has_chirality {
            let last = atom + 1 == self.atoms.len();
            let degree = self.atoms[atom].degree;
            chirality::late_closure(&mut self.builder, atom, degree, last);
        }
        self.closure_uses.push(ClosureAt {
            atom: atom as u32,
            position: position as u32,
        });
        self.closures.touch(number, atom, position, token);
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, SmilesError> {
        let mut closure_bonds = Vec::new();
        if !self.closures.is_empty() {
            let closures = std::mem::take(&mut self.closures);
            let bonds = closures.finish(self.builder.atoms(), &self.scanner)?;
            for closure in bonds {
                if self.is_chain_bond(closure.bond.begin, closure.bond.end) {
                    let [_, position] = closure.positions;
                    return Err(closure::duplicate(closure.number, position, &self.scanner));
                }
                let index = self.builder.add_bond(closure.bond) as u32;
                closure_bonds.extend(closure.positions.map(|position| (position, index)));
            }
        }
        if self.has_chirality {
            chirality::order_neighbours(
                &mut self.builder,
                &self.atoms,
                &self.closure_uses,
                closure_bonds,
            );
        }
        Ok(Parsed {
            builder: self.builder,
            spans: self.spans,
        })
    }

    /// Whether two atoms are already bound in a chain. Two closures between the same
    /// atoms are left to perception, which sees them as a repeated bond.
    fn is_chain_bond(&self, a: usize, b: usize) -> bool {
        let joins = |child: usize, parent: usize| {
            self.atoms[child].incoming.is_some_and(|bond| {
                let bond = self.builder.bonds()[bond as usize];
                bond.begin == parent || bond.end == parent
            })
        };
        joins(a, b) || joins(b, a)
    }
}
