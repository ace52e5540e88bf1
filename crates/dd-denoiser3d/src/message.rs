//! Message passing of one layer: the only place where edges meet features (TorchMD-NET).
//!
//! With SiLU everywhere, as published, the fused kernel of `dd-kernels` does it without writing anything per edge; other
//! activations take the composition of differentiable operations below.

use candle_core::{D, Module, Tensor};
use dd_graph::NeighborList;
use dd_kernels::{
    EtEdges, EtFields, EtMessageInputs, FilterGrid, RadialFilter, et_message, gather, segment_sum,
};
use dd_nn::{Activation, Linear};

use crate::error::Result;
use crate::geometry::EdgeGeometry;

/// What the atoms send and receive with. `F` features in `H` heads of `C` channels.
pub(crate) struct AtomFeatures {
    /// `[N, F]`.
    pub(crate) queries: Tensor,
    /// `[N, F]`.
    pub(crate) keys: Tensor,
    /// `[N, 3 F]`, per head `(s, a, b)` of `C` channels each.
    pub(crate) values: Tensor,
    /// `[N, 3, F]`.
    pub(crate) vectors: Tensor,
}

/// How a layer weighs its messages.
#[derive(Debug, Clone)]
pub(crate) struct MessageRule {
    /// `H`.
    pub(crate) num_heads: usize,
    /// `e(r)` to key filters, `[F, K]`.
    pub(crate) key_filter: Option<Linear>,
    /// `e(r)` to value filters, `[3 F, K]`.
    pub(crate) value_filter: Option<Linear>,
    /// Nonlinearity of the filters.
    pub(crate) activation: Activation,
    /// Nonlinearity of the attention weights.
    pub(crate) attn_activation: Activation,
}

impl MessageRule {
    /// Sends along all edges and sums at the targets: `m_i = sum_j A_ij s_ij` (scalars) and
    /// `w_i = sum_j (v_j (*) a_ij + d_ij b_ij)` (vectors).
    pub(crate) fn pass(
        &self,
        atoms: &AtomFeatures,
        geometry: &EdgeGeometry,
        edges: &NeighborList,
    ) -> Result<EtFields> {
        if self.is_fused() {
            let is_trained = atoms.queries.track_op();
            Ok(et_message(&EtMessageInputs {
                queries: &atoms.queries,
                keys: &atoms.keys,
                values: &atoms.values,
                vectors: &atoms.vectors,
                edges: self.edges(geometry, edges, is_trained),
            })?)
        } else {
            self.composed(atoms, geometry, edges)
        }
    }

    /// Whether the kernels of `dd-kernels` have these nonlinearities.
    pub(crate) fn is_fused(&self) -> bool {
        matches!(
            (self.activation, self.attn_activation),
            (Activation::Silu, Activation::Silu)
        )
    }

    /// The edges as the kernels want them; `is_trained`: whether what passes along them depends on a variable.
    pub(crate) fn edges<'a>(
        &'a self,
        geometry: &'a EdgeGeometry,
        edges: &'a NeighborList,
        is_trained: bool,
    ) -> EtEdges<'a> {
        let filters = [&self.key_filter, &self.value_filter];
        let is_tracked = |filter: &Linear| filter.weight().track_op();
        let is_trained = is_trained || filters.into_iter().flatten().any(is_tracked);
        // Gradients are those of the original to the last digit that matters: while training every filter is computed.
        let grid = geometry.grid.as_ref().filter(|_| !is_trained);
        EtEdges {
            basis: &geometry.basis,
            grid: grid.map(|(basis, coordinates)| FilterGrid { basis, coordinates }),
            cutoffs: &geometry.cutoffs,
            directions: &geometry.directions,
            key_filter: self.key_filter.as_ref().and_then(radial),
            value_filter: self.value_filter.as_ref().and_then(radial),
            sources: &edges.sources,
            by_target: &edges.by_target,
            pairs: Some(&edges.pairs),
            num_heads: self.num_heads,
        }
    }

    fn composed(
        &self,
        atoms: &AtomFeatures,
        geometry: &EdgeGeometry,
        edges: &NeighborList,
    ) -> Result<EtFields> {
        let (n, f) = atoms.queries.dims2()?;
        let (e, h, c) = (edges.num_edges(), self.num_heads, f / self.num_heads);
        let basis = gather(&geometry.basis, &edges.pairs)?; // [E, K]
        let cutoffs = gather(&geometry.cutoffs, &edges.pairs)?; // [E]

        // A_ij = act(sum_c q_i k_j dk_ij) phi(r_ij)
        let mut products =
            (gather(&atoms.queries, &edges.targets)? * gather(&atoms.keys, &edges.sources)?)?; // [E, F]
        if let Some(filter) = &self.key_filter {
            let dk = self.activation.forward(&filter.forward(&basis)?)?;
            products = (products * dk)?;
        }
        let scores = products.reshape((e, h, c))?.sum(D::Minus1)?; // [E, H]
        let attention = self
            .attn_activation
            .forward(&scores)?
            .broadcast_mul(&cutoffs.unsqueeze(1)?)?;

        // (s, a, b)_ij = u_j (*) dv_ij
        let mut values = gather(&atoms.values, &edges.sources)?; // [E, 3F]
        if let Some(filter) = &self.value_filter {
            let dv = self.activation.forward(&filter.forward(&basis)?)?;
            values = (values * dv)?;
        }
        let values = values.reshape((e, h, 3 * c))?;
        let s = values.narrow(2, 0, c)?; // [E, H, C]
        let a = values.narrow(2, c, c)?.reshape((e, 1, f))?;
        let b = values.narrow(2, 2 * c, c)?.reshape((e, 1, f))?;

        let scalars = s.broadcast_mul(&attention.unsqueeze(2)?)?.reshape((e, f))?;
        let carried = gather(&atoms.vectors, &edges.sources)?.broadcast_mul(&a)?; // [E, 3, F]
        let created = geometry.directions.unsqueeze(2)?.broadcast_mul(&b)?;
        let vectors = (carried + created)?;
        let scalars = segment_sum(&scalars, &edges.by_target)?.reshape((n, f))?;
        let vectors = segment_sum(&vectors, &edges.by_target)?.reshape((n, 3, f))?;
        Ok(EtFields::join(&scalars, &vectors)?)
    }
}

