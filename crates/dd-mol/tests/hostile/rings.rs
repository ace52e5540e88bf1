//! Fused, caged and entangled rings, and thousands of stereocentres.

use dd_mol::{AtomSpec, BondOrder, PerceptionError, Sanitize, canonical_ranks, smiles};

use crate::graphs::{fullerene, fused_row, graph, graphene};
use crate::{fault, of_text, on_a_small_stack, refusal, sizes};

#[test]
fn fused_lattices() {
    on_a_small_stack(|| {
        let limit = Sanitize::RDKIT.max_ring_system;
        for (atoms, bonds) in [
            graphene(157, 157),
            fused_row(12_500, 2),
            fused_row(25_000, 1),
        ] {
            assert!(atoms >= 49_000, "{atoms}");
            let error = refusal(graph(atoms, 6, BondOrder::Single, &bonds));
            assert_eq!(
                error,
                PerceptionError::RingSystemTooLarge {
                    found: atoms,
                    limit
                }
            );
        }
        for (rings, (atoms, bonds)) in [(600, graphene(20, 30)), (400, fused_row(400, 2))] {
            for order in [BondOrder::Single, BondOrder::Aromatic] {
                let molecule = graph(atoms, 6, order, &bonds).finish(&Sanitize::RDKIT);
                let molecule = molecule.unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(sizes(&molecule), (atoms, rings, atoms));
                let aromatic = molecule.atoms().filter(|atom| atom.is_aromatic).count();
                assert_eq!(aromatic > 0, order == BondOrder::Aromatic);
            }
        }
        let (atoms, bonds) = graphene(32, 32);
        assert!(atoms > limit);
        let allowed = Sanitize {
            max_ring_system: atoms,
            ..Sanitize::RDKIT
        };
        let molecule = graph(atoms, 6, BondOrder::Single, &bonds).finish(&allowed);
        assert_eq!(
            sizes(&molecule.expect("a higher limit")),
            (atoms, 1_024, atoms)
        );
    });
}

#[test]
fn fullerenes() {
    on_a_small_stack(|| {
        for frequency in 1..=3 {
            let (atoms, bonds) = fullerene(frequency);
            assert_eq!(
                (atoms, bonds.len()),
                (60 * frequency.pow(2), 90 * frequency.pow(2))
            );
            for order in [BondOrder::Single, BondOrder::Aromatic] {
                let molecule = graph(atoms, 6, order, &bonds).finish(&Sanitize::RDKIT);
                let molecule = molecule.unwrap_or_else(|error| panic!("C{atoms}: {error}"));
                // One face more than Euler's rank, as the faces are all alike.
                assert_eq!(sizes(&molecule), (atoms, bonds.len() + 2 - atoms, atoms));
                let ranks = canonical_ranks(&molecule);
                assert_eq!(ranks.len(), atoms);
            }
        }
    });
}

#[test]
fn entangled_rings() {
    on_a_small_stack(|| {
        let limit = Sanitize::RDKIT.max_ring_steps;
        // Triangles that share one bond; any six of them are a set that could be aromatic.
        let propeller = |blades: usize| {
            let mut bonds = vec![(0, 1)];
            bonds.extend((2..blades + 2).flat_map(|blade| [(0, blade), (1, blade)]));
            let mut builder = graph(blades + 2, 7, BondOrder::Single, &bonds);
            for atom in &mut builder.atoms_mut()[..2] {
                atom.atomic_number = 0;
            }
            builder
        };
        let complete = |atoms: usize| {
            let bonds: Vec<_> = (0..atoms)
                .flat_map(|b| (0..b).map(move |a| (a, b)))
                .collect();
            graph(atoms, 0, BondOrder::Single, &bonds)
        };
        for builder in [propeller(190), complete(190)] {
            assert_eq!(
                refusal(builder),
                PerceptionError::TooManyRingSteps { limit }
            );
        }
        let few = Sanitize {
            max_ring_steps: 1_000,
            ..Sanitize::RDKIT
        };
        let error = complete(12).finish(&few).expect_err("few steps");
        assert_eq!(error, PerceptionError::TooManyRingSteps { limit: 1_000 });
        let molecule = complete(12)
            .finish(&Sanitize::RDKIT)
            .expect("220 triangles");
        assert_eq!(sizes(&molecule), (12, 220, 12));
        let molecule = propeller(12)
            .finish(&Sanitize::RDKIT)
            .expect("12 triangles");
        assert_eq!(sizes(&molecule), (14, 12, 14));
    });
}

#[test]
fn large_benzenoids_are_read_in_spellings_that_lead_the_walk_astray() {
    on_a_small_stack(|| {
        for text in [
            "c1c2c3c4c5c(cc6c7ccccc7c7c8c6c5c5c(c4cc4c6c9c%10c(cccc%10cc6cc(c1)c43)ccc9)cc1cccc3c1c5c8c(c3)cc7)c2",
            "c1c2c3ccc4ccc5ccc6cc7ccccc7c7c(c3c4c5c67)c3ccc4c(c23)c2c1c1cccc3c1c1c5c6c7c8c9c(cc%10ccc4c(c21)c%10c59)ccc8ccc7ccc36",
        ] {
            let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert!(molecule.atoms().all(|atom| atom.is_aromatic), "{text}");
            let written = smiles::write(&molecule);
            let again = smiles::parse(&written).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(smiles::write(&again), written);
        }
    });
}

#[test]
fn systems_without_a_kekule_form() {
    on_a_small_stack(|| {
        // An odd number of atoms, and dummies that may or may not help.
        let (atoms, bonds) = graphene(10, 10);
        for dummies in [0, 1, 11] {
            let mut builder = graph(atoms, 6, BondOrder::Aromatic, &bonds);
            let odd = AtomSpec {
                formal_charge: 1,
                ..builder.atoms()[5]
            };
            builder.atoms_mut()[5] = odd;
            for atom in 0..dummies {
                builder.atoms_mut()[7 * atom].atomic_number = 0;
            }
            let result = builder.finish(&Sanitize::RDKIT).map(|m| m.num_atoms());
            let kind = result.map_err(|error| error.kind());
            assert!(
                matches!(kind, Ok(_) | Err("kekulize" | "too-many-ring-steps")),
                "{kind:?}"
            );
        }
        assert_eq!(fault(&"c1cccc1".repeat(10_000)).kind.name(), "kekulize");
    });
}

#[test]
fn thousands_of_stereocentres() {
    on_a_small_stack(|| {
        // Undefined, defined, alike in rings, and geometries of double bonds.
        assert_eq!(of_text(&"C(F)(Cl)".repeat(5_000)).0, 15_000);
        assert_eq!(of_text(&"[C@](F)(Cl)".repeat(1_500)).0, 4_500);
        assert_eq!(of_text(&"N[C@@H](C)C(=O)".repeat(1_000)).0, 5_000);
        assert_eq!(
            of_text(&format!("C{}C", "[C@@H](O)".repeat(1_000))).0,
            2_002
        );
        assert_eq!(of_text(&"[C@H]1CC[C@@H](CC1)".repeat(1_000)).0, 6_000);
        assert_eq!(of_text(&"CC=CC".repeat(5_000)).0, 20_000);
        assert_eq!(of_text(&format!("F{}", "/C=C".repeat(2_000))).0, 4_001);
        assert_eq!(of_text(&format!("C{}", "=C".repeat(100_000))).0, 100_001);
        assert_eq!(of_text(&"C=C".repeat(50_000)).0, 100_000);
    });
}
