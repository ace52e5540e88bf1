// Gradients of attention inside segments. With p the softmax, f the dropout factors and w = p f: dv = w^T dy,
// ds = p (f (dy v^T) - D), D_i = dy_i . y_i, dq = ds k, dk = ds^T q. Probabilities are computed again: by queries first,
// which leaves L_i, the logarithm of the softmax's denominator, and D_i for the pass by keys. No sum crosses a block.
//
// Launch: as attention; shared memory of numbers A: 2 * TILE * dim of own rows, 2 * WARP * (dim + 1) of the others,
// 2 * TILE * WARP weights.
// Bound: arithmetic in shared memory.

// The own rows of a block and the others of a tile, two tensors each, and the warp's weights.
struct Tiles {
    A *own_a, *own_b, *other_a, *other_b;
    A (*weights_a)[WARP];
    A (*weights_b)[WARP];

    __device__ Tiles(A* shared, unsigned dim) {
        own_a = shared;
        own_b = own_a + TILE * dim;
        other_a = own_b + TILE * dim;
        other_b = other_a + WARP * (dim + 1);
        weights_a = (A(*)[WARP])(other_b + WARP * (dim + 1)) + threadIdx.x / WARP * ROWS;
        weights_b = weights_a + TILE;
    }
    __device__ void load_own(const T* a, const T* b, Head head, Work at) {
        load_rows(a, head, at.first, at.end, TILE, own_a, head.dim);
        load_rows(b, head, at.first, at.end, TILE, own_b, head.dim);
    }
    __device__ void load_others(const T* a, const T* b, Head head, unsigned start, unsigned end) {
        __syncthreads();
        load_rows(a, head, start, end, WARP, other_a, head.dim + 1);
        load_rows(b, head, start, end, WARP, other_b, head.dim + 1);
        __syncthreads();
    }
};

// dq, and (L, D) of each row and head.
template <int C>
__device__ void by_queries(const T* q, const T* k, const T* v, const T* y, const T* grad, Work at, Head head,
                           Dropout dropout, T* dq, A* stats, unsigned heads, A* shared) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, dim = head.dim;
    unsigned first = at.first + warp * ROWS;
    Tiles tiles(shared, dim);
    tiles.load_own(q, grad, head, at);
    const A *own_q = tiles.own_a + warp * ROWS * dim, *own_grad = tiles.own_b + warp * ROWS * dim;

    A largest[ROWS], total[ROWS];
    for (int r = 0; r < ROWS; r++) largest[r] = -infinity(), total[r] = 0;
    for (unsigned start = at.begin; start < at.end; start += WARP) {
        tiles.load_others(k, v, head, start, at.end);
        A score[ROWS];
        products(own_q, tiles.other_a + lane * (dim + 1), dim, score);
        bool inside = start + lane < at.end;
        for (int r = 0; r < ROWS; r++) {
            A now = warp_max(inside ? score[r] : -infinity());
            now = now > largest[r] ? now : largest[r];
            total[r] = total[r] * exp(largest[r] - now) + warp_sum(inside ? exp(score[r] - now) : A(0));
            largest[r] = now;
        }
    }

    A log_total[ROWS], product[ROWS], one[ROWS], sum[ROWS][C] = {};
    for (int r = 0; r < ROWS; r++) {
        A d = 0;
        for (unsigned c = lane; c < dim && first + r < at.end; c += WARP) {
            d += own_grad[r * dim + c] * wide(y[(first + r) * (size_t)head.width + head.start + c]);
        }
        product[r] = warp_sum(d);
        log_total[r] = largest[r] + log(total[r]);
        one[r] = 1;
        if (lane == 0 && first + r < at.end) {
            A* of_row = stats + 2 * ((first + r) * (size_t)heads + at.head);
            of_row[0] = log_total[r];
            of_row[1] = product[r];
        }
    }
    for (unsigned start = at.begin; start < at.end; start += WARP) {
        tiles.load_others(k, v, head, start, at.end);
        A score[ROWS], dp[ROWS];
        products(own_q, tiles.other_a + lane * (dim + 1), dim, score);
        products(own_grad, tiles.other_b + lane * (dim + 1), dim, dp);
        for (int r = 0; r < ROWS; r++) {
            A factor = dropout.factor(first + r - at.begin, start + lane - at.begin);
            tiles.weights_a[r][lane] = exp(score[r] - log_total[r]) * (dp[r] * factor - product[r]);
        }
        __syncwarp();
        accumulate(tiles.weights_a, tiles.other_a, dim + 1, dim, min(at.end - start, (unsigned)WARP), sum);
    }
    write_rows(dq, head, first, at.end, one, sum);
}

