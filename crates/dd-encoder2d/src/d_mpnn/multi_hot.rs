//! Products of a weight with chemprop's vectors of zeros and ones, which are never written out: such a product is a sum of
//! columns of the weight.

use candle_core::{Device, Tensor};
use dd_graph::{ChempropConfig, ChempropFeaturizer, Featurizer, GraphBatch};
use dd_kernels::{RowIndex, embedding_sum};
use ndarray::Array2;

use super::config::DMpnnConfig;
use crate::error::{EncoderError, Result};

/// What a column of categories is in chemprop's vector.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// A one at one of as many places as there are categories.
    Place,
    /// The same, and nothing for the last category.
    PlaceOrNothing,
    /// A zero or a one at one place.
    Flag,
}

/// Where the categories of some columns stand in a vector.
struct Layout {
    name: &'static str,
    /// The place of each category of each column; `width` for one that leaves no mark.
    places: Vec<Vec<u32>>,
    width: usize,
}

impl Layout {
    /// Columns one after another from `first` on, then `more` numbers that are no marks.
    fn new(name: &'static str, columns: &[(usize, Mark)], first: u32, more: usize) -> Self {
        let mut next = first;
        let mut places: Vec<Vec<Option<u32>>> = Vec::new();
        for &(size, mark) in columns {
            let marked = match mark {
                Mark::Place => size as u32,
                Mark::PlaceOrNothing => size as u32 - 1,
                Mark::Flag => 1,
            };
            let marks = (next..next + marked).map(Some);
            places.push(match mark {
                Mark::Place => marks.collect(),
                Mark::PlaceOrNothing => marks.chain([None]).collect(),
                Mark::Flag => [None].into_iter().chain(marks).collect(),
            });
            next += marked;
        }
        let width = next as usize + more;
        let or_nothing = |place: Option<u32>| place.unwrap_or(width as u32);
        Self {
            name,
            places: places
                .into_iter()
                .map(|column| column.into_iter().map(or_nothing).collect())
                .collect(),
            width,
        }
    }

    /// The places of a batch's categories, `[rows * columns]`, into the numbers of the vector and one row of zeros.
    fn rows(&self, features: &Array2<u16>, device: &Device) -> Result<RowIndex> {
        let columns = self.places.len();
        if features.nrows() > 0 && features.ncols() != columns {
            return Err(EncoderError::Columns {
                name: self.name,
                expected: columns,
                got: features.ncols(),
            });
        }
        let place = |((row, column), &value): ((usize, usize), &u16)| {
            let places = &self.places[column];
            let place = places.get(usize::from(value)).copied();
            place.ok_or(EncoderError::Category {
                name: self.name,
                row,
                column,
                value,
                bound: places.len(),
            })
        };
        let rows = features.indexed_iter().map(place).collect::<Result<_>>()?;
        Ok(RowIndex::new(rows, self.width + 1, device)?)
    }

    /// `vectors weight^T` for the columns of `weight [out, ..]` from `first` on, `[rows, out]`.
    fn product(&self, weight: &Tensor, first: usize, rows: &RowIndex) -> Result<Tensor> {
        let columns = weight.narrow(1, first, self.width)?.t()?; // [width, out]
        let nothing = columns.narrow(0, 0, 1)?.zeros_like()?;
        let table = Tensor::cat(&[columns, nothing], 0)?;
        Ok(embedding_sum(&table, rows, self.places.len())?)
    }
}

/// Where the categories of atoms and bonds stand in chemprop's vectors.
pub(super) struct MultiHot {
    atoms: Layout,
    bonds: Layout,
}

/// What a batch says of its atoms and bonds.
pub(super) struct Features {
    atoms: RowIndex,
    bonds: RowIndex,
    /// `[N, 1]`.
    masses: Tensor,
}

impl MultiHot {
    pub(super) fn new(config: &DMpnnConfig) -> Self {
        let featurizer = ChempropFeaturizer::new(ChempropConfig::of(config.atoms));
        let schema = featurizer.schema();
        let atoms = [Mark::Place; 6].into_iter().chain([Mark::Flag]);
        let atoms: Vec<_> = schema.node_sizes().into_iter().zip(atoms).collect();
        let bonds = [Mark::PlaceOrNothing, Mark::Flag, Mark::Flag, Mark::Place];
        let bonds: Vec<_> = schema.edge_sizes().into_iter().zip(bonds).collect();
        Self {
            // Behind the marks stands the mass.
            atoms: Layout::new("node_features", &atoms, 0, 1),
            // The first number of a bond would say that there is none.
            bonds: Layout::new("edge_features", &bonds, 1, 0),
        }
    }

    /// Numbers of chemprop's vectors of an atom and of a bond.
    pub(super) fn widths(&self) -> (usize, usize) {
        (self.atoms.width, self.bonds.width)
    }

    pub(super) fn features(&self, batch: &GraphBatch, like: &Tensor) -> Result<Features> {
        let reals = batch.node_reals.as_ref().ok_or(EncoderError::Lacking {
            what: "the masses of the atoms",
            remedy: "make the graphs with the featurizer `chemprop`",
        })?;
        if reals.ncols() != 1 {
            return Err(EncoderError::Columns {
                name: "node_reals",
                expected: 1,
                got: reals.ncols(),
            });
        }
        let masses = Tensor::from_iter(reals.iter().copied(), &Device::Cpu)?;
        let masses = masses.reshape((batch.num_nodes(), 1))?;
        Ok(Features {
            atoms: self.atoms.rows(&batch.node_features, &batch.device)?,
            bonds: self.bonds.rows(&batch.edge_features, &batch.device)?,
            masses: masses.to_dtype(like.dtype())?.to_device(&batch.device)?,
        })
    }

    /// Vectors of atoms times the first columns of `weight [out, ..]`, `[N, out]`.
    pub(super) fn of_atoms(&self, weight: &Tensor, features: &Features) -> Result<Tensor> {
        let marks = self.atoms.product(weight, 0, &features.atoms)?;
        let of_mass = weight.narrow(1, self.atoms.width - 1, 1)?.t()?; // [1, out]
        Ok((marks + features.masses.broadcast_mul(&of_mass)?)?)
    }

    /// Vectors of bonds times the columns of `weight [out, ..]` behind those of atoms, `[E, out]`.
    pub(super) fn of_bonds(&self, weight: &Tensor, features: &Features) -> Result<Tensor> {
        self.bonds
            .product(weight, self.atoms.width, &features.bonds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_chemprop() {
        let widths = MultiHot::new(&DMpnnConfig::chemprop()).widths();
        assert_eq!(widths, (72, 14));
    }
}
