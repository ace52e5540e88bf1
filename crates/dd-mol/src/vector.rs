//! Vectors in space, as much as stereochemistry needs.

pub(crate) type Vector = [f64; 3];

pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(crate) fn norm_squared(a: Vector) -> f64 {
    dot(a, a)
}

/// The unit vector from `a` to `b`; zero when they coincide.
pub(crate) fn direction(a: Vector, b: Vector) -> Vector {
    let d = sub(b, a);
    let length = norm_squared(d).sqrt();
    if length > 0.0 {
        d.map(|x| x / length)
    } else {
        d
    }
}

/// The volume spanned by three vectors, positive for a right-handed system.
pub(crate) fn triple(a: Vector, b: Vector, c: Vector) -> f64 {
    dot(a, cross(b, c))
}
