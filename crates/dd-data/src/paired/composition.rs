//! What a SMILES or a mol block is made of, read off the text: enough to see that a table and an archive are out of step.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The heavy atoms of a molecule as a multiset; equal for equal molecules however they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Composition {
    atoms: u32,
    elements: u64,
}

impl Composition {
    /// Counts one atom; hydrogen does not count, since one of the two texts may leave it out.
    fn add(&mut self, symbol: &str) {
        if matches!(symbol, "H" | "D" | "T") {
            return;
        }
        let mut hasher = DefaultHasher::new();
        symbol.to_ascii_uppercase().hash(&mut hasher);
        self.atoms += 1;
        self.elements = self.elements.wrapping_add(hasher.finish());
    }

    /// Of a SMILES; nonsense in, nonsense out.
    pub(super) fn of_smiles(text: &str) -> Self {
        let mut composition = Self::default();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let after = &rest[first.len_utf8()..];
            rest = match first {
                '[' => {
                    let (inside, after) = after.split_once(']').unwrap_or((after, ""));
                    composition.add(bracket_symbol(inside));
                    after
                }
                'C' if after.starts_with('l') => {
                    composition.add("Cl");
                    &after[1..]
                }
                'B' if after.starts_with('r') => {
                    composition.add("Br");
                    &after[1..]
                }
                // Two digits of a ring closure.
                '%' => after.get(2..).unwrap_or(""),
                letter if letter.is_ascii_alphabetic() || letter == '*' => {
                    composition.add(&rest[..1]);
                    after
                }
                _ => after,
            };
        }
        composition
    }

    /// Of the V2000 mol block at the head of a record; `None` when it has another form.
    pub(super) fn of_record(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(3);
        let counts = lines.next()?;
        if !counts.contains("V2000") {
            return None;
        }
        let atoms: usize = counts.get(..3)?.trim().parse().ok()?;
        let mut composition = Self::default();
        for _ in 0..atoms {
            composition.add(lines.next()?.get(31..34)?.trim());
        }
        Some(composition)
    }
}

/// The element of a bracket atom: after the isotope, a capital and perhaps a small letter, or an aromatic symbol.
fn bracket_symbol(inside: &str) -> &str {
    let symbol = inside.trim_start_matches(|c: char| c.is_ascii_digit());
    let bytes = symbol.as_bytes();
    let second_is_small = bytes.get(1).is_some_and(u8::is_ascii_lowercase);
    let length = match bytes.first() {
        Some(b'A'..=b'Z') if second_is_small => 2,
        Some(b's') if symbol.starts_with("se") || symbol.starts_with("si") => 2,
        Some(b'a') if symbol.starts_with("as") => 2,
        Some(b't') if symbol.starts_with("te") => 2,
        Some(_) => 1,
        None => 0,
    };
    symbol.get(..length).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        let of = Composition::of_smiles;
        assert_eq!(of("c1ccccc1[C@@H](Cl)Br"), of("[13CH](Br)(Cl)C1=CC=CC=C1"));
        assert_eq!(of("C%10CC%10"), of("CCC"));
        assert_eq!(of("[2H]O[H]"), of("O"));
        assert_eq!(of("C[se]c[nH+:3]"), of("[Se].N.C.C"));
        assert_ne!(of("CCO"), of("CCN"));
        assert_ne!(of("Cl"), of("CI"));
        assert_eq!(of(""), Composition::default());
        // Nonsense has some composition.
        for nonsense in ["[%é", "%é", "[", "]", "é[é]", "[2"] {
            of(nonsense);
        }
    }

    #[test]
    fn mol_blocks() {
        let block = "\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    0.0000    0.0000    0.0000 Cl  0  0\n    0.0000    0.0000    0.0000 H   0  0\n";
        assert_eq!(
            Composition::of_record(block),
            Some(Composition::of_smiles("CCl"))
        );
        assert_eq!(Composition::of_record("broken"), None);
        assert_eq!(Composition::of_record(&block[..90]), None);
    }
}
