//! The layer on the CPU: every stage in place among the fields' rows.

use candle_core::Shape;
use rayon::prelude::*;

use crate::MatmulPrecision;
use crate::cpu::block::zeros;
use crate::cpu::dense::{Dense, DenseForward, column_sums, rows_per_task};
use crate::cpu::matmul::View;
use crate::cpu::reduce::add_row;
use crate::et_message::{Atoms, Messages};
use crate::et_update::{update_rows, update_rows_back};
use crate::layer_norm;
use crate::operation::{Backward, Operation, Outcome};
use crate::real::Real;
use crate::transformer::NORM_EPSILON;

pub(super) struct Fused {
    pub(super) messages: Messages,
    /// Whether a backward pass may come.
    pub(super) differentiable: bool,
}

/// The numbers of a call. An atom has a row of `4 F` numbers among the fields and among what arrives, `5 F` of queries, keys
/// and values, `3 F` of `o`, and `9 F` of `p`, three `F` for each axis.
struct Call<'a, T> {
    width: usize,
    /// Atoms of one task.
    block: usize,
    fields: &'a [T],
    norm: [&'a [T]; 2],
    /// Weight and bias of query, key and value, one below the other.
    inward: [Vec<T>; 2],
    output: Dense<'a, T>,
    projection: Dense<'a, T>,
    edges: &'a [&'a [T]],
}

impl Fused {
    fn call<'a, T: Real>(&self, inputs: &'a [&'a [T]]) -> Call<'a, T> {
        let f = self.messages.features();
        let stacked = |first: usize| [inputs[first], inputs[first + 2], inputs[first + 4]].concat();
        Call {
            width: f,
            block: rows_per_task(self.messages.num_atoms()),
            fields: inputs[0],
            norm: [inputs[1], inputs[2]],
            inward: [stacked(3), stacked(4)],
            output: Dense::new(inputs[9], inputs[10], f),
            projection: Dense {
                weight: inputs[11],
                bias: None,
                input: f,
                output: 3 * f,
                precision: MatmulPrecision::Full,
            },
            edges: &inputs[12..],
        }
    }

    fn zeros<T: Real>(&self, widths: usize) -> Vec<T> {
        zeros(self.messages.num_atoms() * widths * self.messages.features())
    }
}

impl Operation for Fused {
    const NAME: &'static str = "et_layer";

    fn shape(&self) -> Shape {
        Shape::from((self.messages.num_atoms(), 4, self.messages.features()))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let call = self.call(inputs);
        let mut projected = self.zeros(5);
        call.project(&mut projected);
        let arrived = self.messages.forward(call.atoms(&projected), call.edges);
        let mut output = self.zeros(4);
        if !self.differentiable {
            call.update(&arrived, None, &mut output);
            return Outcome {
                output,
                kept: Vec::new(),
            };
        }
        let [mut o, mut p] = [3, 9].map(|widths| self.zeros(widths));
        call.update(&arrived, Some([&mut o, &mut p]), &mut output);
        Outcome {
            output,
            kept: vec![projected, arrived, o, p],
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let call = self.call(seen.inputs);
        let [projected, arrived, o, p] = [0, 1, 2, 3].map(|i| seen.kept[i]);
        let [mut d_fields, mut d_arrived, mut d_o, mut d_p] =
            [4, 4, 3, 9].map(|widths| self.zeros(widths));
        call.update_back(
            o,
            p,
            seen.grad,
            [&mut d_fields, &mut d_arrived, &mut d_o, &mut d_p],
        );
        let d_projection = call.projection_gradient(&d_p);
        drop(d_p);
        let d_output = call.output_gradient(arrived, &d_o);
        let d_output_bias = column_sums(&d_o, 3 * self.messages.features());
        drop(d_o);
        let with_geometry = seen.wanted[12..15].contains(&true);
        let atoms = call.atoms(projected);
        let passed = self
            .messages
            .backward(atoms, call.edges, &d_arrived, with_geometry);
        drop(d_arrived);
        let (d_scalars, inward) = call.project_back(&passed.projected);
        call.finish(&mut d_fields, seen.grad, &d_scalars, &passed.vectors);
        let mut gradients = vec![Some(d_fields)];
        gradients.extend(inward.into_iter().map(Some));
        gradients.extend([d_output, d_output_bias, d_projection].map(Some));
        gradients.extend(passed.edges);
        gradients
    }
}

impl<T: Real> Call<'_, T> {
    fn inward(&self) -> Dense<'_, T> {
        Dense::new(&self.inward[0], &self.inward[1], self.width)
    }

