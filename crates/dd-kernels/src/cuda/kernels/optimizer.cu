// What an optimiser does to its numbers, in place.
//
// Launch: any number of threads.
// Bound: memory; every number is read and written once.

// d <- d + weight (scale s - d).
KERNEL(lerp)(T* d, const T* s, const T*, u64 count, double weight, double scale) {
    for (size_t i = thread_number(); i < count; i += thread_count()) {
        put(d[i], wide(d[i]) + A(weight) * (A(scale) * wide(s[i]) - wide(d[i])));
    }
}

// d <- keep d + (1 - keep) (scale s)^2.
KERNEL(lerp_square)(T* d, const T* s, const T*, u64 count, double keep, double scale) {
    for (size_t i = thread_number(); i < count; i += thread_count()) {
        A x = A(scale) * wide(s[i]);
        put(d[i], A(keep) * wide(d[i]) + A(1.0 - keep) * x * x);
    }
}

// p <- keep p - size m / (sqrt(v) / correction + epsilon).
KERNEL(adam_step)(T* p, const T* m, const T* v, u64 count, double keep, double size, double correction,
                  double epsilon) {
    for (size_t i = thread_number(); i < count; i += thread_count()) {
        A step = wide(m[i]) / (sqrt(wide(v[i])) / A(correction) + A(epsilon));
        put(p[i], A(keep) * wide(p[i]) - A(size) * step);
    }
}
