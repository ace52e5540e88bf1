// Number types. Every kernel is compiled three times: T is what tensors hold, A what sums run in.
//
//   T = float   A = float
//   T = double  A = double
//   T = bf16    A = float

#ifndef EMULATED
#define KERNEL(name) extern "C" __global__ void name
// The memory that the launch gives to a block.
#define SHARED(type, name) extern __shared__ __align__(16) type name[]
#endif

typedef unsigned long long u64;

// A float's upper half: eight bits of exponent, seven of mantissa.
struct bf16 {
    unsigned short bits;
};

__device__ inline float wide(float x) { return x; }
__device__ inline double wide(double x) { return x; }
__device__ inline float wide(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

__device__ inline void put(float& to, float x) { to = x; }
__device__ inline void put(double& to, double x) { to = x; }
// Rounds to nearest, ties to even; NaN stays NaN.
__device__ inline void put(bf16& to, float x) {
    unsigned bits = __float_as_uint(x);
    unsigned rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    to.bits = (unsigned short)(x == x ? rounded : (bits >> 16) | 0x40u);
}

// V numbers that one instruction loads or stores.
template <class T, int V> struct alignas(sizeof(T) * V) Pack {
    T at[V];
};

template <int V, class T> __device__ inline Pack<T, V> load(const T* from) {
    return *(const Pack<T, V>*)from;
}

template <int V, class T> __device__ inline void store(T* to, const Pack<T, V>& pack) {
    *(Pack<T, V>*)to = pack;
}

__device__ inline size_t thread_number() { return (size_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline size_t thread_count() { return (size_t)gridDim.x * blockDim.x; }
