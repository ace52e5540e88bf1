// Reductions inside a warp and inside a block. T and A are defined before this file (types.cuh).

// Numbers in one 16-byte access. The host says `packed` when rows can be read so (src/cuda/launch.rs).
enum { LANES = 16 / sizeof(T), WARP = 32 };
const unsigned ALL = 0xFFFFFFFFu;

__device__ inline A infinity() { return (A)__uint_as_float(0x7F800000u); }

// The sum over a warp, in every lane; always the same tree.
__device__ inline A warp_sum(A x) {
    for (int other = WARP / 2; other > 0; other /= 2) {
        x += __shfl_xor_sync(ALL, x, other);
    }
    return x;
}

// The largest number of a warp, in every lane; NaN is lost.
__device__ inline A warp_max(A x) {
    for (int other = WARP / 2; other > 0; other /= 2) {
        A theirs = __shfl_xor_sync(ALL, x, other);
        x = theirs > x ? theirs : x;
    }
    return x;
}

// The new number if it is larger or NaN. NaN wins against everything.
__device__ inline A larger(A candidate, A largest) {
    return largest >= candidate || largest != largest ? largest : candidate;
}

// Where a block of SLICES warps works in the kernels on segments: lane = column, warp = slice of the segment's rows.
// A slice takes rows slice, slice + SLICES, ...: which rows depends on the segment alone, so its bits do too.
enum { SLICES = 4 };

struct Place {
    unsigned segment, column, lane, slice;
};

__device__ inline Place place(unsigned width, unsigned columns_per_block) {
    unsigned tiles = (width + columns_per_block - 1) / columns_per_block;
    unsigned lane = threadIdx.x % WARP;
    return {blockIdx.x / tiles, blockIdx.x % tiles * columns_per_block + lane * (columns_per_block / WARP), lane,
            threadIdx.x / WARP};
}

struct Sum {
    __device__ A operator()(A a, A b) const { return a + b; }
};
struct Larger {
    __device__ A operator()(A a, A b) const { return larger(b, a); }
};

// Combines one number per slice, in the order of the slices; every slice gets the result.
template <class F> __device__ A across_slices(A x, F combine) {
    __shared__ A slices[SLICES][WARP];
    unsigned lane = threadIdx.x % WARP;
    __syncthreads(); // the last call's numbers have been read
    slices[threadIdx.x / WARP][lane] = x;
    __syncthreads();
    A all = slices[0][lane];
    for (int slice = 1; slice < SLICES; slice++) {
        all = combine(all, slices[slice][lane]);
    }
    return all;
}
