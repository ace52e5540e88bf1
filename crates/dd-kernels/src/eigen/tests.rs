//! Residuals, orthogonality, degenerate spectra, and the same bits with and without wide vectors.

use super::lanes::Lanes;
use super::{Desk, Spectrum, SymmetricMatrix, decompose_on};
use crate::rng::Key;

fn matrix(n: usize, entry: impl Fn(usize, usize) -> f64) -> SymmetricMatrix {
    let mut matrix = SymmetricMatrix::zeros(n);
    for i in 0..n {
        for j in 0..=i {
            matrix.set(i, j, entry(i, j));
        }
    }
    matrix
}

fn random(n: usize) -> SymmetricMatrix {
    let key = Key::from_seed(9).with(n as u64);
    matrix(n, |i, j| key.normal((i * n + j) as u64))
}

fn columns(spectrum: &Spectrum, n: usize) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![0.0; n]; spectrum.count()];
    for i in 0..n {
        for (column, x) in columns.iter_mut().zip(spectrum.components(i)) {
            column[i] = x;
        }
    }
    columns
}

/// Largest entries of `A V - V diag` and of `V^T V - 1`.
fn residuals(matrix: &SymmetricMatrix, spectrum: &Spectrum) -> (f64, f64) {
    let n = matrix.size();
    let columns = columns(spectrum, n);
    let (mut residual, mut orthogonality) = (0.0_f64, 0.0_f64);
    for (a, (v, value)) in columns.iter().zip(spectrum.values()).enumerate() {
        for i in 0..n {
            let product: f64 = matrix.row(i).zip(v).map(|(x, y)| x * y).sum();
            residual = residual.max((product - value * v[i]).abs());
        }
        for (b, other) in columns.iter().enumerate() {
            let inner: f64 = v.iter().zip(other).map(|(x, y)| x * y).sum();
            orthogonality = orthogonality.max((inner - f64::from(u8::from(a == b))).abs());
        }
    }
    (residual, orthogonality)
}

fn solved(matrix: &SymmetricMatrix, count: usize) -> Spectrum {
    let spectrum = matrix.clone().spectrum(count).expect("finite entries");
    let n = matrix.size();
    let (residual, orthogonality) = residuals(matrix, &spectrum);
    let bound = 1e-14 * (n as f64 + 10.0);
    let size = (0..n)
        .flat_map(|i| matrix.row(i))
        .fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(residual <= bound * size, "n = {n}: residual {residual:e}");
    assert!(
        orthogonality < bound,
        "n = {n}: orthogonality {orthogonality:e}"
    );
    assert!(spectrum.values().is_sorted());
    assert_eq!(
        (spectrum.values().len(), spectrum.count()),
        (n, count.min(n))
    );
    spectrum
}

#[test]
fn random_matrices_are_decomposed_to_rounding() {
    for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 40, 101] {
        for count in [0, 1, 5, 16, 19, n] {
            solved(&random(n), count);
        }
    }
}

#[test]
fn the_first_vectors_do_not_depend_on_how_many_are_asked_for() {
    let all = solved(&random(23), 23);
    let few = solved(&random(23), 6);
    for i in 0..23 {
        assert!(few.components(i).eq(all.components(i).take(6)));
    }
}

