// Rows by number: gather, embedding_sum, and the backward pass of segment_sum and segment_mean.
//
// Launch: any number of threads, each takes 16 bytes of the result at a time.
// Bound: memory; every row named is read, every row of the result written once.

template <int V>
__device__ void gather_rows(const T* x, const unsigned* rows, T* y, unsigned count, unsigned width, unsigned terms) {
    size_t columns = width / V;
    for (size_t i = thread_number(); i < count * columns; i += thread_count()) {
        size_t row = i / columns, column = i % columns * V;
        const unsigned* from = rows + row * terms;
        Pack<T, V> first = load<V>(x + from[0] * (size_t)width + column);
        A sum[V];
        for (int j = 0; j < V; j++) sum[j] = wide(first.at[j]);
        for (unsigned term = 1; term < terms; term++) {
            Pack<T, V> next = load<V>(x + from[term] * (size_t)width + column);
            for (int j = 0; j < V; j++) sum[j] += wide(next.at[j]);
        }
        for (int j = 0; j < V; j++) put(first.at[j], sum[j]);
        store<V>(y + row * width + column, first);
    }
}

// y_r = sum over t of x[rows[r * terms + t]].
KERNEL(gather_sum)(const T* x, const unsigned* rows, T* y, unsigned count, unsigned width, unsigned terms,
                   unsigned packed) {
    if (packed) {
        gather_rows<LANES>(x, rows, y, count, width, terms);
    } else {
        gather_rows<1>(x, rows, y, count, width, terms);
    }
}

// x_r = y[segment of r], divided by the segment's length if `mean`.
KERNEL(spread)(const T* y, const unsigned* row_segment, const unsigned* offsets, T* x, unsigned rows, unsigned width,
               unsigned mean) {
    for (size_t i = thread_number(); i < (size_t)rows * width; i += thread_count()) {
        unsigned segment = row_segment[i / width];
        A scale = mean ? A(1) / A(offsets[segment + 1] - offsets[segment]) : A(1);
        put(x[i], wide(y[segment * (size_t)width + i % width]) * scale);
    }
}
