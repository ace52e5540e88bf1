//! A TokenGT case's configuration, weights, graphs and node identifiers.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::tokengt::{NodeIdentifiers, NormPlacement, Readout, TokenGtConfig};
use dd_graph::{GraphBatch, MolGraph};
use dd_nn::Activation;
use ndarray::Array2;
use serde_json::Value;

use crate::{Golden, ParityError, rule_tensor};

/// The configuration in the original's words.
pub(crate) fn config(json: &Value) -> Result<TokenGtConfig, ParityError> {
    let flag = |name: &str| json.get(name).and_then(Value::as_bool).unwrap_or(false);
    let rate = |name: &str| json.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let size = |name: &str| -> Result<usize, ParityError> {
        let value = json.get(name).and_then(Value::as_u64);
        let value = value.ok_or_else(|| ParityError::failed(format!("no size '{name}'")))?;
        Ok(value as usize)
    };
    let node_identifiers = if flag("lap_node_id") {
        NodeIdentifiers::Laplacian {
            columns: size("lap_node_id_k")?,
            sign_flip: flag("lap_node_id_sign_flip"),
            eigen_dropout: rate("lap_node_id_eig_dropout"),
        }
    } else if flag("orf_node_id") {
        NodeIdentifiers::Orthogonal {
            columns: size("orf_node_id_dim")?,
        }
    } else if flag("rand_node_id") {
        NodeIdentifiers::Random {
            columns: size("rand_node_id_dim")?,
        }
    } else {
        NodeIdentifiers::None
    };
    if flag("performer") {
        return Err(ParityError::failed("linear attention is not implemented"));
    }
    Ok(TokenGtConfig {
        width: size("encoder_embed_dim")?,
        num_layers: size("encoder_layers")?,
        num_heads: size("encoder_attention_heads")?,
        ffn_width: size("encoder_ffn_embed_dim")?,
        activation: activation(json.get("activation_fn"))?,
        node_identifiers,
        type_identifiers: flag("type_id"),
        norm: if flag("postnorm") {
            NormPlacement::Post
        } else {
            NormPlacement::Pre
        },
        embedding_layer_norm: flag("encoder_normalize_before"),
        final_layer_norm: false,
        dropout: rate("dropout"),
        attention_dropout: rate("attention_dropout"),
        activation_dropout: rate("act_dropout"),
        stochastic_depth: if flag("stochastic_depth") { 0.1 } else { 0.0 },
        readout: Readout::GraphToken,
    })
}

/// An activation by fairseq's name.
fn activation(name: Option<&Value>) -> Result<Activation, ParityError> {
    match name.map_or(Some("gelu"), Value::as_str) {
        Some("gelu") => Ok(Activation::Gelu),
        Some("gelu_accurate" | "gelu_fast") => Ok(Activation::GeluTanh),
        Some("relu") => Ok(Activation::Relu),
        Some("tanh") => Ok(Activation::Tanh),
        other => Err(ParityError::failed(format!(
            "activation {other:?} is not implemented"
        ))),
    }
}

/// The state dict: stored, or by the rule.
pub(crate) fn weights(
    golden: &Golden,
    dtype: DType,
) -> Result<BTreeMap<String, Tensor>, ParityError> {
    if let Some(manifest) = golden
        .json
        .get("rule_parameters")
        .and_then(Value::as_object)
    {
        let seed = golden.field("/rule_seed")?.as_u64().unwrap_or_default();
        return manifest
            .iter()
            .map(|(name, entry)| Ok((name.clone(), rule_tensor(name, seed, entry, dtype)?)))
            .collect();
    }
    state_dict(golden, "state.", dtype)
}

/// All tensors below a prefix.
pub(crate) fn state_dict(
    golden: &Golden,
    prefix: &str,
    dtype: DType,
) -> Result<BTreeMap<String, Tensor>, ParityError> {
    golden
        .names_below(prefix)
        .into_iter()
        .map(|name| {
            let tensor = golden.tensor(&format!("{prefix}{name}"), dtype)?;
            Ok((name, tensor))
        })
        .collect()
}

