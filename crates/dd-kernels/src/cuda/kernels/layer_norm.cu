// Layer normalisation over rows of `width` numbers, and its gradients. With z = (x - mean) / sqrt(variance + epsilon):
// y = z weight + bias, g = dy weight, dx = (g - mean(g) - z mean(g z)) / sqrt(variance + epsilon),
// dweight = sum over rows of dy z, dbias = sum over rows of dy.
//
// Launch: forward and dx take a warp per row; the parameters' gradients take a block per CHUNK rows, then a thread per
// column that adds the blocks' sums in their order.
// Bound: memory; a row is read again from the first-level cache.

const int CHUNK = 32;

struct Moments {
    A mean, inverse;
};

// Of one row, in every lane of a warp.
__device__ inline Moments moments(const T* x, unsigned width, A epsilon) {
    unsigned lane = threadIdx.x % WARP;
    A sum = 0;
    for (unsigned c = lane; c < width; c += WARP) sum += wide(x[c]);
    A mean = warp_sum(sum) / A(width), squares = 0;
    for (unsigned c = lane; c < width; c += WARP) {
        A centred = wide(x[c]) - mean;
        squares += centred * centred;
    }
    return {mean, A(1) / sqrt(warp_sum(squares) / A(width) + epsilon)};
}

KERNEL(layer_norm)(const T* x, const T* weight, const T* bias, T* y, unsigned rows, unsigned width, double epsilon) {
    size_t row = thread_number() / WARP;
    if (row >= rows) return; // the whole warp
    x += row * width;
    y += row * width;
    Moments m = moments(x, width, A(epsilon));
    for (unsigned c = threadIdx.x % WARP; c < width; c += WARP) {
        put(y[c], (wide(x[c]) - m.mean) * m.inverse * wide(weight[c]) + wide(bias[c]));
    }
}

KERNEL(layer_norm_backward)(const T* x, const T* weight, const T* grad, T* dx, unsigned rows, unsigned width,
                            double epsilon) {
    size_t row = thread_number() / WARP;
    if (row >= rows) return; // the whole warp
    unsigned lane = threadIdx.x % WARP;
    x += row * width;
    grad += row * width;
    dx += row * width;
    Moments m = moments(x, width, A(epsilon));
    A sum = 0, product = 0;
    for (unsigned c = lane; c < width; c += WARP) {
        A g = wide(grad[c]) * wide(weight[c]);
        sum += g;
        product += g * (wide(x[c]) - m.mean);
    }
    A mean_g = warp_sum(sum) / A(width), mean_gz = warp_sum(product) * m.inverse / A(width);
    for (unsigned c = lane; c < width; c += WARP) {
        A g = wide(grad[c]) * wide(weight[c]), z = (wide(x[c]) - m.mean) * m.inverse;
        put(dx[c], (g - mean_g - z * mean_gz) * m.inverse);
    }
}

// Sums over one block's rows: partial[block] = (dweight [width], dbias [width]).
KERNEL(layer_norm_partial)(const T* x, const T* grad, A* partial, unsigned rows, unsigned width, double epsilon) {
    __shared__ Moments m[CHUNK];
    unsigned first = blockIdx.x * CHUNK, count = min(rows - first, (unsigned)CHUNK);
    for (unsigned r = threadIdx.x / WARP; r < count; r += blockDim.x / WARP) {
        m[r] = moments(x + (first + r) * (size_t)width, width, A(epsilon));
    }
    __syncthreads();
    partial += blockIdx.x * 2 * (size_t)width;
    for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
        A dweight = 0, dbias = 0;
        for (unsigned r = 0; r < count; r++) {
            size_t i = (first + r) * (size_t)width + c;
            A g = wide(grad[i]);
            dweight += g * (wide(x[i]) - m[r].mean) * m[r].inverse;
            dbias += g;
        }
        partial[c] = dweight;
        partial[width + c] = dbias;
    }
}

// parameters = sum of the blocks' partial sums, in their order; `columns` numbers each.
KERNEL(layer_norm_total)(const A* partial, T* parameters, unsigned blocks, unsigned columns) {
    size_t c = thread_number();
    if (c >= columns) return;
    A sum = 0;
    for (unsigned block = 0; block < blocks; block++) sum += partial[block * (size_t)columns + c];
    put(parameters[c], sum);
}
