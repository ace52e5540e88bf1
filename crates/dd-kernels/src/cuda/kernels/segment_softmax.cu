// Softmax over the rows of each segment, column by column, and its gradient.
//
// Launch: one block of SLICES warps per (segment, 32 columns).
// Bound: memory; forward reads x three times (from the cache after the first), backward reads y and the gradient twice.

// y = exp(x - max) / sum of exp(x - max).
KERNEL(segment_softmax)(const T* x, const unsigned* offsets, T* y, unsigned width) {
    Place at = place(width, WARP);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    if (at.column >= width) end = start;
    A largest = -infinity();
    for (unsigned row = start + at.slice; row < end; row += SLICES) {
        largest = larger(wide(x[row * (size_t)width + at.column]), largest);
    }
    largest = across_slices(largest, Larger());
    A total = 0;
    for (unsigned row = start + at.slice; row < end; row += SLICES) {
        total += exp(wide(x[row * (size_t)width + at.column]) - largest);
    }
    total = across_slices(total, Sum());
    for (unsigned row = start + at.slice; row < end; row += SLICES) {
        size_t i = row * (size_t)width + at.column;
        put(y[i], exp(wide(x[i]) - largest) / total);
    }
}

// dx = y (dy - sum of y dy).
KERNEL(segment_softmax_backward)(const T* y, const T* grad, const unsigned* offsets, T* dx, unsigned width) {
    Place at = place(width, WARP);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    if (at.column >= width) end = start;
    A total = 0;
    for (unsigned row = start + at.slice; row < end; row += SLICES) {
        size_t i = row * (size_t)width + at.column;
        total += wide(y[i]) * wide(grad[i]);
    }
    total = across_slices(total, Sum());
    for (unsigned row = start + at.slice; row < end; row += SLICES) {
        size_t i = row * (size_t)width + at.column;
        put(dx[i], wide(y[i]) * (wide(grad[i]) - total));
    }
}