/// Graphs from the original's collated arrays, whose features are table rows `512 c + v + 2`.
pub(crate) fn graph_batch(
    golden: &Golden,
    prefix: &str,
    laplacian_columns: Option<usize>,
) -> Result<GraphBatch, ParityError> {
    let integers = |name: &str| golden.integers(&format!("{prefix}{name}"));
    let counts = |name: &str| -> Result<Vec<usize>, ParityError> {
        Ok(integers(name)?.into_iter().map(|n| n as usize).collect())
    };
    let (node_num, edge_num) = (counts("node_num")?, counts("edge_num")?);
    let categories = |name: &str, columns: usize| -> Result<Vec<u16>, ParityError> {
        let raw = integers(name)?;
        let category = |(i, v): (usize, i64)| (v - 2 - 512 * (i % columns) as i64) as u16;
        Ok(raw.into_iter().enumerate().map(category).collect())
    };
    let node_data = categories("node_data", 9)?;
    let edge_data = categories("edge_data", 3)?;
    let edge_index = integers("edge_index")?;
    let total_edges: usize = edge_num.iter().sum();
    let eigenvectors = laplacian_columns
        .map(|_| -> Result<_, ParityError> {
            let name = format!("{prefix}lap_eigvec");
            Ok((golden.shape(&name)?[1], golden.values(&name)?))
        })
        .transpose()?;
    let (mut graphs, mut node, mut edge) = (Vec::new(), 0, 0);
    for (record, (&nodes, &edges)) in node_num.iter().zip(&edge_num).enumerate() {
        let ends = |row: usize| -> Vec<u32> {
            let first = row * total_edges + edge;
            let ends = &edge_index[first..first + edges];
            // Some cases count nodes within the molecule, others within the batch.
            let within = ends.iter().all(|&end| (end as usize) < nodes);
            let shift = if within { 0 } else { node as i64 };
            ends.iter().map(|&end| (end - shift) as u32).collect()
        };
        let table = |data: &[u16], first: usize, rows: usize, columns: usize| {
            let part = data[first * columns..(first + rows) * columns].to_vec();
            Array2::from_shape_vec((rows, columns), part).map_err(ParityError::failed)
        };
        let laplacian = eigenvectors.as_ref().map(|(width, values)| {
            let part = &values[node * width..(node + nodes) * width];
            Array2::from_shape_fn((nodes, *width), |(i, j)| part[i * width + j] as f32)
        });
        graphs.push(MolGraph {
            node_features: table(&node_data, node, nodes, 9)?,
            edge_features: table(&edge_data, edge, edges, 3)?,
            edge_sources: ends(0),
            edge_targets: ends(1),
            atom_index: (0..nodes as u32).collect(),
            laplacian,
            node_reals: None,
            record: record as u64,
        });
        node += nodes;
        edge += edges;
    }
    GraphBatch::collate(&graphs, &Device::Cpu).map_err(ParityError::failed)
}

/// Node identifiers `[N, columns]` from the case's eigenvectors or random numbers.
pub(crate) fn identifiers(
    golden: &Golden,
    batch: &GraphBatch,
    config: &TokenGtConfig,
    dtype: DType,
) -> Result<Option<Tensor>, ParityError> {
    let columns = config.node_identifiers.columns();
    let rows: Vec<Vec<f64>> = match config.node_identifiers {
        NodeIdentifiers::None => return Ok(None),
        NodeIdentifiers::Laplacian { .. } => {
            let given = batch
                .laplacian
                .as_ref()
                .ok_or_else(|| ParityError::failed("the case has no eigenvectors"))?;
            let rows = given.rows().into_iter();
            rows.map(|row| row.iter().map(|&x| f64::from(x)).collect())
                .collect()
        }
        NodeIdentifiers::Orthogonal { .. } => {
            let size = golden.shape("input.orf")?[2];
            let values = golden.values("input.orf")?;
            let matrix = |graph: usize| &values[graph * size * size..(graph + 1) * size * size];
            let of_graph = |(graph, nodes): (usize, usize)| {
                let rows = matrix(graph).chunks(size).take(nodes);
                rows.map(<[f64]>::to_vec).collect::<Vec<_>>()
            };
            batch
                .nodes
                .lengths()
                .enumerate()
                .flat_map(of_graph)
                .collect()
        }
        NodeIdentifiers::Random { .. } => {
            let name = golden
                .names_below("input.")
                .into_iter()
                .find(|name| name.contains("rand"))
                .ok_or_else(|| ParityError::failed("the case has no random identifiers"))?;
            let values = golden.values(&format!("input.{name}"))?;
            values.chunks(columns).map(<[f64]>::to_vec).collect()
        }
    };
    let unit = !matches!(config.node_identifiers, NodeIdentifiers::Laplacian { .. });
    let values: Vec<f64> = rows
        .into_iter()
        .flat_map(|mut row| {
            row.resize(columns, 0.0);
            if unit {
                let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
                for x in &mut row {
                    *x /= norm;
                }
            }
            row
        })
        .collect();
    let shape = (batch.num_nodes(), columns);
    Ok(Some(
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?,
    ))
}
