//! GIN with OGB's features, as MoleculeSDE and GraphMVP save it.

use dd_nn::Checkpoint;

use super::{Published, matrix, num_layers};
use crate::config::EncoderConfig;
use crate::gin::GinConfig;
use crate::model::ModelConfig;
use crate::names::molecule_sde_gin;

pub(super) fn gin(file: &Checkpoint) -> Option<Published> {
    let atoms = matrix(file, "atom_encoder.atom_embedding_list.0.weight");
    let (Some([_, width]), true) = (atoms, file.shape("gnns.0.eps").is_some()) else {
        return None;
    };
    let layers = num_layers(file, "gnns");
    let config = GinConfig {
        width,
        num_layers: layers,
        ..GinConfig::molecule_sde()
    };
    Some(Published {
        title: format!(
            "GIN of MoleculeSDE and GraphMVP with OGB's features, {layers} layers, width {width}"
        ),
        notes: vec![format!(
            "dropout {}, as the original trains; the file does not tell it",
            config.dropout
        )],
        config: ModelConfig::encoder_only(EncoderConfig::Gin(config)),
        names: molecule_sde_gin(),
        scaler: None,
    })
}
