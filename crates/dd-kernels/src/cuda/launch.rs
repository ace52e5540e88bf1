//! What a kernel launch is, for a GPU and for the emulator alike.

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::{DType, Layout, Shape, Storage, Tensor};

use super::sources::Number;
use crate::error::{KernelError, Result};

/// Storage on which kernels run: a GPU's, or main memory in the emulator.
pub(crate) trait Gpu: BackendStorage<Device: BackendDevice<Storage = Self>> {
    /// This kind of storage, if it is.
    fn of(storage: &Storage) -> Option<&Self>;

    /// New memory whose every number the next launches write.
    fn uninitialised(device: &Self::Device, dtype: DType, len: usize) -> candle_core::Result<Self>;

    /// Starts a kernel; what is started later sees its results.
    fn launch(device: &Self::Device, launch: Launch<'_, Self>) -> candle_core::Result<()>;
}

/// New memory filled with zeros.
pub(crate) fn zeros<S: Gpu>(
    device: &S::Device,
    dtype: DType,
    len: usize,
) -> candle_core::Result<S> {
    device.zeros_impl(&Shape::from(len.max(1)), dtype) // a GPU allocates no empty memory
}

/// One launch.
pub(crate) struct Launch<'a, S> {
    /// A name of [`super::sources::MODULES`].
    pub(crate) kernel: &'static str,
    pub(crate) number: Number,
    pub(crate) blocks: usize,
    pub(crate) threads: usize,
    /// Bytes that the kernel takes by `SHARED`.
    pub(crate) shared_bytes: usize,
    pub(crate) arguments: Vec<Argument<'a, S>>,
}

impl<'a, S> Launch<'a, S> {
    /// A launch of [`THREADS`] threads to a block, without memory of the block's own.
    pub(crate) fn new(
        kernel: &'static str,
        number: Number,
        blocks: usize,
        arguments: Vec<Argument<'a, S>>,
    ) -> Self {
        Self {
            kernel,
            number,
            blocks,
            threads: THREADS,
            shared_bytes: 0,
            arguments,
        }
    }
}

/// One argument of a kernel.
pub(crate) enum Argument<'a, S> {
    Read(View<'a, S>),
    /// Memory that the kernel writes, and may read.
    Write(&'a mut S),
    /// `unsigned`.
    Size(usize),
    /// `u64`.
    Word(u64),
    /// `double`.
    Real(f64),
    /// A null pointer.
    Null,
}

impl<'a, S> Argument<'a, S> {
    /// A view, or a null pointer.
    pub(crate) fn optional(view: Option<View<'a, S>>) -> Self {
        view.map_or(Self::Null, Self::Read)
    }
}

/// Contiguous numbers of a tensor.
#[derive(Debug)]
pub(crate) struct View<'a, S> {
    pub(crate) storage: &'a S,
    /// Numbers before the first.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl<S> Clone for View<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for View<'_, S> {}

impl<'a, S: Gpu> View<'a, S> {
    /// What a contiguous layout selects.
    pub(crate) fn new(name: &'static str, storage: &'a S, layout: &Layout) -> Result<Self> {
        let (start, end) = layout
            .contiguous_offsets()
            .ok_or_else(|| KernelError::Shape {
                name,
                expected: "contiguous".to_string(),
                got: layout.dims().to_vec(),
            })?;
        Ok(Self {
            storage,
            start,
            len: end - start,
        })
    }

    /// A whole storage.
    pub(crate) fn whole(storage: &'a S, len: usize) -> Self {
        Self {
            storage,
            start: 0,
            len,
        }
    }

    /// `len` of the numbers from `start` on.
    pub(crate) fn part(self, start: usize, len: usize) -> Self {
        debug_assert!(start + len <= self.len, "a part of the view");
        Self {
            start: self.start + start,
            len,
            ..self
        }
    }

    /// Layout of the numbers as a tensor.
    pub(crate) fn layout(self, shape: impl Into<Shape>) -> Layout {
        Layout::contiguous_with_offset(shape, self.start)
    }

    /// Layout of the numbers as the transpose of a matrix of `rows` rows.
    pub(crate) fn transposed(self, rows: usize) -> Layout {
        let columns = self.len / rows.max(1);
        Layout::new(Shape::from((columns, rows)), vec![1, columns], self.start)
    }

    /// The number type that the kernels are compiled for.
    pub(crate) fn number(self, name: &'static str) -> Result<Number> {
        number_of(name, self.storage.dtype())
    }

    /// True when rows of `width` numbers can be read 16 bytes at a time.
    pub(crate) fn packed(self, width: usize) -> bool {
        let lanes = 16 / self.storage.dtype().size_in_bytes();
        width.is_multiple_of(lanes) && self.start.is_multiple_of(lanes)
    }
}

/// A tensor's storage, held while a kernel reads it.
pub(crate) struct Held<'a> {
    storage: candle_core::StorageRef<'a>,
    layout: &'a Layout,
    name: &'static str,
}

impl<'a> Held<'a> {
    pub(crate) fn new(name: &'static str, x: &'a Tensor) -> Self {
        let (storage, layout) = x.storage_and_layout();
        Self {
            storage,
            layout,
            name,
        }
    }

    /// # Errors
    /// When the tensor is on another device than the operation's, or not contiguous.
    pub(crate) fn view<S: Gpu>(&self, device: &S::Device) -> Result<View<'_, S>> {
        let storage = S::of(&self.storage)
            .filter(|storage| storage.device().location() == device.location())
            .ok_or(KernelError::OtherDevice { name: self.name })?;
        View::new(self.name, storage, self.layout)
    }
}

/// The number type that the kernels are compiled for.
pub(crate) fn number_of(name: &'static str, dtype: DType) -> Result<Number> {
    match dtype {
        DType::F32 => Ok(Number::F32),
        DType::F64 => Ok(Number::F64),
        DType::BF16 => Ok(Number::Bf16),
        dtype => Err(KernelError::DType { name, dtype }),
    }
}

impl Number {
    /// What sums are stored as.
    pub(crate) fn sum_dtype(self) -> DType {
        match self {
            Self::F32 | Self::Bf16 => DType::F32,
            Self::F64 => DType::F64,
        }
    }

    /// Size of a sum.
    pub(crate) fn sum_bytes(self) -> usize {
        self.sum_dtype().size_in_bytes()
    }
}

/// Lanes of a warp.
pub(crate) const WARP: usize = 32;
/// Threads of a block where the kernel does not fix them.
pub(crate) const THREADS: usize = 256;

/// Blocks of [`THREADS`] for a kernel that gives each thread one job.
pub(crate) fn blocks_for(jobs: usize) -> usize {
    jobs.div_ceil(THREADS)
}

/// Blocks of [`THREADS`] for a kernel whose threads walk over the jobs: enough to fill any GPU of today.
pub(crate) fn walking_blocks(jobs: usize) -> usize {
    blocks_for(jobs).min(132 * 16)
}
