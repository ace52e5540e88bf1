//! CXSMILES: groups of enhanced stereo are read, all else is refused where it stands.

use dd_mol::StereoGroupKind::{Absolute, And, Or};
use dd_mol::{StereoGroupKind, smiles};

type Group = (StereoGroupKind, u32, Vec<u32>);

fn read(text: &str) -> (Vec<Group>, String) {
    let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let groups = molecule.stereo_groups().iter();
    let groups = groups.map(|group| (group.kind, group.number, group.atoms.clone()));
    (groups.collect(), molecule.name().to_owned())
}

#[test]
fn groups_of_enhanced_stereo() {
    let two = "C[C@H](F)[C@H](Cl)Br";
    let cases: [(&str, Vec<Group>, &str); 6] = [
        ("|o1:1|", vec![(Or, 1, vec![1])], ""),
        ("|&2:3,1,r|", vec![(And, 2, vec![3, 1])], ""),
        (
            "|a:1,&1:3| some name",
            vec![(Absolute, 0, vec![1]), (And, 1, vec![3])],
            "some name",
        ),
        (
            "|o1:1,o2:3|name",
            vec![(Or, 1, vec![1]), (Or, 2, vec![3])],
            "name",
        ),
        ("||", vec![], ""),
        // An atom that is no centre leaves its group, as in structure files.
        ("|o1:0,3|", vec![(Or, 1, vec![3])], ""),
    ];
    for (extension, groups, name) in cases {
        assert_eq!(
            read(&format!("{two} {extension}")),
            (groups, name.to_owned()),
            "{extension}"
        );
    }
    // Hydrogens that are merged do not shift the numbers.
    assert_eq!(read("[H]C[C@H](F)Cl |o1:2|").0, [(Or, 1, vec![1])]);
    assert_eq!(read("CCO").0, []);
}

#[test]
fn what_would_be_lost_is_refused() {
    let base = "C[C@H](F)Cl ";
    for (extension, fault) in [
        ("|$a;b;c;d$|", "$a;b;c;d$"),
        ("|(0,0,;1,0,;1,1,;2,0,)| name", "(0,0,;1,0,;1,1,;2,0,)"),
        ("|o1:1,w:1.0|", "w:1.0"),
        ("|^1:0|", "^1:0"),
        ("|r|", "r"),
        ("|o:1|", "o:1"),
        ("|o1:|", "o1:"),
        ("|o1:1", "|o1:1"),
        ("|", "|"),
        ("|o1:1;2|", "o1:1;2"),
    ] {
        let text = format!("{base}{extension}");
        let error = smiles::parse(&text).expect_err("refused");
        assert_eq!(error.kind.name(), "unsupported-extension", "{text}");
        assert_eq!(&text[error.span], fault, "{text}");
    }
    let error = smiles::parse("C[C@H](F)Cl |o1:4|").expect_err("no such atom");
    assert_eq!((error.kind.name(), error.span), ("out-of-range", 16..17));
}