    /// What messages are made from.
    fn atoms<'b>(&'b self, projected: &'b [T]) -> Atoms<'b, T> {
        Atoms {
            projected,
            vectors: &self.fields[self.width..],
            vectors_apart: 4 * self.width,
        }
    }

    /// `h = LN(x)` of the atoms whose fields are given.
    fn normalize(&self, fields: &[T], h: &mut [T]) {
        let f = self.width;
        let ([weight, bias], epsilon) = (self.norm, T::from_f64(NORM_EPSILON));
        for (h, fields) in h.chunks_exact_mut(f).zip(fields.chunks_exact(4 * f)) {
            layer_norm::normalize_rows(&fields[..f], weight, bias, epsilon, h);
        }
    }

    /// Queries, keys and values.
    fn project(&self, projected: &mut [T]) {
        let rows = self.block * self.width;
        let inward = self.inward().forward_pass();
        projected
            .par_chunks_mut(5 * rows)
            .zip(self.fields.par_chunks(4 * rows))
            .for_each(|(projected, fields)| {
                let mut h = vec![T::ZERO; fields.len() / 4];
                self.normalize(fields, &mut h);
                inward.block(&h, projected);
            });
    }

    /// The new fields; `o` and `p` of all atoms, if there is room for them.
    fn update(&self, arrived: &[T], kept: Option<[&mut [T]; 2]>, output: &mut [T]) {
        let rows = self.block * self.width;
        let layers = [self.output, self.projection].map(Dense::forward_pass);
        let tasks = output
            .par_chunks_mut(4 * rows)
            .zip(self.fields.par_chunks(4 * rows))
            .zip(arrived.par_chunks(4 * rows));
        match kept {
            Some([o, p]) => tasks
                .zip(o.par_chunks_mut(3 * rows))
                .zip(p.par_chunks_mut(9 * rows))
                .for_each(|((((output, fields), arrived), o), p)| {
                    self.update_block(&layers, fields, arrived, [o, p], output);
                }),
            None => tasks.for_each(|((output, fields), arrived)| {
                let [mut o, mut p] = [3, 9].map(|widths| vec![T::ZERO; output.len() / 4 * widths]);
                self.update_block(&layers, fields, arrived, [&mut o, &mut p], output);
            }),
        }
    }

