//! Which teacher atom stands behind which student node.

use std::collections::HashMap;

use candle_core::Device;
use dd_graph::{GraphBatch, PointBatch};
use dd_kernels::{RowIndex, Segments};

use crate::error::{DistillError, Result};

/// Pairs student nodes with teacher atoms by (graph, atom of the source molecule).
///
/// Every student node must have a teacher atom; teacher atoms without a student node (hydrogens) are allowed.
#[derive(Debug, Clone)]
pub struct Alignment {
    teacher_rows: RowIndex,
    student_nodes: Segments,
    teacher_atoms: Segments,
}

impl Alignment {
    /// The alignment of two batches of the same molecules in the same order.
    ///
    /// # Errors
    /// When the batches hold different numbers of molecules or different records, a student node has no teacher atom, or
    /// one side names an atom twice.
    pub fn new(student: &GraphBatch, teacher: &PointBatch) -> Result<Self> {
        check_batch_size(student.num_graphs(), teacher.num_molecules())?;
        for (graph, (&of_student, &of_teacher)) in
            student.records.iter().zip(&teacher.records).enumerate()
        {
            if of_student != of_teacher {
                return Err(DistillError::Record {
                    graph,
                    student: of_student,
                    teacher: of_teacher,
                });
            }
        }
        Self::pair(
            (student.nodes.clone(), &student.atom_index),
            (teacher.atoms.clone(), &teacher.atom_index),
            &student.device,
        )
    }

    /// The alignment of molecules given by the atoms that each side sees, in the order of its rows.
    ///
    /// # Errors
    /// As [`Alignment::new`].
    pub fn from_atom_index(
        student: &[Vec<u32>],
        teacher: &[Vec<u32>],
        device: &Device,
    ) -> Result<Self> {
        check_batch_size(student.len(), teacher.len())?;
        let segments = |side: &[Vec<u32>]| {
            let lengths: Vec<usize> = side.iter().map(Vec::len).collect();
            Segments::from_lengths(&lengths, device)
        };
        Self::pair(
            (segments(student)?, &student.concat()),
            (segments(teacher)?, &teacher.concat()),
            device,
        )
    }

    /// Teacher row of each student node, in the order of the student's nodes.
    pub fn teacher_rows(&self) -> &RowIndex {
        &self.teacher_rows
    }

    /// Student nodes to graphs.
    pub fn student_nodes(&self) -> &Segments {
        &self.student_nodes
    }

    /// Teacher atoms to graphs.
    pub fn teacher_atoms(&self) -> &Segments {
        &self.teacher_atoms
    }

    /// Number of pairs, which is the number of student nodes.
    pub fn num_pairs(&self) -> usize {
        self.teacher_rows.len()
    }

    /// Number of molecules.
    pub fn num_graphs(&self) -> usize {
        self.student_nodes.len()
    }

    fn pair(
        (student_nodes, student_atoms): (Segments, &[u32]),
        (teacher_atoms, teacher_index): (Segments, &[u32]),
        device: &Device,
    ) -> Result<Self> {
        let mut rows = Vec::with_capacity(student_nodes.num_rows());
        for graph in 0..student_nodes.len() {
            let atoms = teacher_atoms.range(graph);
            let mut row_of = HashMap::with_capacity(atoms.len());
            for row in atoms {
                if row_of.insert(teacher_index[row], row as u32).is_some() {
                    return Err(DistillError::Duplicate {
                        graph,
                        side: "teacher",
                        atom_index: teacher_index[row],
                    });
                }
            }
            let mut taken = HashMap::with_capacity(student_nodes.range(graph).len());
            for (node, row) in student_nodes.range(graph).enumerate() {
                let atom_index = student_atoms[row];
                if taken.insert(atom_index, node).is_some() {
                    return Err(DistillError::Duplicate {
                        graph,
                        side: "student",
                        atom_index,
                    });
                }
                rows.push(*row_of.get(&atom_index).ok_or(DistillError::Unmatched {
                    graph,
                    node,
                    atom_index,
                })?);
            }
        }
        Ok(Self {
            teacher_rows: RowIndex::new(rows, teacher_atoms.num_rows(), device)?,
            student_nodes,
            teacher_atoms,
        })
    }
}

fn check_batch_size(student: usize, teacher: usize) -> Result<()> {
    if student == teacher {
        Ok(())
    } else {
        Err(DistillError::BatchSize { student, teacher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn align(student: &[Vec<u32>], teacher: &[Vec<u32>]) -> Result<Alignment> {
        Alignment::from_atom_index(student, teacher, &Device::Cpu)
    }

    #[test]
    fn atoms_meet_whatever_their_order() {
        let alignment = align(&[vec![2, 0], vec![1]], &[vec![0, 1, 2, 3], vec![5, 1]]).unwrap();
        assert_eq!(alignment.teacher_rows().rows(), &[2, 0, 5]);
    }

    #[test]
    fn a_node_without_a_teacher_atom_is_named() {
        let message = align(&[vec![0], vec![0, 7]], &[vec![0], vec![0, 1]])
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "graph 1: the teacher has no atom 7, which the student's node 1 stands for"
        );
    }

    #[test]
    fn atoms_named_twice_and_batches_of_other_sizes_are_refused() {
        for (student, teacher, fault) in [
            (
                vec![vec![0, 0]],
                vec![vec![0]],
                "student names atom 0 twice",
            ),
            (
                vec![vec![0]],
                vec![vec![0, 0]],
                "teacher names atom 0 twice",
            ),
            (vec![vec![0]], vec![], "1 graphs"),
        ] {
            let message = align(&student, &teacher).unwrap_err().to_string();
            assert!(message.contains(fault), "{message}");
        }
    }
}
