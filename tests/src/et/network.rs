//! The network, the molecules and the edges of a golden case.

use candle_core::{DType, Device};
use dd_denoiser3d::{EquivariantTransformer, EtConfig, NoiseNormalizer};
use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch, PointCloud};
use dd_nn::ParamStore;
use serde_json::{Map, Value};

use super::compare::Comparison;
use crate::{Golden, ParityError, rule_tensor};

/// A network with the weights of a case.
pub(crate) struct Network {
    pub(crate) et: EquivariantTransformer,
    pub(crate) normalizer: NoiseNormalizer,
    pub(crate) store: ParamStore,
    /// Tensors of the case without a place in the network, and places without a tensor.
    pub(crate) unmatched: Vec<String>,
}

/// Builds the network that a case describes at `described` and gives it the tensors below `prefixes`, or the rule weights.
pub(crate) fn load(
    golden: &Golden,
    described: &str,
    dtype: DType,
    prefixes: &[&str],
) -> Result<Network, ParityError> {
    let store = ParamStore::new(0, dtype, &Device::Cpu);
    let root = store.root();
    let et = EquivariantTransformer::new(&config(golden, described)?, &root)
        .map_err(ParityError::failed)?;
    let normalizer =
        NoiseNormalizer::new(&root.pp("pos_normalizer")).map_err(ParityError::failed)?;

    let mut vars: std::collections::BTreeMap<_, _> = store.vars().into_iter().collect();
    let mut buffers: std::collections::BTreeMap<_, _> = store.buffers().into_iter().collect();
    let mut unmatched = Vec::new();
    let mut values = Vec::new();
    for prefix in prefixes {
        for name in golden.names_below(prefix) {
            let value = golden.tensor(&format!("{prefix}{name}"), dtype)?;
            values.push((name, value));
        }
    }
    if let Some(manifest) = golden
        .json
        .get("rule_parameters")
        .and_then(Value::as_object)
    {
        let seed = golden.field("/rule_seed")?.as_u64().unwrap_or_default();
        for (name, description) in manifest {
            values.push((name.clone(), rule_tensor(name, seed, description, dtype)?));
        }
    }
    for (name, value) in values {
        if let Some(var) = vars.remove(&name) {
            var.set(&value)?;
        } else if let Some(buffer) = buffers.remove(&name) {
            buffer.set(&value)?;
        } else {
            unmatched.push(format!("{name} has no place"));
        }
    }
    unmatched.extend(
        vars.keys()
            .chain(buffers.keys())
            .map(|name| format!("{name} has no value")),
    );
    Ok(Network {
        et,
        normalizer,
        store,
        unmatched,
    })
}

/// The configuration of a case. Cases of optimiser steps state a few fields; the others are the published ones with plain
/// vectors.
fn config(golden: &Golden, described: &str) -> Result<EtConfig, ParityError> {
    const NOT_OF_THE_NETWORK: [&str; 8] = [
        "model",
        "position_noise_scale",
        "lr",
        "weight_decay",
        "betas",
        "eps",
        "lr_warmup_steps",
        "lr_cosine_length",
    ];
    let published = EtConfig {
        layernorm_on_vec: None,
        ..EtConfig::pcqm4mv2()
    };
    let mut fields: Map<String, Value> = match serde_json::to_value(published) {
        Ok(Value::Object(fields)) => fields,
        other => return Err(ParityError::Failed(format!("config: {other:?}"))),
    };
    let stated = golden.field(described)?.as_object().into_iter().flatten();
    for (name, value) in stated {
        if !NOT_OF_THE_NETWORK.contains(&name.as_str()) {
            fields.insert(name.clone(), value.clone());
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(ParityError::failed)
}

/// The molecules of a case at the positions of that name.
pub(crate) fn molecules(
    golden: &Golden,
    positions: &str,
    dtype: DType,
) -> Result<PointBatch, ParityError> {
    let numbers = golden.integers("input.z")?;
    let molecule_of = golden.integers("input.batch")?;
    let positions = golden.tensor(positions, DType::F32)?.to_vec2::<f32>()?;
    let mut clouds: Vec<PointCloud> = Vec::new();
    for ((&z, &molecule), position) in numbers.iter().zip(&molecule_of).zip(&positions) {
        while clouds.len() as i64 <= molecule {
            clouds.push(PointCloud {
                atomic_numbers: Vec::new(),
                positions: Vec::new(),
                atom_index: Vec::new(),
                record: clouds.len() as u64,
            });
        }
        let cloud = clouds.last_mut().expect("the loop above pushed one");
        cloud.atom_index.push(cloud.atomic_numbers.len() as u32);
        cloud
            .atomic_numbers
            .push(u8::try_from(z).map_err(ParityError::failed)?);
        cloud
            .positions
            .push([position[0], position[1], position[2]]);
    }
    PointBatch::collate(&clouds, dtype, &Device::Cpu).map_err(ParityError::failed)
}

/// The edges of a case, in its order.
pub(crate) fn edges(
    golden: &Golden,
    batch: &PointBatch,
    compare: &mut Comparison<'_>,
) -> Result<NeighborList, ParityError> {
    let ends = golden.integers("f32.edge_index")?;
    let ends: Vec<u32> = ends.iter().map(|&atom| atom as u32).collect();
    let (sources, targets) = ends.split_at(ends.len() / 2);
    let list = NeighborList::from_edges(sources, targets, &batch.atoms, &Device::Cpu)
        .map_err(ParityError::failed)?;
    let kept = list.sources.rows() == sources && list.targets.rows() == targets;
    compare.exact("edge order", kept, || {
        "the case does not group its edges by target".to_string()
    });
    Ok(list)
}

impl Network {
    /// Where the cap on neighbours cannot bite, our own search must find the case's edges.
    pub(crate) fn compare_neighbors(
        &self,
        batch: &PointBatch,
        edges: &NeighborList,
        compare: &mut Comparison<'_>,
    ) -> Result<(), ParityError> {
        // The cap counts before the lower cutoff takes edges away.
        let config = self.et.config();
        let within = Cutoff {
            lower: 0.0,
            upper: config.cutoff_upper,
        };
        let all = NeighborList::within(batch, within, NeighborCap::None);
        let most = all.map_err(ParityError::failed)?.by_target.lengths().max();
        if most.unwrap_or(0) >= config.max_num_neighbors {
            return Ok(());
        }
        let own = self.et.neighbors(batch).map_err(ParityError::failed)?;
        let sorted = |list: &NeighborList| {
            let sources = list.sources.rows().iter().copied();
            let mut pairs: Vec<_> = list.targets.rows().iter().copied().zip(sources).collect();
            pairs.sort_unstable();
            pairs
        };
        compare.exact(
            "own neighbour search",
            sorted(&own) == sorted(edges),
            || format!("{} edges, not {}", own.num_edges(), edges.num_edges()),
        );
        Ok(())
    }
}
