//! Step 2: a 2D network learns to give the representation of a frozen 3D network.

use candle_core::{DType, Tensor};
use dd_denoiser3d::Denoiser3d;
use dd_distill::{Alignment, DistillLoss, Projection};
use dd_encoder2d::Encoder2d;
use dd_graph::{GraphBatch, PointBatch, PointCloud};
use dd_nn::{Mode, ParamStore, Representation};

use crate::error::Result;
use crate::source::Pair;
use crate::task::{Draw, Losses, Task};
use crate::teacher_cache::TeacherCache;

/// Where the projection's parameters stand in the store. They are not part of the student.
pub(crate) const PROJECTION_PREFIX: &str = "projection";

/// `L = sum_k w_k loss_k(student(G), teacher(C))` (Cho et al., AAAI 2025, "Step 2"): the teacher runs in evaluation on the
/// clean conformer and is outside the graph of gradients.
pub struct Distill {
    store: ParamStore,
    student: Box<dyn Encoder2d + Send + Sync>,
    teacher: Box<dyn Denoiser3d>,
    teacher_dtype: DType,
    projection: Option<Projection>,
    terms: Vec<(f64, Box<dyn DistillLoss>)>,
    cache: Option<TeacherCache>,
}

impl Distill {
    /// A task for `student`, whose parameters are in `store`. `teacher` should be built on a
    /// [frozen](ParamStore::frozen) store of its own, of element type `teacher_dtype`.
    ///
    /// A student of another width than the teacher gets a [`Projection`], which is trained with it and left behind.
    ///
    /// # Errors
    /// When the projection cannot be made.
    pub fn new(
        student: Box<dyn Encoder2d + Send + Sync>,
        store: &ParamStore,
        (teacher, teacher_dtype): (Box<dyn Denoiser3d>, DType),
        terms: Vec<(f64, Box<dyn DistillLoss>)>,
    ) -> Result<Self> {
        let (narrow, wide) = (student.width(), teacher.width());
        let place = store.root().pp(PROJECTION_PREFIX);
        let projection = (narrow != wide).then(|| Projection::new(narrow, wide, &place));
        Ok(Self {
            projection: projection.transpose()?,
            store: store.clone(),
            student,
            teacher,
            teacher_dtype,
            terms,
            cache: None,
        })
    }

    /// The same task, which asks the teacher only about conformers that are not in `cache`.
    #[must_use]
    pub fn with_cache(mut self, cache: TeacherCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The student.
    pub fn student(&self) -> &dyn Encoder2d {
        self.student.as_ref()
    }

    fn points(&self, clouds: &[PointCloud]) -> Result<PointBatch> {
        Ok(PointBatch::collate(
            clouds,
            self.teacher_dtype,
            self.store.device(),
        )?)
    }

    fn target(&self, points: &PointBatch) -> Result<Representation> {
        let device = self.store.device();
        let cached = match &self.cache {
            Some(cache) => cache.get(&points.records, device)?,
            None => None,
        };
        let seen = match cached {
            Some(seen) => seen,
            None => self.teacher.forward(points, Mode::Eval)?.representation,
        };
        let dtype = self.store.dtype();
        Ok(Representation {
            nodes: seen.nodes.detach().to_dtype(dtype)?,
            graphs: seen.graphs.detach().to_dtype(dtype)?,
        })
    }
}

impl Task for Distill {
    type Item = Pair;

    fn name(&self) -> &'static str {
        "distill"
    }

    fn store(&self) -> &ParamStore {
        &self.store
    }

    fn loss(&self, batch: &[Pair], draw: Draw) -> Result<Losses> {
        let graphs: Vec<_> = batch.iter().map(|pair| pair.graph.clone()).collect();
        let clouds: Vec<_> = batch.iter().map(|pair| pair.cloud.clone()).collect();
        let graphs = GraphBatch::collate(&graphs, self.store.device())?;
        let points = self.points(&clouds)?;
        let alignment = Alignment::new(&graphs, &points)?;
        let teacher = self.target(&points)?;
        let mut student = self.student.encode(&graphs, draw.mode)?;
        if let Some(projection) = &self.projection {
            student = projection.project(&student)?;
        }
        let mut total = Tensor::zeros((), self.store.dtype(), self.store.device())?;
        let mut parts = Vec::with_capacity(self.terms.len());
        for (weight, term) in &self.terms {
            let value = term.loss(&student, &teacher, &alignment)?;
            let number = value.detach().to_dtype(DType::F64)?.to_scalar()?;
            parts.push((term.name().to_string(), number));
            total = (total + (value * *weight)?)?;
        }
        Ok(Losses {
            total,
            parts,
            weight: batch.len() as f64,
        })
    }

    fn belongs_to_model(&self, name: &str) -> bool {
        !name.starts_with(PROJECTION_PREFIX)
    }
}
