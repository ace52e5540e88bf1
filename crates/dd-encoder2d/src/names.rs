//! From the tensor names of published checkpoints to ours.

use dd_nn::{NameMap, is_below};

use crate::tokengt::TokenGtConfig;

/// Where a model folder keeps the encoder's parameters.
pub const ENCODER_PREFIX: &str = "encoder";
/// Where a model folder keeps the head's parameters.
pub const HEAD_PREFIX: &str = "head";
/// Where a model folder keeps the scaler's buffers.
pub const SCALER_PREFIX: &str = "scaler";

/// TokenGT's own head, which shares the encoder's prefix, whatever the encoder is.
const TOKEN_GT_HEAD: [&str; 4] = [
    "encoder.lm_head_transform_weight",
    "encoder.layer_norm",
    "encoder.embed_out",
    "encoder.lm_output_learned_bias",
];

/// Names of a TokenGT checkpoint of fairseq (its key `model`), for a model built at [`ENCODER_PREFIX`].
///
/// The names are the same; what the original holds and never uses is left out. With `with_head` the prediction head is
/// loaded too ([`HeadConfig::TokenGt`](crate::HeadConfig::TokenGt)).
pub fn fairseq_token_gt(config: &TokenGtConfig, with_head: bool) -> NameMap {
    let mut names = NameMap::identity()
        .ignore("encoder.masked_lm_pooler", "never used by the original")
        .ignore(
            "encoder.graph_encoder.performer_proj_updater",
            "bookkeeping of linear attention, repeats every layer",
        );
    if !config.final_layer_norm {
        names = names.ignore(
            "encoder.graph_encoder.final_layer_norm",
            "never applied by the original",
        );
    }
    if with_head {
        return names;
    }
    without_token_gt_head(names)
}

/// Names of a GIN checkpoint of MoleculeSDE or of OGB's form, for a model built at [`ENCODER_PREFIX`].
pub fn molecule_sde_gin() -> NameMap {
    NameMap::identity().replace_prefix("", "encoder.")
}

/// Names of a checkpoint of `pretrain-gnns` or MolCLR, which has `prefix` before each name, for a model built at
/// [`ENCODER_PREFIX`]; heads, which stand beside the network or above it, are left out.
pub fn atom_type_gnn(prefix: &str) -> NameMap {
    let above = prefix.match_indices('.').map(|(dot, _)| &prefix[..=dot]);
    let mut names = NameMap::identity();
    for above in above.chain([""]) {
        for head in ["graph_pred_linear", "out_lin", "pred_head", "pred_lin"] {
            names = names.ignore(&format!("{above}{head}"), "a head of the original");
        }
    }
    names.replace_prefix(prefix, "encoder.")
}

/// Names of a checkpoint of chemprop 2 (its key `state_dict`), for an encoder built at [`ENCODER_PREFIX`].
pub fn chemprop() -> NameMap {
    NameMap::identity()
        .ignore("predictor.criterion", "weights of the tasks in the loss")
        .ignore("metrics", "weights of the tasks in a metric")
        .ignore(
            "predictor.output_transform",
            "read as the scaler, where there is one",
        )
        .replace_prefix("message_passing.", "encoder.message_passing.")
        .replace_prefix("bn.", "encoder.bn.")
}

/// Whether a parameter of a model folder is the encoder's, and not of a head that shares its prefix.
pub fn is_of_encoder(name: &str) -> bool {
    is_below(name, ENCODER_PREFIX) && !TOKEN_GT_HEAD.iter().any(|head| name.starts_with(head))
}

/// Names of a model folder, for an encoder alone.
pub fn encoder_of_folder() -> NameMap {
    let names = NameMap::identity()
        .ignore(HEAD_PREFIX, "part of the head")
        .ignore(SCALER_PREFIX, "part of the head");
    without_token_gt_head(names)
}

fn without_token_gt_head(names: NameMap) -> NameMap {
    TOKEN_GT_HEAD
        .iter()
        .fold(names, |names, name| names.ignore(name, "part of the head"))
}