/// A filter as the kernel wants it. The filters of this network all have a bias.
fn radial(filter: &Linear) -> Option<RadialFilter<'_>> {
    Some(RadialFilter {
        weight: filter.weight(),
        bias: filter.bias()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};
    use dd_graph::{PointBatch, PointCloud};
    use dd_kernels::rng::Key;
    use dd_nn::{Init, ParamStore};

    const F: usize = 8;
    const K: usize = 5;

    fn random(name: &str, shape: &[usize]) -> Var {
        let key = Key::from_seed(0).named(name);
        let count = shape.iter().product::<usize>() as u64;
        let values: Vec<f64> = (0..count).map(|i| key.normal(i)).collect();
        Var::from_vec(values, shape, &Device::Cpu).expect("as many as the shape holds")
    }

    #[test]
    fn fused_and_composed_agree() {
        let cloud = PointCloud {
            atomic_numbers: vec![6; 4],
            positions: vec![[0.0; 3]; 4],
            atom_index: (0..4).collect(),
            record: 0,
        };
        let batch = PointBatch::collate(&[cloud], DType::F64, &Device::Cpu).expect("finite");
        let (sources, targets) = ([0, 1, 3, 1, 2, 0, 2], [0, 0, 0, 1, 1, 3, 3]);
        let edges = NeighborList::from_edges(&sources, &targets, &batch.atoms, &Device::Cpu)
            .expect("one molecule");
        let inputs = [
            random("q", &[4, F]),
            random("k", &[4, F]),
            random("u", &[4, 3 * F]),
            random("v", &[4, 3, F]),
            random("e", &[edges.num_pairs(), K]),
            random("phi", &[edges.num_pairs()]),
            random("d", &[7, 3]),
        ];
        let [q, k, u, v, e, phi, d] = inputs.each_ref().map(|var| var.as_tensor().clone());
        let atoms = AtomFeatures {
            queries: q,
            keys: k,
            values: u,
            vectors: v,
        };
        let geometry = EdgeGeometry::of(d, e, phi);
        let params = ParamStore::new(0, DType::F64, &Device::Cpu).root();
        let filter = |name, width| {
            Linear::new(K, width, Init::XavierUniform, &params.pp(name)).expect("a new name")
        };
        let rule = MessageRule {
            num_heads: 2,
            key_filter: Some(filter("dk", F)),
            value_filter: Some(filter("dv", 3 * F)),
            activation: Activation::Silu,
            attn_activation: Activation::Silu,
        };
        let results = [
            rule.pass(&atoms, &geometry, &edges).expect("shapes fit"),
            rule.composed(&atoms, &geometry, &edges)
                .expect("shapes fit"),
        ];
        let flat = |x: &Tensor| -> Vec<f64> {
            x.flatten_all().and_then(|x| x.to_vec1()).expect("numbers")
        };
        let [fused, composed] = results.map(|messages| {
            let squares = messages.joined().sqr().and_then(|x| x.sum_all());
            let gradients = squares.expect("scalar").backward().expect("gradients");
            let mut all = flat(messages.joined());
            for input in &inputs {
                all.extend(flat(gradients.get(input).expect("reaches every input")));
            }
            all
        });
        for (a, b) in fused.iter().zip(&composed) {
            assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{a} and {b}");
        }
    }
}
