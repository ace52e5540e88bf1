//! One thread per model that turns waiting molecules into batches.
//!
//! A request's molecules wait apart from each other: a batch holds molecules of many requests, and a large request fills
//! several batches. Places are reserved before any work is done, so that what waits is bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dd_data::RowFault;
use dd_graph::MolGraph;
use dd_mol::Molecule;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Batching;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::model::ServedModel;
use crate::run::{Answer, answer_each};

/// Time between two looks at a thread that is to end.
const POLL: Duration = Duration::from_millis(5);

/// What is asked about a molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Predict,
    Embed,
}

impl Task {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Embed => "embed",
        }
    }
}

/// A row's number and its answer.
pub(crate) type Reply = (usize, std::result::Result<Answer, RowFault>);

/// One molecule that waits.
pub(crate) struct Job {
    pub(crate) task: Task,
    pub(crate) molecule: Molecule,
    pub(crate) graph: MolGraph,
    /// Its row in the request.
    pub(crate) row: usize,
    pub(crate) reply: UnboundedSender<Reply>,
    /// Its place in the queue, given back when the job is dropped.
    pub(crate) place: OwnedSemaphorePermit,
}

/// A queue and the thread that empties it.
pub(crate) struct Batcher {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    capacity: usize,
    worker: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    batching: Batching,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Instant, Job)>,
    tokens: usize,
    closed: bool,
}

impl Batcher {
    /// Starts the thread of a model.
    pub(crate) fn start(
        model: Arc<dyn ServedModel>,
        capacity: usize,
        batching: Batching,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
            batching,
        });
        let queue = Arc::clone(&shared);
        let worker = std::thread::Builder::new()
            .name(format!("model {}", model.card().name))
            .spawn(move || {
                while let Some(batch) = queue.next_batch() {
                    work(model.as_ref(), batch, &metrics);
                }
            })?;
        Ok(Self {
            shared,
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
            worker: Mutex::new(Some(worker)),
        })
    }

    /// Places for so many molecules, or none when there are too few.
    pub(crate) fn reserve(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.places);
        places
            .try_acquire_many_owned(u32::try_from(count).ok()?)
            .ok()
    }

    /// Molecules that hold a place.
    pub(crate) fn length(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// Lets molecules wait, in order.
    pub(crate) fn submit(&self, jobs: impl IntoIterator<Item = Job>) {
        let now = Instant::now();
        let mut queue = self.shared.lock();
        for job in jobs {
            queue.tokens += tokens(&job);
            queue.jobs.push_back((now, job));
        }
        self.shared.changed.notify_all();
    }

    /// Answers what waits, and ends the thread; one that does not end in time is left to the end of the process.
    pub(crate) fn finish(&self, patience: Duration) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        let worker = &self.worker;
        let worker = worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let end = Instant::now() + patience;
        while let Some(worker) = &worker {
            if worker.is_finished() || Instant::now() >= end {
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.finish(POLL);
    }
}

impl Shared {
    /// The queue is consistent at every unlock, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a batch is full or its first molecule has waited long enough; `None` when there will be no more.
    fn next_batch(&self) -> Option<Vec<Job>> {
        let mut queue = self.lock();
        loop {
            let Some((entered, _)) = queue.jobs.front() else {
                if queue.closed {
                    return None;
                }
                let waited = self.changed.wait(queue);
                queue = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = self.batching.wait.saturating_sub(entered.elapsed());
            if left.is_zero() || queue.tokens >= self.batching.tokens || queue.closed {
                return Some(queue.take(self.batching.tokens));
            }
            let waited = self.changed.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Queue {
    /// The first molecule, and those after it that are asked the same and fit beside it.
    fn take(&mut self, budget: usize) -> Vec<Job> {
        let mut batch: Vec<Job> = Vec::new();
        let mut filled = 0;
        let mut left = VecDeque::new();
        while let Some((entered, job)) = self.jobs.pop_front() {
            let same = batch.first().is_none_or(|first| first.task == job.task);
            if same && (batch.is_empty() || filled + tokens(&job) <= budget) {
                filled += tokens(&job);
                batch.push(job);
            } else {
                left.push_back((entered, job));
                if same || filled >= budget {
                    break;
                }
            }
        }
        left.append(&mut self.jobs);
        self.jobs = left;
        self.tokens -= filled;
        batch
    }
}

fn tokens(job: &Job) -> usize {
    job.graph.num_nodes() + job.graph.num_edges()
}

/// Runs a batch and answers its rows; those that nobody waits for any more are left out.
fn work(model: &dyn ServedModel, mut batch: Vec<Job>, metrics: &Metrics) {
    batch.retain(|job| !job.reply.is_closed());
    let Some(task) = batch.first().map(|job| job.task) else {
        return;
    };
    metrics.batch(batch.len(), batch.iter().map(tokens).sum());
    let (mut molecules, mut graphs, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for job in batch {
        molecules.push(job.molecule);
        graphs.push(job.graph);
        rows.push((job.row, job.reply, job.place));
    }
    let answers = answer_each(model, task, &molecules, &graphs);
    for ((row, reply, _place), answer) in rows.into_iter().zip(answers) {
        // The request may have been given up meanwhile.
        let _ = reply.send((row, answer));
    }
}
