//! Views of storages as plain rows of numbers.

use crate::element::Element;
use crate::error::{Result, TorchError};
use crate::pickle::View;

/// A view may repeat numbers of its storage up to so many; beyond, it must not be larger than its storage.
const MAX_REPEATED: u64 = 1 << 16;

/// Element type and shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Type of its numbers.
    pub element: Element,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

/// Checks that a tensor lies inside its storage of `num_bytes` bytes.
pub(crate) fn check(name: &str, view: &View, num_bytes: usize) -> Result<TensorInfo> {
    let fault = |reason: String| TorchError::Tensor {
        name: name.into(),
        reason,
    };
    let held = (num_bytes / view.element.size()) as u64;
    let count = view
        .shape
        .iter()
        .try_fold(1_u64, |n, &size| n.checked_mul(size));
    let count = count.filter(|&n| n <= held.max(MAX_REPEATED));
    let count = count.ok_or_else(|| {
        fault(format!(
            "shape {:?} is larger than its storage of {held} numbers",
            view.shape
        ))
    })?;
    let mut sizes = view.shape.iter().zip(&view.strides);
    let last = sizes.try_fold(view.offset, |last, (&size, &stride)| {
        last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    });
    if count > 0 && last.is_none_or(|last| last >= held) {
        return Err(fault(format!(
            "offset {}, shape {:?} and strides {:?} leave its storage of {held} numbers",
            view.offset, view.shape, view.strides
        )));
    }
    Ok(TensorInfo {
        element: view.element,
        shape: view.shape.iter().map(|&size| size as usize).collect(),
    })
}

/// The numbers of a checked view in row-major order, little-endian.
pub(crate) fn rows(view: &View, storage: &[u8]) -> Vec<u8> {
    let size = view.element.size();
    let count: u64 = view.shape.iter().product();
    let start = view.offset as usize * size;
    if count == 0 {
        return Vec::new();
    }
    if is_contiguous(view) {
        return storage[start..start + count as usize * size].to_vec();
    }
    let mut out = Vec::with_capacity(count as usize * size);
    let mut index = vec![0; view.shape.len()];
    for _ in 0..count {
        let place = index.iter().zip(&view.strides);
        let place: u64 = place.map(|(i, stride)| i * stride).sum();
        let place = start + place as usize * size;
        out.extend_from_slice(&storage[place..place + size]);
        for (i, &bound) in index.iter_mut().zip(&view.shape).rev() {
            *i += 1;
            if *i < bound {
                break;
            }
            *i = 0;
        }
    }
    out
}

fn is_contiguous(view: &View) -> bool {
    let mut expected = 1;
    view.shape
        .iter()
        .zip(&view.strides)
        .rev()
        .all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
}
