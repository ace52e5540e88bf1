//! Every encoder keeps the contract of `Encoder2d`.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use candle_core::{DType, Device, Module, Tensor};
use dd_encoder2d::d_mpnn::Aggregation;
use dd_encoder2d::mol_clr::MolClrConvolution;
use dd_encoder2d::pretrain_gnn::GraphConvolution;
use dd_encoder2d::testing::{
    CheckError, EncoderCheck, SampleColumns, check_encoder, sample_graphs, sample_graphs_with,
};
use dd_encoder2d::tokengt::{NodeIdentifiers, NormPlacement, Readout};
use dd_encoder2d::{
    DMpnnConfig, Encoder, Encoder2d, EncoderConfig, EncoderError, GinConfig, Head, HeadConfig,
    Mode, MolClrConfig, PretrainGnnConfig, Recorder, TokenGtConfig,
};
use dd_graph::{GraphBatch, MolGraph, OgbConfig, OgbFeaturizer};
use dd_nn::{Activation, Init, Linear, ParamStore, Params, Representation};

const KEY_BIAS: (&str, &str) = (
    "k_proj.bias",
    "it shifts all scores of a query alike, which the softmax does not see",
);

fn small() -> TokenGtConfig {
    TokenGtConfig {
        width: 24,
        num_layers: 2,
        num_heads: 3,
        ffn_width: 20,
        node_identifiers: NodeIdentifiers::Laplacian {
            columns: 4,
            sign_flip: true,
            eigen_dropout: 0.2,
        },
        dropout: 0.1,
        ..TokenGtConfig::student_64()
    }
}

fn check_token_gt(config: TokenGtConfig, equivariant: bool) -> Result<(), CheckError> {
    let graphs = sample_graphs(config.node_identifiers.laplacian_columns().unwrap_or(0));
    let config = EncoderConfig::TokenGt(config);
    let build = |params: &Params| config.build(params);
    let mut check = EncoderCheck::new(&build, &graphs).zero_gradient(KEY_BIAS.0, KEY_BIAS.1);
    if !equivariant {
        check = check.not_equivariant("random identifiers are equivariant in distribution only");
    }
    check_encoder(&check)
}

#[test]
fn token_gt_with_eigenvectors() -> Result<(), CheckError> {
    check_token_gt(small(), true)
}

#[test]
fn token_gt_with_graph_token_post_norm_and_no_types() -> Result<(), CheckError> {
    let config = TokenGtConfig {
        norm: NormPlacement::Post,
        final_layer_norm: false,
        stochastic_depth: 0.0,
        type_identifiers: false,
        embedding_layer_norm: false,
        readout: Readout::GraphToken,
        ..small()
    };
    check_token_gt(config, true)
}

#[test]
fn token_gt_with_another_activation() -> Result<(), CheckError> {
    for activation in [Activation::GeluTanh, Activation::Tanh] {
        let config = TokenGtConfig {
            activation,
            dropout: 0.0,
            ..small()
        };
        check_token_gt(config, true)?;
    }
    Ok(())
}

