//! Step 2: a 2D network learns to give the representation of a frozen 3D network.

use std::collections::HashMap;

use candle_core::{DType, Tensor};
use dd_denoiser3d::Denoiser3d;
use dd_distill::{Alignment, DistillLoss, Projection};
use dd_encoder2d::Encoder2d;
use dd_graph::{GraphBatch, PointBatch, PointCloud};
use dd_nn::{Mode, ParamStore, Representation};

use crate::batch::BatchConfig;
use crate::error::Result;
use crate::source::{Pair, Source};
use crate::task::{Draw, Losses, Task, fetch};

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
    cache: TeacherCache,
}

/// The teacher's representation of records that were shown to it beforehand.
#[derive(Debug, Default)]
pub struct TeacherCache {
    records: HashMap<u64, (Tensor, Tensor)>,
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
            cache: TeacherCache::default(),
        })
    }

    /// Runs the teacher over a whole source once and keeps what it gives: `4 H` bytes for each atom. Right when the
    /// memory is there and the run is longer than one epoch.
    ///
    /// # Errors
    /// When the source or the teacher fails.
    pub fn fill_cache(
        &mut self,
        source: &dyn Source<Item = Pair>,
        batch: &BatchConfig,
    ) -> Result<()> {
        for indices in batch.in_order(source) {
            let pairs = fetch(source, &indices)?;
            let clouds: Vec<PointCloud> = pairs.into_iter().map(|pair| pair.cloud).collect();
            let points = self.points(&clouds)?;
            let seen = self.teacher.forward(&points, Mode::Eval)?.representation;
            for (molecule, atoms) in points.atoms.ranges().enumerate() {
                let nodes = seen.nodes.narrow(0, atoms.start, atoms.len())?;
                let graph = seen.graphs.narrow(0, molecule, 1)?;
                let kept = (nodes.detach().copy()?, graph.detach().copy()?);
                self.cache.records.insert(points.records[molecule], kept);
            }
        }
        Ok(())
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
        let seen = match self.cache.get(&points.records)? {
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

impl TeacherCache {
    /// What was kept of all these records, or nothing when one is absent.
    fn get(&self, records: &[u64]) -> Result<Option<Representation>> {
        let found: Option<Vec<_>> = records.iter().map(|r| self.records.get(r)).collect();
        let Some(found) = found.filter(|found| !found.is_empty()) else {
            return Ok(None);
        };
        let (nodes, graphs): (Vec<_>, Vec<_>) = found.into_iter().map(|(n, g)| (n, g)).unzip();
        Ok(Some(Representation {
            nodes: Tensor::cat(&nodes, 0)?,
            graphs: Tensor::cat(&graphs, 0)?,
        }))
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
