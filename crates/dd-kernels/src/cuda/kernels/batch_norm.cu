// Normalisation of columns over rows, and its gradients. With z = (x - mean) / sqrt(variance + epsilon):
// y = z weight + bias, then max(0, y) if `relu`; g = dy where y > 0 (without `relu`: dy),
// dweight = sum over rows of g z, dbias = sum over rows of g,
// dx = weight (g - (dbias + z dweight) / rows) / sqrt(variance + epsilon), the second term only if `of_batch`.
//
// Launch: sums take a block per CHUNK rows, then a thread per column that adds the blocks' sums in their order; the rest
// any number of threads.
// Bound: memory; neighbouring threads read neighbouring columns.

const int CHUNK = 32;

// Sums over one block's rows: of x, or with `mean` of (x - mean)^2.
KERNEL(column_sums)(const T* x, const A* mean, A* partial, unsigned rows, unsigned width) {
    unsigned first = blockIdx.x * CHUNK, count = min(rows - first, (unsigned)CHUNK);
    for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
        A sum = 0, shift = mean ? mean[c] : A(0);
        for (unsigned r = 0; r < count; r++) {
            A centred = wide(x[(first + r) * (size_t)width + c]) - shift;
            sum += mean ? centred * centred : centred;
        }
        partial[blockIdx.x * (size_t)width + c] = sum;
    }
}

// The blocks' sums added in their order, divided by `divisor`.
KERNEL(column_totals)(const A* partial, A* totals, unsigned blocks, unsigned columns, double divisor) {
    size_t c = thread_number();
    if (c >= columns) return;
    A sum = 0;
    for (unsigned block = 0; block < blocks; block++) sum += partial[block * (size_t)columns + c];
    totals[c] = sum / A(divisor);
}

struct Norm {
    const T *x, *weight, *bias, *mean, *variance;
    A epsilon;

    __device__ A inverse(unsigned c) const { return A(1) / sqrt(wide(variance[c]) + epsilon); }
    __device__ A z(size_t i, unsigned c) const { return (wide(x[i]) - wide(mean[c])) * inverse(c); }
    __device__ A y(size_t i, unsigned c) const { return z(i, c) * wide(weight[c]) + wide(bias[c]); }
    // The gradient before the activation.
    __device__ A g(const T* grad, size_t i, unsigned c, bool relu) const {
        return relu && !(y(i, c) > A(0)) ? A(0) : wide(grad[i]);
    }
};

KERNEL(batch_norm)(const T* x, const T* weight, const T* bias, const T* mean, const T* variance, T* y, u64 count,
                   unsigned width, double epsilon, unsigned relu) {
    Norm norm = {x, weight, bias, mean, variance, A(epsilon)};
    for (size_t i = thread_number(); i < count; i += thread_count()) {
        A value = norm.y(i, i % width);
        put(y[i], relu && value < A(0) ? A(0) : value);
    }
}

// Sums over one block's rows: partial[block] = (dweight [width], dbias [width]).
KERNEL(batch_norm_partial)(const T* x, const T* weight, const T* bias, const T* mean, const T* variance, const T* grad,
                           A* partial, unsigned rows, unsigned width, double epsilon, unsigned relu) {
    Norm norm = {x, weight, bias, mean, variance, A(epsilon)};
    unsigned first = blockIdx.x * CHUNK, count = min(rows - first, (unsigned)CHUNK);
    partial += blockIdx.x * 2 * (size_t)width;
    for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
        A dweight = 0, dbias = 0;
        for (unsigned r = 0; r < count; r++) {
            size_t i = (first + r) * (size_t)width + c;
            A g = norm.g(grad, i, c, relu);
            dweight += g * norm.z(i, c);
            dbias += g;
        }
        partial[c] = dweight;
        partial[width + c] = dbias;
    }
}

// `totals` = (dweight [width], dbias [width]).
KERNEL(batch_norm_backward)(const T* x, const T* weight, const T* bias, const T* mean, const T* variance, const T* grad,
                            const A* totals, T* dx, unsigned rows, unsigned width, double epsilon, unsigned relu,
                            unsigned of_batch) {
    Norm norm = {x, weight, bias, mean, variance, A(epsilon)};
    A share = of_batch ? A(1) / A(rows) : A(0);
    for (size_t i = thread_number(); i < rows * (size_t)width; i += thread_count()) {
        unsigned c = i % width;
        A through = (totals[width + c] + norm.z(i, c) * totals[c]) * share;
        put(dx[i], wide(weight[c]) * (norm.g(grad, i, c, relu) - through) * norm.inverse(c));
    }
}
