//! What stands at an atom: symbol, hydrogens, charge, isotope, radical, class.

use crate::element::Element;
use crate::molecule::Atom;

/// A part of a label and its height on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Plain(String),
    Sub(String),
    Super(String),
}

/// A label in pieces; the symbol stands at the atom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Label {
    pub(super) isotope: Vec<Part>,
    pub(super) symbol: String,
    pub(super) hydrogens: Vec<Part>,
    /// Charge, radical electrons and class.
    pub(super) marks: Vec<Part>,
}

/// The label of an atom, if it has one: carbon with neighbours and nothing to say has
/// none.
pub(super) fn label(atom: &Atom, degree: usize) -> Option<Label> {
    let hydrogens = usize::from(atom.explicit_hydrogens) + usize::from(atom.implicit_hydrogens);
    let plain = atom.atomic_number == 6
        && atom.isotope == 0
        && atom.formal_charge == 0
        && atom.radical_electrons == 0
        && atom.atom_map == 0
        && degree > 0;
    if plain {
        return None;
    }
    let mut label = Label {
        symbol: Element::of(atom.atomic_number).symbol.to_owned(),
        ..Label::default()
    };
    match hydrogens {
        0 => {}
        1 => label.hydrogens.push(Part::Plain("H".into())),
        count => {
            let count = Part::Sub(count.to_string());
            label.hydrogens.extend([Part::Plain("H".into()), count]);
        }
    }
    if atom.isotope > 0 {
        label.isotope.push(Part::Super(atom.isotope.to_string()));
    }
    let mut marks = String::new();
    let size = atom.formal_charge.unsigned_abs();
    if size > 1 {
        marks.push_str(&size.to_string());
    }
    match atom.formal_charge.signum() {
        1 => marks.push('+'),
        -1 => marks.push('\u{2212}'),
        _ => {}
    }
    marks.extend(std::iter::repeat_n(
        '\u{2022}',
        usize::from(atom.radical_electrons),
    ));
    if !marks.is_empty() {
        label.marks.push(Part::Super(marks));
    }
    if atom.atom_map > 0 {
        label.marks.push(Part::Plain(format!(":{}", atom.atom_map)));
    }
    Some(label)
}

/// Width of a text in parts of the font size: Helvetica's, near enough for gaps.
fn width_of(text: &str) -> f64 {
    let width = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ':' | ',' => 0.28,
        't' | 'f' | 'r' | '\u{2022}' => 0.35,
        'm' | 'M' | 'W' => 0.83,
        'A'..='Z' => 0.72,
        _ => 0.57,
    };
    text.chars().map(width).sum()
}

/// Width of some parts in parts of the font size; small print is 0.7 as large.
pub(super) fn width(parts: &[Part]) -> f64 {
    parts
        .iter()
        .map(|part| match part {
            Part::Plain(text) => width_of(text),
            Part::Sub(text) | Part::Super(text) => 0.7 * width_of(text),
        })
        .sum()
}

impl Label {
    /// Width of the symbol in parts of the font size.
    pub(super) fn symbol_width(&self) -> f64 {
        width_of(&self.symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    fn text(smiles: &str) -> String {
        let molecule = parse(smiles).expect("valid SMILES");
        let Some(label) = label(molecule.atom(0), molecule.degree(0)) else {
            return String::new();
        };
        let plain = |part: &Part| match part {
            Part::Plain(text) => text.clone(),
            Part::Sub(text) => format!("_{text}"),
            Part::Super(text) => format!("^{text}"),
        };
        let joined = |parts: &[Part]| parts.iter().map(plain).collect::<String>();
        let (isotope, hydrogens) = (joined(&label.isotope), joined(&label.hydrogens));
        format!(
            "{isotope}{}{hydrogens}{}",
            label.symbol,
            joined(&label.marks)
        )
    }

    #[test]
    fn labels_say_what_the_skeleton_does_not() {
        assert_eq!(text("CC"), "");
        assert_eq!(text("C"), "CH_4");
        assert_eq!(text("NC"), "NH_2");
        assert_eq!(text("[NH3+]C"), "NH_3^+");
        assert_eq!(text("[Ca+2]"), "Ca^2+");
        assert_eq!(text("[O-]C"), "O^\u{2212}");
        assert_eq!(text("[13CH3]C"), "^13CH_3");
        assert_eq!(text("[CH3:7]C"), "CH_3:7");
        assert_eq!(text("[CH2]C"), "CH_2^\u{2022}");
    }
}
