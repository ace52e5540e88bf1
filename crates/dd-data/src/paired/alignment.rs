//! Two sequences that should run in step, put in step again where one of them lacks a member.

use std::collections::VecDeque;

use super::composition::Composition;

/// How far to look for the place where the sequences agree again.
const WINDOW: usize = 32;
/// Pairs in a row that must agree there.
const CONFIRMED: usize = 3;

/// A member of a sequence.
pub(super) struct Member<T> {
    pub(super) value: T,
    /// What it is made of; `None` goes with anything.
    pub(super) composition: Option<Composition>,
}

/// What belongs together.
pub(super) enum Step<A, B> {
    /// One of each, which need not match: the molecules decide.
    Both(A, B),
    /// A member of the first sequence that the second lacks.
    First(A),
    /// A member of the second sequence that the first lacks.
    Second(B),
}

/// Pairs two sequences.
pub(super) struct Aligner<I: Iterator, J: Iterator> {
    first: I,
    second: J,
    ahead: (VecDeque<I::Item>, VecDeque<J::Item>),
    /// Members known to be without a partner.
    unpaired: (usize, usize),
}

impl<A, B, I, J> Aligner<I, J>
where
    I: Iterator<Item = Member<A>>,
    J: Iterator<Item = Member<B>>,
{
    pub(super) fn new(first: I, second: J) -> Self {
        Self {
            first,
            second,
            ahead: (VecDeque::new(), VecDeque::new()),
            unpaired: (0, 0),
        }
    }

    fn fill(&mut self, count: usize) {
        while self.ahead.0.len() < count {
            let Some(member) = self.first.next() else {
                break;
            };
            self.ahead.0.push_back(member);
        }
        while self.ahead.1.len() < count {
            let Some(member) = self.second.next() else {
                break;
            };
            self.ahead.1.push_back(member);
        }
    }

    /// Whether the members `i` and `j` places ahead are made of the same; `None` at an end.
    fn agree(&self, i: usize, j: usize) -> Option<bool> {
        let (a, b) = (self.ahead.0.get(i)?, self.ahead.1.get(j)?);
        Some(match (a.composition, b.composition) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        })
    }

    /// Whether the sequences run in step from these places on, as far as can be seen.
    fn in_step(&self, i: usize, j: usize) -> bool {
        let seen: Vec<bool> = (0..CONFIRMED)
            .map_while(|k| self.agree(i + k, j + k))
            .collect();
        !seen.is_empty() && seen.iter().all(|&agrees| agrees)
    }

    /// How many members of either sequence have no partner, when the next two do not agree.
    fn shift(&mut self) -> (usize, usize) {
        self.fill(WINDOW + CONFIRMED);
        // One molecule that differs is more likely than one that is missing on either side.
        if self.in_step(1, 1) {
            return (0, 0);
        }
        (1..=WINDOW)
            .flat_map(|by| [(by, 0), (0, by)])
            .find(|&(i, j)| self.in_step(i, j))
            .unwrap_or((0, 0))
    }
}

impl<A, B, I, J> Iterator for Aligner<I, J>
where
    I: Iterator<Item = Member<A>>,
    J: Iterator<Item = Member<B>>,
{
    type Item = Step<A, B>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill(1);
        if self.unpaired == (0, 0) && self.agree(0, 0) == Some(false) {
            self.unpaired = self.shift();
        }
        let (first, second) = &mut self.ahead;
        if self.unpaired.0 > 0 || second.is_empty() {
            self.unpaired.0 = self.unpaired.0.saturating_sub(1);
            return first.pop_front().map(|member| Step::First(member.value));
        }
        if self.unpaired.1 > 0 || first.is_empty() {
            self.unpaired.1 = self.unpaired.1.saturating_sub(1);
            return second.pop_front().map(|member| Step::Second(member.value));
        }
        let (a, b) = (first.pop_front()?, second.pop_front()?);
        Some(Step::Both(a.value, b.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> impl Iterator<Item = Member<char>> + '_ {
        text.chars().map(|value| Member {
            value,
            composition: (value != '?').then(|| Composition::of_smiles(&value.to_string())),
        })
    }

    fn aligned(first: &str, second: &str) -> String {
        Aligner::new(members(first), members(second))
            .map(|step| match step {
                Step::Both(a, b) => format!("{a}{b} "),
                Step::First(a) => format!("{a}- "),
                Step::Second(b) => format!("-{b} "),
            })
            .collect::<String>()
            .trim_end()
            .to_string()
    }

    #[test]
    fn in_step() {
        assert_eq!(aligned("CNO", "CNO"), "CC NN OO");
        assert_eq!(aligned("C?O", "CNO"), "CC ?N OO");
        assert_eq!(aligned("", ""), "");
    }

    #[test]
    fn one_molecule_differs() {
        assert_eq!(aligned("CNOSPF", "CNISPF"), "CC NN OI SS PP FF");
        assert_eq!(aligned("CNO", "CNF"), "CC NN OF");
    }

    #[test]
    fn one_molecule_is_missing() {
        assert_eq!(aligned("CNOSPF", "CNSPF"), "CC NN O- SS PP FF");
        assert_eq!(aligned("CNSPF", "CNOSPF"), "CC NN -O SS PP FF");
        assert_eq!(aligned("CNSPFB", "CNOISPFB"), "CC NN -O -I SS PP FF BB");
    }

    #[test]
    fn one_sequence_is_longer() {
        assert_eq!(aligned("CN", "CNOS"), "CC NN -O -S");
        assert_eq!(aligned("CNOS", "CN"), "CC NN O- S-");
    }
}
