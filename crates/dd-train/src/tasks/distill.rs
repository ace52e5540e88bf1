//! Step 2: a 2D network learns to give the representation of a frozen 3D network.

use std::borrow::Borrow;

use candle_core::{DType, Tensor};
use dd_denoiser3d::Denoiser3d;
use dd_distill::{Alignment, DistillLoss, ElementSpread, Projection, SpreadCount};
use dd_encoder2d::Encoder2d;
use dd_graph::{GraphBatch, PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_kernels::{gather, segment_mean};
use dd_nn::{Mode, ParamStore, Representation, is_below};
use ndarray::Array2;

use crate::batch::BatchConfig;
use crate::error::{Result, TrainError};
use crate::source::{Pair, Source};
use crate::task::{Draw, Evaluation, Losses, Task, fetch};
use crate::teacher_cache::TeacherCache;

/// Where the projection's parameters stand in the store. They are not part of the student, which has none below it.
pub(crate) const PROJECTION_PREFIX: &str = "projection";

/// `L = sum_k w_k loss_k(student(G), teacher(C))` (Cho et al., AAAI 2025, "Step 2"): the teacher runs in evaluation on the
/// clean conformer and is outside the graph of gradients.
pub struct Distill {
    store: ParamStore,
    student: Box<dyn Encoder2d>,
    teacher: Box<dyn Denoiser3d>,
    teacher_dtype: DType,
    projection: Option<Projection>,
    terms: Vec<(f64, Box<dyn DistillLoss>)>,
    spread: Option<ElementSpread>,
    cache: Option<TeacherCache>,
}

/// Student and teacher on the same molecules, on the host.
pub(crate) struct Seen {
    pub(crate) graphs: GraphBatch,
    pub(crate) student_nodes: Array2<f32>,
    pub(crate) student_graphs: Array2<f32>,
    /// Of the atoms behind the student's nodes.
    pub(crate) teacher_nodes: Array2<f32>,
    /// Means over all atoms of the teacher.
    pub(crate) teacher_graphs: Array2<f32>,
}

impl Distill {
    /// A task for `student`, whose parameters are in `store`. `teacher` should be built on a
    /// [frozen](ParamStore::frozen) store of its own, of element type `teacher_dtype`.
    ///
    /// A student of another width than the teacher gets a [`Projection`], which is trained with it and left behind.
    ///
    /// # Errors
    /// When the projection cannot be made, or the student has parameters below `projection`, which is the projection's place.
    pub fn new(
        student: Box<dyn Encoder2d>,
        store: &ParamStore,
        (teacher, teacher_dtype): (Box<dyn Denoiser3d>, DType),
        terms: Vec<(f64, Box<dyn DistillLoss>)>,
    ) -> Result<Self> {
        let (narrow, wide) = (student.width(), teacher.width());
        refuse_reserved(store, &[PROJECTION_PREFIX])?;
        let place = store.root().pp(PROJECTION_PREFIX);
        let projection = (narrow != wide).then(|| Projection::new(narrow, wide, &place));
        Ok(Self {
            projection: projection.transpose()?,
            store: store.clone(),
            student,
            teacher,
            teacher_dtype,
            terms,
            spread: None,
            cache: None,
        })
    }

    /// The same task, which asks the teacher only about conformers that are not in `cache`.
    #[must_use]
    pub fn with_cache(mut self, cache: TeacherCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The same task, whose losses see the vectors of atoms divided by the spread of their elements: for losses over atoms
    /// only, as vectors of molecules stay as they are.
    #[must_use]
    pub fn balanced(mut self, spread: ElementSpread) -> Self {
        self.spread = Some(spread);
        self
    }

    /// The student.
    pub fn student(&self) -> &dyn Encoder2d {
        self.student.as_ref()
    }

    /// What the teacher says of every node of the student's graphs, `[N, H]`.
    pub(crate) fn teach(&self, batch: &[Pair]) -> Result<(GraphBatch, Array2<f32>)> {
        let (graphs, points, alignment) = self.collate(batch)?;
        let nodes = gather(&self.target(&points)?.nodes, alignment.teacher_rows())?;
        Ok((graphs, host(&nodes)?))
    }

    /// Counts what the teacher says of every atom.
    pub(crate) fn count_spread(&self, batch: &[Pair], count: &mut SpreadCount) -> Result<()> {
        let (_, points, _) = self.collate(batch)?;
        let nodes = host(&self.target(&points)?.nodes)?;
        for (&number, vector) in points.atomic_numbers.iter().zip(nodes.rows()) {
            count.add(number, vector.iter().map(|&x| f64::from(x)));
        }
        Ok(())
    }

    /// Both sides on the same molecules: nodes `[N, H]` and graphs `[B, H]`.
    pub(crate) fn compare(&self, batch: &[Pair], mode: Mode) -> Result<Seen> {
        let (graphs, points, alignment) = self.collate(batch)?;
        let teacher = self.target(&points)?;
        let student = self.say(&graphs, mode)?;
        let pooled = segment_mean(&teacher.nodes, alignment.teacher_atoms())?;
        Ok(Seen {
            student_nodes: host(&student.nodes)?,
            student_graphs: host(&student.graphs)?,
            teacher_nodes: host(&gather(&teacher.nodes, alignment.teacher_rows())?)?,
            teacher_graphs: host(&pooled)?,
            graphs,
        })
    }

    /// The value of every term on a batch.
    fn terms(&self, batch: &[Pair], mode: Mode) -> Result<(Vec<Tensor>, Alignment)> {
        let (graphs, points, alignment) = self.collate(batch)?;
        let mut teacher = self.target(&points)?;
        let mut student = self.say(&graphs, mode)?;
        if let Some(spread) = &self.spread {
            let numbers = &points.atomic_numbers;
            let rows = alignment.teacher_rows().rows().iter();
            let of_nodes: Vec<u8> = rows.map(|&row| numbers[row as usize]).collect();
            student.nodes = spread.divide(&student.nodes, &of_nodes)?;
            teacher.nodes = spread.divide(&teacher.nodes, numbers)?;
        }
        let value = |(_, term): &(f64, Box<dyn DistillLoss>)| {
            Ok(term.loss(&student, &teacher, &alignment)?)
        };
        let values = self.terms.iter().map(value).collect::<Result<_>>()?;
        Ok((values, alignment))
    }

    fn collate(&self, batch: &[Pair]) -> Result<(GraphBatch, PointBatch, Alignment)> {
        let graphs: Vec<_> = batch.iter().map(|pair| &pair.graph).collect();
        let clouds: Vec<_> = batch.iter().map(|pair| &pair.cloud).collect();
        let graphs = GraphBatch::collate(&graphs, self.store.device())?;
        let points = self.points(&clouds)?;
        let alignment = Alignment::new(&graphs, &points)?;
        Ok((graphs, points, alignment))
    }

    /// The student at the teacher's width.
    fn say(&self, graphs: &GraphBatch, mode: Mode) -> Result<Representation> {
        let student = self.student.encode(graphs, mode)?;
        match &self.projection {
            Some(projection) => Ok(projection.project(&student)?),
            None => Ok(student),
        }
    }

    fn points<C: Borrow<PointCloud>>(&self, clouds: &[C]) -> Result<PointBatch> {
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

/// Refuses a student that has parameters where those of the task will stand: they would be shared, and left out of the model.
pub(crate) fn refuse_reserved(store: &ParamStore, prefixes: &[&str]) -> Result<()> {
    let taken = |name: &String| prefixes.iter().any(|prefix| is_below(name, prefix));
    match store.tensors().into_keys().find(taken) {
        None => Ok(()),
        Some(name) => Err(TrainError::config(
            "student",
            format!(
                "the parameter {name} stands where those of the task will: give it another prefix"
            ),
        )),
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

    fn least_batch(&self) -> usize {
        self.student.least_batch()
    }

    fn loss(&self, batch: &[Pair], draw: Draw) -> Result<Losses> {
        let (terms, _) = self.terms(batch, draw.mode)?;
        let mut total = Tensor::zeros((), self.store.dtype(), self.store.device())?;
        let mut parts = Vec::with_capacity(terms.len());
        for ((weight, term), value) in self.terms.iter().zip(terms) {
            parts.push((term.name().to_string(), number(&value)?));
            total = (total + (value * *weight)?)?;
        }
        Ok(Losses {
            total,
            parts,
            weight: batch.len() as f64,
        })
    }

    /// Every term is the mean over its own things, atoms or molecules, of the whole source, however it is cut into batches.
    fn evaluate(
        &self,
        source: &dyn Source<Item = Pair>,
        batch: &BatchConfig,
        key: Key,
    ) -> Result<Evaluation> {
        let mut sums = vec![(0.0, 0.0); self.terms.len()];
        for indices in batch.in_order(source) {
            let (terms, alignment) = self.terms(&fetch(source, &indices)?, Draw::eval(key).mode)?;
            for ((sum, value), (_, term)) in sums.iter_mut().zip(terms).zip(&self.terms) {
                let count = term.num_terms(&alignment) as f64;
                sum.0 += count * number(&value)?;
                sum.1 += count;
            }
        }
        let (mut score, mut parts) = (0.0, Vec::with_capacity(sums.len()));
        for ((weight, term), (sum, count)) in self.terms.iter().zip(sums) {
            score += weight * sum / count;
            parts.push((term.name().to_string(), sum / count));
        }
        Ok(Evaluation {
            name: "loss".into(),
            score,
            higher_is_better: false,
            parts,
        })
    }

    fn belongs_to_model(&self, name: &str) -> bool {
        !is_below(name, PROJECTION_PREFIX)
    }
}

fn number(value: &Tensor) -> Result<f64> {
    Ok(value.detach().to_dtype(DType::F64)?.to_scalar()?)
}

fn host(rows: &Tensor) -> Result<Array2<f32>> {
    let shape = rows.dims2()?;
    let flat = rows.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(Array2::from_shape_vec(shape, flat).expect("as many numbers as the shape says"))
}