// dk and dv; a lane holds a query, a warp owns ROWS keys.
template <int C>
__device__ void by_keys(const T* q, const T* k, const T* v, const T* grad, const A* stats, Work at, Head head,
                        Dropout dropout, T* dk, T* dv, unsigned heads, A* shared) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, dim = head.dim;
    unsigned first = at.first + warp * ROWS;
    Tiles tiles(shared, dim);
    tiles.load_own(k, v, head, at);
    const A *own_k = tiles.own_a + warp * ROWS * dim, *own_v = tiles.own_b + warp * ROWS * dim;

    A one[ROWS], sum_k[ROWS][C] = {}, sum_v[ROWS][C] = {};
    for (int r = 0; r < ROWS; r++) one[r] = 1;
    for (unsigned start = at.begin; start < at.end; start += WARP) {
        tiles.load_others(q, grad, head, start, at.end);
        A score[ROWS], dp[ROWS];
        products(own_k, tiles.other_a + lane * (dim + 1), dim, score);
        products(own_v, tiles.other_b + lane * (dim + 1), dim, dp);
        unsigned query = min(start + lane, at.end - 1); // a lane behind the end is not summed
        const A* of_row = stats + 2 * (query * (size_t)heads + at.head);
        for (int r = 0; r < ROWS; r++) {
            A factor = dropout.factor(query - at.begin, first + r - at.begin);
            A p = exp(score[r] - of_row[0]);
            tiles.weights_a[r][lane] = p * (dp[r] * factor - of_row[1]);
            tiles.weights_b[r][lane] = p * factor;
        }
        __syncwarp();
        unsigned count = min(at.end - start, (unsigned)WARP);
        accumulate(tiles.weights_a, tiles.other_a, dim + 1, dim, count, sum_k);
        accumulate(tiles.weights_b, tiles.other_b, dim + 1, dim, count, sum_v);
    }
    write_rows(dk, head, first, at.end, one, sum_k);
    write_rows(dv, head, first, at.end, one, sum_v);
}

// grads = (dq, dk, dv), `size` numbers each; this kernel writes dq and stats.
KERNEL(attention_by_queries)(const T* q, const T* k, const T* v, const T* y, const T* grad, const unsigned* offsets,
                             const unsigned* tiles, const u64* ids, T* grads, A* stats, unsigned width, unsigned heads,
                             u64 key, unsigned threshold, double kept) {
    SHARED(A, shared);
    Work at = work(offsets, tiles, heads);
    unsigned dim = width / heads;
    Head head = {width, at.head * dim, dim};
    Dropout dropout = dropout_of(at, ids, key, threshold, kept);
    switch ((dim + WARP - 1) / WARP) {
        case 1: return by_queries<1>(q, k, v, y, grad, at, head, dropout, grads, stats, heads, shared);
        case 2: return by_queries<2>(q, k, v, y, grad, at, head, dropout, grads, stats, heads, shared);
        case 3: return by_queries<3>(q, k, v, y, grad, at, head, dropout, grads, stats, heads, shared);
        case 4: return by_queries<4>(q, k, v, y, grad, at, head, dropout, grads, stats, heads, shared);
    }
}

// Writes dk and dv.
KERNEL(attention_by_keys)(const T* q, const T* k, const T* v, const T* grad, const A* stats, const unsigned* offsets,
                          const unsigned* tiles, const u64* ids, T* grads, u64 size, unsigned width, unsigned heads,
                          u64 key, unsigned threshold, double kept) {
    SHARED(A, shared);
    Work at = work(offsets, tiles, heads);
    unsigned dim = width / heads;
    Head head = {width, at.head * dim, dim};
    Dropout dropout = dropout_of(at, ids, key, threshold, kept);
    T *dk = grads + size, *dv = dk + size;
    switch ((dim + WARP - 1) / WARP) {
        case 1: return by_keys<1>(q, k, v, grad, stats, at, head, dropout, dk, dv, heads, shared);
        case 2: return by_keys<2>(q, k, v, grad, stats, at, head, dropout, dk, dv, heads, shared);
        case 3: return by_keys<3>(q, k, v, grad, stats, at, head, dropout, dk, dv, heads, shared);
        case 4: return by_keys<4>(q, k, v, grad, stats, at, head, dropout, dk, dv, heads, shared);
    }
}
