//! Memory that a thread reuses from molecule to molecule.
//!
//! Reading and perception need some forty arrays; allocating them anew would cost more
//! than the work itself. Nothing is carried over but the memory.

use std::cell::Cell;

use crate::{perceive, smiles};

/// Above this number of atoms the memory is given back at once.
const MAX_ATOMS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) reading: smiles::Reading,
    pub(crate) perception: perceive::Workspace,
}

thread_local! {
    static SPARE: Cell<Option<Box<Workspace>>> = const { Cell::new(None) };
}

/// Lends the thread's working memory for a molecule of at most `size` atoms.
pub(crate) fn with<R>(size: usize, work: impl FnOnce(&mut Workspace) -> R) -> R {
    let mut workspace = SPARE.take().unwrap_or_default();
    let result = work(&mut workspace);
    if size <= MAX_ATOMS {
        SPARE.set(Some(workspace));
    }
    result
}