    fn update_block(
        &self,
        [to_o, projection]: &[DenseForward<'_, T>; 2],
        fields: &[T],
        arrived: &[T],
        [o, p]: [&mut [T]; 2],
        output: &mut [T],
    ) {
        let f = self.width;
        let atoms = fields.len() / (4 * f);
        let messages = View::rows(arrived, 4 * f);
        to_o.rows(atoms, messages, o, 3 * f);
        for axis in 0..3 {
            let vectors = View::rows(&fields[(1 + axis) * f..], 4 * f);
            let p = &mut p[3 * axis * f..];
            projection.rows(atoms, vectors, p, 9 * f);
        }
        update_rows(f, p, o, arrived, output);
        add_row(output, fields);
    }

    /// From the gradient of the new fields to that of what has arrived, of `o`, of `p`, and through `p` to the vectors'.
    fn update_back(&self, o: &[T], p: &[T], grad: &[T], out: [&mut [T]; 4]) {
        let (f, rows) = (self.width, self.block * self.width);
        let [d_fields, d_arrived, d_o, d_p] = out;
        let [from_o, projection] = [self.output, self.projection].map(Dense::backward_pass);
        d_fields
            .par_chunks_mut(4 * rows)
            .zip(d_arrived.par_chunks_mut(4 * rows))
            .zip(d_o.par_chunks_mut(3 * rows))
            .zip(d_p.par_chunks_mut(9 * rows))
            .zip(o.par_chunks(3 * rows))
            .zip(p.par_chunks(9 * rows))
            .zip(grad.par_chunks(4 * rows))
            .for_each(|((((((d_fields, d_arrived), d_o), d_p), o), p), grad)| {
                update_rows_back(f, p, o, grad, [d_p, d_o, d_arrived]);
                let atoms = grad.len() / (4 * f);
                let d_o = View::rows(d_o, 3 * f);
                from_o.rows(atoms, d_o, d_arrived, 4 * f, false);
                for axis in 0..3 {
                    let d_p = View::rows(&d_p[3 * axis * f..], 9 * f);
                    let d_vectors = &mut d_fields[(1 + axis) * f..];
                    projection.rows(atoms, d_p, d_vectors, 4 * f, false);
                }
            });
    }

    /// Gradient of `W_o`.
    fn output_gradient(&self, arrived: &[T], d_o: &[T]) -> Vec<T> {
        let f = self.width;
        let mut gradient = vec![T::ZERO; 3 * f * f];
        let rows = [View::rows(arrived, 4 * f), View::rows(d_o, 3 * f)];
        let atoms = arrived.len() / (4 * f);
        self.output
            .weight_gradient_rows(atoms, rows, &mut gradient, false);
        gradient
    }

    /// Gradient of `U`, summed over the axes.
    fn projection_gradient(&self, d_p: &[T]) -> Vec<T> {
        let f = self.width;
        let mut gradient = vec![T::ZERO; 3 * f * f];
        for axis in 0..3 {
            let vectors = View::rows(&self.fields[(1 + axis) * f..], 4 * f);
            let rows = [vectors, View::rows(&d_p[3 * axis * f..], 9 * f)];
            let atoms = self.fields.len() / (4 * f);
            self.projection
                .weight_gradient_rows(atoms, rows, &mut gradient, axis > 0);
        }
        gradient
    }

    /// Gradients of the scalars through the norm; of the norm, query, key and value, weight and bias each.
    fn project_back(&self, d_projected: &[T]) -> (Vec<T>, Vec<Vec<T>>) {
        let (f, rows) = (self.width, self.block * self.width);
        let [mut scalars, mut h] = [(); 2].map(|()| zeros(self.fields.len() / 4));
        scalars
            .par_chunks_mut(rows)
            .zip(h.par_chunks_mut(rows))
            .zip(self.fields.par_chunks(4 * rows))
            .for_each(|((scalars, h), fields)| {
                self.normalize(fields, h);
                for (to, from) in scalars.chunks_exact_mut(f).zip(fields.chunks_exact(4 * f)) {
                    to.copy_from_slice(&from[..f]);
                }
            });
        let inward = self.inward();
        let weights = inward.weight_gradient(&h, d_projected);
        let biases = column_sums(d_projected, 5 * f);
        let d_h = inward.input_gradient(d_projected);
        let epsilon = T::from_f64(NORM_EPSILON);
        let [d_scalars, d_weight, d_bias] =
            layer_norm::backward(&scalars, self.norm[0], &d_h, epsilon);
        let mut gradients = vec![d_weight, d_bias];
        for (first, end) in [(0, f), (f, 2 * f), (2 * f, 5 * f)] {
            gradients.push(weights[first * f..end * f].to_vec());
            gradients.push(biases[first..end].to_vec());
        }
        (d_scalars, gradients)
    }

    /// Adds to the fields' gradient what came around the layer, through the norm and with the messages.
    fn finish(&self, d_fields: &mut [T], grad: &[T], dx: &[T], d_vectors: &[T]) {
        let (f, rows) = (self.width, self.block * self.width);
        d_fields
            .par_chunks_mut(4 * rows)
            .zip(grad.par_chunks(4 * rows))
            .zip(dx.par_chunks(rows))
            .zip(d_vectors.par_chunks(3 * rows))
            .for_each(|(((d_fields, grad), dx), d_vectors)| {
                add_row(d_fields, grad);
                let atoms = d_fields.chunks_exact_mut(4 * f);
                let added = dx.chunks_exact(f).zip(d_vectors.chunks_exact(3 * f));
                for (d_fields, (dx, d_vectors)) in atoms.zip(added) {
                    let (scalars, vectors) = d_fields.split_at_mut(f);
                    add_row(scalars, dx);
                    add_row(vectors, d_vectors);
                }
            });
    }
}