#[test]
fn degenerate_spectra() {
    // All ones: eigenvalues 0 (n - 1 times) and n.
    let ones = solved(&matrix(12, |_, _| 1.0), 12);
    assert!((ones.values()[11] - 12.0).abs() < 1e-13);
    assert!(ones.values()[..11].iter().all(|v| v.abs() < 1e-13));
    // Zero, the identity, a diagonal matrix, a permutation without fixed points.
    solved(&matrix(9, |_, _| 0.0), 9);
    solved(&matrix(9, |i, j| f64::from(u8::from(i == j))), 9);
    let diagonal = solved(&matrix(2, |i, j| [[3.0, 0.0], [0.0, -1.0]][i][j]), 2);
    assert_eq!(diagonal.values(), [-1.0, 3.0]);
    solved(&matrix(14, |i, j| f64::from(u8::from(i + j == 13))), 14);
    // Wilkinson's W21+: pairs of eigenvalues that agree to rounding, with no small entry off the diagonal.
    let wilkinson = |i: usize, j: usize| match i - j {
        0 => (i as f64 - 10.0).abs(),
        1 => 1.0,
        _ => 0.0,
    };
    let pairs = solved(&matrix(21, wilkinson), 21);
    assert!((pairs.values()[20] - pairs.values()[19]).abs() < 1e-12);
    // Blocks of equal cycles, tied together weakly.
    let cycles = |i: usize, j: usize| match (i / 5 == j / 5, i - j) {
        (true, 1 | 4) => 0.5,
        (false, 5) => 1e-12,
        _ => 0.0,
    };
    solved(&matrix(30, cycles), 30);
}

#[test]
fn scale_does_not_matter_and_what_is_not_finite_is_an_error() {
    let pair = |x: f64| matrix(2, |i, j| if i == j { 0.0 } else { x });
    for scale in [1e-200, 1e200] {
        let spectrum = pair(scale).spectrum(2).expect("finite");
        assert!((spectrum.values()[1] / scale - 1.0).abs() < 1e-14);
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = pair(bad).spectrum(2).unwrap_err();
        assert!(error.to_string().contains("2 x 2"), "{error}");
        for at in 0..9 {
            let one = matrix(9, |i, j| if (i, j) == (at, at / 2) { bad } else { 1.0 });
            assert!(one.spectrum(1).is_err(), "{bad} in row {at}");
        }
    }
}

#[test]
fn a_tail_of_next_to_nothing_is_none() {
    for tail in [1e-40, 1e-69, 1e-71, 1e-78, 1e-150, 1e-200, 5e-324] {
        for diagonal in [&[1.0, 1.0, 1.0][..], &[1.0, 1.0, 5.0, 4.0, 3.0, 2.0, 1.0]] {
            let entry = |i: usize, j: usize| match (i, j) {
                (2, 0) => tail,
                _ if i == j => diagonal[i],
                _ => 0.0,
            };
            solved(&matrix(diagonal.len(), entry), 3);
        }
    }
}

/// What the plain code and that for AVX2 make of a matrix, where there is AVX2.
fn variants(matrix: &SymmetricMatrix) -> Vec<Spectrum> {
    let (n, mut desk) = (matrix.size(), Desk::default());
    let mut spectra = vec![decompose_on::<Lanes>(matrix.clone(), n, &mut desk)];
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just found to have what the function is compiled for.
        #[allow(unsafe_code)]
        spectra.push(unsafe { super::with_avx2(matrix.clone(), n, &mut desk) });
    }
    spectra
        .into_iter()
        .map(|spectrum| spectrum.expect("finite"))
        .collect()
}

#[test]
fn wide_vectors_give_the_same_bits_as_narrow_ones() {
    for n in [1, 6, 25, 64] {
        let widest = random(n).spectrum(n).expect("finite");
        for other in variants(&random(n)) {
            assert_eq!(widest.values(), other.values());
            assert!((0..n).all(|i| widest.components(i).eq(other.components(i))));
        }
    }
}

#[test]
fn small_and_large_sums_are_scaled() {
    // Diagonals within 1e-6 of each other make every sum of the recurrence a millionth of the one before, squared; those of
    // alternating signs, in a large matrix, make the sums grow.
    let close = |i: usize, j: usize| match i - j {
        0 if i == 59 => 1.0,
        0 => 1e-6 * (1.0 + (i as f64).sin()),
        1 => 1e-6,
        _ => 0.0,
    };
    solved(&matrix(60, close), 60);
    let apart = |i: usize, j: usize| match i - j {
        0 => 1.0 - 2.0 * (i % 2) as f64,
        1 => 0.9,
        _ => 0.0,
    };
    solved(&matrix(700, apart), 5);
}
