//! Sizes and kinds of the directed message passing network.

use dd_graph::ChempropAtoms;
use dd_nn::Activation;
use serde::{Deserialize, Serialize};

use crate::config::check_sizes;
use crate::error::{EncoderError, Result};

/// From the vectors of atoms to that of the molecule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregation {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// Their sum divided by a constant.
    Norm {
        /// The constant.
        norm: f64,
    },
}

/// Configuration of [`DMpnn`](super::DMpnn).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DMpnnConfig {
    /// Width of the messages and of the representation.
    pub width: usize,
    /// Rounds of messages, the first one included.
    pub depth: usize,
    /// Which atoms are told apart.
    pub atoms: ChempropAtoms,
    /// Non-linear function.
    pub activation: Activation,
    /// Whether the first two layers have a bias; the last one always has.
    pub bias: bool,
    /// Whether the two directions of a bond are averaged before each round.
    pub undirected: bool,
    /// Dropout after each round and on the atoms.
    pub dropout: f64,
    /// From atoms to molecules.
    pub aggregation: Aggregation,
    /// Whether the vectors of molecules are normalised over the batch.
    pub batch_norm: bool,
}

impl DMpnnConfig {
    /// chemprop 2's defaults of the command line: width 300, depth 3, sums divided by 100, no batch norm.
    pub fn chemprop() -> Self {
        Self {
            width: 300,
            depth: 3,
            atoms: ChempropAtoms::V2,
            activation: Activation::Relu,
            bias: false,
            undirected: false,
            dropout: 0.0,
            aggregation: Aggregation::Norm { norm: 100.0 },
            batch_norm: false,
        }
    }

    /// Checks that the configuration describes a network.
    ///
    /// # Errors
    /// Names the field at fault.
    pub fn validate(&self) -> Result<()> {
        check_sizes(
            &[("width", self.width), ("depth", self.depth)],
            self.dropout,
        )?;
        match self.aggregation {
            Aggregation::Norm { norm } if !(norm.is_finite() && norm > 0.0) => {
                Err(EncoderError::Config {
                    field: "aggregation.norm",
                    reason: format!("{norm} is not above zero"),
                })
            }
            _ => Ok(()),
        }
    }
}
