//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use dd_data::RowFault;
use dd_mol::smiles::{self, ParseOptions};
use dd_mol::{Molecule, Sanitize};
use dd_search::Index;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batcher::Batcher;
use crate::config::{Limits, ServeConfig};
use crate::error::{Result, ServeError};
use crate::metrics::Metrics;
use crate::model::ServedModel;
use crate::refusal::Refusal;

/// Drawings and readings of mol blocks that may be under way or wait for a thread.
const MAX_SKETCHES: usize = 64;

/// Longest time for a request.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A model and the queue before it.
pub(crate) struct Hosted {
    pub(crate) model: Arc<dyn ServedModel>,
    pub(crate) batcher: Batcher,
}

/// Models, index, limits and counts.
pub(crate) struct App {
    pub(crate) models: Vec<Arc<Hosted>>,
    /// The index, and the model that made its vectors.
    pub(crate) index: Option<(Arc<Index>, Arc<Hosted>)>,
    pub(crate) config: ServeConfig,
    pub(crate) metrics: Arc<Metrics>,
    /// Searches and drawings that may be under way: they leave a thread to everything else.
    pub(crate) turns: Arc<Semaphore>,
    sketches: Arc<Semaphore>,
    stopping: AtomicBool,
}

impl App {
    pub(crate) fn new(
        models: Vec<Arc<dyn ServedModel>>,
        index: Option<Index>,
        config: ServeConfig,
    ) -> Result<Self> {
        check(&models, &config.limits)?;
        let metrics = Arc::new(Metrics::new());
        let mut hosted = Vec::new();
        for model in models {
            let batcher = Batcher::start(
                Arc::clone(&model),
                config.limits.queue,
                config.batching,
                Arc::clone(&metrics),
            )?;
            hosted.push(Arc::new(Hosted { model, batcher }));
        }
        let index = index.map(|index| {
            let maker = hosted.iter().find(|hosted| made(hosted, &index));
            match maker {
                Some(maker) => Ok((Arc::new(index), Arc::clone(maker))),
                None => Err(ServeError::Index {
                    made_by: index.origin().model.clone(),
                    fingerprint: index.origin().fingerprint.clone(),
                }),
            }
        });
        Ok(Self {
            models: hosted,
            index: index.transpose()?,
            config,
            metrics,
            turns: Arc::new(Semaphore::new((blocking_threads() / 2).max(1))),
            sketches: Arc::new(Semaphore::new(MAX_SKETCHES)),
            stopping: AtomicBool::new(false),
        })
    }

    /// The model of a name, or the first that can do what is asked.
    pub(crate) fn choose(
        &self,
        name: Option<&str>,
        can: impl Fn(&Hosted) -> bool,
        what: &str,
    ) -> std::result::Result<&Arc<Hosted>, Refusal> {
        let able = || self.models.iter().filter(|hosted| can(hosted));
        let found = match name {
            Some(name) => able().find(|hosted| hosted.model.card().name == name),
            None => able().next(),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = able()
                .map(|hosted| hosted.model.card().name.as_str())
                .collect();
            let asked = name.map_or(String::new(), |name| format!(" called {name:?}"));
            let known = if names.is_empty() {
                "there is none".to_string()
            } else {
                format!("there are {}", names.join(", "))
            };
            Refusal::new(
                StatusCode::NOT_FOUND,
                "model",
                format!("no model{asked} {what}: {known}"),
            )
        })
    }

    /// A molecule within the limits.
    pub(crate) fn parse(&self, text: &str) -> std::result::Result<Molecule, RowFault> {
        if text.trim().is_empty() {
            return Err(RowFault::new("empty", "the SMILES is empty"));
        }
        let molecule = smiles::parse_with(
            text,
            &ParseOptions {
                sanitize: self.sanitize(),
            },
        )?;
        if molecule.num_atoms() == 0 {
            return Err(RowFault::new("empty", "the molecule has no atoms"));
        }
        Ok(molecule)
    }

    /// Perception within the limits.
    pub(crate) fn sanitize(&self) -> Sanitize {
        Sanitize {
            max_atoms: self.config.limits.atoms,
            ..Sanitize::RDKIT
        }
    }

    /// A turn on a thread for work that takes long, a search or a drawing.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// A place for a drawing or a reading.
    pub(crate) fn sketch(&self) -> std::result::Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.sketches)
            .try_acquire_owned()
            .map_err(|_| Refusal::busy(format!("{MAX_SKETCHES} molecules are being drawn")))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

/// Threads for work that does not wait: reading, drawing, searching.
pub(crate) fn blocking_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |threads| threads.get().max(2))
}

/// True when the vectors of an index are this model's; without a fingerprint its name decides.
fn made(hosted: &Hosted, index: &Index) -> bool {
    let (card, origin) = (hosted.model.card(), index.origin());
    let same = if origin.fingerprint.is_empty() {
        origin.model == card.name
    } else {
        origin.fingerprint == card.fingerprint
    };
    same && index.width() == card.width
}

fn check(models: &[Arc<dyn ServedModel>], limits: &Limits) -> Result<()> {
    if models.is_empty() {
        return Err(ServeError::NoModel);
    }
    for (place, model) in models.iter().enumerate() {
        let name = &model.card().name;
        if models[..place]
            .iter()
            .any(|other| other.card().name == *name)
        {
            return Err(ServeError::SameName(name.clone()));
        }
    }
    let limit = |name, value, reason| {
        Err(ServeError::Limit {
            name,
            value,
            reason,
        })
    };
    if limits.body_bytes == 0 {
        return limit("body", 0, "no request would be read");
    }
    if limits.rows == 0 {
        return limit("rows", 0, "no request would be answered");
    }
    if limits.atoms == 0 {
        return limit("atoms", 0, "no molecule would be answered");
    }
    if limits.time.is_zero() {
        return limit("timeout", 0, "no request would be answered in time");
    }
    if limits.time > MAX_TIME {
        let seconds = usize::try_from(limits.time.as_secs()).unwrap_or(usize::MAX);
        return limit("timeout", seconds, "more than a day");
    }
    if limits.queue < limits.rows {
        return limit(
            "queue",
            limits.queue,
            "a request with the most rows would never fit",
        );
    }
    if limits.queue > Semaphore::MAX_PERMITS.min(u32::MAX as usize) {
        return limit("queue", limits.queue, "more than can be counted");
    }
    Ok(())
}
