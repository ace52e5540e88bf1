//! Embeds a few SMILES: `cargo run --release -p dd-encoder2d --example embed [MODEL]`.
//!
//! `MODEL` is a model folder or the name of an installed model; without it the encoder is untrained.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use dd_encoder2d::{Encoder, EncoderConfig, EncoderError, ModelConfig, TokenGtConfig};

fn main() -> Result<(), EncoderError> {
    let encoder = if let Some(model) = std::env::args().nth(1) {
        Encoder::from_pretrained(model)?
    } else {
        let config = EncoderConfig::TokenGt(TokenGtConfig::student_64());
        Encoder::untrained(&ModelConfig::encoder_only(config), 0)?
    };
    let smiles = ["CCO", "CC(=O)Oc1ccccc1C(=O)O", "C1CC", "[Na+].[Cl-]"];
    for (text, row) in smiles.iter().zip(encoder.embed_smiles(&smiles)) {
        match row {
            Ok(embedding) => println!(
                "{text}: {} atoms, {:.3?} ...",
                embedding.atoms.nrows(),
                &embedding.graph[..4]
            ),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
