//! Losses between teacher and student representations.
//!
//! The second step of the method (Cho et al., AAAI 2025): a frozen network that saw conformers teaches a network that sees
//! 2D graphs only. [`GraphLoss`] is D&D-Graph, `|pool(f2D(G)) - pool(f3D(C))|^2`; [`NodeLoss`] is D&D-Node,
//! `|f2D(G) - f3D(C)|^2` over corresponding atoms; [`Weighted`] adds them. [`Alignment`] says which teacher atom stands
//! behind which student node, so a student on heavy atoms learns from a teacher that sees hydrogens without a special
//! case. [`nt_xent`] is the contrastive objective that the paper compares with. [`Projection`] bridges
//! different widths and is dropped afterwards; [`ElementSpread`] makes rare elements count.
//!
//! Use this crate to compare any two encoders that give a [`Representation`](dd_nn::Representation); it knows no concrete
//! model. An own loss is one type that implements [`DistillLoss`], checked by [`testing::check_loss`].
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use dd_distill::{Alignment, DistillLoss, GraphLoss, NodeLoss, Weighted};
//! use dd_nn::Representation;
//!
//! // Two molecules; the student sees atoms 0 and 1 of the first and atom 0 of the second, the teacher one hydrogen more.
//! let alignment = Alignment::from_atom_index(&[vec![0, 1], vec![0]], &[vec![0, 1, 2], vec![0]], &Device::Cpu)?;
//! let student = Representation {
//!     nodes: Tensor::new(&[[1.0f64], [2.0], [3.0]], &Device::Cpu)?,
//!     graphs: Tensor::new(&[[1.5f64], [3.0]], &Device::Cpu)?,
//! };
//! let teacher = Representation {
//!     nodes: Tensor::new(&[[1.0f64], [0.0], [2.0], [3.0]], &Device::Cpu)?,
//!     graphs: Tensor::new(&[[1.0f64], [3.0]], &Device::Cpu)?,
//! };
//! let loss = Weighted::new(vec![(1.0, Box::new(NodeLoss::mse())), (0.5, Box::new(GraphLoss::mean_pool()))]);
//! let value = loss.loss(&student, &teacher, &alignment)?.to_scalar::<f64>()?;
//! assert!((value - (4.0 / 3.0 + 0.5 * 0.125)).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alignment;
mod contrast;
mod element_spread;
mod error;
mod graph_loss;
mod loss;
mod node_loss;
mod projection;
pub mod testing;
mod weighted;

pub use alignment::Alignment;
pub use contrast::nt_xent;
pub use element_spread::{ElementSpread, SpreadCount};
pub use error::{DistillError, Result};
pub use graph_loss::{GraphLoss, Pooling, TeacherAtoms};
pub use loss::{DistillLoss, LOSS_NAMES, loss_by_name};
pub use node_loss::{Average, Distance, NodeLoss, NodeTarget};
pub use projection::Projection;
pub use weighted::Weighted;
