//! Inputs made to break readers: deep, wide, long and entangled. Each is answered in near
//! linear time or refused by a limit that can be set, and nothing recurses on the input:
//! everything here runs, and is dropped, on a stack of 256 KiB.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::{BufReader, Read};

use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::sdf::{SdfErrorKind, SdfReader};
use dd_mol::smiles::{self, ParseOptions, SmilesError, SmilesErrorKind};
use dd_mol::{
    AtomSpec, BondOrder, BondSpec, Molecule, MoleculeBuilder, PerceptionError, Sanitize,
    canonical_ranks, murcko_scaffold, murcko_scaffold_smiles,
};

/// Runs on a stack on which a few thousand nested calls would not fit.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let thread = thread.spawn(work).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Ranks, writes and cuts a molecule down to its scaffold; returns its numbers of atoms,
/// of rings and of scaffold atoms.
fn sizes(molecule: &Molecule) -> (usize, usize, usize) {
    let canonical = smiles::write(molecule);
    assert!(canonical.len() >= molecule.num_atoms());
    let scaffold = murcko_scaffold(molecule).expect("a scaffold");
    let text = murcko_scaffold_smiles(molecule, true).expect("a scaffold");
    assert_eq!(text.is_empty(), scaffold.num_atoms() == 0);
    let copy = molecule.clone();
    (copy.num_atoms(), copy.rings().count(), scaffold.num_atoms())
}

fn of_text(text: &str) -> (usize, usize, usize) {
    let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
    sizes(&molecule)
}

fn fault(text: &str) -> SmilesError {
    let error = smiles::parse(text).expect_err("must be refused");
    assert!(error.span.end <= text.len());
    assert!(error.to_string().len() < 1_000);
    error
}

fn refusal(builder: MoleculeBuilder) -> PerceptionError {
    builder
        .finish(&Sanitize::RDKIT)
        .expect_err("must be refused")
}

/// A builder of carbon, or of the element `number`, with the given bonds.
fn graph(atoms: usize, number: u8, order: BondOrder, bonds: &[(usize, usize)]) -> MoleculeBuilder {
    let mut builder = MoleculeBuilder::with_capacity(atoms, bonds.len());
    for _ in 0..atoms {
        builder.add_atom(AtomSpec {
            is_aromatic: order == BondOrder::Aromatic,
            ..AtomSpec::new(number)
        });
    }
    for &(begin, end) in bonds {
        builder.add_bond(BondSpec::new(begin, end, order));
    }
    builder
}

/// The bonds of a graphene sheet of `rows` by `columns` hexagons, and its number of atoms.
fn graphene(rows: usize, columns: usize) -> (usize, Vec<(usize, usize)>) {
    let width = 2 * columns + 2;
    let mut bonds = Vec::new();
    for row in 0..=rows {
        for x in 0..width {
            let atom = row * width + x;
            if x + 1 < width {
                bonds.push((atom, atom + 1));
            }
            if row < rows && (x + row) % 2 == 0 {
                bonds.push((atom, atom + width));
            }
        }
    }
    // Two corners hang on one bond and belong to no hexagon.
    let mut degree = vec![0; (rows + 1) * width];
    for &(a, b) in &bonds {
        degree[a] += 1;
        degree[b] += 1;
    }
    let mut number = vec![0; degree.len()];
    let mut atoms = 0;
    for (place, _) in degree.iter().enumerate().filter(|(_, d)| **d > 1) {
        number[place] = atoms;
        atoms += 1;
    }
    bonds.retain(|&(a, b)| degree[a] > 1 && degree[b] > 1);
    let renumbered = bonds.iter().map(|&(a, b)| (number[a], number[b]));
    (atoms, renumbered.collect())
}

/// An acene (or with four-membered rings a ladder) of `rings` rings.
fn fused_row(rings: usize, step: usize) -> (usize, Vec<(usize, usize)>) {
    let length = step * rings + 1;
    let rails = (0..length - 1).flat_map(|x| [(x, x + 1), (length + x, length + x + 1)]);
    let rungs = (0..length).step_by(step).map(|x| (x, length + x));
    (2 * length, rails.chain(rungs).collect())
}

