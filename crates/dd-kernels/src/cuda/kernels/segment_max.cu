// The largest entry of each segment and column, and its gradient.
//
// Launch: one block of SLICES warps per (segment, 32 columns).
// Bound: memory; x is read once forward, once backward.

// y_s = max over the rows of s; 0 for an empty segment; NaN when one is NaN.
KERNEL(segment_max)(const T* x, const unsigned* offsets, T* y, unsigned width) {
    Place at = place(width, WARP);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    bool inside = at.column < width;
    A largest = -infinity();
    if (inside) {
        for (unsigned row = start + at.slice; row < end; row += SLICES) {
            largest = larger(wide(x[row * (size_t)width + at.column]), largest);
        }
    }
    largest = across_slices(largest, Larger());
    if (at.slice == 0 && inside) {
        put(y[at.segment * (size_t)width + at.column], start < end ? largest : A(0));
    }
}

// The first row that is the largest, or NaN, gets the gradient; the others get 0.
KERNEL(segment_max_backward)(const T* x, const T* y, const T* grad, const unsigned* offsets, T* dx, unsigned width) {
    Place at = place(width, WARP);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    bool inside = at.column < width;
    size_t result = at.segment * (size_t)width + at.column;
    A largest = inside && start < end ? wide(y[result]) : A(0);
    unsigned first = end - start;
    if (inside) {
        for (unsigned row = start + at.slice; row < end; row += SLICES) {
            A here = wide(x[row * (size_t)width + at.column]);
            if (here == largest || here != here) {
                first = row - start;
                break;
            }
        }
    }
    __shared__ unsigned firsts[SLICES][WARP];
    firsts[at.slice][at.lane] = first;
    __syncthreads();
    for (int slice = 0; slice < SLICES; slice++) first = min(first, firsts[slice][at.lane]);
    if (inside) {
        for (unsigned row = start + at.slice; row < end; row += SLICES) {
            put(dx[row * (size_t)width + at.column], row - start == first ? wide(grad[result]) : A(0));
        }
    }
}
