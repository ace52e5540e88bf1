//! An own distillation loss in one file, checked against the contract and used to teach GIN:
//! `cargo run --release -p dd-train --example custom_loss`.
//!
//! The student need not say what the teacher says, only how the atoms lie to each other: in place of the vectors, the inner
//! product of each with the mean of its molecule is compared, and its length, a relational loss (after Park et al.,
//! "Relational Knowledge Distillation", CVPR 2019).
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::sync::Arc;

use candle_core::{D, DType, Device, Tensor};
use dd_data::{Dataset, embedded};
use dd_distill::testing::check_loss;
use dd_distill::{Alignment, DistillError, DistillLoss, NodeLoss};
use dd_encoder2d::{Gin, GinConfig};
use dd_graph::OgbConfig;
use dd_kernels::{gather, segment_mean};
use dd_nn::{ParamStore, Representation};
use dd_train::tasks::Distill;
use dd_train::{Data, DistillConfig, Event, Flow, LossTerm, Pairs, Teacher, fit, inputs};

/// `L = mean over atoms of ((s_v . s_G - t_v . t_G)^2 + (s_v . s_v - t_v . t_v)^2) / (2 H^2)`, where `s_G` and `t_G` are the
/// means over the molecule's atoms.
struct Relations;

/// `x_v . x_G / H` and `x_v . x_v / H` of every atom, `[N, 2]`.
fn relations(nodes: &Tensor, alignment: &Alignment) -> Result<Tensor, DistillError> {
    let width = nodes.dim(1)? as f64;
    let molecules = alignment.student_nodes();
    let rows = molecules.row_segment_tensor();
    let whole = segment_mean(nodes, molecules)?.index_select(rows, 0)?; // [N, H]
    let alike = (nodes * whole)?.sum(D::Minus1)?; // [N]
    let length = nodes.sqr()?.sum(D::Minus1)?; // [N]
    Ok((Tensor::stack(&[alike, length], 1)? / width)?)
}

impl DistillLoss for Relations {
    fn name(&self) -> &'static str {
        "relations"
    }

    /// A mean over atoms.
    fn num_terms(&self, alignment: &Alignment) -> usize {
        alignment.num_pairs()
    }

    fn loss(
        &self,
        student: &Representation,
        teacher: &Representation,
        alignment: &Alignment,
    ) -> Result<Tensor, DistillError> {
        // The teacher's atoms behind the student's nodes; nothing is learned by the teacher.
        let target = gather(&teacher.nodes.detach(), alignment.teacher_rows())?; // [N, H]
        let difference = (relations(&student.nodes, alignment)? - relations(&target, alignment)?)?;
        Ok(difference.sqr()?.mean_all()?)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    check_loss(&Relations)?;
    println!("a scalar, zero for a perfect student, deaf to the teacher's gradient");

    let teacher = Teacher::load("et-128", &Device::Cpu)?;
    let molecules: Arc<dyn Dataset> = Arc::new(embedded::small_organics(&[])?);
    let recipe = inputs::distill_recipe(&OgbConfig::smiles2graph(), &teacher.config.points);
    let (examples, _) = inputs::examples(&[molecules], &recipe, Some(200))?;
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let gin = GinConfig {
        width: 128,
        num_layers: 2,
        dropout: 0.0,
    };
    let task = Distill::new(
        Box::new(Gin::new(&gin, &store.root())?),
        &store,
        (Box::new(teacher.network), DType::F32),
        vec![(1.0, Box::new(Relations)), (0.1, Box::new(NodeLoss::mse()))],
    )?;
    let config = DistillConfig::tiny(0, 60, LossTerm::node()).fit;
    let mut losses = Vec::new();
    let mut watch = |event: &Event<'_>| {
        if let Event::Step { loss, .. } = event {
            losses.push(*loss);
        }
        Flow::Continue
    };
    let pairs = Pairs(&examples);
    let data = Data {
        train: &pairs,
        valid: None,
    };
    fit(&task, &data, &config, None, &mut watch)?;
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    println!("loss {first:.3} at the first step, {last:.3} at the last");
    assert!(last < 0.8 * first, "the student learns");
    Ok(())
}
