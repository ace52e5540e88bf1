//! Names of tensors in the state dicts of the original, and which of them carry no gradient.

use dd_nn::NameMap;

use crate::config::EtConfig;

/// From the names in a published checkpoint to those of a network with this config.
///
/// The names are the original's own; Lightning puts `model.` before each. Tensors of parts that the config leaves out are
/// ignored, by name and with the reason. Where nothing holds the noise statistics (`pos_normalizer`), ignore them too.
///
/// ```
/// use dd_denoiser3d::{EtConfig, names::checkpoint};
/// use dd_nn::Mapped;
/// let map = checkpoint(&EtConfig::pcqm4mv2());
/// let name = map.map("model.representation_model.out_norm.weight");
/// assert_eq!(name, Mapped::Name("representation_model.out_norm.weight".into()));
/// let map = checkpoint(&EtConfig { output_model: None, ..EtConfig::pcqm4mv2() });
/// assert!(matches!(map.map("model.mean"), Mapped::Ignored(_)));
/// ```
pub fn checkpoint(config: &EtConfig) -> NameMap {
    let map = NameMap::identity().strip_prefix("model.");
    if config.output_model.is_some() {
        return map;
    }
    let reason = "the config has no property head";
    map.ignore("output_model", reason)
        .ignore("mean", reason)
        .ignore("std", reason)
}

/// Why a parameter has a gradient of exactly zero when the loss is the error of the predicted noise; `None` when it has one
/// that is not.
///
/// For tests that every parameter learns, here and of programs that train the network otherwise.
pub fn zero_gradient_reason(name: &str) -> Option<&'static str> {
    if name.starts_with("output_model.") {
        return Some("the property head does not feed the noise");
    }
    if name == "representation_model.attention_layers.0.vec_proj.weight" {
        return Some("the vectors that enter the first layer are zero");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use dd_nn::Mapped;

    #[test]
    fn the_noise_head_stays_when_the_property_head_goes() {
        let config = EtConfig {
            output_model: None,
            ..EtConfig::pcqm4mv2()
        };
        let name = "output_model_noise.output_network.0.vec1_proj.weight";
        assert_eq!(
            checkpoint(&config).map(&format!("model.{name}")),
            Mapped::Name(name.to_string())
        );
    }
}
