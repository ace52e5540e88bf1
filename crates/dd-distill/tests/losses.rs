//! Contract of every loss: gradients reach the student alone, equality gives zero, widths and rows are checked.

#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor, Var};
use dd_distill::{
    Alignment, DistillLoss, GraphLoss, LOSS_NAMES, NodeLoss, Projection, loss_by_name,
};
use dd_graph::{GraphBatch, MolGraph, PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::{ParamStore, Representation};
use ndarray::Array2;
use proptest::prelude::*;

/// Two molecules: the student sees 2 of 3 and 1 of 2 atoms.
fn alignment() -> Alignment {
    let student = [vec![2, 0], vec![1]];
    let teacher = [vec![0, 1, 2], vec![0, 1]];
    Alignment::from_atom_index(&student, &teacher, &Device::Cpu).unwrap()
}

fn noise(name: &str, rows: usize, width: usize) -> Tensor {
    let key = Key::from_seed(3).named(name);
    let values: Vec<f64> = (0..rows * width).map(|i| key.normal(i as u64)).collect();
    Tensor::from_vec(values, (rows, width), &Device::Cpu).unwrap()
}

fn value(loss: &dyn DistillLoss, student: &Representation, teacher: &Representation) -> f64 {
    let loss = loss.loss(student, teacher, &alignment()).unwrap();
    loss.to_scalar().unwrap()
}

fn largest(x: &Tensor) -> f64 {
    let values = x.abs().unwrap().flatten_all().unwrap();
    values.max(0).unwrap().to_scalar().unwrap()
}

#[test]
fn gradients_reach_the_student_and_never_the_teacher() {
    for name in LOSS_NAMES {
        let [student_nodes, student_graphs, teacher_nodes, teacher_graphs] =
            [("a", 3), ("b", 2), ("c", 5), ("d", 2)]
                .map(|(name, rows)| Var::from_tensor(&noise(name, rows, 4)).unwrap());
        let student = Representation {
            nodes: student_nodes.as_tensor().clone(),
            graphs: student_graphs.as_tensor().clone(),
        };
        let teacher = Representation {
            nodes: teacher_nodes.as_tensor().clone(),
            graphs: teacher_graphs.as_tensor().clone(),
        };
        let loss = loss_by_name(name).unwrap();
        let loss = loss.loss(&student, &teacher, &alignment()).unwrap();
        let gradients = loss.backward().unwrap();
        assert!(gradients.get(&teacher_nodes).is_none(), "{name}");
        assert!(gradients.get(&teacher_graphs).is_none(), "{name}");
        let of = if name.starts_with("node") {
            &student_nodes
        } else {
            &student_graphs
        };
        assert!(largest(gradients.get(of).unwrap()) > 1e-3, "{name}");
    }
}

#[test]
fn a_student_equal_to_its_target_has_no_loss() {
    let teacher = Representation {
        nodes: noise("t", 5, 4),
        graphs: noise("g", 2, 4),
    };
    let behind = Tensor::new(&[2_u32, 0, 4], &Device::Cpu).unwrap();
    let nodes = teacher.nodes.index_select(&behind, 0).unwrap();
    let mean = |rows: &[u32]| {
        let rows = Tensor::new(rows, &Device::Cpu).unwrap();
        let rows = teacher.nodes.index_select(&rows, 0).unwrap();
        rows.mean_keepdim(0).unwrap()
    };
    let all = Tensor::cat(&[mean(&[0, 1, 2]), mean(&[3, 4])], 0).unwrap();
    let aligned = Tensor::cat(&[mean(&[2, 0]), mean(&[4])], 0).unwrap();
    for (name, graphs) in [
        ("node_mse", &all),
        ("node_mse_molecule_mean", &all),
        ("node_cosine", &all),
        ("node_smooth_l1", &all),
        ("graph_mse_mean_pool", &all),
        ("graph_mse_mean_pool_aligned", &aligned),
    ] {
        let student = Representation {
            nodes: nodes.clone(),
            graphs: graphs.clone(),
        };
        let loss = loss_by_name(name).unwrap();
        assert!(
            value(loss.as_ref(), &student, &teacher).abs() < 1e-15,
            "{name}"
        );
    }
}

#[test]
fn the_cosine_of_a_zero_vector_has_a_finite_gradient() {
    let nodes = Var::zeros((3, 4), DType::F64, &Device::Cpu).unwrap();
    let student = Representation {
        nodes: nodes.as_tensor().clone(),
        graphs: noise("g", 2, 4),
    };
    let teacher = Representation {
        nodes: noise("t", 5, 4),
        graphs: noise("g", 2, 4),
    };
    let loss = NodeLoss::cosine()
        .loss(&student, &teacher, &alignment())
        .unwrap();
    assert_eq!(loss.to_scalar::<f64>().unwrap(), 1.0);
    let gradients = loss.backward().unwrap();
    assert!(largest(gradients.get(&nodes).unwrap()).is_finite());
}

#[test]
fn different_widths_ask_for_a_projection_which_mends_them() {
    let student = Representation {
        nodes: noise("s", 3, 6),
        graphs: noise("g", 2, 6),
    };
    let teacher = Representation {
        nodes: noise("t", 5, 4),
        graphs: noise("u", 2, 4),
    };
    for loss in [
        &NodeLoss::mse() as &dyn DistillLoss,
        &GraphLoss::mean_pool(),
    ] {
        let error = loss.loss(&student, &teacher, &alignment()).unwrap_err();
        let message = "student width is 6, teacher width is 4: put a projection between them";
        assert_eq!(error.to_string(), message);
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let projection = Projection::new(6, 4, &store.root().pp("projection")).unwrap();
        let projected = projection.project(&student).unwrap();
        assert!(value(loss, &projected, &teacher).is_finite());
    }
}

#[test]
fn batches_of_other_records_are_refused() {
    let graph = MolGraph {
        node_features: Array2::zeros((1, 9)),
        edge_features: Array2::zeros((0, 3)),
        edge_sources: Vec::new(),
        edge_targets: Vec::new(),
        atom_index: vec![0],
        laplacian: None,
        node_reals: None,
        record: 4,
    };
    let cloud = PointCloud {
        atomic_numbers: vec![6],
        positions: vec![[0.0; 3]],
        atom_index: vec![0],
        record: 5,
    };
    let student = GraphBatch::collate(&[graph], &Device::Cpu).unwrap();
    let teacher = PointBatch::collate(&[cloud], DType::F32, &Device::Cpu).unwrap();
    let message = Alignment::new(&student, &teacher).unwrap_err().to_string();
    assert_eq!(
        message,
        "graph 0: the student holds record 4, the teacher record 5"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Node losses do not care for the order in which the teacher lists its atoms.
    #[test]
    fn the_order_of_the_teachers_atoms_does_not_matter(seed in 0_u64..1000, atoms in 1_usize..8) {
        let order = Key::from_seed(seed).permutation(atoms);
        let in_order: Vec<u32> = (0..atoms as u32).collect();
        let shuffled: Vec<u32> = order.iter().map(|&atom| atom as u32).collect();
        let student = Representation { nodes: noise("s", atoms, 3), graphs: noise("g", 1, 3) };
        let nodes = noise("t", atoms, 3);
        let rows = Tensor::new(shuffled.clone(), &Device::Cpu).unwrap();
        let moved = nodes.index_select(&rows, 0).unwrap();
        let loss = |nodes: Tensor, teacher: &[u32]| {
            let teacher_atoms = [teacher.to_vec()];
            let student_atoms = std::slice::from_ref(&in_order);
            let alignment = Alignment::from_atom_index(student_atoms, &teacher_atoms, &Device::Cpu).unwrap();
            let teacher = Representation { nodes, graphs: noise("u", 1, 3) };
            let loss = NodeLoss::mse().loss(&student, &teacher, &alignment).unwrap();
            loss.to_scalar::<f64>().unwrap()
        };
        prop_assert_eq!(loss(nodes, &in_order), loss(moved, &shuffled));
    }
}
