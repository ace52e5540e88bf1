//! The networks of `pretrain-gnns` and MolCLR, which share features and most names.

use dd_nn::Checkpoint;

use super::{Published, matrix, num_layers, refuse};
use crate::config::EncoderConfig;
use crate::error::Result;
use crate::model::ModelConfig;
use crate::mol_clr::{MolClrConfig, MolClrConvolution};
use crate::names::atom_type_gnn;
use crate::pretrain_gnn::{GraphConvolution, PretrainGnnConfig};

/// The table of atomic numbers, which both have.
const ATOMS: &str = "x_embedding1.weight";
/// Share by which the mean square length of vectors of length 1 may be off in running statistics.
const LENGTH_TOLERANCE: f64 = 0.05;

/// What stands before all names.
pub(super) fn prefix(file: &Checkpoint) -> &str {
    atoms(file).map_or("", |(prefix, _)| prefix)
}

/// The prefix of all names, and rows and width of the table of atomic numbers.
fn atoms(file: &Checkpoint) -> Option<(&str, [usize; 2])> {
    let name = file.entries().keys().find(|name| name.ends_with(ATOMS))?;
    let prefix = name.strip_suffix(ATOMS)?;
    Some((prefix, matrix(file, name)?))
}

pub(super) fn pretrain_gnn(file: &Checkpoint) -> Result<Option<Published>> {
    let Some((prefix, [120, width])) = atoms(file) else {
        return Ok(None);
    };
    let has = |name: &str| file.shape(&format!("{prefix}gnns.0.{name}")).is_some();
    let layers = num_layers(file, &format!("{prefix}gnns"));
    let (convolution, word) = if has("mlp.0.weight") {
        (GraphConvolution::Gin, "GIN")
    } else if has("att") {
        (GraphConvolution::Gat, "GAT")
    } else if has("linear.weight") {
        match has_unit_length(file, prefix, layers)? {
            Some(true) => (GraphConvolution::GraphSage, "GraphSAGE"),
            Some(false) => (GraphConvolution::Gcn, "GCN"),
            None => {
                return refuse(
                    file,
                    "GCN and GraphSAGE of pretrain-gnns have the same tensors, and batch norms that have seen nothing \
                     do not tell which it is: say it with --config",
                );
            }
        }
    } else {
        return Ok(None);
    };
    let config = PretrainGnnConfig {
        width,
        num_layers: layers,
        ..PretrainGnnConfig::published(convolution)
    };
    Ok(Some(Published {
        title: format!(
            "{word} of pretrain-gnns (Hu et al., ICLR 2020), {layers} layers, width {width}"
        ),
        notes: vec![
            format!(
                "dropout {}, as the original fine-tunes; the file does not tell it",
                config.dropout
            ),
            "molecules are the mean of their atoms after the last layer, as published".into(),
        ],
        config: ModelConfig::encoder_only(EncoderConfig::PretrainGnn(config)),
        names: atom_type_gnn(prefix),
        scaler: None,
    }))
}

/// Whether the vectors that enter the batch norms have length 1, as GraphSAGE makes them: then variances and squared means
/// of all columns add up to 1. `None` when the norms have seen no batch.
fn has_unit_length(file: &Checkpoint, prefix: &str, layers: usize) -> Result<Option<bool>> {
    let values = |name: String| -> Result<Vec<f64>> {
        let tensor = file.read(&name)?.flatten_all()?;
        Ok(tensor.to_dtype(candle_core::DType::F64)?.to_vec1()?)
    };
    let mut all = true;
    for layer in 0..layers {
        let of = |part: &str| values(format!("{prefix}batch_norms.{layer}.{part}"));
        if of("num_batches_tracked")?.iter().all(|&count| count == 0.0) {
            return Ok(None);
        }
        let squares: f64 = of("running_mean")?.iter().map(|mean| mean * mean).sum();
        let length = squares + of("running_var")?.iter().sum::<f64>();
        all &= (length - 1.0).abs() < LENGTH_TOLERANCE;
    }
    Ok(Some(all))
}

pub(super) fn mol_clr(file: &Checkpoint) -> Option<Published> {
    let Some((prefix, [119, width])) = atoms(file) else {
        return None;
    };
    let [feature_width, _] = matrix(file, &format!("{prefix}feat_lin.weight"))?;
    let has = |name: &str| file.shape(&format!("{prefix}gnns.0.{name}")).is_some();
    let (convolution, word) = if has("mlp.0.weight") {
        (MolClrConvolution::Gin, "GIN")
    } else if has("weight") {
        (MolClrConvolution::Gcn, "GCN")
    } else {
        return None;
    };
    let layers = num_layers(file, &format!("{prefix}gnns"));
    let config = MolClrConfig {
        width,
        num_layers: layers,
        feature_width,
        ..MolClrConfig::published(convolution)
    };
    Some(Published {
        title: format!(
            "{word} of MolCLR (Wang et al., Nat. Mach. Intell. 2022), {layers} layers, width {width}, features \
             {feature_width}"
        ),
        notes: vec![
            format!(
                "dropout {}, as the original fine-tunes; the file does not tell it",
                config.dropout
            ),
            "the representation is feat_lin of the mean over atoms, as published".into(),
        ],
        config: ModelConfig::encoder_only(EncoderConfig::MolClr(config)),
        names: atom_type_gnn(prefix),
        scaler: None,
    })
}
