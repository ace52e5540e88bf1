//! With the featurizer's canonical order the embedding does not depend on how a molecule is spelt; as written, it does.

#![allow(clippy::unwrap_used)]

use dd_encoder2d::{Encoder, EncoderConfig, FeaturizerConfig, ModelConfig, TokenGtConfig};
use dd_graph::AtomOrder;

/// The same molecule, spelt in other orders: a plain one, one with a stereocentre, and a symmetric cage whose
/// Laplacian has degenerate eigenspaces.
const SPELLINGS: [&[&str]; 3] = [
    &["OC(=O)c1ccccc1", "c1ccc(cc1)C(O)=O", "C(=O)(c1ccccc1)O"],
    &[
        "C[C@@H](C(=O)O)N",
        "N[C@@H](C)C(=O)O",
        "OC(=O)[C@H](C)N",
        "[C@H](N)(C)C(O)=O",
    ],
    &[
        "C1C2CC3CC1CC(C2)C3",
        "C12CC3CC(C1)CC(C3)C2",
        "C1C2CC3CC(C2)CC1C3",
    ],
];

fn embeddings(order: AtomOrder, spellings: &[&str]) -> Vec<Vec<f32>> {
    let mut config = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64()));
    let FeaturizerConfig::Ogb(ogb) = &mut config.featurizer else {
        unreachable!("a model that only encodes reads OGB's features");
    };
    ogb.order = order;
    let encoder = Encoder::untrained(&config, 7).unwrap();
    let embedded = encoder.embed_smiles(spellings).into_iter();
    embedded.map(|row| row.unwrap().graph).collect()
}

#[test]
fn in_canonical_order_every_spelling_has_the_same_bits() {
    for spellings in SPELLINGS {
        let found = embeddings(AtomOrder::Canonical, spellings);
        assert!(found[0].iter().any(|x| *x != 0.0));
        for (spelling, embedding) in spellings.iter().zip(&found) {
            assert_eq!(embedding, &found[0], "{spelling}");
        }
    }
}

#[test]
fn as_written_the_spelling_of_a_stereocentre_shows() {
    let found = embeddings(AtomOrder::AsWritten, SPELLINGS[1]);
    let differs = |other: &Vec<f32>| {
        let pairs = found[0].iter().zip(other);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) > 1e-3
    };
    assert!(found.iter().any(differs));
}