/// The icosahedral fullerene of 60 n² atoms: the truncated icosahedron of frequency n, an
/// atom for each directed edge.
fn fullerene(frequency: usize) -> (usize, Vec<(usize, usize)>) {
    let mut faces = Vec::new();
    for i in 0..5 {
        let (a, b) = (1 + i, 1 + (i + 1) % 5);
        let (below_a, below_b) = (a + 5, b + 5);
        faces.extend([
            [0, a, b],
            [b, a, below_a],
            [b, below_a, below_b],
            [11, below_b, below_a],
        ]);
    }
    let mut corners: HashMap<Vec<(usize, usize)>, usize> = HashMap::new();
    let mut atoms: HashMap<(usize, usize), usize> = HashMap::new();
    let mut bonds = Vec::new();
    for face in faces {
        let mut corner = |i: usize, j: usize| {
            let weights = [frequency - i - j, i, j];
            let mut key: Vec<_> = face.into_iter().zip(weights).filter(|w| w.1 > 0).collect();
            key.sort_unstable();
            let next = corners.len();
            *corners.entry(key).or_insert(next)
        };
        let mut triangles = Vec::new();
        for i in 0..frequency {
            for j in 0..frequency - i {
                triangles.push([corner(i, j), corner(i + 1, j), corner(i, j + 1)]);
                if i + j + 2 <= frequency {
                    triangles.push([corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)]);
                }
            }
        }
        for [a, b, c] in triangles {
            let mut atom = |edge: (usize, usize)| {
                let next = atoms.len();
                *atoms.entry(edge).or_insert(next)
            };
            for (from, to, other) in [(a, b, c), (b, c, a), (c, a, b)] {
                bonds.push((atom((from, to)), atom((from, other))));
                // Each edge is seen from both sides; one of them adds its bond.
                if from < to {
                    bonds.push((atom((from, to)), atom((to, from))));
                }
            }
        }
    }
    (atoms.len(), bonds)
}

#[test]
fn chains_and_branches_of_any_depth() {
    const N: usize = 1_000_000;
    on_a_small_stack(|| {
        assert_eq!(of_text(&"C".repeat(N)), (N, 0, 0));
        let nested = format!("{}C{}", "C(".repeat(N), ")".repeat(N));
        let molecule = smiles::parse(&nested).expect("nested branches");
        assert_eq!(molecule.num_atoms(), N + 1);
        let unclosed = "C(".repeat(N);
        assert_eq!(fault(&unclosed).kind.name(), "syntax");
        let unclosed = format!("{unclosed}C");
        assert_eq!(fault(&unclosed).kind, SmilesErrorKind::UnclosedBranch);
        let unopened = format!("C{}", ")".repeat(N));
        assert_eq!(fault(&unopened).kind, SmilesErrorKind::UnopenedBranch);
        for opening in ["(", "[", ".", "=", "x"] {
            assert_eq!(fault(&opening.repeat(N)).kind.name(), "syntax");
        }
    });
}

#[test]
fn many_parts() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        assert_eq!(of_text(&vec!["C"; N].join(".")), (N, 0, 0));
        assert_eq!(of_text(&vec!["[Na+].[Cl-]"; N / 2].join(".")), (N, 0, 0));
        assert_eq!(
            of_text(&"c1ccccc1".repeat(10_000)),
            (60_000, 10_000, 60_000)
        );
        assert_eq!(of_text(&"C(C)(C)".repeat(10_000)), (30_000, 0, 0));
        let bushy = format!("C{}", "(C(C)(C)C)C".repeat(4_000));
        assert_eq!(of_text(&bushy), (20_001, 0, 0));
    });
}

#[test]
fn ring_numbers() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        let mut opened = String::new();
        for number in 0..N {
            write!(opened, "C%({number:05})").expect("strings take all writes");
        }
        assert_eq!(
            fault(&opened).kind,
            SmilesErrorKind::UnclosedRing { number: 0 }
        );
        let kind = fault(&opened.repeat(2)).kind;
        let limit = Sanitize::RDKIT.max_ring_system;
        let expected = PerceptionError::RingSystemTooLarge {
            found: 2 * N,
            limit,
        };
        assert_eq!(kind, SmilesErrorKind::Perception(expected));
        assert_eq!(of_text(&"C1CC1".repeat(20_000)), (60_000, 20_000, 60_000));
        let macrocycle = format!("C1{}1", "C".repeat(N));
        assert_eq!(of_text(&macrocycle), (N + 1, 1, N + 1));
        // Each number is opened again on the atom that closes it: one endless system.
        let strip = |units: usize| format!("C1CC2{}C1CC2", "CC11CC22".repeat(units));
        assert_eq!(of_text(&strip(100)).0, 406);
        let kind = fault(&strip(N)).kind;
        assert_eq!(kind.name(), "ring-system-too-large");
        let same = format!("C{}", "1".repeat(1_000_000));
        assert_eq!(
            fault(&same).kind,
            SmilesErrorKind::DuplicateRing { number: 1 }
        );
        // A macrocycle through n benzene rings has 2ⁿ shortest cycles.
        let cyclophane = format!("C1{}1", "c2ccc(cc2)".repeat(30));
        assert_eq!(of_text(&cyclophane).0, 181);
    });
}

