//! The contract of [`DistillLoss`] as a check that an own loss runs through.

use std::ops::Range;

use candle_core::{Device, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::segment_mean;
use dd_kernels::testing::normal_tensor;
use dd_nn::Representation;

use crate::error::DistillError;
use crate::{Alignment, DistillLoss};

/// Width of the representations that the loss is tried on.
const WIDTH: usize = 5;
/// What rounding in f64 explains.
const TOLERANCE: f64 = 1e-12;
/// Atoms that each side sees of three molecules.
const STUDENT_ATOMS: [&[u32]; 3] = [&[0, 1, 2], &[0], &[1, 0]];
const TEACHER_ATOMS: [&[u32]; 3] = [&[0, 1, 2, 3], &[0], &[0, 1]];

/// Which part of the contract a loss breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A property that does not hold.
    #[error("{property}: {found}")]
    Property {
        /// What should hold.
        property: &'static str,
        /// What was found.
        found: String,
    },
    /// The loss failed.
    #[error(transparent)]
    Loss(#[from] DistillError),
}

impl From<candle_core::Error> for CheckError {
    fn from(error: candle_core::Error) -> Self {
        Self::Loss(error.into())
    }
}

impl From<dd_kernels::KernelError> for CheckError {
    fn from(error: dd_kernels::KernelError) -> Self {
        Self::Loss(error.into())
    }
}

/// Checks the contract of [`DistillLoss`] in f64, on three molecules whose teacher sees hydrogens that the student does not:
/// the loss is a scalar, positive for a student unlike its teacher and zero for one that equals it, its gradient reaches the
/// student, is finite there, and does not reach the teacher; and the loss of a batch is the mean of those of its parts,
/// weighed by [`DistillLoss::num_terms`].
///
/// The target must be the teacher's vectors or their means, not something made of them: a loss against normalised vectors or
/// sums is not zero for a student that equals its teacher. A [`Weighted`](crate::Weighted) sum over atoms and molecules has no
/// mean of that kind; check its terms.
///
/// # Errors
/// Names the first property that fails.
pub fn check_loss(loss: &dyn DistillLoss) -> Result<(), CheckError> {
    let alignment = alignment(0..3)?;
    let var = |name: &str, rows: usize| -> Result<Var, CheckError> {
        let numbers = normal_tensor(Key::from_seed(3).named(name), &[rows, WIDTH])?;
        Ok(Var::from_tensor(&numbers)?)
    };
    let (nodes, graphs) = (var("student nodes", 6)?, var("student graphs", 3)?);
    let (of_atoms, of_molecules) = (var("teacher nodes", 7)?, var("teacher graphs", 3)?);
    let student = represented(&nodes, &graphs);
    let teacher = represented(&of_atoms, &of_molecules);
    let value = loss.loss(&student, &teacher, &alignment)?;
    if value.rank() != 0 {
        return broken("the loss is a scalar", format!("shape {:?}", value.dims()));
    }
    let number = value.to_scalar::<f64>()?;
    if !(number.is_finite() && number > 0.0) {
        return broken(
            "a student unlike its teacher has a positive loss",
            number.to_string(),
        );
    }
    let gradients = value.backward()?;
    let sizes = [&nodes, &graphs].map(|one| size(gradients.get(one)));
    let [nodes_size, graphs_size] = sizes;
    let (nodes_size, graphs_size) = (nodes_size?, graphs_size?);
    if !(nodes_size + graphs_size > 0.0 && (nodes_size + graphs_size).is_finite()) {
        return broken(
            "the student learns",
            format!("gradients of nodes {nodes_size} and of graphs {graphs_size}"),
        );
    }
    if [&of_atoms, &of_molecules]
        .into_iter()
        .any(|one| gradients.get(one).is_some())
    {
        return broken(
            "the teacher does not learn",
            "it has a gradient".to_string(),
        );
    }
    check_parts(loss, number, &student, &teacher)?;
    check_zero(loss, &of_atoms)
}

/// The first molecule and the others apart.
fn check_parts(
    loss: &dyn DistillLoss,
    whole: f64,
    student: &Representation,
    teacher: &Representation,
) -> Result<(), CheckError> {
    let (mut sum, mut terms) = (0.0, 0.0);
    for molecules in [0..1, 1..3] {
        let alignment = alignment(molecules.clone())?;
        let student = part(student, STUDENT_ATOMS, &molecules)?;
        let teacher = part(teacher, TEACHER_ATOMS, &molecules)?;
        let value = loss.loss(&student, &teacher, &alignment)?;
        let count = loss.num_terms(&alignment) as f64;
        sum += count * value.to_scalar::<f64>()?;
        terms += count;
    }
    if (sum / terms - whole).abs() <= TOLERANCE * whole.max(1.0) {
        return Ok(());
    }
    broken(
        "a batch has the mean loss of its parts, weighed by num_terms",
        format!("{whole} of the batch, {} of its parts", sum / terms),
    )
}

fn alignment(molecules: Range<usize>) -> Result<Alignment, DistillError> {
    let of = |atoms: [&[u32]; 3]| {
        atoms[molecules.clone()]
            .iter()
            .map(|one| one.to_vec())
            .collect()
    };
    let [student, teacher]: [Vec<Vec<u32>>; 2] = [of(STUDENT_ATOMS), of(TEACHER_ATOMS)];
    Alignment::from_atom_index(&student, &teacher, &Device::Cpu)
}

/// Some molecules of a representation.
fn part(
    of: &Representation,
    atoms: [&[u32]; 3],
    molecules: &Range<usize>,
) -> Result<Representation, CheckError> {
    let rows = |atoms: &[&[u32]]| atoms.iter().map(|one| one.len()).sum::<usize>();
    let (before, count) = (
        rows(&atoms[..molecules.start]),
        rows(&atoms[molecules.clone()]),
    );
    Ok(Representation {
        nodes: of.nodes.narrow(0, before, count)?,
        graphs: of.graphs.narrow(0, molecules.start, molecules.len())?,
    })
}

/// A student that says what its teacher says, on molecules whose atoms both see.
fn check_zero(loss: &dyn DistillLoss, of_atoms: &Tensor) -> Result<(), CheckError> {
    let atoms = [vec![0, 1, 2, 3], vec![0], vec![0, 1]];
    let alignment = Alignment::from_atom_index(&atoms, &atoms, &Device::Cpu)?;
    let graphs = segment_mean(of_atoms, alignment.teacher_atoms())?;
    let twin = represented(of_atoms, &graphs);
    let zero = loss.loss(&twin, &twin, &alignment)?.to_scalar::<f64>()?;
    if zero.abs() <= TOLERANCE {
        return Ok(());
    }
    broken(
        "a student equal to its teacher has no loss",
        zero.to_string(),
    )
}

fn represented(nodes: &Tensor, graphs: &Tensor) -> Representation {
    Representation {
        nodes: nodes.clone(),
        graphs: graphs.clone(),
    }
}

fn size(gradient: Option<&Tensor>) -> Result<f64, CheckError> {
    Ok(match gradient {
        Some(gradient) => gradient.abs()?.sum_all()?.to_scalar()?,
        None => 0.0,
    })
}

fn broken<T>(property: &'static str, found: String) -> Result<T, CheckError> {
    Err(CheckError::Property { property, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LOSS_NAMES, NodeLoss, loss_by_name};

    struct Leaks;

    impl DistillLoss for Leaks {
        fn name(&self) -> &'static str {
            "leaks"
        }

        fn loss(
            &self,
            student: &Representation,
            teacher: &Representation,
            _: &Alignment,
        ) -> crate::Result<Tensor> {
            Ok((&student.graphs - &teacher.graphs)?.sqr()?.mean_all()?)
        }

        fn num_terms(&self, alignment: &Alignment) -> usize {
            alignment.num_graphs()
        }
    }

    #[test]
    fn the_losses_of_this_crate_keep_the_contract() {
        // Sums and normalised vectors are other targets than the teacher's means and vectors themselves.
        let of_others = |name: &&&str| name.contains("sum_pool") || name.contains("layernorm");
        for name in LOSS_NAMES.iter().filter(|name| !of_others(name)) {
            let loss = loss_by_name(name).expect("a known name");
            check_loss(loss.as_ref()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// A mean over atoms that says it is one over molecules.
    struct Miscounts(NodeLoss);

    impl DistillLoss for Miscounts {
        fn name(&self) -> &'static str {
            "miscounts"
        }

        fn loss(
            &self,
            student: &Representation,
            teacher: &Representation,
            alignment: &Alignment,
        ) -> crate::Result<Tensor> {
            self.0.loss(student, teacher, alignment)
        }

        fn num_terms(&self, alignment: &Alignment) -> usize {
            alignment.num_graphs()
        }
    }

    #[test]
    fn a_loss_that_miscounts_is_found_out() {
        let error = check_loss(&Miscounts(NodeLoss::mse())).expect_err("atoms are no molecules");
        assert!(error.to_string().contains("num_terms"), "{error}");
    }

    #[test]
    fn a_loss_that_teaches_the_teacher_is_found_out() {
        let error = check_loss(&Leaks).expect_err("it has a gradient on both sides");
        assert!(
            error.to_string().starts_with("the teacher does not learn"),
            "{error}"
        );
    }
}
