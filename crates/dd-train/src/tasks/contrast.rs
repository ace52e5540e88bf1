//! The rival of step 2: both networks learn together to tell which graph and which conformer are the same molecule.

use candle_core::Tensor;
use dd_denoiser3d::Denoiser3d;
use dd_distill::{Projection, nt_xent};
use dd_encoder2d::Encoder2d;
use dd_graph::{GraphBatch, PointBatch};
use dd_nn::{ParamStore, is_below};

use crate::error::Result;
use crate::source::Pair;
use crate::task::{Draw, Losses, Task};
use crate::tasks::distill::refuse_reserved;

/// Where the parameters of the 3D network and of the projections stand in the store. They are not part of the student.
pub(crate) const CONFORMER_PREFIX: &str = "conformer_encoder";
const PROJECTION_PREFIXES: [&str; 2] = ["graph_projection", "conformer_projection"];

/// `L = NT-Xent(P f2D(G), Q f3D(C))` over the molecules of a batch (3DInfomax, Stärk et al. 2022; GraphMVP's objective is of
/// the same kind). Nothing is frozen and nothing is denoised: the baseline that Cho et al. (AAAI 2025) argue against, with
/// the same two encoders. `P` and `Q` are linear and left behind.
pub struct Contrast {
    store: ParamStore,
    student: Box<dyn Encoder2d>,
    conformers: Box<dyn Denoiser3d>,
    projections: [Projection; 2],
    temperature: f64,
}

impl Contrast {
    /// A task for `student`, whose parameters are in `store`, and `conformers`, whose are below `conformer_encoder` there;
    /// both are compared at `width`.
    ///
    /// # Errors
    /// When the projections cannot be made, or the student has parameters below `graph_projection` or `conformer_projection`,
    /// which are the projections' places.
    pub fn new(
        student: Box<dyn Encoder2d>,
        conformers: Box<dyn Denoiser3d>,
        store: &ParamStore,
        (width, temperature): (usize, f64),
    ) -> Result<Self> {
        refuse_reserved(store, &PROJECTION_PREFIXES)?;
        let [graph, conformer] = PROJECTION_PREFIXES.map(|prefix| store.root().pp(prefix));
        Ok(Self {
            projections: [
                Projection::new(student.width(), width, &graph)?,
                Projection::new(conformers.width(), width, &conformer)?,
            ],
            store: store.clone(),
            student,
            conformers,
            temperature,
        })
    }
}

impl Task for Contrast {
    type Item = Pair;

    fn name(&self) -> &'static str {
        "contrast"
    }

    fn store(&self) -> &ParamStore {
        &self.store
    }

    fn loss(&self, batch: &[Pair], draw: Draw) -> Result<Losses> {
        let graphs: Vec<_> = batch.iter().map(|pair| &pair.graph).collect();
        let clouds: Vec<_> = batch.iter().map(|pair| &pair.cloud).collect();
        let graphs = GraphBatch::collate(&graphs, self.store.device())?;
        let points = PointBatch::collate(&clouds, self.store.dtype(), self.store.device())?;
        let [graph, conformer] = &self.projections;
        let graphs: Tensor = graph
            .project(&self.student.encode(&graphs, draw.mode)?)?
            .graphs; // [B, H]
        let conformers = self.conformers.forward(&points, draw.mode)?.representation;
        let conformers: Tensor = conformer.project(&conformers)?.graphs; // [B, H]
        Ok(Losses {
            total: nt_xent(&graphs, &conformers, self.temperature)?,
            parts: Vec::new(),
            weight: batch.len() as f64,
        })
    }

    /// A molecule is told from another one.
    fn least_batch(&self) -> usize {
        2
    }

    fn without_gradient(&self, name: &str) -> Option<&'static str> {
        let rest = name.strip_prefix(CONFORMER_PREFIX)?;
        // The final vectors, and their norm, are seen by the heads alone.
        let idle = ["output_model", "out_norm_vec"];
        let idle = idle.into_iter().any(|part| rest.contains(part));
        idle.then_some("the heads of the 3D network take no part")
    }

    fn belongs_to_model(&self, name: &str) -> bool {
        let mut left_behind = PROJECTION_PREFIXES.into_iter().chain([CONFORMER_PREFIX]);
        !left_behind.any(|prefix| is_below(name, prefix))
    }
}