/// The tanh form of GELU is near it and not it, in the feed-forward blocks and in the head; tanh is far.
#[test]
fn the_activation_is_the_one_that_is_asked_for() -> Result<(), EncoderError> {
    for norm in [NormPlacement::Pre, NormPlacement::Post] {
        let run = |activation: Activation| -> Result<[Tensor; 2], EncoderError> {
            let config = TokenGtConfig {
                activation,
                norm,
                dropout: 0.0,
                stochastic_depth: 0.0,
                final_layer_norm: false,
                ..small()
            };
            let batch = GraphBatch::collate(&sample_graphs(4), &Device::Cpu)?;
            let store = ParamStore::new(1, DType::F64, &Device::Cpu);
            let encoder = EncoderConfig::TokenGt(config).build(&store.root())?;
            let head = HeadConfig::TokenGt { activation };
            let head = Head::new(&head, 24, 1, &store.root().pp("head"))?;
            // Weights of TokenGT begin small, where all activations are alike: larger ones tell them apart.
            for (_, var) in store.vars() {
                var.set(&(var.as_tensor() * 20.0)?)?;
            }
            let graphs = encoder.encode(&batch, Mode::Eval)?.graphs;
            let inputs = Tensor::arange(0.0, 24.0, &Device::Cpu)?.reshape((1, 24))?;
            Ok([graphs, head.forward(&(inputs * 0.1)?)?])
        };
        let exact = run(Activation::Gelu)?;
        let off = |other: [Tensor; 2]| -> Result<Vec<f64>, EncoderError> {
            let pairs = exact.iter().zip(&other);
            pairs
                .map(|(a, b)| {
                    let largest = a.abs()?.max_all()?.to_scalar::<f64>()?;
                    Ok((a - b)?.abs()?.max_all()?.to_scalar::<f64>()? / largest)
                })
                .collect()
        };
        let (near, far) = (
            off(run(Activation::GeluTanh)?)?,
            off(run(Activation::Tanh)?)?,
        );
        for (near, far) in near.into_iter().zip(far) {
            assert!(
                near > 1e-7 && near < far && far > 1e-2,
                "{norm:?}: {near:e} {far:e}"
            );
        }
    }
    Ok(())
}

/// The configurations of models from before there was a choice.
#[test]
fn a_token_gt_without_an_activation_has_gelu() -> serde_json::Result<()> {
    let mut json = serde_json::to_value(small())?;
    let fields = json.as_object_mut().expect("a struct");
    assert_eq!(fields.remove("activation"), Some("gelu".into()));
    assert_eq!(serde_json::from_value::<TokenGtConfig>(json)?, small());
    Ok(())
}

/// Watched, the last layer is computed for every token; else only for those that are read out.
#[test]
fn what_is_read_out_does_not_depend_on_who_watches() -> Result<(), EncoderError> {
    for readout in [Readout::MeanPool, Readout::GraphToken] {
        for dropout in [0.0, 0.1] {
            let config = TokenGtConfig {
                readout,
                dropout,
                ..small()
            };
            let batch = GraphBatch::collate(&sample_graphs(4), &Device::Cpu)?;
            let store = ParamStore::new(1, DType::F64, &Device::Cpu);
            let encoder = EncoderConfig::TokenGt(config).build(&store.root())?;
            let unwatched = encoder.encode(&batch, Mode::Eval)?;
            let watched = encoder.encode_observed(&batch, Mode::Eval, &mut Recorder::default())?;
            for (a, b) in [
                (unwatched.nodes, watched.nodes),
                (unwatched.graphs, watched.graphs),
            ] {
                let difference = (a - b)?.abs()?.max_all()?.to_scalar::<f64>()?;
                assert!(difference < 1e-12, "{readout:?}: {difference:e}");
            }
        }
    }
    Ok(())
}

#[test]
fn token_gt_with_random_identifiers() -> Result<(), CheckError> {
    for node_identifiers in [
        NodeIdentifiers::Orthogonal { columns: 6 },
        NodeIdentifiers::Random { columns: 5 },
    ] {
        let config = TokenGtConfig {
            node_identifiers,
            ..small()
        };
        check_token_gt(config, false)?;
    }
    Ok(())
}

#[test]
fn token_gt_without_identifiers() -> Result<(), CheckError> {
    let config = TokenGtConfig {
        node_identifiers: NodeIdentifiers::None,
        ..small()
    };
    check_token_gt(config, true)
}

#[test]
fn gin() -> Result<(), CheckError> {
    let config = EncoderConfig::Gin(GinConfig {
        width: 12,
        num_layers: 3,
        dropout: 0.2,
    });
    let graphs = sample_graphs(0);
    let build = |params: &Params| config.build(params);
    let before_norm = "a batch norm follows, which takes any constant away";
    let check = EncoderCheck::new(&build, &graphs)
        .zero_gradient("mlp.0.bias", before_norm)
        .zero_gradient("mlp.3.bias", before_norm)
        .batch_mates_matter_in_training("batch normalisation");
    check_encoder(&check)
}

