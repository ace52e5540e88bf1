// Euclidean norms over the middle one of three dimensions [outer, size, inner], and their gradient: 0 at the zero vector.
//
// Launch: any number of threads, each takes one vector at a time.
// Bound: memory.

KERNEL(safe_norm)(const T* x, T* norm, u64 vectors, unsigned size, unsigned inner) {
    for (u64 i = thread_number(); i < vectors; i += thread_count()) {
        const T* from = x + i / inner * size * inner + i % inner;
        A sum = 0;
        for (unsigned j = 0; j < size; j++) {
            A component = wide(from[j * (size_t)inner]);
            sum += component * component;
        }
        put(norm[i], sqrt(sum));
    }
}

KERNEL(safe_norm_backward)(const T* x, const T* norm, const T* grad, T* dx, u64 vectors, unsigned size, unsigned inner) {
    for (u64 i = thread_number(); i < vectors; i += thread_count()) {
        size_t first = i / inner * size * inner + i % inner;
        A length = wide(norm[i]), scale = wide(grad[i]);
        for (unsigned j = 0; j < size; j++) {
            size_t at = first + j * (size_t)inner;
            put(dx[at], length == A(0) ? A(0) : scale * wide(x[at]) / length);
        }
    }
}
