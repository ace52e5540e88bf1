//! PyTorch files as named tensors and settings, without executing them.
//!
//! A `.pt`, `.pth` or `.ckpt` file is a pickle, a small program that Python runs to build objects, beside raw numbers.
//! [`TorchFile`] runs no such program. It knows the opcodes, the containers, and the few functions that rebuild tensors;
//! every other class or function of the file becomes a placeholder that is shown by its name and never called. Both
//! formats are read: zip archives (since PyTorch 1.6) and the older sequence of pickles with raw storages.
//!
//! A hostile file costs little: no recursion over its contents, nothing allocated on its word alone, limits to what is
//! gone through (half a million objects, 64 MiB of names), errors that say where.
//!
//! Use this crate to look into files of others. To load one into a model, take `dd_nn::Checkpoint`. The crate knows
//! neither tensors to compute with nor the disk.
//!
//! ```
//! use dd_torch::TorchFile;
//! let error = TorchFile::parse(b"cos\nsystem\n(S'true'\ntR.".to_vec()).unwrap_err();
//! assert!(error.to_string().contains("no PyTorch file"), "{error}");
//! ```

mod element;
mod error;
mod file;
mod left_out;
mod legacy;
mod pickle;
mod settings;
mod state_dict;
mod tensor;
mod zip;

pub use element::Element;
pub use error::{Result, TorchError};
pub use file::{Format, TorchFile};
pub use tensor::TensorInfo;
