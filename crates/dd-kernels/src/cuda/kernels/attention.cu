// Softmax attention inside segments, one head at a time: y_i = sum over j of softmax_j(q_i . k_j) v_j. The softmax is
// taken while walking over the keys: what was summed is scaled down when a larger score comes (Milakov and Gimelshein,
// "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022).
//
// Launch: one block of WARPS warps per (TILE queries of a segment, head); shared memory of 16 bytes aligned numbers A:
// TILE * dim of q, WARP * (dim + 1) of k, WARP * dim of v, TILE * WARP weights.
// Bound: arithmetic in shared memory; q, k, v are read once per tile of queries.

template <int C>
__device__ void attend(const T* q, const T* k, const T* v, Work at, Head head, Dropout dropout, T* y, A* shared) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, dim = head.dim;
    A* queries = shared;
    A* keys = queries + TILE * dim;
    A* values = keys + WARP * (dim + 1);
    A(*weights)[WARP] = (A(*)[WARP])(values + WARP * dim) + warp * ROWS;
    load_rows(q, head, at.first, at.end, TILE, queries, dim);

    A largest[ROWS], total[ROWS], sum[ROWS][C] = {};
    for (int r = 0; r < ROWS; r++) largest[r] = -infinity(), total[r] = 0;
    unsigned first = at.first + warp * ROWS;
    for (unsigned start = at.begin; start < at.end; start += WARP) {
        __syncthreads();
        load_rows(k, head, start, at.end, WARP, keys, dim + 1);
        load_rows(v, head, start, at.end, WARP, values, dim);
        __syncthreads();
        A score[ROWS];
        products(queries + warp * ROWS * dim, keys + lane * (dim + 1), dim, score);
        bool inside = start + lane < at.end;
        for (int r = 0; r < ROWS; r++) {
            A now = warp_max(inside ? score[r] : -infinity());
            now = now > largest[r] ? now : largest[r];
            A shrink = exp(largest[r] - now), p = inside ? exp(score[r] - now) : A(0);
            largest[r] = now;
            total[r] = total[r] * shrink + warp_sum(p);
            for (int c = 0; c < C; c++) sum[r][c] *= shrink;
            weights[r][lane] = p * dropout.factor(first + r - at.begin, start + lane - at.begin);
        }
        __syncwarp();
        accumulate(weights, values, dim, dim, min(at.end - start, (unsigned)WARP), sum);
    }
    for (int r = 0; r < ROWS; r++) total[r] = A(1) / total[r];
    write_rows(y, head, first, at.end, total, sum);
}

KERNEL(attention)(const T* q, const T* k, const T* v, const unsigned* offsets, const unsigned* tiles, const u64* ids,
                  T* y, unsigned width, unsigned heads, u64 key, unsigned threshold, double kept) {
    SHARED(A, shared);
    Work at = work(offsets, tiles, heads);
    unsigned dim = width / heads;
    Head head = {width, at.head * dim, dim};
    Dropout dropout = dropout_of(at, ids, key, threshold, kept);
    switch ((dim + WARP - 1) / WARP) {
        case 1: return attend<1>(q, k, v, at, head, dropout, y, shared);
        case 2: return attend<2>(q, k, v, at, head, dropout, y, shared);
        case 3: return attend<3>(q, k, v, at, head, dropout, y, shared);
        case 4: return attend<4>(q, k, v, at, head, dropout, y, shared);
    }
}
