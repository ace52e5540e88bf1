//! `GET /v1/layout`: a SMILES as a drawing that can be changed: atoms with places, bonds with orders.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::{BondOrder, Element, Molecule, Sanitize, depict, kekule_orders, smiles};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::json::json;
use crate::refusal::Refusal;
use crate::sketch::work;

/// Most atoms and most bonds: what a mol block in V2000 counts.
const MOST: usize = 999;

/// What is to be laid out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    smiles: String,
}

/// Atoms and bonds in a Kekulé form.
#[derive(Debug, Serialize)]
struct Layout {
    atoms: Vec<Atom>,
    bonds: Vec<Bond>,
    /// The molecule that these atoms and bonds are.
    smiles: String,
    /// Whether that is the one that was asked for: a drawing has no isotopes, radicals and stereochemistry.
    same: bool,
}

#[derive(Debug, Serialize)]
struct Atom {
    element: &'static str,
    charge: i8,
    /// To the right, in bond lengths.
    x: f64,
    /// Upwards, in bond lengths.
    y: f64,
}

#[derive(Debug, Serialize)]
struct Bond {
    from: usize,
    to: usize,
    order: u8,
}

/// A layout.
pub(crate) async fn layout(
    State(app): State<Arc<App>>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(question) =
        question.map_err(|rejection| Refusal::bad("query", rejection.body_text()))?;
    let found = work(&app, move |app| {
        let molecule = app.parse(&question.smiles)?;
        lay_out(&molecule, app.sanitize())
    });
    Ok(json(&found.await?))
}

fn lay_out(molecule: &Molecule, sanitize: Sanitize) -> Result<Layout, Refusal> {
    let counts = [molecule.num_atoms(), molecule.num_bonds()];
    if counts.iter().any(|count| *count > MOST) {
        return Err(Refusal::bad(
            "layout",
            format!(
                "a drawing has at most {MOST} atoms and {MOST} bonds, not {} and {}",
                counts[0], counts[1]
            ),
        ));
    }
    let fail = |error: String| Refusal::bad("layout", error);
    let places = depict::coordinates(molecule).map_err(|error| fail(error.to_string()))?;
    let orders = kekule_orders(molecule).map_err(|error| fail(error.to_string()))?;
    let atoms: Vec<Atom> = molecule
        .atoms()
        .zip(places)
        .map(|(atom, [x, y])| Atom {
            element: Element::of(atom.atomic_number).symbol,
            charge: atom.formal_charge,
            x,
            y,
        })
        .collect();
    let bond = |(bond, order): (dd_mol::BondRef<'_>, BondOrder)| {
        let order = match order {
            BondOrder::Single => 1,
            BondOrder::Double => 2,
            BondOrder::Triple => 3,
            other => {
                let (from, to) = (bond.begin, bond.end);
                let message =
                    format!("the bond of atoms {from} and {to} is {other:?}: it has no drawing");
                return Err(Refusal::bad("layout", message));
            }
        };
        Ok(Bond {
            from: bond.begin,
            to: bond.end,
            order,
        })
    };
    let bonds = molecule.bonds().zip(orders).map(bond);
    let bonds: Vec<Bond> = bonds.collect::<Result<_, _>>()?;
    let options = MolfileOptions { sanitize };
    // What `/v1/read` will make of the drawing.
    let read = molfile::parse_with(&block(&atoms, &bonds), &options)
        .map_err(|error| fail(format!("its drawing cannot be read: {error}")))?;
    let (asked, drawn) = (smiles::write(molecule), smiles::write(&read));
    Ok(Layout {
        same: asked == drawn,
        smiles: drawn,
        atoms,
        bonds,
    })
}

/// A mol block as the page writes it.
fn block(atoms: &[Atom], bonds: &[Bond]) -> String {
    let mut text = format!(
        "\n\n\n{:3}{:3}  0  0  0  0  0  0  0  0999 V2000\n",
        atoms.len(),
        bonds.len()
    );
    let mut write = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    };
    for Atom { element, x, y, .. } in atoms {
        write(format_args!(
            "{x:10.4}{y:10.4}    0.0000 {element:3} 0  0  0  0  0  0  0  0  0  0  0  0"
        ));
    }
    for Bond { from, to, order } in bonds {
        write(format_args!("{:3}{:3}{order:3}  0", from + 1, to + 1));
    }
    for (at, atom) in (1..).zip(atoms) {
        if atom.charge != 0 {
            write(format_args!("M  CHG  1{at:4}{:4}", atom.charge));
        }
    }
    write(format_args!("M  END"));
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(text: &str) -> Layout {
        let molecule = smiles::parse(text).unwrap();
        lay_out(&molecule, Sanitize::RDKIT).unwrap()
    }

    #[test]
    fn a_layout_is_the_molecule_or_says_that_it_is_not() {
        for text in [
            "CCO",
            "c1cc[nH]c1",
            "C[N+](C)(C)CC(=O)[O-]",
            "N#Cc1ccccc1Br",
        ] {
            let found = of(text);
            assert!(found.same, "{text}: {}", found.smiles);
            let [a, b] = [found.bonds[0].from, found.bonds[0].to].map(|at| &found.atoms[at]);
            let length = (a.x - b.x).hypot(a.y - b.y);
            assert!((length - 1.0).abs() < 0.2, "{text}: {length}");
        }
        let alanine = of("C[C@H](N)C(=O)O");
        assert_eq!(
            (alanine.same, alanine.smiles.as_str()),
            (false, "CC(N)C(=O)O")
        );
        assert!(!of("[13CH4]").same && !of("[CH3]").same);
    }

    #[test]
    fn what_has_no_drawing_is_refused() {
        let dative = smiles::parse("N->[Fe]").unwrap();
        assert!(lay_out(&dative, Sanitize::RDKIT).is_err());
        let long = smiles::parse(&"C".repeat(1000)).unwrap();
        assert!(lay_out(&long, Sanitize::RDKIT).is_err());
    }
}
