// Sums of the rows of a segment: scatter_sum, segment_sum, segment_mean, and the backward passes of gather and
// embedding_sum (whose segments are the positions at which a row is named).
//
// Launch: one block of SLICES warps per (segment, 32 packs of columns).
// Bound: memory; every row is read once, neighbouring lanes read neighbouring columns.

template <int V>
__device__ void sum_segment(const T* x, const unsigned* offsets, const unsigned* positions, T* y, unsigned width,
                            unsigned terms, unsigned mean) {
    __shared__ A partial[SLICES][WARP * V];
    Place at = place(width, WARP * V);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    bool inside = at.column < width;
    A sum[V];
    for (int j = 0; j < V; j++) sum[j] = 0;
    if (inside) {
        for (unsigned p = start + at.slice; p < end; p += SLICES) {
            size_t row = positions ? positions[p] / terms : p;
            Pack<T, V> next = load<V>(x + row * width + at.column);
            for (int j = 0; j < V; j++) sum[j] += wide(next.at[j]);
        }
    }
    for (int j = 0; j < V; j++) partial[at.slice][at.lane * V + j] = sum[j];
    __syncthreads();
    if (at.slice > 0 || !inside) return;
    A scale = mean && end > start ? A(1) / A(end - start) : A(1);
    Pack<T, V> total;
    for (int j = 0; j < V; j++) {
        for (int slice = 1; slice < SLICES; slice++) sum[j] += partial[slice][at.lane * V + j];
        put(total.at[j], sum[j] * scale);
    }
    store<V>(y + at.segment * (size_t)width + at.column, total);
}

// y_s = sum over p in s of x[positions[p] / terms], or of x[p] without positions; divided by their number if `mean`.
KERNEL(sum_rows)(const T* x, const unsigned* offsets, const unsigned* positions, T* y, unsigned width, unsigned terms,
                 unsigned mean, unsigned packed) {
    if (packed) {
        sum_segment<LANES>(x, offsets, positions, y, width, terms, mean);
    } else {
        sum_segment<1>(x, offsets, positions, y, width, terms, mean);
    }
}