#[test]
fn numbers_of_a_million_digits() {
    let digits = "9".repeat(1_000_000);
    for text in [
        format!("[{digits}C]"),
        format!("[C:{digits}]"),
        format!("[CH{digits}]"),
        format!("[C+{digits}]"),
        format!("[C{}]", "+".repeat(1_000_000)),
        format!("C%({digits})"),
        format!("[Pt@SP{digits}]"),
        format!("[#{digits}]"),
    ] {
        fault(&text);
    }
}

#[test]
fn stars() {
    on_a_small_stack(|| {
        const N: usize = 100_000;
        let limit = Sanitize::RDKIT.max_neighbors;
        let expected = PerceptionError::TooManyNeighbors {
            atom: 0,
            found: N,
            limit,
        };
        for arm in ["(C)", "(=C)", "([H])", "(/C=C/F)"] {
            for center in ["*", "[U]", "[U@]"] {
                let kind = fault(&format!("{center}{}", arm.repeat(N))).kind;
                assert_eq!(kind, SmilesErrorKind::Perception(expected.clone()));
            }
        }
        let bonds: Vec<_> = (1..=N).map(|end| (0, end)).collect();
        assert_eq!(
            refusal(graph(N + 1, 0, BondOrder::Single, &bonds)),
            expected
        );
        let allowed = ParseOptions {
            sanitize: Sanitize {
                max_neighbors: usize::MAX,
                ..Sanitize::RDKIT
            },
        };
        let star = format!("*{}", "(=C)".repeat(1_000));
        let molecule = smiles::parse_with(&star, &allowed).expect("a higher limit");
        assert_eq!(sizes(&molecule), (1_001, 0, 0));
        assert_eq!(
            of_text(&format!("*{}", "(C)".repeat(limit))),
            (limit + 1, 0, 0)
        );
    });
}

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

#[test]
fn large_records() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        let mut block = format!(
            "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n\
             M  V30 COUNTS {N} {} 0 0 0\nM  V30 BEGIN ATOM\n",
            N - 1
        );
        for atom in 1..=N {
            writeln!(block, "M  V30 {atom} C {atom}.5 0 {} 0", atom % 2).expect("a string");
        }
        block.push_str("M  V30 END ATOM\nM  V30 BEGIN BOND\n");
        for bond in 1..N {
            writeln!(block, "M  V30 {bond} 1 {bond} {}", bond + 1).expect("a string");
        }
        block.push_str("M  V30 END BOND\nM  V30 END CTAB\nM  END\n");
        let molecule = molfile::parse(&block).expect("a long chain");
        assert_eq!(sizes(&molecule), (N, 0, 0));
        let written = molfile::write(&molecule).expect("V3000 has room for any chain");
        let again = molfile::parse(&written).expect("own output");
        assert_eq!(sizes(&again), (N, 0, 0));
        let small = MolfileOptions {
            sanitize: Sanitize {
                max_atoms: N - 1,
                ..Sanitize::RDKIT
            },
        };
        assert!(molfile::parse_with(&block, &small).is_err());
    });
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    let long = BufReader::new(std::io::repeat(b'9').take(100 << 20));
    let mut records = SdfReader::new(long, MolfileOptions::RDKIT);
    let error = records.next().expect("one answer").expect_err("no record");
    assert!(
        matches!(error.kind, SdfErrorKind::TooLarge { .. }),
        "{error}"
    );
    assert!(records.next().is_none());
    let garbage = "x".repeat(100 << 20);
    assert_eq!(fault(&garbage).span, 0..1);
}
