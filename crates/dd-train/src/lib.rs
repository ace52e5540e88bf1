//! The training loop and the three tasks: denoise, distil, fine-tune.
//!
//! [`fit()`] is the loop, and the same for all: loss, gradients, clipping, AdamW, schedule, moving average, validation,
//! checkpoint. A [`Task`] says what the loss of a batch is; [`tasks`] holds the three of the method. [`pretrain`],
//! [`distill`] and [`finetune`] go from a configuration to a folder.
//!
//! - A run is a function of (configuration, data, seed, device). On the CPU the same bits come out whatever the number of
//!   threads, and an interrupted run that is taken up again leaves the same files as one that was not.
//! - A trainable parameter without a gradient stops a run at its first step, unless the task says why it has none.
//! - A loss or gradient that is not finite stops it with step, records and the largest gradient by name.
//! - Checkpoints are whole or absent. See [`RunFolder`].
//!
//! Use this crate to train; to use a trained student, `dd-encoder2d` alone is enough.
//!
//! A task of your own is one type:
//!
//! ```
//! use candle_core::{DType, Device, Module, Tensor};
//! use dd_nn::{Init, Linear, ParamStore};
//! use dd_train::{
//!     AdamWConfig, BatchConfig, Data, Draw, Example, FitConfig, Keep, Length, Losses, Result,
//!     ScheduleConfig, Silent, Task, fit,
//! };
//!
//! #[derive(Clone)]
//! struct Point(f32, f32);
//!
//! impl Example for Point {
//!     fn cost(&self) -> usize {
//!         1
//!     }
//!     fn record(&self) -> u64 {
//!         0
//!     }
//! }
//!
//! struct Line {
//!     store: ParamStore,
//!     layer: Linear,
//! }
//!
//! impl Task for Line {
//!     type Item = Point;
//!
//!     fn name(&self) -> &'static str {
//!         "line"
//!     }
//!
//!     fn store(&self) -> &ParamStore {
//!         &self.store
//!     }
//!
//!     fn loss(&self, batch: &[Point], _draw: Draw) -> Result<Losses> {
//!         let column = |f: fn(&Point) -> f32| {
//!             let values: Vec<f32> = batch.iter().map(f).collect();
//!             Tensor::from_vec(values, (batch.len(), 1), &Device::Cpu)
//!         };
//!         let error = (self.layer.forward(&column(|p| p.0)?)? - column(|p| p.1)?)?;
//!         Ok(Losses {
//!             total: error.sqr()?.mean_all()?,
//!             parts: Vec::new(),
//!             weight: batch.len() as f64,
//!         })
//!     }
//! }
//!
//! let store = ParamStore::new(0, DType::F32, &Device::Cpu);
//! let layer = Linear::new(1, 1, Init::XavierUniform, &store.root())?;
//! let task = Line { store, layer };
//! let points: Vec<Point> = (0..8).map(|i| Point(i as f32 / 8.0, 2.0 * i as f32 / 8.0)).collect();
//! let config = FitConfig {
//!     seed: 0,
//!     length: Length::Epochs(300),
//!     batch: BatchConfig::Molecules(8),
//!     eval_batch: BatchConfig::Molecules(8),
//!     clip: None,
//!     ema: None,
//!     keep: Keep::Last,
//!     validate_every: 1,
//!     patience: None,
//!     log_every: 1,
//!     checkpoint_every: None,
//!     optimizer: AdamWConfig::adam(0.05),
//!     schedule: ScheduleConfig::Constant,
//! };
//! let data = Data { train: &points, valid: None };
//! fit(&task, &data, &config, None, &mut Silent)?;
//! let slope = task.layer.weight().flatten_all()?.to_vec1::<f32>()?[0];
//! assert!((slope - 2.0).abs() < 0.05);
//! # Ok::<(), dd_train::TrainError>(())
//! ```
//!
//! | Feature | Effect |
//! |---|---|
//! | `cuda`, `cudnn`, `metal` | tensors on the GPU |
//! | `mkl`, `accelerate` | matrix products by the vendor's library |

mod adamw;
mod answer;
mod batch;
mod config;
mod digest;
mod ema;
mod error;
pub mod evaluation;
mod examples;
mod export;
mod fit;
mod folder;
pub mod geometry;
mod gradients;
mod identity;
pub mod inputs;
mod lock;
mod manifest;
mod metrics_log;
mod observer;
pub mod property;
pub mod quickstart;
mod recipes;
pub mod report;
mod row_embedder;
mod run;
mod schedule;
mod session;
mod source;
mod state;
mod task;
pub mod tasks;
mod teacher;
mod teacher_cache;

pub use adamw::{AdamW, AdamWConfig};
pub use answer::{OnError, RowModel, Summary, answer_rows};
pub use batch::BatchConfig;
pub use config::{FitConfig, Keep, Length, PatienceConfig, from_toml, to_toml};
pub use ema::Ema;
pub use error::{Result, TrainError};
pub use examples::{Conformers, LabelledGraphs, Pairs};
pub use export::{Exported, export};
pub use fit::{Data, FitReport, fit};
pub use folder::{CONFIG_FILE, MODEL_FILE, RunFolder, Start, no_other_model, no_run, write_json};
pub use gradients::{Gradients, clip_factor};
pub use lock::FolderLock;
pub use manifest::{Manifest, RowTask};
pub use observer::{Event, Flow, Observer, Silent};
pub use recipes::account::{DistillAccount, Errors};
pub use recipes::contrast::{ContrastConfig, contrast};
pub use recipes::distill::{DistillConfig, LossTerm, distill, distill_on};
pub use recipes::finetune::{FinetuneReport, LabelledData, SeedRun, Student, TestScore, finetune};
pub use recipes::finetune_config::{ClassWeights, FinetuneConfig};
pub use recipes::pretrain::{PretrainConfig, pretrain, pretrain_on};
pub use row_embedder::RowEmbedder;
pub use schedule::{Plateau, Schedule, ScheduleConfig};
pub use session::Session;
pub use source::{Example, Labelled, Pair, Source, Subset};
pub use state::{State, StopReason, Validation};
pub use task::{Draw, Evaluation, Losses, Task};
pub use teacher::{Teacher, TeacherArchitecture, TeacherConfig};
pub use teacher_cache::{Speaker, TeacherCache};
