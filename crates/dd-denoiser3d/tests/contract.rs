//! The public check of the contract: what keeps it passes, and each way to break it is found.

use candle_core::Tensor;
use dd_denoiser3d::names::zero_gradient_reason;
use dd_denoiser3d::testing::{check_denoiser, sample_clouds};
use dd_denoiser3d::{Denoised, Denoiser3d, DenoiserError, EquivariantTransformer, EtConfig};
use dd_graph::PointBatch;
use dd_nn::{Mode, Params};

/// How a network is spoilt.
#[derive(Clone, Copy)]
enum Fault {
    /// The noise has a direction of its own.
    Direction,
    /// The features see where the molecule is.
    Place,
    /// The features see the whole batch.
    Mates,
    /// A parameter takes no part.
    Idle,
}

struct Spoilt(EquivariantTransformer, Fault);

impl Denoiser3d for Spoilt {
    fn width(&self) -> usize {
        self.0.width()
    }

    fn forward(&self, batch: &PointBatch, mode: Mode) -> Result<Denoised, DenoiserError> {
        let mut seen = self.0.forward(batch, mode)?;
        let nodes = &seen.representation.nodes;
        match self.1 {
            Fault::Direction => {
                let axis = Tensor::new(&[[1.0, 0.0, 0.0]], nodes.device())?;
                seen.noise = seen.noise.broadcast_add(&axis)?;
            }
            Fault::Place => {
                let place = batch.positions.sum_keepdim(1)?;
                seen.representation.nodes = nodes.broadcast_add(&place)?;
            }
            Fault::Mates => {
                seen.representation.nodes = (nodes + 1e-3 * batch.num_atoms() as f64)?;
            }
            Fault::Idle => {}
        }
        Ok(seen)
    }
}

fn config() -> EtConfig {
    EtConfig {
        layernorm_on_vec: None,
        ..EtConfig::tiny()
    }
}

fn check(fault: Option<Fault>) -> Result<(), String> {
    let build = |params: &Params| -> Result<Box<dyn Denoiser3d>, DenoiserError> {
        let network = EquivariantTransformer::new(&config(), params)?;
        Ok(match fault {
            None => Box::new(network),
            Some(fault) => {
                if matches!(fault, Fault::Idle) {
                    params.get(3, "idle", dd_nn::Init::Constant(1.0))?;
                }
                Box::new(Spoilt(network, fault))
            }
        })
    };
    check_denoiser(&build, &sample_clouds(0), &zero_gradient_reason)
        .map_err(|error| error.to_string())
}

#[test]
fn the_equivariant_transformer_keeps_the_contract() {
    check(None).unwrap();
}

#[test]
fn each_way_to_break_it_is_found() {
    for (fault, property) in [
        (Fault::Direction, "noise turns with the molecule"),
        (Fault::Place, "features do not change"),
        (Fault::Mates, "batch mates do not matter"),
        (Fault::Idle, "parameter idle: has no gradient"),
    ] {
        let error = check(Some(fault)).unwrap_err();
        assert!(error.contains(property), "{error}");
    }
}