/// Graphs of atom types and bond directions.
fn atom_types() -> Vec<MolGraph> {
    sample_graphs_with(SampleColumns {
        atoms: &[118, 3],
        bonds: &[4, 3],
        reals: 0,
        laplacian: 0,
    })
}

fn check_graph_network(
    config: &EncoderConfig,
    graphs: &[MolGraph],
    shifted: &[&str],
) -> Result<(), CheckError> {
    let build = |params: &Params| config.build(params);
    let before_norm = "a batch norm follows, which takes any constant away";
    let check = EncoderCheck::new(&build, graphs);
    let check = shifted.iter().fold(check, |check, suffix| {
        check.zero_gradient(suffix, before_norm)
    });
    check_encoder(&check.batch_mates_matter_in_training("batch normalisation"))
}

#[test]
fn networks_of_pretrain_gnns() -> Result<(), CheckError> {
    for (convolution, shifted) in [
        (GraphConvolution::Gin, vec!["mlp.2.bias"]),
        (GraphConvolution::Gcn, vec![]),
        (GraphConvolution::GraphSage, vec![]),
        (GraphConvolution::Gat, vec!["gnns.0.bias", "gnns.1.bias"]),
    ] {
        let config = EncoderConfig::PretrainGnn(PretrainGnnConfig {
            width: 12,
            num_layers: 2,
            dropout: 0.2,
            convolution,
        });
        check_graph_network(&config, &atom_types(), &shifted)?;
    }
    Ok(())
}

#[test]
fn networks_of_mol_clr() -> Result<(), CheckError> {
    for (convolution, shifted) in [
        (MolClrConvolution::Gin, vec!["mlp.2.bias"]),
        (MolClrConvolution::Gcn, vec!["gnns.0.bias", "gnns.1.bias"]),
    ] {
        let config = EncoderConfig::MolClr(MolClrConfig {
            width: 12,
            num_layers: 2,
            feature_width: 7,
            dropout: 0.2,
            convolution,
        });
        check_graph_network(&config, &atom_types(), &shifted)?;
    }
    Ok(())
}

/// chemprop's network with every choice the other way, too.
#[test]
fn directed_messages() -> Result<(), CheckError> {
    let graphs = sample_graphs_with(SampleColumns {
        atoms: &[38, 7, 6, 5, 6, 8, 2],
        bonds: &[5, 2, 2, 7],
        reals: 1,
        laplacian: 0,
    });
    let plain = DMpnnConfig {
        width: 10,
        dropout: 0.1,
        ..DMpnnConfig::chemprop()
    };
    let other = DMpnnConfig {
        bias: true,
        undirected: true,
        depth: 4,
        aggregation: Aggregation::Sum,
        batch_norm: true,
        ..plain.clone()
    };
    let single = EncoderConfig::DMpnn(DMpnnConfig {
        depth: 1,
        ..plain.clone()
    });
    for config in [EncoderConfig::DMpnn(plain), single] {
        let build = |params: &Params| config.build(params);
        check_encoder(&EncoderCheck::new(&build, &graphs))?;
        assert_eq!(
            build(&ParamStore::new(0, DType::F32, &Device::Cpu).root())?.least_batch(),
            1
        );
    }
    let normed = EncoderConfig::DMpnn(other.clone())
        .build(&ParamStore::new(0, DType::F32, &Device::Cpu).root())?;
    assert_eq!(normed.least_batch(), 2);
    check_graph_network(&EncoderConfig::DMpnn(other), &graphs, &[])
}

/// Adds the mean over the whole batch: batch mates matter.
struct Leaky(Linear);

impl Encoder2d for Leaky {
    fn width(&self) -> usize {
        9
    }

    fn encode(&self, batch: &GraphBatch, _: Mode) -> Result<Representation, EncoderError> {
        let x = batch.node_features.mapv(f64::from);
        let x = Tensor::from_iter(x, &Device::Cpu)?.reshape((batch.num_nodes(), 9))?;
        let x = self.0.forward(&x)?;
        let nodes = x.broadcast_add(&x.mean_keepdim(0)?)?;
        let graphs = dd_kernels::segment_mean(&nodes, &batch.nodes)?;
        Ok(Representation { nodes, graphs })
    }
}

