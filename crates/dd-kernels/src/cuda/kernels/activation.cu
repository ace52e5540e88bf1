// GELU in its exact form, and SiLU, with their gradients.
//
// Launch: any number of threads, each takes 16 bytes at a time.
// Bound: memory; one read and one write forward, two reads and one write backward.

struct Gelu {
    __device__ static A cumulative(A x) { return A(0.5) * erfc(x * A(-0.70710678118654752440)); }
    __device__ static A value(A x) { return x * cumulative(x); }
    __device__ static A derivative(A x) {
        return cumulative(x) + x * A(0.39894228040143267794) * exp(A(-0.5) * x * x);
    }
};

struct Silu {
    __device__ static A sigmoid(A x) { return A(1) / (A(1) + exp(-x)); }
    __device__ static A value(A x) { return x * sigmoid(x); }
    __device__ static A derivative(A x) {
        A s = sigmoid(x);
        return s * (A(1) + x * (A(1) - s));
    }
};

template <class F, int V> __device__ void forward(const T* x, T* y, u64 count) {
    for (u64 i = thread_number() * V; i < count; i += thread_count() * V) {
        Pack<T, V> pack = load<V>(x + i);
        for (int j = 0; j < V; j++) put(pack.at[j], F::value(wide(pack.at[j])));
        store<V>(y + i, pack);
    }
}

template <class F, int V> __device__ void backward(const T* x, const T* grad, T* dx, u64 count) {
    for (u64 i = thread_number() * V; i < count; i += thread_count() * V) {
        Pack<T, V> pack = load<V>(x + i), dy = load<V>(grad + i);
        for (int j = 0; j < V; j++) put(pack.at[j], wide(dy.at[j]) * F::derivative(wide(pack.at[j])));
        store<V>(dx + i, pack);
    }
}

template <class F> __device__ void any_forward(const T* x, T* y, u64 count, unsigned packed) {
    if (packed) {
        forward<F, LANES>(x, y, count);
    } else {
        forward<F, 1>(x, y, count);
    }
}

template <class F> __device__ void any_backward(const T* x, const T* grad, T* dx, u64 count, unsigned packed) {
    if (packed) {
        backward<F, LANES>(x, grad, dx, count);
    } else {
        backward<F, 1>(x, grad, dx, count);
    }
}

KERNEL(gelu)(const T* x, T* y, u64 count, unsigned packed) { any_forward<Gelu>(x, y, count, packed); }
KERNEL(silu)(const T* x, T* y, u64 count, unsigned packed) { any_forward<Silu>(x, y, count, packed); }
KERNEL(gelu_backward)(const T* x, const T* grad, T* dx, u64 count, unsigned packed) {
    any_backward<Gelu>(x, grad, dx, count, packed);
}
KERNEL(silu_backward)(const T* x, const T* grad, T* dx, u64 count, unsigned packed) {
    any_backward<Silu>(x, grad, dx, count, packed);
}