#[test]
fn the_check_finds_a_leak_between_graphs() {
    let build = |params: &Params| -> Result<Box<dyn Encoder2d>, EncoderError> {
        Ok(Box::new(Leaky(Linear::new(
            9,
            9,
            Init::XavierUniform,
            params,
        )?)))
    };
    let error = check_encoder(&EncoderCheck::new(&build, &sample_graphs(0))).unwrap_err();
    assert!(error.to_string().contains("alone"), "{error}");
}

/// Says less than it promises: narrower vectors, or one for all molecules.
struct Sparing {
    width: usize,
    graphs: usize,
}

impl Encoder2d for Sparing {
    fn width(&self) -> usize {
        4
    }

    fn encode(&self, batch: &GraphBatch, _: Mode) -> Result<Representation, EncoderError> {
        let zeros = |rows: usize| Tensor::zeros((rows, self.width), DType::F32, &Device::Cpu);
        Ok(Representation {
            nodes: zeros(batch.num_nodes())?,
            graphs: zeros(self.graphs)?,
        })
    }
}

#[test]
fn a_network_that_breaks_its_promise_is_named_row_by_row() {
    let featurizer = Arc::new(OgbFeaturizer::new(OgbConfig::heavy_atoms()));
    for (width, graphs, said) in [
        (3, 1, "graphs: expected shape [1, 4], got [1, 3]"),
        (4, 5, "graphs: expected shape [1, 4], got [5, 4]"),
    ] {
        let network = Box::new(Sparing { width, graphs });
        let encoder = Encoder::from_parts(network, featurizer.clone(), &Device::Cpu);
        let answers = encoder.embed_smiles(&["CCO", "C(", "c1ccccc1"]);
        assert_eq!(answers.len(), 3);
        for row in [0, 2] {
            let message = answers[row].as_ref().unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }
}

#[test]
fn the_check_finds_a_parameter_without_gradient() {
    let config = EncoderConfig::TokenGt(small());
    let graphs = sample_graphs(4);
    let build = |params: &Params| {
        params.get(3, "unused", Init::Constant(1.0))?;
        config.build(params)
    };
    let check = EncoderCheck::new(&build, &graphs).zero_gradient(KEY_BIAS.0, KEY_BIAS.1);
    let error = check_encoder(&check).unwrap_err();
    assert!(error.to_string().contains("unused"), "{error}");
}

#[test]
fn features_outside_the_tables_are_named() {
    let mut graph: MolGraph = sample_graphs(4).remove(0);
    graph.node_features[(2, 0)] = 600;
    let batch = GraphBatch::collate(&[graph], &Device::Cpu).unwrap();
    for config in [
        EncoderConfig::TokenGt(small()),
        EncoderConfig::Gin(GinConfig::molecule_sde()),
    ] {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let encoder = config.build(&store.root()).unwrap();
        let message = encoder
            .encode(&batch, Mode::Eval)
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.contains("node_features, row 2, column 0: category 600"),
            "{message}"
        );
    }
}

#[test]
fn missing_eigenvectors_are_an_error() {
    let batch = GraphBatch::collate(&sample_graphs(0), &Device::Cpu).unwrap();
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let encoder = EncoderConfig::TokenGt(small())
        .build(&store.root())
        .unwrap();
    let message = encoder
        .encode(&batch, Mode::Eval)
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("Laplacian"), "{message}");
}

#[test]
fn parameter_counts_are_the_published_ones() {
    // 48,492,289 (Lap) and 48,566,017 (ORF) with head, unused final norm (1,536) and unused pooler (590,592).
    let unused = 1_536 + 590_592;
    let head = 590_592 + 1_536 + 768 + 1;
    for (config, total) in [
        (TokenGtConfig::base_lap(), 48_492_289),
        (TokenGtConfig::base_orf(), 48_566_017),
    ] {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        EncoderConfig::TokenGt(config).build(&store.root()).unwrap();
        assert_eq!(store.num_parameters() + head + unused, total);
    }
}
